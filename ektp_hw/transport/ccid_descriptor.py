# SPDX-License-Identifier: Apache-2.0
"""What a CCID reader says it can do by itself and what it leaves to the host.

Source: USB-IF, "Specification for Integrated Circuit(s) Cards Interface Devices", revision 1.1,
table 5.1-1.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from ektp_hw.errors import DeviceUnavailable, ProtocolError, UnavailableReason
from ektp_hw.transport import usb_interfaces

if TYPE_CHECKING:
    from ektp_hw.transport.usb_interfaces import Interface

__all__ = ["HEAD_BYTES", "Abilities", "Level", "abilities"]

HEAD_BYTES = 10
"""Every message begins with so many bytes."""
_CLASS = 0x0B
_KIND, _LENGTH = 0x21, 54
_LEVELS = 0x00070000
_SHORTEST_MESSAGE = 261 + HEAD_BYTES
_LONGEST_MESSAGE = 65536 + 9 + HEAD_BYTES
_MOST_SLOTS = 16
"""More than any reader has; a larger number is a damaged descriptor."""


class Level(Enum):
    """What the host hands to the reader at once."""

    TPDU = 0x00010000
    SHORT_APDU = 0x00020000
    EXTENDED_APDU = 0x00040000


@dataclass(frozen=True)
class Abilities:
    """A reader's description of itself.

    Parameters
    ----------
    out_endpoint, in_endpoint
        Bulk endpoints for messages.
    changes_endpoint
        Interrupt endpoint that tells of cards coming and going; None where there is none.
    slots
        How many cards it takes at once.
    longest_message
        Bytes, head included.
    longest_block
        Bytes of information the reader takes in a T=1 block (dwMaxIFSD).
    sets_voltage, sets_parameters, negotiates_block
        What it does by itself: supply voltage; protocol and rate from the ATR; T=1 block length.
    """

    out_endpoint: int
    in_endpoint: int
    changes_endpoint: int | None
    slots: int
    longest_message: int
    level: Level
    longest_block: int
    sets_voltage: bool
    sets_parameters: bool
    negotiates_block: bool


def abilities(interfaces: list[Interface], device: str) -> Abilities:
    """Find the reader's interface and read what it says about itself.

    Raises
    ------
    DeviceUnavailable
        If there is none, or the reader exchanges single characters.
    ProtocolError
        If it describes itself as nothing can be.
    """
    for face in interfaces:
        own = [
            descriptor
            for descriptor in face.class_descriptors
            if descriptor[1] == _KIND and len(descriptor) >= _LENGTH
        ]
        to_reader = face.endpoint(usb_interfaces.BULK, is_in=False)
        from_reader = face.endpoint(usb_interfaces.BULK, is_in=True)
        if face.triple[0] == _CLASS and own and to_reader is not None and from_reader is not None:
            changes = face.endpoint(usb_interfaces.INTERRUPT, is_in=True)
            told = None if changes is None else changes.address
            ends = (to_reader.address, from_reader.address, told)
            return _read(own[0], ends, device)
    raise DeviceUnavailable(
        "it does not describe itself as a card reader of the USB class CCID;"
        " use it through PC/SC (start pcscd and take its pcsc: address)",
        reason=UnavailableReason.UNSUPPORTED,
        device=device,
    )


def _read(descriptor: bytes, ends: tuple[int, int, int | None], device: str) -> Abilities:
    features, longest = struct.unpack_from("<II", descriptor, 40)
    try:
        level = Level(features & _LEVELS)
    except ValueError:
        raise DeviceUnavailable(
            "this reader exchanges single characters and leaves the card's protocol to the host;"
            " use it through PC/SC (start pcscd and take its pcsc: address)",
            reason=UnavailableReason.UNSUPPORTED,
            device=device,
        ) from None
    if not _SHORTEST_MESSAGE <= longest <= _LONGEST_MESSAGE:
        raise ProtocolError(
            f"the reader claims messages of {longest} bytes; plug it in anew", device=device
        )
    slots = descriptor[4] + 1
    if slots > _MOST_SLOTS:
        raise ProtocolError(f"the reader claims {slots} slots; plug it in anew", device=device)
    (longest_block,) = struct.unpack_from("<I", descriptor, 28)
    return Abilities(
        *ends,
        slots,
        longest,
        level,
        max(1, min(longest_block, 254)),
        sets_voltage=bool(features & 0x08),
        sets_parameters=bool(features & (0x02 | 0x40)) and bool(features & (0x40 | 0x80)),
        negotiates_block=bool(features & 0x400),
    )
