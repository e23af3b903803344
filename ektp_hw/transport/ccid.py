# SPDX-License-Identifier: Apache-2.0
"""Cards in USB readers of the class CCID, without a PC/SC service between.

Source: USB-IF, "Specification for Integrated Circuit(s) Cards Interface Devices", revision 1.1.
`ccid_link.Link` is the reader, `Slot` one place for a card. Readers that exchange whole APDUs and
those that exchange the card's own blocks (TPDU: T=0, T=1) are served; the latter need
`Slot.settle`.
"""

from __future__ import annotations

from typing import NamedTuple

from ektp_hw.errors import CardError, CardRemoved, ProtocolError
from ektp_hw.transport.ccid_descriptor import HEAD_BYTES, Level
from ektp_hw.transport.ccid_link import ABSENT, PROMPT_S, Check, Link, Reply, unchecked
from ektp_hw.transport.t1 import BlockProtocol

__all__ = ["Link", "Parameters", "Slot", "slots_of", "unchecked"]

_POWER_ON, _POWER_OFF, _SLOT_STATUS, _XFR_BLOCK = 0x62, 0x63, 0x65, 0x6F
_SET_PARAMETERS, _ESCAPE = 0x61, 0x6B
_DATA_BLOCK, _PARAMETERS, _ESCAPE_REPLY = 0x80, 0x82, 0x83
_WHOLE, _BEGINS, _ENDS, _CONTINUES, _GO_ON = 0, 1, 2, 3, 0x10

_LONGEST_ANSWER = 65536 + 2
_VOLTAGES = (1, 2, 3)
"""bPowerSelect for 5, 3 and 1.8 V, in the order of ISO/IEC 7816-3 for cards of class A."""

_ERRORS = {
    0x00: "the reader does not take the command now, its power may have failed",
    0xC0: "the reader is being reset",
    0xE0: "the slot is busy",
    0xF4: "the card's answer came in pieces that do not fit",
    0xF6: "the card's protocol is not supported",
    0xF7: "the check byte of its ATR is wrong",
    0xF8: "its ATR is damaged",
    0xFB: "the reader's hardware failed",
    0xFC: "the card sent too fast",
    0xFD: "parity errors on the line",
    0xFE: "the card does not answer",
    0xFF: "the command was aborted",
}


class Parameters(NamedTuple):
    """What a card's ATR says of its protocol; for readers that leave it to the host.

    Parameters
    ----------
    protocol
        0 or 1.
    rate
        Codes of Fi and Di, as in TA1.
    guard
        Extra guard time, as in TC1.
    waiting
        T=0: waiting time integer; T=1: BWI and CWI, as in TB3.
    block
        T=1: longest information field the card takes.
    with_crc
        T=1: whether blocks end with a CRC.
    choose
        Whether the card must be told of protocol and rate (PPS), because it offers a choice.
    inverse
        Whether the card speaks the inverse convention.
    """

    protocol: int
    rate: int = 0x11
    guard: int = 0
    waiting: int = 10
    block: int = 32
    with_crc: bool = False
    choose: bool = False
    inverse: bool = False

    def packed(self) -> bytes:
        """Return the protocol data structure of the class specification (6.1.7)."""
        convention = 0x02 if self.inverse else 0
        if self.protocol == 0:
            return bytes((self.rate, convention, self.guard, self.waiting, 0))
        return bytes(
            (self.rate, 0x10 | convention | self.with_crc, self.guard, self.waiting, 0,
             self.block, 0)
        )  # fmt: skip

    def request(self) -> bytes:
        """Return the protocol and parameter selection (PPS, ISO/IEC 7816-3 clause 9)."""
        head = bytes((0xFF, 0x10 | self.protocol, self.rate))
        return head + bytes((head[0] ^ head[1] ^ head[2],))


class Slot:
    """One place for a card in a reader; made by `slots_of`."""

    def __init__(self, link: Link, index: int) -> None:
        self._link = link
        self._index = index
        self._device = link.device
        self._blocks: BlockProtocol | None = None
        self._check: Check = unchecked

    def is_occupied(self, check: Check) -> bool:
        """Tell whether a card is there."""
        return self._ask(_SLOT_STATUS, check).card != ABSENT

    def power_on(self, check: Check) -> bytes | None:
        """Power the card and return its ATR; None if it was taken away meanwhile."""
        self._blocks = None
        for voltage in (0,) if self._link.abilities.sets_voltage else _VOLTAGES:
            reply = self._ask(_POWER_ON, check, special=bytes((voltage, 0, 0)))
            if reply.card == ABSENT:
                return None
            if not reply.failed:
                break
            self._ask(_POWER_OFF, check)
        self._require(reply)
        return reply.data

    def settle(self, parameters: Parameters, check: Check) -> None:
        """Agree with card and reader on the protocol, where the reader leaves that to the host.

        Raises
        ------
        CardError
            If the card or the reader does not take it.
        """
        way = self._link.abilities
        if not way.sets_parameters:
            if parameters.choose:
                confirmed = self._transfer(parameters.request(), check)
                if confirmed[:2] != parameters.request()[:2]:
                    raise CardError(
                        "the card does not agree on a protocol; take it out and put it in again",
                        device=self._device,
                    )
            special = bytes((parameters.protocol, 0, 0))
            reply = self._ask(_SET_PARAMETERS, check, parameters.packed(), special)
            self._require(reply, _PARAMETERS)
        if way.level is Level.TPDU and parameters.protocol == 1:
            self._check = check
            self._blocks = BlockProtocol(
                self._send_block,
                card_takes=parameters.block,
                with_crc=parameters.with_crc,
                device=self._device,
            )
            if not way.negotiates_block:
                self._blocks.offer_block_length(way.longest_block)

    def power_off(self) -> None:
        """Cut the card's power; a reader that is not prompt about it raises `ProtocolError`."""
        self._ask(_POWER_OFF, unchecked, answer_within=PROMPT_S)

    def exchange(self, apdu: bytes, check: Check) -> bytes:
        """Send one APDU, in parts where it is longer than a message, and collect the answer.

        Raises
        ------
        CardError
            If the card is gone or mute, or the reader cannot take a command of that length.
        ProtocolError
            If the reader is silent, out of step, or announces what cannot be.
        """
        if self._blocks is not None:
            self._check = check
            return self._blocks.exchange(apdu)
        return self._transfer(apdu, check)

    def escape(self, data: bytes, check: Check) -> bytes:
        """Send a command of the maker's own to the reader; a card need not be there."""
        reply = self._ask(_ESCAPE, check, data)
        if reply.failed or reply.kind != _ESCAPE_REPLY:
            why = _ERRORS.get(reply.error, f"error {reply.error:02X}")
            raise ProtocolError(
                f"the reader refuses a command of its maker's ({why}); is it that model?",
                device=self._device,
            )
        return reply.data

    def _transfer(self, data: bytes, check: Check) -> bytes:
        way = self._link.abilities
        room = way.longest_message - HEAD_BYTES
        if len(data) > room and way.level is not Level.EXTENDED_APDU:
            raise CardError(
                f"this reader takes commands of up to {room} bytes, not {len(data)};"
                " send less at once",
                device=self._device,
            )
        parts = [data[at : at + room] for at in range(0, len(data), room)]
        for index, part in enumerate(parts):
            reply = self._block(part, _level(index, len(parts)), check)
        answer = reply.data
        while reply.chain in {_BEGINS, _CONTINUES}:
            if not reply.data or len(answer) > _LONGEST_ANSWER:
                raise ProtocolError(
                    "the answer comes in parts without end; plug the reader in anew",
                    device=self._device,
                )
            reply = self._block(b"", _GO_ON, check)
            answer += reply.data
        return answer

    def _block(self, data: bytes, level: int, check: Check, waiting: int = 0) -> Reply:
        special = bytes((waiting,)) + level.to_bytes(2, "little")
        reply = self._ask(_XFR_BLOCK, check, data, special)
        self._require(reply)
        return reply

    def _send_block(self, block: bytes, multiplier: int) -> bytes:
        reply = self._ask(_XFR_BLOCK, self._check, block, bytes((multiplier, 0, 0)))
        if reply.failed and reply.error in {0xFD, 0xFE} and reply.card != ABSENT:
            return b""  # damaged or late: the block protocol repeats
        self._require(reply)
        return reply.data

    def _ask(
        self,
        kind: int,
        check: Check,
        data: bytes = b"",
        special: bytes = b"\0\0\0",
        answer_within: float | None = None,
    ) -> Reply:
        return self._link.ask(self._index, kind, check, data, special, answer_within)

    def _require(self, reply: Reply, kind: int = _DATA_BLOCK) -> None:
        if reply.card == ABSENT:
            raise CardRemoved("the card was taken away; lay it on again", device=self._device)
        if reply.failed:
            why = _ERRORS.get(reply.error, f"error {reply.error:02X}")
            raise CardError(f"{why}; lay the card on again", device=self._device)
        if reply.kind != kind:
            raise ProtocolError(
                f"the reader answers with message {reply.kind:02X}; plug it in anew",
                device=self._device,
            )


def slots_of(link: Link) -> list[Slot]:
    """Return every place for a card in that reader."""
    return [Slot(link, index) for index in range(link.abilities.slots)]


def _level(index: int, count: int) -> int:
    """Return wLevelParameter of one part of a command (CCID 1.1, 6.1.4)."""
    if count == 1:
        return _WHOLE
    if index == 0:
        return _BEGINS
    return _ENDS if index == count - 1 else _CONTINUES
