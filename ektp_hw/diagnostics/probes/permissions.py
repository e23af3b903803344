# SPDX-License-Identifier: Apache-2.0
"""Who may open what: USB devices, the nodes below them, the card service's socket."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

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

__all__ = ["CAUSES", "PROBES", "CardPermission", "NodePermission", "UsbPermission"]

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


class UsbPermission:
    """May this account open the USB devices.

    Parameters
    ----------
    account
        Makes the account; by default that of this program.
    """

    name: ClassVar[str] = "permissions.usb"
    stands_on: ClassVar[tuple[str, ...]] = ("drivers.missing", "usb.descriptors")
    seconds: ClassVar[float] = 5.0

    def __init__(self, account: Callable[[], Account] = Account) -> None:
        self._account = account

    def run(self, around: Surroundings, before: Sequence[Finding]) -> list[Finding]:
        """Look at the node of every device that a driver opens there."""
        del before
        checked = message("permissions.usb_checked")
        models, account = known_models(), self._account()
        findings = []
        for plug in usb_devices(around):
            if plug.is_hub or capture_kind(plug, models) is None:
                continue
            reply = Reply(self.name, checked, plug.uri)
            if not plug.is_authorized:
                seen = message("permissions.unauthorised", name=plug.name)
                advice = message("permissions.authorise_advice", place=plug.place)
                cause, who = Cause.PERMISSION, Who.TECHNICIAN
                findings.append(reply.broken(seen, cause, advice, who, {"authorized": 0}, 0.95))
            elif any(known.goes_by("usb") for known in models.get(plug.ids, [])):
                right = right_to(around, plug.node, account)
                rule = udev_rule(*plug.ids)
                findings.append(_judged(reply, plug.node, right, account, rule))
        if findings:
            return findings
        return [Reply(self.name, checked).untested(message("permissions.no_device"))]


class NodePermission:
    """May this account open the nodes of the kernel below the devices: serial, HID, video, input.

    Parameters
    ----------
    account
        Makes the account; by default that of this program.
    """

    name: ClassVar[str] = "permissions.nodes"
    stands_on: ClassVar[tuple[str, ...]] = ("drivers.missing", "usb.descriptors")
    seconds: ClassVar[float] = 5.0

    def __init__(self, account: Callable[[], Account] = Account) -> None:
        self._account = account

    def run(self, around: Surroundings, before: Sequence[Finding]) -> list[Finding]:
        """Look at every node by which a driver reaches a device, and at named serial ports."""
        del before
        checked = message("permissions.nodes_checked")
        models, account = known_models(), self._account()
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
        findings = [
            _judged(
                Reply(self.name, checked, uri), node, right_to(around, node, account), account, rule
            )
            for node, (uri, rule) in nodes.items()
        ]
        if findings:
            return findings
        return [Reply(self.name, checked).untested(message("permissions.no_node"))]


class CardPermission:
    """May this account talk to the card service.

    Parameters
    ----------
    account
        Makes the account; by default that of this program.
    """

    name: ClassVar[str] = "permissions.cards"
    stands_on: ClassVar[tuple[str, ...]] = ("libraries.card_library", "libraries.card_service")
    seconds: ClassVar[float] = 6.0

    def __init__(self, account: Callable[[], Account] = Account) -> None:
        self._account = account

    def run(self, around: Surroundings, before: Sequence[Finding]) -> list[Finding]:
        """Look at its socket; what its polkit rules say shows when it is asked."""
        del before
        reply = Reply(self.name, message("permissions.cards_checked"))
        if not around.path(_SOCKET).exists():
            return [reply.untested(message("permissions.no_socket"))]
        account = self._account()
        right = right_to(around, _SOCKET, account)
        evidence: Readings = {"mode": right.mode, "group": right.group}
        if right.may_open:
            return [reply.sound(message("permissions.socket_open"), evidence, 0.8)]
        needed = "card" in around.profile.expects or any(
            plug.has_class(CARD_READER_CLASS) for plug in usb_devices(around)
        )
        seen, advice = message("permissions.socket_closed"), message("permissions.socket_advice")
        cause, who = Cause.PERMISSION, Who.TECHNICIAN
        if needed:
            return [reply.broken(seen, cause, advice, who, evidence, 0.9)]
        return [reply.suspect(seen, cause, advice, who, evidence, 0.6)]


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


PROBES = (UsbPermission(), NodePermission(), CardPermission())
CAUSES: dict[str, tuple[Cause, ...]] = {
    UsbPermission.name: (Cause.PERMISSION,),
    NodePermission.name: (Cause.PERMISSION,),
    CardPermission.name: (Cause.PERMISSION,),
}
