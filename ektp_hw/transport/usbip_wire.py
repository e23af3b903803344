# SPDX-License-Identifier: Apache-2.0
"""The bytes of USB/IP 1.1.1, for both ends (Linux kernel, Documentation/usb/usbip_protocol.rst).

Everything is big-endian, apart from the eight setup bytes, which are as on the USB.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

__all__ = [
    "BUSY",
    "CMD_SUBMIT",
    "CMD_UNLINK",
    "HEADER",
    "NOT_AVAILABLE",
    "OPERATION",
    "OP_DEVLIST",
    "OP_IMPORT",
    "OP_REPLY_OF",
    "RET_SUBMIT",
    "RET_UNLINK",
    "STATUS",
    "VERSION",
    "Exported",
    "Urb",
    "result_of",
    "submitted",
    "unlink",
    "unlinked",
    "victim_of",
]

VERSION = 0x0111
OPERATION = struct.Struct(">HHI")
"""Version, code, status: the start of every exchange outside transfers."""
OP_IMPORT, OP_DEVLIST = 0x8003, 0x8005
OP_REPLY_OF = {OP_IMPORT: 0x0003, OP_DEVLIST: 0x0005}
CMD_SUBMIT, CMD_UNLINK, RET_SUBMIT, RET_UNLINK = 1, 2, 3, 4
NOT_AVAILABLE, BUSY = 1, 2
"""Status of an import: no such device, or held by another client."""

HEADER = struct.Struct(">IIIII28s")
"""Command, sequence number, device id, direction, endpoint, and 28 bytes that depend on it."""
_SUBMIT = struct.Struct(">IiiiI8s")
_RETURN = struct.Struct(">iiiii8x")
_DEVICE = struct.Struct(">256s32sIIIHHHBBBBBB")
_NO_ISOCHRONOUS = -1

STATUS = {
    "ok": 0,
    "stall": -32,
    "gone": -19,
    "overflow": -75,
    "timeout": -110,
    "protocol": -71,
    "unlinked": -104,
    "shutdown": -108,
}
"""Results of a transfer: negative numbers of Linux's errno.h, on every system."""


@dataclass(frozen=True)
class Exported:
    """What a server tells of a device in its list and when it is imported."""

    bus_id: str
    bus: int
    address: int
    speed: int
    vendor_id: int
    product_id: int
    release: int
    triple: tuple[int, int, int]
    configuration: int
    configurations: int
    interfaces: int
    path: str = ""

    SIZE = _DEVICE.size

    @property
    def device_id(self) -> int:
        """The number that transfers carry: bus and address."""
        return self.bus << 16 | self.address

    @classmethod
    def from_bytes(cls, record: bytes) -> Exported:
        """Read one record of 312 bytes."""
        path, bus_id, bus, address, speed, vendor, product, release, *rest = _DEVICE.unpack(record)
        return cls(
            _text(bus_id), bus, address, speed, vendor, product, release,
            (rest[0], rest[1], rest[2]), rest[3], rest[4], rest[5], _text(path),
        )  # fmt: skip

    def to_bytes(self) -> bytes:
        """Write the record of 312 bytes."""
        return _DEVICE.pack(
            self.path.encode(), self.bus_id.encode(), self.bus, self.address, self.speed,
            self.vendor_id, self.product_id, self.release, *self.triple,
            self.configuration, self.configurations, self.interfaces,
        )  # fmt: skip


@dataclass(frozen=True)
class Urb:
    """One transfer to submit: `data` goes out, or up to `length` bytes come in."""

    sequence: int
    device_id: int
    endpoint: int
    is_in: bool
    length: int
    setup: bytes = bytes(8)
    data: bytes = b""

    def to_bytes(self) -> bytes:
        """Write the command, with the data of an OUT transfer behind it."""
        tail = _SUBMIT.pack(0, self.length, 0, _NO_ISOCHRONOUS, 0, self.setup)
        return (
            HEADER.pack(
                CMD_SUBMIT, self.sequence, self.device_id, self.is_in, self.endpoint & 15, tail
            )
            + self.data
        )

    @classmethod
    def from_header(cls, header: tuple[int, int, int, int, int, bytes]) -> Urb:
        """Read a submit command; the data of an OUT transfer follows on the wire."""
        _, sequence, device_id, direction, endpoint, tail = header
        _, length, _, _, _, setup = _SUBMIT.unpack(tail)
        return cls(sequence, device_id, endpoint, bool(direction), length, setup)


def submitted(sequence: int, status: int, length: int, data: bytes = b"") -> bytes:
    """Write the answer to a submit command."""
    return HEADER.pack(RET_SUBMIT, sequence, 0, 0, 0, _RETURN.pack(status, length, 0, 0, 0)) + data


def unlink(sequence: int, device_id: int, victim: int) -> bytes:
    """Write the command that takes back the transfer `victim`."""
    return HEADER.pack(CMD_UNLINK, sequence, device_id, 0, 0, struct.pack(">I24x", victim))


def unlinked(sequence: int, status: int) -> bytes:
    """Write the answer to an unlink command."""
    return HEADER.pack(RET_UNLINK, sequence, 0, 0, 0, struct.pack(">i24x", status))


def victim_of(tail: bytes) -> int:
    """Return the sequence number that an unlink command names."""
    return int.from_bytes(tail[:4], "big")


def result_of(tail: bytes) -> tuple[int, int]:
    """Return status and length of an answer to a submit command."""
    status, length, _, _, _ = _RETURN.unpack(tail)
    return status, length


def _text(field: bytes) -> str:
    return field.split(b"\0", 1)[0].decode("utf-8", "replace")
