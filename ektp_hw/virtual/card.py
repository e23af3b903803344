# SPDX-License-Identifier: Apache-2.0
"""An emulated card reader on USB, with an emulated KTP-el on it and, if wanted, a slot for a SAM.

It presents the ids of an ACS ACR122U (which itself has one slot) and speaks USB-IF's device class
for integrated circuit cards, revision 1.1: messages of ten bytes and data on bulk endpoints 0x02
and 0x82, slot changes on interrupt endpoint 0x81. It exchanges whole APDUs, short and extended, or
the card's own blocks.
"""

from __future__ import annotations

import struct
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Protocol

from ektp_hw.devices.answer_to_reset import AnswerToReset
from ektp_hw.transport.ccid_descriptor import Level
from ektp_hw.virtual import card_faults, wishes
from ektp_hw.virtual.card_faults import Misbehaviour
from ektp_hw.virtual.card_protocols import T1Card
from ektp_hw.virtual.ktp_el_card import KtpElCard
from ektp_hw.virtual.usb_function import INTERRUPT, Endpoint, Interface, Stall, UsbFunction

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ektp_hw.virtual.usb_function import Setup

__all__ = ["Card", "Misbehaviour", "VirtualCardReader", "class_descriptor"]

_BULK_OUT, _BULK_IN, _CHANGES = 0x02, 0x82, 0x81
_HEAD = struct.Struct("<BIBBBBB")
_LONGEST_MESSAGE = 271
_AUTOMATIC = 0x0000047A  # parameters, voltage, clock, rate, IFSD: the reader's own business

_POWER_ON, _POWER_OFF, _STATUS, _XFR = 0x62, 0x63, 0x65, 0x6F
_SET_PARAMETERS, _ESCAPE, _ABORT = 0x61, 0x6B, 0x72
_DATA, _SLOT, _PARAMETERS, _ESCAPED = 0x80, 0x81, 0x82, 0x83
_ACTIVE, _INACTIVE, _ABSENT, _FAILED = 0, 1, 2, 0x40
_ICC_MUTE, _CMD_NOT_SUPPORTED, _NO_SUCH_SLOT = 0xFE, 0x00, 0x05
_CHOOSES_PROTOCOL = 0x40
_FIRMWARE = b"ACR122U214"


def class_descriptor(
    level: Level = Level.EXTENDED_APDU, automatic: int = _AUTOMATIC, slots: int = 1
) -> bytes:
    """Return the 54 bytes by which a CCID reader says what it can do (CCID 1.1, table 5.1-1)."""
    return struct.pack(
        "<BBHBBIIIBIIBIIIIIBBHBB",
        54, 0x21, 0x0110, slots - 1, 0x07, 0x03, 3580, 3580, 0, 10752, 344086, 0, 254, 0, 0,
        level.value | automatic, _LONGEST_MESSAGE, 0xFF, 0xFF, 0, 0, 1,
    )  # fmt: skip


class Card(Protocol):
    """What lies on the reader."""

    atr: bytes

    def answer(self, apdu: bytes) -> bytes:
        """Answer one command APDU."""

    def power_off(self) -> None:
        """Forget everything."""


@dataclass
class _Place:
    """One slot: the card in it and what is going on with it."""

    card: Card | None = None
    powered: bool = False
    protocol: int = -1
    blocks: T1Card | None = None
    parts: bytes = b""
    answer: bytes = b""

    def lose_power(self) -> None:
        """Forget all but the card."""
        self.powered, self.protocol, self.blocks = False, -1, None
        self.parts = self.answer = b""
        if self.card:
            self.card.power_off()


class VirtualCardReader(UsbFunction):
    """A reader for one card, or with more slots: 0 for the card, 1 for a SAM.

    Parameters
    ----------
    card
        The card on it; by default none.
    sam
        What is in the second slot.
    slots
        How many there are; at least 2 where a SAM is given.
    level, automatic
        What the reader leaves to the host (dwFeatures of its class descriptor).
    """

    vendor_id: ClassVar[int] = 0x072F
    product_id: ClassVar[int] = 0x2200
    release: ClassVar[int] = 0x0214
    product: ClassVar[str] = "ACR122U (emulated)"

    def __init__(
        self,
        card: Card | None = None,
        serial: str = "VIRTUALCARD1",
        *,
        sam: Card | None = None,
        slots: int = 1,
        level: Level = Level.EXTENDED_APDU,
        automatic: int = _AUTOMATIC,
    ) -> None:
        super().__init__(serial)
        self._places = [_Place(card), *(_Place() for _ in range(1, slots))]
        if sam is not None:
            self._places[1:2] = [_Place(sam)]
        self.interfaces = (  # type: ignore[misc]  # of this reader, not of its class
            Interface(
                (
                    Endpoint(_CHANGES, INTERRUPT, 8, 16),
                    Endpoint(_BULK_OUT, packet=64),
                    Endpoint(_BULK_IN, packet=64),
                ),
                (0x0B, 0, 0),
                class_descriptor(level, automatic, len(self._places)),
            ),
        )
        self._level, self._automatic = level, automatic
        self._scripted = card is not None
        self._fault: Misbehaviour | None = None
        self.escaped: list[bytes] = []
        """Commands of the maker's own that arrived."""
        self._forget()

    def _forget(self) -> None:
        self._replies: deque[bytes] = deque()
        self._changes: deque[bytes] = deque()
        self._command = b""
        self._endless = b""
        self._late: list[bytes] = []
        for place in self._places:
            place.lose_power()

    def present(self, card: Card | None, slot: int = 0) -> None:
        """Lay a card on the reader; None takes it away."""
        self._scripted = True
        self._lay(card, slot)

    def _lay(self, card: Card | None, slot: int = 0) -> None:
        with self.lock:
            place = self._places[slot]
            place.lose_power()
            place.card = card
            self._tell_change(slot)
        self.wake()

    def _tell_change(self, changed: int) -> None:
        bits = 2 << 2 * changed
        for slot, place in enumerate(self._places):
            bits |= bool(place.card) << 2 * slot
        self._changes.append(bytes((0x50, bits)))

    def misbehave(self, what: Misbehaviour | str) -> None:
        """Go wrong once, at the next command to the card."""
        fault = Misbehaviour(what)
        with self.lock:
            self._fault = fault

    def behave(self) -> None:
        """Take a misbehaviour back that has not struck yet, and say nothing more about it."""
        with self.lock:
            self._fault, self._endless = None, b""

    def script(self, options: Mapping[str, str]) -> None:
        """Do what a ``virtual:card`` URI asks for.

        ``seed`` names the synthetic person whose card lies on the reader. Without it what a script
        presented stays; without a script it is the card of person 1. ``sam=1`` puts the emulated
        SAM of `ektp_hw.virtual.sam` into slot 1, ``sam=0`` takes it out.

        Raises
        ------
        ValueError
            If an option is unknown, or no number.
        """
        wishes.check_names("card", options, {"seed", "sam"})
        seed = wishes.person("card", options)
        if (wanted := options.get("sam")) is not None:
            if wanted not in {"0", "1"}:
                raise ValueError(f"virtual:card: sam={wanted} is neither 0 nor 1")
            from ektp_hw.virtual.sam import EmulatedSam

            self._lay(EmulatedSam() if wanted == "1" else None, 1)
        if self._scripted and "seed" not in options:
            return
        from ektp_hw.synthetic import SyntheticPerson

        self._lay(KtpElCard(SyntheticPerson(seed).card_photo(), seed=seed))

    def on_configured(self) -> None:
        """Begin afresh: nothing powered, nothing to answer."""
        self._forget()

    def on_control(self, setup: Setup, data: bytes) -> bytes:
        """Take ABORT (CCID 1.1, 5.3.1); this reader has no other class request."""
        if (setup.request_type, setup.request) == (0x21, 1):
            self._replies.clear()
            self._endless = b""
            return b""
        return super().on_control(setup, data)

    def on_in(self, endpoint: int, length: int) -> bytes | None:
        """Give the next answer, or the next slot change."""
        queue = self._changes if endpoint == _CHANGES else self._replies
        if not queue:
            return self._endless or None if endpoint == _BULK_IN else None
        message = queue.popleft()
        if len(message) > length:
            queue.appendleft(message[length:])
        return message[:length]

    def on_out(self, endpoint: int, data: bytes) -> None:
        """Take one message; a driver may also send it in pieces."""
        if endpoint != _BULK_OUT:
            raise Stall
        self._command += data
        if len(self._command) < _HEAD.size:
            return
        kind, length, slot, number, *special = _HEAD.unpack_from(self._command)
        if len(self._command) < _HEAD.size + length:
            return
        body = self._command[_HEAD.size :][:length]
        self._command = b""
        self._replies.extend(self._late)
        self._late.clear()
        if slot >= len(self._places):
            self._replies.append(
                _HEAD.pack(_SLOT, 0, slot, number, _ABSENT | _FAILED, _NO_SUCH_SLOT, 0)
            )
        elif kind != _XFR or not self._strikes(slot, number, body):
            self._do(kind, slot, number, body, special)

    def _do(self, kind: int, slot: int, number: int, body: bytes, special: list[int]) -> None:
        place = self._places[slot]
        if kind in {_STATUS, _ABORT}:
            self._reply(_SLOT, slot, number)
        elif kind == _POWER_OFF:
            place.lose_power()
            self._reply(_SLOT, slot, number)
        elif kind == _ESCAPE:
            self._escape(slot, number, body)
        elif kind in {_POWER_ON, _XFR} and place.card is None:
            self._reply(_DATA, slot, number, failed=_ICC_MUTE)
        elif kind == _POWER_ON and place.card:
            place.lose_power()
            place.powered = True
            if self._level is Level.TPDU and self._automatic & _CHOOSES_PROTOCOL:
                place.protocol = AnswerToReset.parse(place.card.atr).protocols[0]
            self._reply(_DATA, slot, number, place.card.atr)
        elif kind == _SET_PARAMETERS and place.powered and len(body) == (5, 7)[special[0] & 1]:
            place.protocol = special[0]
            self._reply(_PARAMETERS, slot, number, body, chain=special[0])
        elif kind == _XFR and place.powered:
            self._exchange(slot, number, body, special[1] | special[2] << 8)
        else:
            self._reply(_SLOT, slot, number, failed=_CMD_NOT_SUPPORTED)

    def _escape(self, slot: int, number: int, body: bytes) -> None:
        """Answer what an ACR122U understands without a card: firmware, buzzer, lamps."""
        self.escaped.append(body)
        answers = {b"\xff\x00\x48": _FIRMWARE, b"\xff\x00\x52": b"\x90\x00"}
        answers[b"\xff\x00\x40"] = b"\x90\x03"
        if (answer := answers.get(body[:3])) is None:
            self._reply(_ESCAPED, slot, number, failed=_CMD_NOT_SUPPORTED)
        else:
            self._reply(_ESCAPED, slot, number, answer)

    def _exchange(self, slot: int, number: int, body: bytes, level: int) -> None:
        """Collect a command in parts (wLevelParameter 1, 3, 2) and give the answer in parts."""
        place = self._places[slot]
        if self._level is Level.TPDU:
            self._exchange_blocks(place, slot, number, body)
            return
        if level == 0x10:
            self._give(slot, number, first=False)
            return
        place.parts = body if level in {0, 1} else place.parts + body
        if level in {1, 3}:
            self._reply(_DATA, slot, number, chain=0x10)
            return
        if place.card is not None:
            place.answer = place.card.answer(place.parts)
        self._give(slot, number, first=True)

    def _exchange_blocks(self, place: _Place, slot: int, number: int, body: bytes) -> None:
        """Carry T=0 commands and T=1 blocks as they are; a PPS request is confirmed."""
        if place.card is None:
            return
        if body[:1] == b"\xff" and len(body) in {4, 5, 6} and place.protocol < 0:
            self._reply(_DATA, slot, number, body)
        elif place.protocol == 1:
            place.blocks = place.blocks or T1Card(place.card, takes=254)
            answer = place.blocks.exchange(body)
            if answer:
                self._reply(_DATA, slot, number, answer)
            else:
                self._reply(_DATA, slot, number, failed=_ICC_MUTE)
        else:
            self._reply(_DATA, slot, number, place.card.answer(body))

    def _give(self, slot: int, number: int, *, first: bool) -> None:
        place, room = self._places[slot], _LONGEST_MESSAGE - _HEAD.size
        part, place.answer = place.answer[:room], place.answer[room:]
        more = bool(place.answer)
        chain = (1 if more else 0) if first else (3 if more else 2)
        self._reply(_DATA, slot, number, part, chain=chain)

    def _reply(
        self,
        kind: int,
        slot: int,
        number: int,
        data: bytes = b"",
        *,
        chain: int = 0,
        failed: int = -1,
    ) -> None:
        place = self._places[slot]
        state = _ABSENT if place.card is None else _ACTIVE if place.powered else _INACTIVE
        status, error = (state, 0) if failed < 0 else (state | _FAILED, failed)
        self._replies.append(_HEAD.pack(kind, len(data), slot, number, status, error, chain) + data)

    def _strikes(self, slot: int, number: int, body: bytes) -> bool:
        """Misbehave if asked to; True if the command is thereby done with."""
        fault, self._fault = self._fault, None
        if fault is None:
            return False
        self._replies.extend(card_faults.messages(fault, slot, number))
        match fault:
            case Misbehaviour.UNPLUG:
                self.unplug()
            case Misbehaviour.STALL:
                raise Stall
            case Misbehaviour.FOREVER:
                self._endless = self._replies.pop()
            case Misbehaviour.MUTE:
                self._reply(_DATA, slot, number, failed=_ICC_MUTE)
            case Misbehaviour.LATE:
                self._do(_XFR, slot, number, body, [0, 0, 0])
                self._late.append(self._replies.pop())
            case Misbehaviour.POWER_SAG:
                for place in self._places:
                    place.lose_power()
            case Misbehaviour.REMOVED:
                self._places[slot].lose_power()
                self._places[slot].card = None
                self._tell_change(slot)
        return fault in card_faults.UNANSWERED
