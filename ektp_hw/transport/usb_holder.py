# SPDX-License-Identifier: Apache-2.0
"""Who holds a USB interface: a driver of the kernel, or a program, and how to make it let go.

Linux tells both: the interface's ``driver`` link in /sys, and the open files of processes in
/proc, those of other users only to root.
"""

from __future__ import annotations

import os
from pathlib import Path

from ektp_hw.transport.node_openers import openers, program_name

__all__ = ["holder"]

_SYSFS = Path("/sys/bus/usb/devices")
_NODES = Path("/dev/bus/usb")
_FOR_PROGRAMS = "usbfs"
"""The kernel's driver through which programs use a device."""
_SERVICES = {"pcscd": "pcscd.socket pcscd.service", "fprintd": "fprintd.service"}
"""Programs that come back unless their service is stopped -> what to stop."""


def holder(place: str, interface: int, bus: int, address: int) -> str:
    """Say in one sentence who holds an interface and what to do about it.

    Parameters
    ----------
    place
        Bus and port chain as the kernel names the device, ``1-4.2``.
    interface
        The interface's number.
    bus, address
        Numbers of the device's node, ``/dev/bus/usb/<bus>/<address>``.
    """
    driver = _driver_of(place, interface)
    if driver and driver.name != _FOR_PROGRAMS:
        return _kernel_driver(driver, f"{place}:1.{interface}")
    node = _NODES / f"{bus:03d}" / f"{address:03d}"
    holders = sorted(openers(node))
    others = [pid for pid in holders if pid != os.getpid()]
    if not others and holders and driver:
        return "this program itself has it open elsewhere; close it there"
    if not others:
        return f"another program holds it; close that program ('sudo lsof {node}' names it)"
    return _programs({pid: program_name(pid) or "of an ended process" for pid in others})


def _driver_of(place: str, interface: int) -> Path | None:
    """Return the driver's folder in /sys; None if there is none or this is not Linux."""
    for face in _SYSFS.glob(f"{place}:*.{interface}"):
        if (face / "driver").exists() or (face / "driver").is_symlink():
            return _SYSFS.parent / "drivers" / (face / "driver").readlink().name
    return None


def _kernel_driver(driver: Path, face: str) -> str:
    name = driver.name
    module = driver / "module"
    said = f" of the module {module.readlink().name}" if module.is_symlink() else ""
    return (
        f"the kernel driver '{name}'{said} holds it; free it as root with"
        f" 'echo {face} > /sys/bus/usb/drivers/{name}/unbind'"
    )


def _programs(names: dict[int, str]) -> str:
    said = " and ".join(f"{name} (process {pid})" for pid, name in names.items())
    services = sorted({_SERVICES[name] for name in names.values() if name in _SERVICES})
    advice = f"'systemctl stop {' '.join(services)}'" if services else "close that program"
    return f"the program {said} holds it; {advice}"
