# SPDX-License-Identifier: Apache-2.0
"""What a PC/SC reader says of itself and lets be asked of it beyond cards.

Sources: PC/SC part 10 revision 2.02.09 (feature request, TLV properties), PC/SC part 3 (attribute
tags), the driver libccid's documentation for the escape command and its switch.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from ektp_hw.errors import CardRemoved, DeviceError, DeviceUnavailable, UnavailableReason

if TYPE_CHECKING:
    from ektp_hw.transport.pcsc_card import Card

__all__ = ["ReaderFeatures", "control_code", "escape", "features", "usb_node"]

_GET_FEATURES = 3400
_NAMES = {
    0x01: "verify PIN, start", 0x02: "verify PIN, finish", 0x03: "modify PIN, start",
    0x04: "modify PIN, finish", 0x05: "get key pressed", 0x06: "verify PIN",
    0x07: "modify PIN", 0x08: "MCT reader direct", 0x09: "MCT universal",
    0x0A: "PIN pad properties", 0x0B: "abort", 0x0C: "set SPE message",
    0x0D: "verify PIN, application id", 0x0E: "modify PIN, application id",
    0x0F: "write display", 0x10: "get key", 0x11: "display properties",
    0x12: "TLV properties", 0x13: "CCID escape", 0x20: "execute PACE",
}  # fmt: skip
_TLV_PROPERTIES, _CCID_ESCAPE = 0x12, 0x13
_LONGEST_APDU, _VENDOR_ID, _PRODUCT_ID = 0x0A, 0x0B, 0x0C
_VENDOR, _MODEL, _VERSION, _SERIAL, _CHANNEL = 0x10100, 0x10101, 0x10102, 0x10103, 0x20110
_ESCAPE_CODES = {"win32": 3500}


@dataclass(frozen=True)
class ReaderFeatures:
    """What the reader's driver tells; empty or None where it tells nothing.

    Parameters
    ----------
    codes
        Control code of each feature, by its name in PC/SC part 10.
    usb_place
        Bus and address on USB, None for other readers.
    longest_apdu
        Bytes of the longest command it takes.
    """

    codes: dict[str, int] = field(default_factory=dict)
    vendor: str = ""
    model: str = ""
    version: str = ""
    serial: str = ""
    usb_place: tuple[int, int] | None = None
    vendor_id: int | None = None
    product_id: int | None = None
    longest_apdu: int | None = None


def control_code(number: int, platform: str = sys.platform) -> int:
    """Return the platform's control code for a function number (SCARD_CTL_CODE)."""
    return 0x310000 | number << 2 if platform == "win32" else 0x42000000 + number


def features(card: Card) -> ReaderFeatures:
    """Ask the reader what it can do; a driver that knows no such question is not blamed."""
    codes = _codes(card)
    properties = _properties(card, codes.get(_NAMES[_TLV_PROPERTIES]))
    version = card.attribute(_VERSION) or b""
    number = int.from_bytes(version, "little")
    return ReaderFeatures(
        codes,
        _text(card.attribute(_VENDOR)),
        _text(card.attribute(_MODEL)),
        f"{number >> 24}.{number >> 16 & 0xFF:02d}" if version else "",
        _text(card.attribute(_SERIAL)),
        _usb_place(card),
        properties.get(_VENDOR_ID),
        properties.get(_PRODUCT_ID),
        properties.get(_LONGEST_APDU) or None,
    )


def usb_node(card: Card) -> Path | None:
    """Return the node of a reader on USB, which is there for as long as the reader is plugged in.

    None for other readers and where the system has no such nodes. pcscd tells of a pulled reader
    later: its thread sleeps 0.4 s after the failed transfer (eventhandler.c of 1.9.9), once for
    each slot, and a running command ends only with libccid's own time limit.
    """
    place = _usb_place(card)
    if place is None:
        return None
    node = Path(f"/dev/bus/usb/{place[0]:03d}/{place[1]:03d}")
    return node if node.exists() else None


def escape(card: Card, data: bytes) -> bytes:
    """Send a command of the maker's own to the reader.

    Raises
    ------
    DeviceUnavailable
        If the driver refuses it, saying where it is allowed.
    """
    own = _codes(card).get(_NAMES[_CCID_ESCAPE])
    number = _ESCAPE_CODES.get(sys.platform, 1)
    try:
        return card.control(own if own is not None else control_code(number), data)
    except (CardRemoved, DeviceUnavailable):
        raise
    except DeviceError as refusal:
        raise DeviceUnavailable(
            "the reader's driver refuses commands of the maker's own; if it is libccid, set"
            " ifdDriverOptions to 0x0001 in its Info.plist and restart pcscd, or lay a card on and"
            f" send them to the card ({refusal})",
            reason=UnavailableReason.NOT_PERMITTED,
            device=f"pcsc:{card.reader}",
        ) from refusal


def _usb_place(card: Card) -> tuple[int, int] | None:
    channel = int.from_bytes(card.attribute(_CHANNEL) or b"", "little")
    return (channel >> 8 & 0xFF, channel & 0xFF) if channel >> 16 == 0x20 else None


def _codes(card: Card) -> dict[str, int]:
    """Read the list of features: tag, length 4, control code big-endian."""
    try:
        raw = card.control(control_code(_GET_FEATURES))
    except CardRemoved:
        raise
    except DeviceError:  # an old driver, or one without features
        return {}
    found = {}
    for tag, value in _tlv(raw):
        if len(value) == 4:
            found[_NAMES.get(tag, f"feature {tag:02X}")] = int.from_bytes(value, "big")
    return found


def _properties(card: Card, code: int | None) -> dict[int, int]:
    if code is None:
        return {}
    try:
        raw = card.control(code)
    except DeviceError:  # announced, and yet not there
        return {}
    return {tag: int.from_bytes(value, "little") for tag, value in _tlv(raw)}


def _tlv(raw: bytes) -> list[tuple[int, bytes]]:
    found = []
    while len(raw) >= 2 and len(raw) >= 2 + raw[1]:
        found.append((raw[0], raw[2 : 2 + raw[1]]))
        raw = raw[2 + raw[1] :]
    return found


def _text(raw: bytes | None) -> str:
    return (raw or b"").rstrip(b"\0").decode("utf-8", "replace")
