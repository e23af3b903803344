# SPDX-License-Identifier: Apache-2.0
"""The computer: load, memory, clock, heat, supply, and how it last went down.

Sources: proc(5), Documentation/ABI of the Linux kernel for sysfs, and the firmware documentation of
the Raspberry Pi for ``get_throttled``.
"""

from __future__ import annotations

import re
import statistics
import time
from pathlib import Path
from typing import TYPE_CHECKING

from ektp_hw.diagnostics.findings import Cause, Who
from ektp_hw.diagnostics.probes.kernel_log import kernel_log
from ektp_hw.diagnostics.probes.network.layer import Layer
from ektp_hw.diagnostics.probes.network.speaking import ask, centre_of, place_of
from ektp_hw.diagnostics.probes.network.time_servers import differences_by_ntp
from ektp_hw.diagnostics.probes.saying import FunctionProbe, broken, sound, suspect, untested

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ektp_hw.diagnostics.findings import Evidence, Finding
    from ektp_hw.diagnostics.surroundings import Surroundings

__all__ = ["CAUSES", "PROBES"]

_OURS = (Cause.COMPUTER, Who.TECHNICIAN)
_DAY = 86400.0
_ZONES = {
    "Asia/Jakarta": "WIB",
    "Asia/Pontianak": "WIB",
    "Asia/Makassar": "WITA",
    "Asia/Jayapura": "WIT",
}
_DRIFT, _WRONG = 300.0, _DAY
_HOT = 90.0
_OLDEST = 2024


def _load(around: Surroundings, before: Sequence[Finding]) -> list[Finding]:  # noqa: ARG001
    """Compare the work that waits with the processors that do it."""
    name, text = "computer.load", around.read("/proc/loadavg")
    count = len(re.findall(r"(?m)^processor\s*:", around.read("/proc/cpuinfo") or "")) or 1
    if text is None:
        return [untested(name, "computer.unreadable", file="/proc/loadavg")]
    now, _, quarter = (float(word) for word in text.split()[:3])
    evidence: Evidence = {"load": now, "load_15_minutes": quarter, "processors": count}
    if quarter > 3 * count:
        return [suspect(name, "computer.overloaded", *_OURS, 0.7, evidence, load=quarter)]
    return [sound(name, "computer.load_fine", evidence, load=now)]


def _memory(around: Surroundings, before: Sequence[Finding]) -> list[Finding]:  # noqa: ARG001
    """Look how much memory is left, and whether the kernel had to end programs."""
    name, text = "computer.memory", around.read("/proc/meminfo")
    sizes = {key: int(kilobytes) // 1024
             for key, kilobytes in re.findall(r"(?m)^(\w+):\s+(\d+) kB", text or "")}  # fmt: skip
    if "MemAvailable" not in sizes or "MemTotal" not in sizes:
        return [untested(name, "computer.unreadable", file="/proc/meminfo")]
    total, left = sizes["MemTotal"], sizes["MemAvailable"]
    swap_left = sizes.get("SwapFree", 0)
    evidence: dict[str, str | int | float | bool | None] = {
        "megabytes_in_all": total, "megabytes_left": left, "swap_megabytes_left": swap_left,
    }  # fmt: skip
    killed = kernel_log(around).count(r"Out of memory: Killed process")
    if killed:
        evidence["programs_ended_for_memory"] = killed
    if left + swap_left < max(40, total * 0.01):
        return [broken(name, "computer.memory_out", *_OURS, 0.8, evidence, megabytes=left)]
    if killed or left < max(100, total * 0.05):
        return [suspect(name, "computer.memory_low", *_OURS, 0.75, evidence, megabytes=left)]
    return [sound(name, "computer.memory_fine", evidence, megabytes=left)]


def _clock(around: Surroundings, before: Sequence[Finding]) -> list[Finding]:  # noqa: ARG001
    """Look whether the clock was set at all; nothing is asked of anybody."""
    name, now = "computer.clock", time.time()
    date = time.strftime("%Y-%m-%d %H:%M", time.gmtime(now))
    installed = Path(__file__).stat().st_mtime
    zone = _zone(around)
    evidence: dict[str, str | int | float | bool | None] = {
        "clock_utc": date, "zone": zone, "indonesian_zone": _ZONES.get(zone, ""),
        "synchronised": around.path("/run/systemd/timesync/synchronized").exists(),
    }  # fmt: skip
    if now < installed - _DAY or time.gmtime(now).tm_year < _OLDEST:
        return [broken(name, "computer.clock_unset", Cause.COMPUTER, Who.CLERK, 0.95, evidence,
                       date=date)]  # fmt: skip
    hardware = around.read("/sys/class/rtc/rtc0/since_epoch")
    if hardware and hardware.isdigit() and abs(int(hardware) - now) > _DAY:
        evidence["hardware_clock_days_off"] = round((int(hardware) - now) / _DAY)
        return [suspect(name, "computer.battery_of_clock", *_OURS, 0.7, evidence)]
    key = "computer.clock_set" if zone in _ZONES or not zone else "computer.clock_zone"
    return [sound(name, key, evidence, 0.7, date=date, zone=zone or "-")]


def _zone(around: Surroundings) -> str:
    if text := around.read("/etc/timezone"):
        return text
    try:
        target = str(around.path("/etc/localtime").readlink())
    except OSError:
        return ""
    return target.partition("zoneinfo/")[2]


def _drift(around: Surroundings, before: Sequence[Finding]) -> list[Finding]:  # noqa: ARG001
    """Compare the clock with the centre's, the reference hosts' and the time servers'."""
    name = "computer.drift"
    theirs = _difference(around, around.profile.centre) if centre_of(around) else None
    if theirs is None:
        return [_drift_by_ntp(around)]
    evidence: dict[str, str | int | float | bool | None] = {"seconds_behind_centre": round(theirs)}
    if abs(theirs) < _DRIFT:
        return [sound(name, "computer.clock_agrees", evidence, seconds=abs(round(theirs)))]
    others = [each for host in around.profile.reference_hosts
              if (each := _difference(around, host)) is not None]  # fmt: skip
    others += differences_by_ntp(around)
    evidence["hosts_with_clock"] = len(others)
    if others and all(abs(each) < _DRIFT for each in others):
        return [suspect(name, "computer.clock_of_centre", Cause.CENTRAL_SERVICE, Who.CENTRE, 0.8,
                        evidence, days=_days(theirs))]  # fmt: skip
    if abs(theirs) < _WRONG:
        minutes = round(abs(theirs) / 60)
        return [suspect(name, "computer.clock_drifts", Cause.COMPUTER, Who.CLERK, 0.8, evidence,
                        minutes=minutes)]  # fmt: skip
    sure = 0.9 if others else 0.8
    return [broken(name, "computer.clock_wrong", Cause.COMPUTER, Who.CLERK, sure, evidence,
                   days=_days(theirs))]  # fmt: skip


def _drift_by_ntp(around: Surroundings) -> Finding:
    """Compare the clock with the time servers of this machine, where the centre tells no time."""
    name, told = "computer.drift", differences_by_ntp(around)
    if not told:
        return untested(name, "computer.no_other_clock")
    behind = statistics.median(told)
    evidence: Evidence = {"seconds_behind_ntp": round(behind), "time_servers": len(told)}
    if abs(behind) < _DRIFT:
        return sound(name, "computer.ntp_agrees", evidence, seconds=abs(round(behind)))
    if abs(behind) < _WRONG:
        return suspect(name, "computer.ntp_drifts", Cause.COMPUTER, Who.CLERK, 0.8, evidence,
                       minutes=round(abs(behind) / 60))  # fmt: skip
    return broken(name, "computer.ntp_wrong", Cause.COMPUTER, Who.CLERK, 0.85, evidence,
                  days=_days(behind))  # fmt: skip


def _days(seconds: float) -> int:
    return max(1, round(abs(seconds) / _DAY))


def _difference(around: Surroundings, where: str) -> float | None:
    place = place_of(where)
    try:
        date = ask(around, place, "/", timeout=4.0, limit=0).date if place else None
    except OSError:
        return None
    return None if date is None else date - time.time()


def _heat(around: Surroundings, before: Sequence[Finding]) -> list[Finding]:  # noqa: ARG001
    """Read every temperature, and how often a processor was slowed for it."""
    name = "computer.heat"
    zones = sorted(around.path("/sys/class/thermal").glob("thermal_zone*/temp"))
    degrees = [int(text) / 1000 for zone in zones if (text := _text(zone)) and text.isdigit()]
    slowed = max(
        (int(_text(each) or 0) for each in around.path("/sys/devices/system/cpu").glob(
            "cpu*/thermal_throttle/package_throttle_count")),
        default=0,
    )  # fmt: skip
    if not degrees:
        return [untested(name, "computer.no_thermometer")]
    evidence: Evidence = {"degrees": max(degrees), "times_slowed": slowed}
    if max(degrees) >= _HOT:
        return [suspect(name, "computer.hot", *_OURS, 0.8, evidence, degrees=max(degrees))]
    return [sound(name, "computer.cool", evidence, degrees=max(degrees))]


def _text(path: Path) -> str | None:
    try:
        return path.read_text("utf-8", errors="replace").strip()
    except OSError:
        return None


def _supply(around: Surroundings, before: Sequence[Finding]) -> list[Finding]:  # noqa: ARG001
    """Look for under-voltage, and for a computer that lives on its battery."""
    name, power = "computer.supply", Cause.CABLE_OR_POWER
    throttled = around.read("/sys/devices/platform/soc/soc:firmware/get_throttled")
    alarms = [path for path in around.path("/sys/class/hwmon").glob("hwmon*/in0_lcrit_alarm")
              if _text(path) == "1"]  # fmt: skip
    seen = kernel_log(around).count(r"[Uu]nder-?voltage detected")
    bits = int(throttled, 16) if throttled and re.fullmatch(r"(0x)?[0-9a-f]+", throttled) else 0
    evidence: dict[str, str | int | float | bool | None] = {
        "throttled": throttled, "alarms": len(alarms), "kernel_log_mentions": seen,
    }  # fmt: skip
    if bits & 1 or alarms:
        return [broken(name, "computer.voltage_low", power, Who.TECHNICIAN, 0.9, evidence)]
    if bits & 0x10000 or seen:
        return [suspect(name, "computer.voltage_was_low", power, Who.TECHNICIAN, 0.8, evidence)]
    for folder in sorted(around.path("/sys/class/power_supply").glob("*")):
        level = _text(folder / "capacity") or ""
        if _text(folder / "status") == "Discharging" and level.isdigit():
            evidence["battery"] = int(level)
            if int(level) < 20:
                return [suspect(name, "computer.on_battery", power, Who.CLERK, 0.9, evidence,
                                percent=int(level))]  # fmt: skip
    return [sound(name, "computer.supply_fine", evidence, 0.7)]


def _uptime(around: Surroundings, before: Sequence[Finding]) -> list[Finding]:  # noqa: ARG001
    """Look how long the computer runs, and whether it went down in order the last time."""
    name, text = "computer.uptime", around.read("/proc/uptime")
    if text is None:
        return [untested(name, "computer.unreadable", file="/proc/uptime")]
    hours = round(float(text.split()[0]) / 3600, 1)
    log = kernel_log(around)
    unclean = log.count(r"recovery complete|was not properly unmounted|orphan cleanup on"
                        r"|Starting recovery \(logdev|not cleanly")  # fmt: skip
    crashed = len(list(around.path("/sys/fs/pstore").glob("dmesg-*")))
    evidence: Evidence = {
        "hours": hours, "kernel_log": log.state, "file_systems_repaired": unclean,
        "crashes_kept": crashed,
    }  # fmt: skip
    if unclean or crashed:
        return [suspect(name, "computer.went_down", Cause.CABLE_OR_POWER, Who.TECHNICIAN, 0.6,
                        evidence)]  # fmt: skip
    return [sound(name, "computer.runs", evidence, 0.8 if log.is_readable else 0.5, hours=hours)]


PROBES = (
    FunctionProbe("computer.load", _load, (), 5),
    FunctionProbe("computer.memory", _memory, (), 5),
    FunctionProbe("computer.clock", _clock, (), 5),
    Layer("computer.drift", _drift, ("network.centre", "network.portal"), 20),
    FunctionProbe("computer.heat", _heat, (), 5),
    FunctionProbe("computer.supply", _supply, (), 5),
    FunctionProbe("computer.uptime", _uptime, (), 5),
)
# What many machines do not tell, or only to root, rules nothing out.
CAUSES: dict[str, tuple[Cause, ...]] = {
    "computer.load": (Cause.COMPUTER,),
    "computer.memory": (Cause.COMPUTER,),
    "computer.clock": (Cause.COMPUTER,),
    "computer.drift": (),
    "computer.heat": (),
    "computer.supply": (Cause.CABLE_OR_POWER,),
    "computer.uptime": (),
}
