# SPDX-License-Identifier: Apache-2.0
"""Have the USB devices enough power? Over-current, undervoltage, hubs' budgets, sleeping devices.

``over_current_count``: Linux, Documentation/ABI/testing/sysfs-bus-usb. Undervoltage: the alarm of
``rpi_volt`` (Documentation/hwmon/raspberrypi-hwmon.rst). A hub without a supply of its own shares
500 mA among itself and its ports (USB 2.0, 7.2.1.2).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from ektp_hw.diagnostics.capture_devices import capture_kind, known_models
from ektp_hw.diagnostics.findings import Cause, Finding, Who, message
from ektp_hw.diagnostics.kernel_log import kernel_notes
from ektp_hw.diagnostics.reply import Readings, Reply
from ektp_hw.diagnostics.usb_bus import UsbPlug, has_usb, plug_at, port_of, usb_devices
from ektp_hw.diagnostics.usb_events import read_port_events, undervoltage_ago

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from ektp_hw.diagnostics.kernel_log import Note
    from ektp_hw.diagnostics.surroundings import Surroundings
    from ektp_hw.diagnostics.usb_events import PortEvents

__all__ = ["UsbPower"]

_BUS_POWER = 500
"""Milliamperes that a port of the computer gives."""
_RECENT = 600.0
"""Seconds for which an overload counts as still there."""


class UsbPower:
    """Over-current, undervoltage, budgets of hubs, devices put to sleep."""

    name: ClassVar[str] = "usb.power"
    stands_on: ClassVar[tuple[str, ...]] = ()
    seconds: ClassVar[float] = 5.0

    def run(self, around: Surroundings, before: Sequence[Finding]) -> list[Finding]:
        """Read the counters, the log and what each device says it draws."""
        del before
        checked = message("usb.power_checked")
        notes = kernel_notes(around) or []
        plugs = usb_devices(around)
        findings = [
            *self._voltage(around, notes),
            *self._overloads(around, notes, plugs),
            *self._budgets(notes, plugs),
            *self._sleepers(plugs),
        ]
        if findings:
            return findings
        if not has_usb(around):
            return [Reply(self.name, checked).untested(message("usb.no_usb"))]
        drawn = sum(plug.milliamperes for plug in plugs)
        evidence: Readings = {"devices": len(plugs), "milliamperes_asked_for": drawn}
        return [Reply(self.name, checked).sound(message("usb.power_enough"), evidence, 0.85)]

    def _reply(self, device: str = "") -> Reply:
        return Reply(self.name, message("usb.power_checked"), device)

    def _voltage(self, around: Surroundings, notes: list[Note]) -> list[Finding]:
        alarms = [
            path.parent
            for path in around.path("sys/class/hwmon").glob("hwmon*/in0_lcrit_alarm")
            if _text(path) == "1" and _text(path.parent / "name") == "rpi_volt"
        ]
        advice = message("usb.undervoltage_advice")
        if alarms:
            seen = message("usb.undervoltage")
            return [
                self._reply().broken(
                    seen, Cause.CABLE_OR_POWER, advice, Who.TECHNICIAN, {"rpi_volt_alarm": 1}, 0.9
                )
            ]
        ago = undervoltage_ago(notes)
        if ago is None:
            return []
        seen = message("usb.was_undervoltage", minutes=round(ago / 60))
        evidence: Readings = {"seconds_ago": round(ago)}
        return [
            self._reply().suspect(seen, Cause.CABLE_OR_POWER, advice, Who.TECHNICIAN, evidence, 0.8)
        ]

    def _overloads(
        self, around: Surroundings, notes: list[Note], plugs: list[UsbPlug]
    ) -> list[Finding]:
        """Tell of ports that were switched off for overload, by log and by counter."""
        counters = {
            port_of(path.parent.name): int(text)
            for path in around.path("sys/bus/usb/devices").glob("*/*-port*/over_current_count")
            if (text := _text(path)).isdecimal()
        }
        logged = {
            place: events.over_current_ago
            for place, events in read_port_events(notes).items()
            if events.over_current_ago is not None
        }
        findings = []
        for place in sorted({*logged, *(place for place, count in counters.items() if count)}):
            ago = logged.get(place)
            plug = plug_at(plugs, place)
            reply = self._reply(plug.uri if plug else f"usb@{place}")
            evidence: Readings = {
                "port": place,
                "over_current_count": counters.get(place),
                "seconds_ago": None if ago is None else round(ago),
            }
            advice = message("usb.over_current_advice", port=place)
            seen = message("usb.over_current", port=place)
            if plug is None and ago is not None and ago <= _RECENT:
                findings.append(
                    reply.broken(seen, Cause.CABLE_OR_POWER, advice, Who.CLERK, evidence, 0.9)
                )
            else:
                findings.append(
                    reply.suspect(seen, Cause.CABLE_OR_POWER, advice, Who.CLERK, evidence, 0.7)
                )
        return findings

    def _budgets(self, notes: list[Note], plugs: list[UsbPlug]) -> list[Finding]:
        """Find hubs that promise more than they have, and devices refused for it."""
        events = read_port_events(notes)
        findings = []
        for hub in (plug for plug in plugs if plug.is_hub and not plug.is_self_powered):
            below = [plug for plug in plugs if plug.hub == hub.place]
            asked = sum(plug.milliamperes for plug in below)
            room = _BUS_POWER - hub.milliamperes
            evidence: Readings = {
                "hub": hub.place,
                "milliamperes_asked": asked,
                "milliamperes_there": room,
            }
            advice = message("usb.budget_advice")
            refused = [plug for plug in below if _is_refused(plug, events)]
            for plug in refused:
                seen = message("usb.refused_power", name=plug.name, asked=plug.milliamperes)
                findings.append(
                    self._reply(plug.uri).broken(
                        seen, Cause.CABLE_OR_POWER, advice, Who.CLERK, evidence, 0.9
                    )
                )
            if asked > room and not refused:
                seen = message("usb.over_budget", hub=hub.place, asked=asked, room=room)
                findings.append(
                    self._reply(hub.uri).suspect(
                        seen, Cause.CABLE_OR_POWER, advice, Who.CLERK, evidence, 0.7
                    )
                )
        return findings

    def _sleepers(self, plugs: list[UsbPlug]) -> list[Finding]:
        """Find capture devices that power saving put to sleep or could not wake."""
        models = known_models()
        findings = []
        for plug in plugs:
            state = plug.runtime_status
            if state not in {"suspended", "error"} or capture_kind(plug, models) is None:
                continue
            evidence: Readings = {"runtime_status": state, "control": plug.power_control}
            reply = self._reply(plug.uri)
            if state == "error":
                seen = message("usb.wake_failed", name=plug.name)
                advice = message("usb.replug_advice", port=plug.place)
                findings.append(
                    reply.broken(seen, Cause.CABLE_OR_POWER, advice, Who.CLERK, evidence, 0.8)
                )
            elif plug.power_control == "auto":
                seen = message("usb.asleep", name=plug.name)
                advice = message("usb.asleep_advice", place=plug.place)
                findings.append(
                    reply.suspect(seen, Cause.CABLE_OR_POWER, advice, Who.TECHNICIAN, evidence, 0.5)
                )
        return findings


def _is_refused(plug: UsbPlug, events: dict[str, PortEvents]) -> bool:
    """Tell whether the kernel gave a device no configuration because it asks for too much."""
    told = plug.place in events and events[plug.place].underpowered_ago is not None
    return plug.configuration is None and plug.is_authorized and (told or plug.milliamperes > 100)


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8", errors="replace").strip()
    except OSError:
        return ""
