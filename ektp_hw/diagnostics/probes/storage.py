# SPDX-License-Identifier: Apache-2.0
"""Where the station writes: space, a real write, and the health of the disks beneath.

Sources: proc(5) and Documentation/ABI of the Linux kernel; for eMMC the life and end-of-life
registers of JEDEC JESD84-B51 (EXT_CSD 267 to 269).
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import re
import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from ektp_hw.diagnostics.findings import Cause, Who
from ektp_hw.diagnostics.probes.kernel_log import kernel_log
from ektp_hw.diagnostics.probes.saying import FunctionProbe, broken, sound, suspect, untested

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ektp_hw.diagnostics.findings import Evidence, Finding, Value
    from ektp_hw.diagnostics.surroundings import Surroundings

__all__ = ["CAUSES", "PROBES"]

_OURS = (Cause.STORAGE, Who.TECHNICIAN)
_MB = 1024 * 1024
_FULL, _LOW = 20 * _MB, 2048 * _MB
_NOT_A_DISK = re.compile(r"^(loop|ram|zram|dm-|md|sr|fd|nbd)")
_SLOW = 3.0
_ERRORS = (
    r"I/O error, dev (?!fd|sr)|critical (?:medium|target) error"
    r"|Buffer I/O error on dev(?:ice)? (?!fd|sr)|EXT4-fs error|XFS .*[Cc]orruption|BTRFS error"
    r"|Remounting filesystem read-only|ata\d.*failed command"
    r"|nvme.*(?:timeout|reset controller)"
)


def _places(around: Surroundings) -> dict[str, Path]:
    """Return the folders in which the station writes, by the name that is said of them."""
    home = around.environment.get("HOME", "")
    named = {"/var": "/var", "/tmp": "/tmp"}  # noqa: S108  # looked at, and written with tempfile
    if home.startswith("/"):
        named["~"] = home
    if around.profile.waiting is not None:
        waiting = str(around.profile.waiting)
        named[waiting.replace(home, "~", 1) if home and waiting.startswith(home) else waiting] = (
            waiting
        )
    places = {name: around.path(text) for name, text in named.items()}
    return {name: place for name, place in places.items() if place.is_dir()}


def _space(around: Surroundings, before: Sequence[Finding]) -> list[Finding]:  # noqa: ARG001
    """Look at the bytes and the inodes that are left, once for each file system."""
    name = "storage.space"
    evidence: dict[str, str | int | float | bool | None] = {}
    findings: list[Finding] = []
    seen: set[int] = set()
    for place, path in _places(around).items():
        with contextlib.suppress(OSError):
            disk = os.statvfs(path)
            if (device := path.stat().st_dev) in seen:
                continue
            seen.add(device)
            left = disk.f_bavail * disk.f_frsize
            share = disk.f_bavail / max(1, disk.f_blocks)
            evidence[f"megabytes_left:{place}"] = left // _MB
            evidence[f"inodes_left:{place}"] = disk.f_favail
            values: dict[str, Value] = {"place": place, "megabytes": left // _MB}
            if disk.f_blocks and left < _FULL:
                findings.append(
                    broken(name, "storage.full", *_OURS, 0.95, dict(evidence), **values)
                )
            elif disk.f_files and disk.f_favail < 100:
                findings.append(
                    broken(name, "storage.no_inodes", *_OURS, 0.9, dict(evidence), **values)
                )
            elif disk.f_blocks and share < 0.1 and left < _LOW:
                findings.append(suspect(name, "storage.low", *_OURS, 0.9, dict(evidence), **values))
    if not seen:
        return [untested(name, "storage.no_place")]
    return findings or [sound(name, "storage.room", evidence)]


def _writing(around: Surroundings, before: Sequence[Finding]) -> list[Finding]:  # noqa: ARG001
    """Look whether a file system is read-only, and write a small file where we may."""
    name = "storage.writing"
    mounts = _mounts(around)
    evidence: dict[str, str | int | float | bool | None] = {}
    slowest = 0.0
    for place, path in _places(around).items():
        if _is_read_only(mounts, "/" + str(path.relative_to(around.root))):
            evidence[f"writing:{place}"] = "read-only"
            return [broken(name, "storage.read_only", *_OURS, 0.95, evidence, place=place)]
        begun = time.monotonic()
        try:
            _write(path)
        except OSError as error:
            evidence[f"writing:{place}"] = errno.errorcode.get(error.errno or 0, "error")
            if error.errno in {errno.EACCES, errno.EPERM}:
                continue
            keys = {errno.ENOSPC: "full", errno.EDQUOT: "full", errno.EROFS: "read_only"}
            key = f"storage.{keys.get(error.errno or 0, 'write_fails')}"
            return [broken(name, key, *_OURS, 0.95, evidence, place=place, megabytes=0)]
        seconds = time.monotonic() - begun
        slowest = max(slowest, seconds)
        evidence[f"write_seconds:{place}"] = round(seconds, 3)
    if not any(isinstance(value, float) for value in evidence.values()):
        return [untested(name, "storage.no_place", evidence)]
    if slowest > _SLOW:
        seconds = round(slowest, 1)
        return [suspect(name, "storage.slow", *_OURS, 0.6, evidence, seconds=seconds)]
    return [sound(name, "storage.writes", evidence)]


def _write(folder: Path) -> None:
    with tempfile.NamedTemporaryFile(dir=folder, prefix=".ektp-hw-doctor-") as file:
        file.write(b"\0" * 4096)
        file.flush()
        os.fsync(file.fileno())


def _mounts(around: Surroundings) -> dict[str, set[str]]:
    lines = (around.read("/proc/mounts") or "").splitlines()
    words = [line.split() for line in lines]
    return {
        each[1].replace("\\040", " "): set(each[3].split(",")) for each in words if len(each) > 3
    }


def _is_read_only(mounts: dict[str, set[str]], folder: str) -> bool:
    above = [
        mount for mount in mounts if folder == mount or folder.startswith(mount.rstrip("/") + "/")
    ]
    return bool(above) and "ro" in mounts[max(above, key=len)]


def _disks(around: Surroundings, before: Sequence[Finding]) -> list[Finding]:  # noqa: ARG001
    """Ask every disk how it is, by what needs no root, and by smartctl where it may."""
    name = "storage.disks"
    try:
        folders = sorted(around.path("/sys/block").iterdir())
    except OSError:
        folders = []
    folders = [each for each in folders if not _NOT_A_DISK.match(each.name)]
    evidence: dict[str, str | int | float | bool | None] = {}
    if re.search(r"\[U*_+U*\]", around.read("/proc/mdstat") or ""):
        return [suspect(name, "storage.array_degraded", *_OURS, 0.95)]
    answered = False
    for folder in folders:
        disk, worn = folder.name, _worn(folder)
        smart = None if worn is not None else _smart(around, disk)
        evidence[f"wear:{disk}" if smart is None else f"smart:{disk}"] = worn or smart
        if _read(folder / "device/state") == "offline":
            return [broken(name, "storage.disk_gone", *_OURS, 0.9, evidence, disk=disk)]
        if worn == "urgent" or smart == "failing":
            return [broken(name, "storage.disk_fails", *_OURS, 0.85, evidence, disk=disk)]
        if worn == "warning":
            return [suspect(name, "storage.disk_worn", *_OURS, 0.9, evidence, disk=disk)]
        answered |= worn is not None or smart == "passed"
    if not answered:
        return [untested(name, "storage.disks_silent" if folders else "storage.no_disk", evidence)]
    return [sound(name, "storage.disks_well", evidence)]


def _read(path: Path) -> str:
    try:
        return path.read_text("ascii", errors="replace").strip()
    except OSError:
        return ""


def _worn(folder: Path) -> str | None:
    """Return how worn an eMMC or SD says it is: normal, warning, urgent; None if it does not."""
    end = _read(folder / "device/pre_eol_info")
    life = [int(word, 16) for word in _read(folder / "device/life_time").split()]
    if not end or int(end, 16) == 0:
        return None
    if int(end, 16) >= 3 or any(each >= 0xB for each in life):
        return "urgent"
    return "warning" if int(end, 16) == 2 or any(each >= 9 for each in life) else "normal"


def _smart(around: Surroundings, disk: str) -> str:
    program = shutil.which(
        "smartctl", path=around.environment.get("PATH", os.defpath) + ":/usr/sbin:/sbin"
    )
    if program is None or around.root != Path("/"):
        return "smartctl not installed"
    try:
        done = subprocess.run(  # noqa: S603  # a program of the system, a name of the kernel
            [program, "-H", "-j", f"/dev/{disk}"], capture_output=True, timeout=5, check=False
        )
        table = json.loads(done.stdout)
    except (OSError, subprocess.TimeoutExpired, ValueError):
        return "no answer"
    if "smart_status" not in table:
        return "only for root" if os.geteuid() else "not told"
    return "passed" if table["smart_status"].get("passed") else "failing"


def _errors(around: Surroundings, before: Sequence[Finding]) -> list[Finding]:  # noqa: ARG001
    """Count what the kernel has written of disks that fail."""
    name, log = "storage.errors", kernel_log(around)
    if not log.is_readable:
        return [untested(name, "storage.log_forbidden", {"log": log.state})]
    count = log.count(_ERRORS)
    evidence: Evidence = {"lines": count}
    if count >= 10 or log.count("Remounting filesystem read-only"):
        return [broken(name, "storage.many_errors", *_OURS, 0.8, evidence, count=count)]
    if count:
        return [suspect(name, "storage.some_errors", *_OURS, 0.8, evidence, count=count)]
    return [sound(name, "storage.no_errors", evidence)]


PROBES = (
    FunctionProbe("storage.errors", _errors, (), 5),
    FunctionProbe("storage.disks", _disks, (), 25),
    FunctionProbe("storage.space", _space, (), 5),
    FunctionProbe(
        "storage.writing", _writing, ("storage.space", "storage.errors", "storage.disks"), 15
    ),
)
# What many machines do not tell, or only to root, rules nothing out.
CAUSES: dict[str, tuple[Cause, ...]] = {
    "storage.errors": (),
    "storage.disks": (),
    "storage.space": (Cause.STORAGE,),
    "storage.writing": (Cause.STORAGE,),
}
