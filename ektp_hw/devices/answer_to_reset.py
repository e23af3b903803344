# SPDX-License-Identifier: Apache-2.0
"""A card's first words, taken apart and said in words: ATR of contact cards and contactless ones.

Sources: ISO/IEC 7816-3 (structure, protocols, timing), ISO/IEC 7816-4 (historical bytes), PC/SC
part 3 revision 2.01 (what a reader composes for a contactless card, `contactless_storage`).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from operator import xor

from ektp_hw.devices import historical_bytes
from ektp_hw.errors import ProtocolError

__all__ = ["MAX_ATR_BYTES", "AnswerToReset"]

MAX_ATR_BYTES = 33
DIRECT, INVERSE = 0x3B, 0x3F

_CLOCK_CYCLES = {
    0: 372, 1: 372, 2: 558, 3: 744, 4: 1116, 5: 1488, 6: 1860,
    9: 512, 10: 768, 11: 1024, 12: 1536, 13: 2048,
}  # fmt: skip
"""Fi by its code in TA1 (ISO/IEC 7816-3, table 7)."""
_DIVISORS = {1: 1, 2: 2, 3: 4, 4: 8, 5: 16, 6: 32, 7: 64, 8: 12, 9: 20}
"""Di by its code in TA1 (table 8)."""
_DEFAULT_RATE = 0x11
_ADVICE = "turn the card, wipe its contacts, or try another"
_SUPPLY = {1: "5 V", 2: "3 V", 4: "1.8 V"}
_CLOCK_STOP = ("not at all", "in state low", "in state high", "in either state")


@dataclass(frozen=True)
class AnswerToReset:
    """A card's first words, taken apart.

    Parameters
    ----------
    raw
        All bytes, TS to TCK.
    interface_bytes
        By name: ``TA1``, ``TD2`` and so on.
    protocols
        Transmission protocols offered, first preference first; T=0 where none is named.
    historical
        What the maker chose to say, at most 15 bytes.
    """

    raw: bytes
    interface_bytes: dict[str, int]
    protocols: tuple[int, ...]
    historical: bytes

    @classmethod
    def parse(cls, raw: bytes, *, device: str | None = None) -> AnswerToReset:
        """Take an ATR apart and check its length and its check byte.

        Raises
        ------
        ProtocolError
            If it is truncated, too long, of no known convention, or its TCK does not fit.
        """
        if not 2 <= len(raw) <= MAX_ATR_BYTES:
            raise ProtocolError(
                f"an ATR has 2 to {MAX_ATR_BYTES} bytes, this one {len(raw)}; {_ADVICE}",
                device=device,
            )
        if raw[0] not in {DIRECT, INVERSE}:
            raise ProtocolError(
                f"no ATR begins with {raw[0]:02X}: {raw.hex(' ').upper()}; {_ADVICE}", device=device
            )
        named, protocols, at = _interface_bytes(raw, device)
        historical = raw[at : at + (raw[1] & 0x0F)]
        has_check = _has_check_byte(named)
        wanted = at + (raw[1] & 0x0F) + has_check
        if len(raw) < wanted:
            raise ProtocolError(
                f"the ATR ends early: {raw.hex(' ').upper()}; {_ADVICE}", device=device
            )
        if has_check and reduce(xor, raw[1:wanted]):
            raise ProtocolError(
                f"the ATR's check byte does not fit: {raw.hex(' ').upper()}; {_ADVICE}",
                device=device,
            )
        return cls(raw[:wanted], named, protocols or (0,), historical)

    @property
    def is_contactless(self) -> bool:
        """Whether a reader composed it for a contactless card (PC/SC part 3, 3.1.3.2.3)."""
        return self.raw[0] == DIRECT and self.interface_bytes == {"TD1": 0x80, "TD2": 0x01}

    @property
    def rate(self) -> int:
        """TA1 as sent, or its default: codes of Fi (high nibble) and Di (low nibble)."""
        return self.interface_bytes.get("TA1", _DEFAULT_RATE)

    @property
    def clock_cycles_a_bit(self) -> float | None:
        """Clock cycles for one bit at the card's best rate; None for a reserved code."""
        cycles, divisor = _CLOCK_CYCLES.get(self.rate >> 4), _DIVISORS.get(self.rate & 0x0F)
        return cycles / divisor if cycles and divisor else None

    @property
    def specific_protocol(self) -> int | None:
        """The only protocol the card speaks after this reset (TA2), None if it can be chosen."""
        mode = self.interface_bytes.get("TA2")
        return None if mode is None else mode & 0x0F

    @property
    def guard_time(self) -> int:
        """Extra guard time N (TC1): bit times between characters sent to the card; 255 = least."""
        return self.interface_bytes.get("TC1", 0)

    @property
    def t0_waiting(self) -> int:
        """Waiting time integer of T=0 (TC2)."""
        return self.interface_bytes.get("TC2", 10)

    @property
    def t1_block_bytes(self) -> int:
        """Longest information field the card takes under T=1 (IFSC)."""
        return self._t1_byte("A", 32)

    @property
    def t1_waiting(self) -> int:
        """Waiting integers of T=1: BWI in the high nibble, CWI in the low one."""
        return self._t1_byte("B", 0x4D)

    @property
    def t1_uses_crc(self) -> bool:
        """Whether T=1 blocks end with a CRC of two bytes instead of one byte's XOR."""
        return bool(self._t1_byte("C", 0) & 1)

    def _t1_byte(self, letter: str, default: int) -> int:
        """Return the first specific interface byte for T=1: one in the group behind TDi = T=1."""
        for group in range(2, MAX_ATR_BYTES):
            if self.interface_bytes.get(f"TD{group}", 0) & 0x0F == 1:
                return self.interface_bytes.get(f"T{letter}{group + 1}", default)
        return default

    def words(self) -> list[str]:
        """Say what the card says, one statement a line, from TS to TCK."""
        convention = "direct" if self.raw[0] == DIRECT else "inverse"
        lines = [
            f"TS {self.raw[0]:02X}: {convention} convention",
            f"T0 {self.raw[1]:02X}: {self.raw[1] & 0x0F} historical bytes",
        ]
        if self.is_contactless:
            lines.append("contactless card; the reader composed this answer (PC/SC part 3)")
        lines += [self._said(name, value) for name, value in self.interface_bytes.items()]
        lines.append("protocols: " + ", ".join(f"T={number}" for number in self.protocols))
        lines += historical_bytes.words(self.historical)
        if _has_check_byte(self.interface_bytes):
            lines.append(f"TCK {self.raw[-1]:02X}: check byte fits")
        return lines

    def _said(self, name: str, value: int) -> str:
        """Put one interface byte into words."""
        return f"{name} {value:02X}: {self._meaning(name, value)}"

    def _meaning(self, name: str, value: int) -> str:
        letter, group = name[1], int(name[2:])
        if letter == "D":
            return f"next group is for {_protocol(value & 0x0F)}"
        if group > 2:
            return _later_group(letter, value, self.interface_bytes[f"TD{group - 1}"] & 0x0F)
        bit = self.clock_cycles_a_bit
        change = "can" if value < 0x80 else "cannot"
        first_groups = {
            "TA1": f"{bit:g} clock cycles a bit" if bit else "reserved rate",
            "TC1": "least guard time" if value == 255 else f"extra guard time {value} bits",
            "TA2": f"speaks T={value & 0x0F} only, {change} change that after a reset",
            "TC2": f"T=0 waiting time integer {value}",
        }
        return first_groups.get(name, "programming voltage, no longer used")


def _has_check_byte(named: dict[str, int]) -> bool:
    """Tell whether TCK ends the ATR: always, unless T=0 is all that any TD names."""
    return any(byte & 0x0F for name, byte in named.items() if name[1] == "D")


def _protocol(number: int) -> str:
    return "all protocols" if number == 15 else f"T={number}"


def _later_group(letter: str, value: int, protocol: int) -> str:
    """Say what an interface byte of group 3 and up means for its protocol."""
    match protocol, letter:
        case 1, "A":
            return f"T=1 blocks of up to {value} bytes to the card"
        case 1, "B":
            return f"T=1 waiting integers: block {value >> 4}, character {value & 0x0F}"
        case 1, "C":
            return "T=1 blocks end with a CRC" if value & 1 else "T=1 blocks end with an XOR"
        case 15, "A":
            supplies = [text for bit, text in _SUPPLY.items() if value & bit] or ["none named"]
            return f"supply {', '.join(supplies)}; the clock may stop {_CLOCK_STOP[value >> 6]}"
        case 15, "B":
            return "contact C6 in standard use" if value < 0x80 else "contact C6 in the maker's use"
    return f"for {_protocol(protocol)}, no meaning defined"


def _interface_bytes(raw: bytes, device: str | None) -> tuple[dict[str, int], tuple[int, ...], int]:
    named: dict[str, int] = {}
    protocols: list[int] = []
    follows, at = raw[1] >> 4, 2
    for group in range(1, MAX_ATR_BYTES):
        for bit, letter in enumerate("ABCD"):
            if follows >> bit & 1:
                if at >= len(raw):
                    raise ProtocolError(
                        f"the ATR ends early: {raw.hex(' ').upper()}; {_ADVICE}", device=device
                    )
                named[f"T{letter}{group}"] = raw[at]
                at += 1
        if not follows & 0x8:
            break
        follows = named[f"TD{group}"] >> 4
        protocol = named[f"TD{group}"] & 0x0F
        if protocol not in protocols and protocol != 15:  # 15 marks global bytes, no protocol
            protocols.append(protocol)
    return named, tuple(protocols), at
