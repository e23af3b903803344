# SPDX-License-Identifier: Apache-2.0
"""Who holds a USB card reader of this machine: the PC/SC service, the kernel, nobody.

No reader is opened for it. Linux tells by a link in sysfs which driver has an interface: ``usbfs``
stands for a program, such as pcscd; ``pn533_usb`` is the kernel's NFC driver, which takes the
ACR122U for itself (nfc-tools/libnfc 338, acshk/acsccid 3, italia/cie-middleware-linux 56).
"""

from __future__ import annotations

from pathlib import Path

from ektp_hw.errors import DeviceUnavailable
from ektp_hw.transport.pcsc import Context

__all__ = ["KERNEL_NFC", "held_by_service", "kernel_driver", "remedy"]

_SYSFS = Path("/sys/bus/usb/devices")
_PROGRAM = "usbfs"
KERNEL_NFC = "pn533_usb"


def kernel_driver(uri: str) -> str:
    """Return the driver of the first interface at a ``usb:vvvv:pppp@place`` address, or nothing."""
    place = uri.partition("@")[2]
    if not place:
        return ""
    try:
        return (_SYSFS / f"{place}:1.0" / "driver").readlink().name
    except OSError:  # not Linux, or no driver
        return ""


def held_by_service(uri: str, serial: str = "") -> bool:
    """Tell whether the PC/SC service has this reader, so that it is listed there already.

    The service is asked first, because asking may start it. It names readers of libccid with their
    serial number in brackets; a reader without one is taken to be the service's if the service
    knows readers and some program holds the interface.
    """
    try:
        with Context() as context:
            names = context.readers()
    except DeviceUnavailable:
        return False
    if serial and any(f"({serial})" in name for name in names):
        return True
    return bool(names) and kernel_driver(uri) == _PROGRAM


def remedy(uri: str) -> str:
    """Say what to do about the kernel's NFC driver if it holds the reader; nothing if not."""
    if kernel_driver(uri) != KERNEL_NFC:
        return ""
    return (
        f"the kernel's NFC driver {KERNEL_NFC} holds the reader; write 'blacklist {KERNEL_NFC}'"
        f" into /etc/modprobe.d/ektp-hw.conf, run 'modprobe -r {KERNEL_NFC}' and plug the reader"
        " in again"
    )
