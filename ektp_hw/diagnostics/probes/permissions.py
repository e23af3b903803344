# SPDX-License-Identifier: Apache-2.0
"""Who may open what: USB devices, the nodes below them, the card service's socket."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ektp_hw.diagnostics.accounts import Account, Right, right_to
from ektp_hw.diagnostics.capture_devices import (
    CARD_READER_CLASS,
    capture_kind,
    known_models,
)
from ektp_hw.diagnostics.findings import Cause, Finding, Message, Who, message
from ektp_hw.diagnostics.reply import Readings, Reply
from ektp_hw.diagnostics.usb_bus import UsbPlug, usb_devices
from ektp_hw.transport.udev_rules import RULES_FILE, rules_of, udev_rule

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ektp_hw.diagnostics.capture_devices import Known
    from ektp_hw.diagnostics.surroundings import Surroundings

    ReplyFor = Callable[..., Reply]
    Look = Callable[[Surroundings, Account, ReplyFor], list[Finding]]

__all__ = ["CARDS", "CAUSES", "NODES", "PROBES", "USB", "Permission"]

_NODES = {
    "hidraw/hidraw*": "hidraw",
    "*/hidraw/hidraw*": "hidraw",
    "video4linux/video*": "video",
    "tty/tty*": "serial",
    "ttyUSB*": "serial",
    "*/input/input*/event*": "evdev",
    "input/input*/event*": "evdev",
}
"""Folders below an interface in /sys that are named like nodes -> the way they are for."""
_SOCKET = "run/pcscd/pcscd.comm"


class Permission:
    """May this account open a kind of thing.

    Parameters
    ----------
    what
        The last part of its name, and of its sentences.
    look
        Looks, with the surroundings and the account; no finding means that nothing is there.
    stands_on
        Probes whose faults explain one here.
    nothing
        Key of the sentence for nothing there.
    account
        Makes the account; by default that of this program.
    """

    seconds = 6.0

    def __init__(
        self,
        what: str,
        look: Look,
        stands_on: tuple[str, ...],
        nothing: str,
        account: Callable[[], Account] = Account,
    ) -> None:
        self.name = f"permissions.{what}"
        self.stands_on = stands_on
        self._look, self._nothing, self._account = look, nothing, account

    def of(self, account: Callable[[], Account]) -> Permission:
        """Return the same probe for another account."""
        what = self.name.partition(".")[2]
        return Permission(what, self._look, self.stands_on, self._nothing, account)

    def run(self, around: Surroundings, before: Sequence[Finding]) -> list[Finding]:
        """Look whether the account may."""
        del before

        def reply(device: str = "") -> Reply:
            return Reply(self.name, message(f"{self.name}_checked"), device)

        found = self._look(around, self._account(), reply)
        return found or [reply().untested(message(f"permissions.{self._nothing}"))]


def _usb(around: Surroundings, account: Account, reply: ReplyFor) -> list[Finding]:
    """Look at the node of every device that a driver opens there."""
    models = known_models()
    findings = []
    for plug in usb_devices(around):
        if plug.is_hub or capture_kind(plug, models) is None:
            continue
        if not plug.is_authorized:
            seen = message("permissions.unauthorised", name=plug.name)
            advice = message("permissions.authorise_advice", place=plug.place)
            cause, who = Cause.PERMISSION, Who.TECHNICIAN
            findings.append(
                reply(plug.uri).broken(seen, cause, advice, who, {"authorized": 0}, 0.95)
            )
        elif any(known.goes_by("usb") for known in models.get(plug.ids, [])):
            right = right_to(around, plug.node, account)
            rule = udev_rule(*plug.ids)
            findings.append(_judged(reply(plug.uri), plug.node, right, account, rule))
    return findings


def _nodes(around: Surroundings, account: Account, reply: ReplyFor) -> list[Finding]:
    """Look at every node by which a driver reaches a device, and at named serial ports.

    They are the kernel's nodes below the devices: serial, HID, video, input.
    """
    models = known_models()
    nodes: dict[str, tuple[str, str]] = {}
    for plug in usb_devices(around):
        for node, way in _nodes_of(plug):
            known = next((one for one in models.get(plug.ids, []) if one.goes_by(way)), None)
            if known or way == "video":
                nodes[node] = _uri_of(around, node, way), _rule_of(plug, way, known)
    for link in sorted(around.path("dev/ektp").glob("*")):
        try:
            target = link.readlink().name
        except OSError:
            continue
        nodes[f"dev/{target}"] = f"serial:/dev/ektp/{link.name}", _port_rule(target)
    return [
        _judged(reply(uri), node, right_to(around, node, account), account, rule)
        for node, (uri, rule) in nodes.items()
    ]


def _cards(around: Surroundings, account: Account, reply: ReplyFor) -> list[Finding]:
    """Look at the card service's socket; what its polkit rules say shows when it is asked."""
    if not around.path(_SOCKET).exists():
        return []
    right = right_to(around, _SOCKET, account)
    evidence: Readings = {"mode": right.mode, "group": right.group}
    if right.may_open:
        return [reply().sound(message("permissions.socket_open"), evidence, 0.8)]
    needed = "card" in around.profile.expects or any(
        plug.has_class(CARD_READER_CLASS) for plug in usb_devices(around)
    )
    seen, advice = message("permissions.socket_closed"), message("permissions.socket_advice")
    cause, who = Cause.PERMISSION, Who.TECHNICIAN
    if needed:
        return [reply().broken(seen, cause, advice, who, evidence, 0.9)]
    return [reply().suspect(seen, cause, advice, who, evidence, 0.6)]


def _judged(reply: Reply, node: str, right: Right, account: Account, rule: str) -> Finding:
    """Say whether a node may be opened, and if not what gives the right."""
    where = f"/{node}"
    evidence: Readings = {"node": where, "mode": right.mode, "group": right.group}
    if not right.is_there:
        return reply.untested(message("permissions.no_such_node", node=where), evidence)
    if right.may_open and account.is_root:
        return reply.sound(message("permissions.open_to_root", node=where), evidence, 0.5)
    if right.may_open:
        return reply.sound(message("permissions.may_open", node=where), evidence, 0.95)
    seen: Message = message("permissions.may_not_open", node=where)
    advice = message("permissions.rule_advice", file=RULES_FILE, rule=rule)
    who = Who.TECHNICIAN
    if right.needs_login:
        seen = message("permissions.login_anew", node=where, group=right.group)
        advice, who = message("permissions.login_advice"), Who.CLERK
    evidence |= {"group_would_help": right.group_helps, "udev_rule": rule}
    return reply.broken(seen, Cause.PERMISSION, advice, who, evidence, 0.95)


def _nodes_of(plug: UsbPlug) -> list[tuple[str, str]]:
    """Return the nodes below a device's interfaces, and the way each is for."""
    found = []
    for face in plug.faces:
        for pattern, way in _NODES.items():
            for folder in face.folder.glob(pattern):
                inside = "input/" if way == "evdev" else ""
                found.append((f"dev/{inside}{folder.name}", way))
    return sorted(set(found))


def _uri_of(around: Surroundings, node: str, way: str) -> str:
    """Return the address by which a driver names a node; cameras go by their place on the bus."""
    uri = f"{way}:/{node}"
    if way == "video" and around.root == Path("/"):
        from ektp_hw.transport.video_places import place_of

        place = place_of(uri)
        return place.uri if place is not None else uri
    return uri


def _rule_of(plug: UsbPlug, way: str, known: Known | None) -> str:
    """Return the rule for the node of a device, as ``ektp-hw udev`` writes it."""
    from ektp_hw.devices.base import UsbId

    driver = known.driver if known else "v4l2"
    lines = rules_of(driver, [UsbId(*plug.ids, plug.name)], [way])
    return lines[-1]


def _port_rule(node: str) -> str:
    from ektp_hw.transport.serial_ports import rule_for

    return rule_for(f"/dev/{node}")


_DEVICES = ("drivers.missing", "usb.descriptors")
USB = Permission("usb", _usb, _DEVICES, "no_device")
NODES = Permission("nodes", _nodes, _DEVICES, "no_node")
CARDS = Permission(
    "cards", _cards, ("libraries.card_library", "libraries.card_service"), "no_socket"
)
PROBES = (USB, NODES, CARDS)
CAUSES: dict[str, tuple[Cause, ...]] = {probe.name: (Cause.PERMISSION,) for probe in PROBES}
