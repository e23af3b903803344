# SPDX-License-Identifier: Apache-2.0
"""Input devices of Linux (evdev): which there are, what they measure, and their events.

Request numbers and layouts: linux/input.h and Documentation/input/event-codes.rst of the kernel.
Addresses: ``evdev:/dev/input/event7``. Listing reads only what the kernel wrote into sysfs.
"""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from ektp_hw.errors import DeviceError, ProtocolError
from ektp_hw.transport.base import Connection
from ektp_hw.transport.node import DeviceNode, KernelNode, request_number

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = [
    "ABS",
    "KEY",
    "SYN",
    "SYN_DROPPED",
    "Axis",
    "Event",
    "EventConnection",
    "EventDevice",
    "connect",
    "find",
    "locate",
]

SYN, KEY, ABS = 0, 1, 3
SYN_DROPPED = 3
"""Code of a SYN event: events were lost before it, up to the next SYN_REPORT (code 0)."""

_SYSFS = Path("/sys/class/input")
_URI = re.compile(r"evdev:(/dev/[\w./-]+)")
_EVENT = struct.Struct("@llHHi")
_AXIS = struct.Struct("=6i")
_WORD_BITS = struct.calcsize("@l") * 8
_MOST_EVENTS = 64
_KEYS_NOW, _FIRST_AXIS, _GRAB, _CLOCK = 0x18, 0x40, 0x90, 0xA0
_KEY_BYTES = 96
_IDS = request_number(2, "E", 0x02, 8)
_MONOTONIC = 1


@dataclass(frozen=True)
class EventDevice:
    """An input device, as far as it is known without opening it: codes of its keys and axes."""

    uri: str
    name: str
    keys: frozenset[int]
    axes: frozenset[int]
    vendor_id: int | None = None
    product_id: int | None = None
    serial: str = ""


class Axis(NamedTuple):
    """What EVIOCGABS says: the value now, the range, and units a millimetre (0 if not told)."""

    value: int
    minimum: int
    maximum: int
    fuzz: int
    flat: int
    resolution: int


class Event(NamedTuple):
    """One event; seconds on the monotonic clock."""

    seconds: float
    kind: int
    code: int
    value: int


def find(wanted: Callable[[EventDevice], bool]) -> list[EventDevice]:
    """List the input devices that are wanted; opens none."""
    found = [_read(node.name) for node in sorted(_SYSFS.glob("event*"))]
    return [one for one in found if one is not None and wanted(one)]


def locate(uri: str) -> EventDevice | None:
    """Return what is known of that address, None if no input device is there; opens nothing."""
    match = _URI.fullmatch(uri)
    return _read(Path(match[1]).name) if match else None


def connect(uri: str) -> DeviceNode:
    """Open the node.

    Raises
    ------
    DeviceNotFound, DeviceUnavailable, DeviceBusy, DeviceRemoved
        As opening it fails.
    """
    match = _URI.fullmatch(uri)
    if match is None:
        raise DeviceError("its address must look like evdev:/dev/input/event7", device=uri)
    rule = 'SUBSYSTEM=="input", KERNEL=="event*", ENV{ID_INPUT_TABLET}=="1", TAG+="uaccess"'
    return KernelNode(match[1], uri, rule=rule, question=_IDS)


class EventConnection(Connection):
    """An open input device that nobody else hears, stamped with the monotonic clock.

    Raises
    ------
    DeviceBusy
        If another program has grabbed the device.
    """

    def __init__(self, node: DeviceNode) -> None:
        self._node = node
        clock = bytearray(struct.pack("=i", _MONOTONIC))
        try:
            node.request(request_number(1, "E", _CLOCK, 4), clock)
            # EVIOCGRAB looks at the argument itself, not at what it points to: any buffer grabs.
            node.request(request_number(1, "E", _GRAB, 4), bytearray(4))
        except DeviceError:
            node.close()
            raise

    def axis(self, code: int) -> Axis:
        """Ask for an axis: EVIOCGABS."""
        buffer = bytearray(_AXIS.size)
        self._node.request(request_number(2, "E", _FIRST_AXIS + code, _AXIS.size), buffer)
        return Axis(*_AXIS.unpack(buffer))

    def is_pressed(self, code: int) -> bool:
        """Ask for a key or button: EVIOCGKEY."""
        buffer = bytearray(_KEY_BYTES)
        self._node.request(request_number(2, "E", _KEYS_NOW, _KEY_BYTES), buffer)
        return bool(buffer[code // 8] >> code % 8 & 1)

    def read(self, timeout: float) -> list[Event]:
        """Return the events of one read, none when the time is over.

        Raises
        ------
        DeviceRemoved, ProtocolError
            If the device has gone or sends broken events.
        """
        raw = self._node.read(_EVENT.size * _MOST_EVENTS, timeout)
        if len(raw) % _EVENT.size:
            raise ProtocolError(
                "the device's events are cut off; plug it in again", device=self._node.uri
            )
        return [
            Event(seconds + micro / 1e6, kind, code, value)
            for seconds, micro, kind, code, value in _EVENT.iter_unpack(raw)
        ]

    def close(self) -> None:
        """Close the node, which lets go of the device too."""
        self._node.close()


def _read(name: str) -> EventDevice | None:
    """Return what sysfs says of one node; None if it is gone."""
    device = _SYSFS / name / "device"
    try:
        about = (device / "uevent").read_text(encoding="utf-8", errors="replace")
    except OSError:  # unplugged meanwhile
        return None
    told = dict(line.split("=", 1) for line in about.splitlines() if "=" in line)
    ids = [int(part, 16) for part in told.get("PRODUCT", "").split("/") if part]
    return EventDevice(
        f"evdev:/dev/input/{name}",
        told.get("NAME", name).strip('"'),
        _codes(told.get("KEY", "")),
        _codes(told.get("ABS", "")),
        ids[1] if len(ids) == 4 else None,
        ids[2] if len(ids) == 4 else None,
        told.get("UNIQ", "").strip('"'),
    )


def _codes(words: str) -> frozenset[int]:
    """Read a bitmap as the kernel prints it: hexadecimal words of a C long, the highest first."""
    mask = 0
    for word in words.split():
        mask = mask << _WORD_BITS | int(word, 16)
    return frozenset(bit for bit in range(mask.bit_length()) if mask >> bit & 1)
