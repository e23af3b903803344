# SPDX-License-Identifier: Apache-2.0
"""The historical bytes of a card's answer in words, and the answer to select of ISO/IEC 14443-4.

Sources: ISO/IEC 7816-4, 8.1 (category indicator, COMPACT-TLV data objects, card capabilities);
PC/SC part 3 revision 2.01, 3.1.3.2.3, and its supplement (standards and names of storage cards);
ISO/IEC 14443-4, 5.2 (ATS).
"""

from __future__ import annotations

from dataclasses import dataclass

from ektp_hw.errors import ProtocolError

__all__ = ["AnswerToSelect", "StorageCard", "storage_card", "words"]

_PCSC_WORKGROUP = bytes.fromhex("A000000306")
_STANDARDS = {
    0x00: "unknown standard",
    0x01: "ISO/IEC 14443 A part 1", 0x02: "ISO/IEC 14443 A part 2",
    0x03: "ISO/IEC 14443 A part 3", 0x05: "ISO/IEC 14443 B part 1",
    0x06: "ISO/IEC 14443 B part 2", 0x07: "ISO/IEC 14443 B part 3",
    0x09: "ISO/IEC 15693 part 1", 0x0A: "ISO/IEC 15693 part 2",
    0x0B: "ISO/IEC 15693 part 3", 0x0C: "ISO/IEC 15693 part 4",
    0x0D: "contact card, I2C", 0x0E: "contact card, extended I2C",
    0x0F: "contact card, 2 wires", 0x10: "contact card, 3 wires", 0x11: "FeliCa",
}  # fmt: skip
_NAMES = {
    0x0001: "MIFARE Classic 1K", 0x0002: "MIFARE Classic 4K", 0x0003: "MIFARE Ultralight",
    0x0014: "ICODE SLI", 0x0026: "MIFARE Mini", 0x0036: "MIFARE Plus SL1 2K",
    0x0037: "MIFARE Plus SL1 4K", 0x0038: "MIFARE Plus SL2 2K", 0x0039: "MIFARE Plus SL2 4K",
    0x003A: "MIFARE Ultralight C", 0x003B: "FeliCa",
}  # fmt: skip
_COMPACT_TAGS = {
    1: "country code", 2: "issuer", 3: "card services", 4: "initial access data",
    5: "the issuer's data", 6: "pre-issuing data", 7: "card capabilities",
    8: "life cycle and status", 15: "application",
}  # fmt: skip
_CAPABILITIES = 7
_FRAME_BYTES = (16, 24, 32, 40, 48, 64, 96, 128, 256, 512, 1024, 2048, 4096)
_CARRIER_HZ = 13.56e6


@dataclass(frozen=True)
class StorageCard:
    """A contactless card without a processor, as the reader names it."""

    standard: str
    name: str


def storage_card(historical: bytes) -> StorageCard | None:
    """Return which storage card a reader names in the historical bytes, None if it names none."""
    named = historical[:3] == b"\x80\x4f\x0c" and historical[3:8] == _PCSC_WORKGROUP
    if not named or len(historical) < 11:
        return None
    number = int.from_bytes(historical[9:11], "big")
    return StorageCard(
        _STANDARDS.get(historical[8], f"standard {historical[8]:02X}"),
        _NAMES.get(number, f"card {number:04X}"),
    )


def words(historical: bytes) -> list[str]:
    """Say what the historical bytes say, one statement a line; nothing for none."""
    if not historical:
        return []
    storage = storage_card(historical)
    if storage is not None:
        return [f"storage card without a processor: {storage.name} ({storage.standard})"]
    first, rest = historical[0], historical[1:]
    if first == 0x80:
        return _compact(rest)
    if first == 0x00 and len(rest) >= 3:
        return [*_compact(rest[:-3]), f"status indicator {rest[-3:].hex(' ').upper()}"]
    if first == 0x10 and rest:
        return [f"more stands in the card's DIR file, reference {rest[0]:02X}"]
    text = "".join(chr(byte) if 0x20 <= byte < 0x7F else "." for byte in historical)
    return [f"historical bytes of the maker's own kind: {historical.hex(' ').upper()} ({text})"]


def _compact(objects: bytes) -> list[str]:
    """Read COMPACT-TLV: tag and length share one byte."""
    lines: list[str] = []
    while objects:
        tag, length = objects[0] >> 4, objects[0] & 0x0F
        value, objects = objects[1 : 1 + length], objects[1 + length :]
        what = _COMPACT_TAGS.get(tag, f"object {tag}")
        if len(value) < length:
            return [*lines, f"{what}: cut short"]
        text = f"{what}: {value.hex(' ').upper()}"
        if tag == _CAPABILITIES and length == 3:
            text += "".join(
                f", {can}"
                for bit, can in ((0x80, "command chaining"), (0x40, "extended APDUs"))
                if value[2] & bit
            )
        lines.append(text)
    return lines


@dataclass(frozen=True)
class AnswerToSelect:
    """What a type A card says when it is activated (ATS), asked for with FF CA 01 00 00.

    Parameters
    ----------
    frame_bytes
        Longest frame the card takes (FSC).
    rates_to_card, rates_from_card
        Bit rates in kbit/s, 106 always among them.
    frame_wait_s, start_wait_s
        Seconds the card may take to answer a frame, and before the first one.
    historical
        What the maker chose to say.
    """

    raw: bytes
    frame_bytes: int
    rates_to_card: tuple[int, ...]
    rates_from_card: tuple[int, ...]
    frame_wait_s: float
    start_wait_s: float
    historical: bytes

    @classmethod
    def parse(cls, raw: bytes) -> AnswerToSelect:
        """Take an ATS apart.

        Raises
        ------
        ProtocolError
            If its length byte and its format byte do not fit its length.
        """
        if not raw or raw[0] != len(raw):
            raise ProtocolError(f"the ATS names another length than its own: {raw.hex(' ')}")
        form = raw[1] if len(raw) > 1 else 0x02
        following = iter(raw[2:])
        wanted = {bit: next(following, None) for bit in (0x10, 0x20, 0x40) if form & bit}
        if None in wanted.values():
            raise ProtocolError(f"the ATS ends early: {raw.hex(' ').upper()}")
        rates, timing = wanted.get(0x10) or 0, wanted.get(0x20)
        timing = 0x40 if timing is None else timing
        return cls(
            raw,
            _FRAME_BYTES[min(form & 0x0F, len(_FRAME_BYTES) - 1)],
            _rates(rates),
            _rates(rates >> 4),
            _seconds(timing >> 4),
            _seconds(timing & 0x0F) if timing & 0x0F else 0.0,
            bytes(following),
        )

    def words(self) -> list[str]:
        """Say what the card says, one statement a line."""
        to_card, from_card = _listed(self.rates_to_card), _listed(self.rates_from_card)
        return [
            f"frames of up to {self.frame_bytes} bytes",
            f"to the card at {to_card} kbit/s, from it at {from_card}",
            f"answers within {self.frame_wait_s * 1000:.3g} ms",
            *words(self.historical),
        ]


def _rates(bits: int) -> tuple[int, ...]:
    faster = ((1, 212), (2, 424), (4, 848))
    return (106, *(rate for bit, rate in faster if bits & bit))


def _seconds(integer: int) -> float:
    """Return a waiting time: 256 * 16 carrier cycles, doubled as often as the integer says."""
    return 256 * 16 / _CARRIER_HZ * (1 << min(integer, 14))


def _listed(rates: tuple[int, ...]) -> str:
    return ", ".join(map(str, rates))
