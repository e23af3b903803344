# SPDX-License-Identifier: Apache-2.0
"""Where cameras are, from what the kernel wrote down when they were plugged in; opens no node.

A USB camera's name is the PCI address of its controller, the chain of ports and the interface, as
in ``/dev/v4l/by-path``: it stays with the socket, whatever number the node gets. Which pixel
formats it has stands in its USB descriptors (USB Video Class 1.1, 3.9.2), which the kernel shows.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from ektp_hw.errors import DeviceNotFound

__all__ = ["VideoPlace", "find", "node_of", "place_of", "usb_places"]

_CLASS = Path("/sys/class/video4linux")
_NODE = re.compile(r"video:(/dev/[^\s]+)")
_USB = re.compile(r"video:usb-[^\s]+-[0-9.]+:[0-9]+\.[0-9]+")
_INTERFACE = re.compile(r"([0-9]+-[0-9.]+):([0-9]+)\.([0-9]+)")
_GROUP_OF_INTERFACES, _DESCRIPTOR_OF_INTERFACE, _CLASS_SPECIFIC = 0x0B, 0x04, 0x24
_UNCOMPRESSED = 0x04
_GREY_FORMATS = {
    b"Y800": "GREY",
    b"Y8  ": "GREY",
    b"\x32\0\0\0": "GREY",
    b"Y8I ": "Y8I",
    b"Y10 ": "Y10",
    b"Y12 ": "Y12",
    b"Y16 ": "Y16",
}
"""First bytes of a format's GUID; 0x32 is Microsoft's L8, also in its form for infrared."""


@dataclass(frozen=True)
class VideoPlace:
    """A camera that was seen, without any connection to it.

    Parameters
    ----------
    node
        ``/dev/video0``.
    uri
        ``video:usb-0000:00:14.0-4:1.0`` on a USB, else ``video:/dev/video0``.
    name
        What the camera calls itself.
    vendor_id, product_id, serial
        Of a USB camera; None and empty for others.
    usb_place
        Bus and port chain, ``1-4``; empty for others.
    grey_formats
        Monochrome formats of its descriptors.
    """

    node: str
    uri: str
    name: str
    vendor_id: int | None = None
    product_id: int | None = None
    serial: str = ""
    usb_place: str = ""
    grey_formats: tuple[str, ...] = ()


def find() -> list[VideoPlace]:
    """List the cameras of this machine; nodes for metadata are left out."""
    try:
        entries = sorted(_CLASS.iterdir(), key=_by_number)
    except OSError:  # not Linux, or no camera was ever plugged in
        return []
    return [
        _described(entry)
        for entry in entries
        if entry.name.startswith("video") and _text(entry / "index") in {"", "0"}
    ]


def place_of(uri: str) -> VideoPlace | None:
    """Return what is known of an address, or None if it is none of a camera; opens nothing."""
    if match := _NODE.fullmatch(uri):
        node = os.path.realpath(match[1])
        seen = next((place for place in find() if place.node == node), None)
        return seen or VideoPlace(node, uri, "camera")
    if _USB.fullmatch(uri):
        seen = next((place for place in find() if place.uri == uri), None)
        return seen or VideoPlace("", uri, "camera")
    return None


def node_of(uri: str) -> str:
    """Return the node of an address as things stand now.

    Raises
    ------
    DeviceNotFound
        If no camera is plugged in there, or it is no address of a camera.
    """
    place = place_of(uri)
    if place is None:
        raise DeviceNotFound(
            "that is no camera's address; it looks like video:/dev/video0 or "
            "video:usb-0000:00:14.0-4:1.0",
            device=uri,
        )
    if not place.node:
        raise DeviceNotFound("no camera is plugged in there; check cable and socket", device=uri)
    return place.node


def usb_places() -> set[str]:
    """Return bus and port chain of every USB camera that the kernel's video driver holds."""
    return {place.usb_place for place in find() if place.usb_place}


def _described(entry: Path) -> VideoPlace:
    node = f"/dev/{entry.name}"
    name = _text(entry / "name") or "camera"
    path = Path(os.path.realpath(entry))
    interface = next((one for one in path.parents if _INTERFACE.fullmatch(one.name)), None)
    if interface is None:
        return VideoPlace(node, f"video:{node}", name)
    device = interface.parent
    match = _INTERFACE.fullmatch(interface.name)
    ports = device.name.partition("-")[2]
    controller = next((one.parent.name for one in path.parents if one.name.startswith("usb")), "")
    uri = f"video:usb-{controller}-{ports}:{interface.name.partition(':')[2]}"
    first = int(match[3]) if match else 0
    return VideoPlace(
        node,
        uri,
        name,
        _hexadecimal(device / "idVendor"),
        _hexadecimal(device / "idProduct"),
        _text(device / "serial"),
        device.name,
        grey_formats(_content(device / "descriptors"), first),
    )


def grey_formats(descriptors: bytes, first: int) -> tuple[str, ...]:
    """Return the monochrome formats of one camera among a device's descriptors.

    Parameters
    ----------
    descriptors
        Device and configuration descriptors, as the kernel shows them.
    first
        Number of the camera's first interface, the one that controls it.
    """
    mine = range(first, first + 2)
    inside = False
    found: list[str] = []
    at = 0
    while at + 2 <= len(descriptors) and descriptors[at] >= 2:
        one = descriptors[at : at + descriptors[at]]
        at += descriptors[at]
        if one[1] == _GROUP_OF_INTERFACES and len(one) >= 4 and one[2] == first:
            mine = range(first, first + one[3])
        elif one[1] == _DESCRIPTOR_OF_INTERFACE and len(one) >= 9:
            inside = one[2] in mine
        elif inside and one[1] == _CLASS_SPECIFIC and len(one) >= 21 and one[2] == _UNCOMPRESSED:
            found += [_GREY_FORMATS[one[5:9]]] if one[5:9] in _GREY_FORMATS else []
    return tuple(dict.fromkeys(found))


def _by_number(entry: Path) -> tuple[int, str]:
    digits = entry.name.removeprefix("video")
    return (int(digits) if digits.isdecimal() else 0, entry.name)


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:  # the kernel does not tell
        return b""


def _text(path: Path) -> str:
    return _content(path).decode("utf-8", "replace").strip()


def _hexadecimal(path: Path) -> int | None:
    try:
        return int(_text(path), 16)
    except ValueError:
        return None
