# SPDX-License-Identifier: Apache-2.0
"""What an open USB device says of itself: interfaces, their endpoints, their class descriptors.

Layout: USB 2.0 specification, chapter 9.6. Class descriptors are handed on as bytes; what they
mean is for the drivers of that class.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ektp_hw.errors import ProtocolError

if TYPE_CHECKING:
    from ektp_hw.transport.base import UsbConnection

__all__ = ["BULK", "INTERRUPT", "Endpoint", "Interface", "Which", "number_of", "parse", "read"]

BULK, INTERRUPT = 2, 3
Which = int | tuple[int, int, int]
"""An interface's number, or class, subclass and protocol of the first one meant."""
_IN = 0x80
_CONFIGURATION, _INTERFACE, _ENDPOINT = 2, 4, 5
_LONGEST = 4096
"""Bytes of a configuration that are read; real cameras need up to about 2000."""


@dataclass(frozen=True)
class Endpoint:
    """Address (bit 7 set for IN), transfer type (2 bulk, 3 interrupt) and packet size."""

    address: int
    transfer: int
    packet: int

    @property
    def is_in(self) -> bool:
        """Whether data flows to the host."""
        return bool(self.address & _IN)


@dataclass(frozen=True)
class Interface:
    """One alternate setting of one interface."""

    number: int
    alternate: int
    triple: tuple[int, int, int]
    endpoints: list[Endpoint] = field(default_factory=list)
    class_descriptors: list[bytes] = field(default_factory=list)

    def endpoint(self, transfer: int, *, is_in: bool) -> Endpoint | None:
        """Return the first endpoint of that type and direction."""
        for each in self.endpoints:
            if each.transfer == transfer and each.is_in is is_in:
                return each
        return None


def read(usb: UsbConnection) -> list[Interface]:
    """Ask the device for its first configuration and take it apart."""
    return parse(usb.control_in(0x80, 6, _CONFIGURATION << 8, 0, _LONGEST))


def parse(configuration: bytes) -> list[Interface]:
    """Take a configuration apart.

    Raises
    ------
    ProtocolError
        If a descriptor's length is impossible or it stands where none may.
    """
    interfaces: list[Interface] = []
    at = 0
    while at < len(configuration):
        length = configuration[at]
        one = configuration[at : at + length]
        if length < 2 or len(one) < length:
            raise ProtocolError("the device's configuration descriptor is damaged; plug it in anew")
        at += length
        kind = one[1]
        if kind == _INTERFACE and length >= 9:
            interfaces.append(Interface(one[2], one[3], (one[5], one[6], one[7])))
        elif kind == _ENDPOINT and length >= 7 and interfaces:
            (packet,) = struct.unpack_from("<H", one, 4)
            interfaces[-1].endpoints.append(Endpoint(one[2], one[3] & 3, packet & 0x7FF))
        elif kind != _CONFIGURATION and interfaces:
            interfaces[-1].class_descriptors.append(one)
    return interfaces


def number_of(device: Any, wanted: Which, uri: str) -> int:  # noqa: ANN401
    """Return the number of the interface meant, of a pyusb device that nobody has claimed yet.

    Raises
    ------
    ProtocolError
        If the device has none of that class.
    """
    if isinstance(wanted, int):
        return wanted
    for face in device[0]:
        if (face.bInterfaceClass, face.bInterfaceSubClass, face.bInterfaceProtocol) == wanted:
            return int(face.bInterfaceNumber)
    raise ProtocolError(
        f"it has no interface of class {'/'.join(f'{part:02x}' for part in wanted)}, so it is not "
        "what its ids say; take it out of service",
        device=uri,
    )
