# SPDX-License-Identifier: Apache-2.0
"""HID devices that the kernel offers as ``/dev/hidraw*``: which there are, and their requests.

Request numbers: linux/hidraw.h. Addresses: ``hidraw:/dev/hidraw0``. Listing reads only what the
kernel wrote into sysfs when the device was plugged in.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ektp_hw.errors import DeviceError, ProtocolError
from ektp_hw.transport.node import DeviceNode, KernelNode, request_number

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = [
    "HidrawAddress",
    "connect",
    "find",
    "get_feature",
    "hidraw_rule",
    "locate",
    "report_descriptor",
    "set_feature",
]

_SYSFS = Path("/sys/class/hidraw")
_URI = re.compile(r"hidraw:(/dev/[\w./-]+)")
_ID = re.compile(r"^HID_ID=[0-9A-F]{4}:([0-9A-F]{8}):([0-9A-F]{8})$", re.MULTILINE)
_DESCRIPTOR_SIZE = request_number(2, "H", 0x01, 4)
_DESCRIPTOR = request_number(2, "H", 0x02, 4100)
_SET_FEATURE, _GET_FEATURE = 0x06, 0x07


@dataclass(frozen=True)
class HidrawAddress:
    """A device behind a hidraw node, as far as it is known without opening it.

    `place` is where it sits on the USB (``1-3``), empty if it is on no USB.
    """

    uri: str
    vendor_id: int
    product_id: int
    serial: str = ""
    place: str = ""


def find(ids: Iterable[Iterable[int]]) -> list[HidrawAddress]:
    """List the hidraw nodes of devices with one of these (vendor, product) pairs; opens none."""
    wanted = {tuple(pair) for pair in ids}
    found = [_read(node.name) for node in sorted(_SYSFS.glob("hidraw*"))]
    return [one for one in found if one and (one.vendor_id, one.product_id) in wanted]


def locate(uri: str, ids: Iterable[Iterable[int]]) -> HidrawAddress | None:
    """Return what is known of that address, None if it is none of these devices; opens nothing."""
    match = _URI.fullmatch(uri)
    if match is None:
        return None
    one = _read(Path(match[1]).name)
    wanted = {tuple(pair) for pair in ids}
    return one if one and (one.vendor_id, one.product_id) in wanted else None


def connect(uri: str, ids: tuple[int, int] | None = None) -> DeviceNode:
    """Open the node.

    Parameters
    ----------
    uri
        ``hidraw:/dev/hidraw0``.
    ids
        Vendor and product for the udev rule in the message if it may not be opened.

    Raises
    ------
    DeviceNotFound, DeviceUnavailable, DeviceBusy, DeviceRemoved
        As opening it fails.
    """
    match = _URI.fullmatch(uri)
    if match is None:
        raise DeviceError("a hidraw address looks like hidraw:/dev/hidraw0", device=uri)
    seen = _read(Path(match[1]).name)
    vendor, product = ids or ((seen.vendor_id, seen.product_id) if seen else (0, 0))
    rule = hidraw_rule(vendor, product)
    return KernelNode(match[1], uri, writable=True, rule=rule, question=_DESCRIPTOR_SIZE)


def hidraw_rule(vendor_id: int, product_id: int) -> str:
    """Return the udev rule that lets the person at the desk use the node."""
    return (
        f'KERNEL=="hidraw*", ATTRS{{idVendor}}=="{vendor_id:04x}", '
        f'ATTRS{{idProduct}}=="{product_id:04x}", MODE="0660", TAG+="uaccess"'
    )


def get_feature(node: DeviceNode, report: int, length: int, timeout: float) -> bytes:
    """Fetch a feature report; its id first."""
    buffer = bytearray([report]).ljust(length, b"\0")
    count = node.request(request_number(3, "H", _GET_FEATURE, length), buffer, timeout)
    return bytes(buffer[:count])


def set_feature(node: DeviceNode, message: bytes, timeout: float) -> None:
    """Send a feature report; its id first."""
    node.request(request_number(3, "H", _SET_FEATURE, len(message)), bytearray(message), timeout)


def report_descriptor(node: DeviceNode) -> bytes:
    """Return what the device says of its reports (USB HID 1.11, 6.2.2)."""
    size = bytearray(4)
    node.request(_DESCRIPTOR_SIZE, size)
    count = int.from_bytes(size, "little")
    if count > 4096:
        raise ProtocolError("the report descriptor is too long; plug it in anew", device=node.uri)
    buffer = bytearray(size).ljust(4100, b"\0")
    node.request(_DESCRIPTOR, buffer)
    return bytes(buffer[4 : 4 + count])


def _read(name: str) -> HidrawAddress | None:
    """Return what sysfs says of one node; None if it is gone or is no USB or Bluetooth HID."""
    device = _SYSFS / name / "device"
    try:
        about = (device / "uevent").read_text(encoding="utf-8", errors="replace")
        path = str(device.resolve())
    except OSError:  # unplugged meanwhile
        return None
    ids = _ID.search(about)
    if ids is None:
        return None
    serial = re.search(r"^HID_UNIQ=(.*)$", about, re.MULTILINE)
    place = re.search(r"/([0-9]+-[0-9.]+):[0-9]+\.[0-9]+/", path + "/")
    return HidrawAddress(
        f"hidraw:/dev/{name}",
        int(ids[1], 16),
        int(ids[2], 16),
        serial[1].strip() if serial else "",
        place[1] if place else "",
    )
