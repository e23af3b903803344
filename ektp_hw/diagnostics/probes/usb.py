# SPDX-License-Identifier: Apache-2.0
"""USB below all drivers: is everything there, readable, fast enough, and with power."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from ektp_hw.diagnostics.capture_devices import (
    VIDEO_CLASS,
    capture_kind,
    found_devices,
    known_models,
    portrait_cameras,
    takes_portraits,
)
from ektp_hw.diagnostics.findings import Cause, Finding, Outcome, Who, message
from ektp_hw.diagnostics.kernel_log import kernel_notes
from ektp_hw.diagnostics.probes.usb_power import UsbPower
from ektp_hw.diagnostics.reply import Readings, Reply
from ektp_hw.diagnostics.usb_bus import UsbPlug, has_usb, plug_at, usb_devices
from ektp_hw.diagnostics.usb_events import PortEvents, read_port_events

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ektp_hw.diagnostics.capture_devices import Known
    from ektp_hw.diagnostics.findings import Message
    from ektp_hw.diagnostics.surroundings import Surroundings

__all__ = ["CAUSES", "PROBES"]

_RECENT = 600.0
"""Seconds for which a port that gave no answer counts as one that still gives none."""
_MANY_DISCONNECTS = 3
"""In an hour; a person who plugs once makes one. Resets say nothing: drivers open with one."""
_COUNTED = ("errors", "disconnects", "resets")
_MOST_HUBS = 3
"""Between computer and device; USB allows 5, and each is one more plug to wear out."""
_FULL_SPEED = 12.0
_FAST_MODELS = frozenset({(0x1B55, 0x0840)})
"""Models whose driver reads packets of 512 bytes, which only high speed has: the ZK4500."""


class Enumeration:
    """Devices that are plugged in and do not answer, or come and go, by the kernel's log."""

    name: ClassVar[str] = "usb.enumeration"
    stands_on: ClassVar[tuple[str, ...]] = ()
    seconds: ClassVar[float] = 5.0

    def run(self, around: Surroundings, before: Sequence[Finding]) -> list[Finding]:
        """Read the log; what it says of a port is weighed by what is there now."""
        del before
        checked = message("usb.enumeration_checked")
        notes = kernel_notes(around)
        if notes is None:
            reply = Reply(self.name, checked)
            return [
                reply.untested(
                    message("usb.log_unreadable"),
                    advice=message("usb.log_advice"),
                    who=Who.TECHNICIAN,
                )
            ]
        plugs, models = usb_devices(around), known_models()
        findings = []
        for events in read_port_events(notes).values():
            plug = plug_at(plugs, events.place)
            if plug is not None and not plug.is_hub and capture_kind(plug, models) is None:
                continue  # a mouse that comes and goes stops nobody
            device = plug.uri if plug else f"usb@{events.place}"
            findings += _at_port(Reply(self.name, checked, device), events, plug)
        if not findings:
            findings = [
                Reply(self.name, checked).sound(
                    message("usb.enumeration_quiet"), {"kernel_lines": len(notes)}, 0.9
                )
            ]
        return findings


def _at_port(reply: Reply, events: PortEvents, plug: UsbPlug | None) -> list[Finding]:
    """Judge one port: what is there now, and what happened in the last hour."""
    counts: dict[str, int] = {name: events.counts[name] for name in _COUNTED}
    evidence: Readings = {
        "port": events.place,
        **{f"{name}_in_the_last_hour": counts[name] for name in counts},
    }
    who = Who.CLERK
    ago = events.unanswered_ago
    if plug is None and ago is not None:
        evidence |= {"last_message": events.unanswered, "seconds_ago": round(ago)}
        seen = message("usb.port_silent", port=events.place)
        advice = message("usb.replug_advice", port=events.place)
        if ago <= _RECENT:
            return [reply.broken(seen, Cause.CABLE_OR_POWER, advice, who, evidence, 0.85)]
        return [reply.suspect(seen, Cause.CABLE_OR_POWER, advice, who, evidence, 0.5)]
    unsteady = counts["disconnects"] >= _MANY_DISCONNECTS or (
        plug is not None and counts["errors"] > 0
    )
    if not unsteady:
        return []
    name = plug.name if plug else events.place
    seen = message("usb.port_unsteady", name=name, port=events.place, **counts)
    advice = message("usb.unsteady_advice", port=events.place)
    return [reply.suspect(seen, Cause.CABLE_OR_POWER, advice, who, evidence, 0.8)]


class Presence:
    """Is there a device of every kind that the station must have."""

    name: ClassVar[str] = "usb.presence"
    stands_on: ClassVar[tuple[str, ...]] = ("usb.enumeration", "usb.power")
    seconds: ClassVar[float] = 12.0

    def run(self, around: Surroundings, before: Sequence[Finding]) -> list[Finding]:
        """Look on the bus, then ask the drivers for what is on no bus of ours."""
        checked = message("usb.presence_checked")
        plugs = usb_devices(around)
        there = _there(around, plugs)
        silent = [
            each.device
            for each in before
            if each.device.startswith("usb@") and each.outcome in {Outcome.BROKEN, Outcome.SUSPECT}
        ]
        wanted = list(dict.fromkeys(around.profile.expects))
        missing = [kind for kind in wanted if kind not in there]
        findings = []
        for kind in wanted:
            if found := sorted(set(there.get(kind, ()))):
                reply = Reply(self.name, checked, found[0] if len(found) == 1 else "")
                seen = message(f"usb.present_{kind}")
                findings.append(reply.sound(seen, {"found": ", ".join(found)}, 0.95))
        evidence: Readings = {"usb_devices_seen": len(plugs), **_last_unplugged(around, plugs)}
        if missing and not has_usb(around):
            findings.append(self._all_missing(missing, evidence, "no_usb", Cause.COMPUTER))
        elif len(missing) == len(wanted) > 1 and not silent:
            findings.append(self._all_missing(missing, evidence, "all", Cause.CABLE_OR_POWER))
        else:
            for kind in missing:
                place = silent.pop(0) if silent else ""
                findings.append(self._missing(kind, place, evidence))
        if not wanted:
            counted = {kind: len(set(uris)) for kind, uris in there.items()}
            reply = Reply(self.name, checked)
            findings.append(reply.untested(message("usb.nothing_expected"), counted))
        return findings

    def _missing(self, kind: str, place: str, evidence: Readings) -> Finding:
        """Say what is missing; a port that does not answer is where it hangs, most likely."""
        checked = message("usb.presence_checked")
        reply = Reply(self.name, checked, place or f"expected:{kind}")
        seen, advice = message(f"usb.missing_{kind}"), message("usb.missing_advice")
        evidence = {"kind": kind, **evidence}
        if place:
            evidence["silent_port"] = place.removeprefix("usb@")
        certainty = 0.95 if place else 0.8
        return reply.broken(seen, Cause.CABLE_OR_POWER, advice, Who.CLERK, evidence, certainty)

    def _all_missing(self, kinds: list[str], evidence: Readings, why: str, cause: Cause) -> Finding:
        """Say that everything is missing at once, which has one reason and not as many as kinds."""
        reply = Reply(self.name, message("usb.presence_checked"))
        seen, advice = message(f"usb.missing_{why}"), message(f"usb.missing_{why}_advice")
        evidence = {"kinds": ", ".join(kinds), **evidence}
        who = Who.TECHNICIAN if cause is Cause.COMPUTER else Who.CLERK
        return reply.broken(seen, cause, advice, who, evidence, 0.75)


def _there(around: Surroundings, plugs: list[UsbPlug]) -> dict[str, list[str]]:
    """Return the addresses of what is there, by kind: on the bus, and what the drivers find."""
    models = known_models()
    there: dict[str, list[str]] = {}
    for plug in plugs:
        if known := capture_kind(plug, models):
            there.setdefault(known.value, []).append(plug.uri)
        elif takes_portraits(plug, models):
            there.setdefault("camera", []).append(plug.uri)
    for info in found_devices(around):
        there.setdefault(info.kind.value, []).append(info.uri)
    if "camera" in around.profile.expects and "camera" not in there:
        # Not every camera is on a bus of ours: those of boards and laptops need not be.
        there["camera"] = [info.uri for info in portrait_cameras(around)]
    return {kind: uris for kind, uris in there.items() if uris}


def _last_unplugged(around: Surroundings, plugs: list[UsbPlug]) -> Readings:
    """Return where a device was unplugged last, as far as the log tells, if nothing is there."""
    gone = [
        (events.disconnected_ago, place)
        for place, events in read_port_events(kernel_notes(around) or []).items()
        if events.disconnected_ago is not None and plug_at(plugs, place) is None
    ]
    if not gone:
        return {}
    ago, place = min(gone)
    return {"last_unplugged_port": place, "last_unplugged_seconds_ago": round(ago)}


class Descriptors:
    """Devices that are there and do not let the kernel read what they are."""

    name: ClassVar[str] = "usb.descriptors"
    stands_on: ClassVar[tuple[str, ...]] = ("usb.enumeration", "usb.power")
    seconds: ClassVar[float] = 5.0

    def run(self, around: Surroundings, before: Sequence[Finding]) -> list[Finding]:
        """Look whether the kernel could choose a configuration of every capture device."""
        del before
        checked = message("usb.descriptors_checked")
        findings = []
        for plug, _ in _capture_plugs(around):
            reply = Reply(self.name, checked, plug.uri)
            evidence: Readings = {
                "configuration": plug.configuration,
                "interfaces": len(plug.faces),
                "transfers": plug.transfers,
            }
            if not plug.is_authorized or (plug.configuration and plug.faces):
                seen = message("usb.readable", name=plug.name)
                findings.append(reply.sound(seen, evidence, 0.95))
            else:
                seen = message("usb.unreadable", name=plug.name)
                advice = message("usb.unreadable_advice")
                who = Who.CLERK
                findings.append(
                    reply.broken(seen, Cause.CABLE_OR_POWER, advice, who, evidence, 0.8)
                )
        return findings or [_no_capture_device(self.name, checked, around)]


class Topology:
    """Slow cables and hubs, and long chains of hubs."""

    name: ClassVar[str] = "usb.topology"
    stands_on: ClassVar[tuple[str, ...]] = ("usb.enumeration",)
    seconds: ClassVar[float] = 5.0

    def run(self, around: Surroundings, before: Sequence[Finding]) -> list[Finding]:
        """Compare each capture device's speed with what it and its hubs can."""
        del before
        checked = message("usb.topology_checked")
        plugs = usb_devices(around)
        events = read_port_events(kernel_notes(around) or [])
        findings = []
        for plug, known in _capture_plugs(around):
            reply = Reply(self.name, checked, plug.uri)
            evidence: Readings = {
                "megabits": plug.speed,
                "hubs_between": plug.depth,
                "place": plug.place,
            }
            hub = plug_at(plugs, plug.hub)
            port = events.get(plug.place)
            slow_hub = hub is not None and 0 < hub.speed <= _FULL_SPEED
            is_fast = plug.ids in _FAST_MODELS or plug.has_class(VIDEO_CLASS)
            told = port is not None and port.slowed_ago is not None
            if 0 < plug.speed <= _FULL_SPEED and (slow_hub or told or is_fast):
                key = "usb.slow_hub" if slow_hub else "usb.slow_cable"
                seen = message(key, name=plug.name, megabits=plug.speed)
                advice = message("usb.slow_advice")
                certainty = 0.9 if told or slow_hub else 0.75
                findings.append(
                    reply.suspect(
                        seen, Cause.CABLE_OR_POWER, advice, Who.CLERK, evidence, certainty
                    )
                )
            elif plug.depth >= _MOST_HUBS:
                seen = message("usb.deep", name=plug.name, hubs=plug.depth)
                advice = message("usb.deep_advice")
                findings.append(
                    reply.suspect(seen, Cause.CABLE_OR_POWER, advice, Who.CLERK, evidence, 0.6)
                )
            else:
                seen = message("usb.fast", name=plug.name, megabits=plug.speed)
                findings.append(reply.sound(seen, evidence, 0.9 if known else 0.7))
        return findings or [_no_capture_device(self.name, checked, around)]


def _capture_plugs(around: Surroundings) -> list[tuple[UsbPlug, list[Known]]]:
    """Return the capture devices on the bus, known and guessed, with what is known of them."""
    models = known_models()
    return [
        (plug, models.get(plug.ids, []))
        for plug in usb_devices(around)
        if capture_kind(plug, models) is not None
    ]


def _no_capture_device(probe: str, checked: Message, around: Surroundings) -> Finding:
    reply = Reply(probe, checked)
    key = "usb.no_capture_device" if has_usb(around) else "usb.no_usb"
    return reply.untested(message(key))


PROBES = (Enumeration(), UsbPower(), Presence(), Descriptors(), Topology())
CAUSES: dict[str, tuple[Cause, ...]] = {
    Enumeration.name: (Cause.CABLE_OR_POWER,),
    UsbPower.name: (Cause.CABLE_OR_POWER,),
    Presence.name: (Cause.CABLE_OR_POWER, Cause.COMPUTER),
    Descriptors.name: (Cause.CABLE_OR_POWER,),
    Topology.name: (Cause.CABLE_OR_POWER,),
}
