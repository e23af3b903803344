# SPDX-License-Identifier: Apache-2.0
"""An emulated contactless reader on USB, with an emulated KTP-el on it.

It presents the ids of an ACS ACR122U and speaks USB-IF's device class for integrated circuit
cards, revision 1.1: messages of ten bytes and data on bulk endpoints 0x02 and 0x82, slot changes
on interrupt endpoint 0x81. It exchanges whole APDUs, short and extended.
"""

from __future__ import annotations

import struct
from collections import deque
from enum import StrEnum
from typing import TYPE_CHECKING, ClassVar, Protocol

from ektp_hw.virtual import wishes
from ektp_hw.virtual.ktp_el_card import KtpElCard
from ektp_hw.virtual.usb_function import INTERRUPT, Endpoint, Interface, Stall, UsbFunction

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ektp_hw.virtual.usb_function import Setup

__all__ = ["Misbehaviour", "VirtualCardReader"]

_BULK_OUT, _BULK_IN, _CHANGES = 0x02, 0x82, 0x81
_HEAD = struct.Struct("<BIBBBBB")
_LONGEST_MESSAGE = 271
_SHORT_AND_EXTENDED_APDU = 0x00040000
_AUTOMATIC = 0x0000047A  # parameters, voltage, clock, rate, IFSD: the reader's own business

_POWER_ON, _POWER_OFF, _STATUS, _XFR = 0x62, 0x63, 0x65, 0x6F
_DATA, _SLOT = 0x80, 0x81
_ACTIVE, _INACTIVE, _ABSENT, _FAILED, _TIME_EXTENSION = 0, 1, 2, 0x40, 0x80
_ICC_MUTE, _CMD_NOT_SUPPORTED = 0xFE, 0x00


def _class_descriptor() -> bytes:
    """Return the 54 bytes by which a CCID reader says what it can do (CCID 1.1, table 5.1-1)."""
    return struct.pack(
        "<BBHBBIIIBIIBIIIIIBBHBB",
        54, 0x21, 0x0110, 0, 0x07, 0x03, 3580, 3580, 0, 10752, 344086, 0, 254, 0, 0,
        _SHORT_AND_EXTENDED_APDU | _AUTOMATIC, _LONGEST_MESSAGE, 0xFF, 0xFF, 0, 0, 1,
    )  # fmt: skip


class Misbehaviour(StrEnum):
    """What a card reader can do wrong, at the next command to the card."""

    UNPLUG = "unplug"
    """The cable is pulled."""
    STALL = "stall"
    """The endpoint refuses the command."""
    SILENT = "silent"
    """No answer comes."""
    GARBAGE = "garbage"
    """The answer claims to be 4 GB long."""
    STALE = "stale"
    """An answer to an older command comes first."""
    SLOW = "slow"
    """Three time extensions come before the answer."""
    FOREVER = "forever"
    """Time extensions come without end."""
    REMOVED = "removed"
    """The card is taken away."""


_UNANSWERED = {
    Misbehaviour.UNPLUG,
    Misbehaviour.SILENT,
    Misbehaviour.GARBAGE,
    Misbehaviour.FOREVER,
}


class Card(Protocol):
    """What lies on the reader."""

    atr: bytes

    def answer(self, apdu: bytes) -> bytes:
        """Answer one command APDU."""

    def power_off(self) -> None:
        """Forget everything."""


class VirtualCardReader(UsbFunction):
    """A reader with one slot.

    Parameters
    ----------
    card
        The card on it; by default none.
    """

    vendor_id: ClassVar[int] = 0x072F
    product_id: ClassVar[int] = 0x2200
    release: ClassVar[int] = 0x0214
    product: ClassVar[str] = "ACR122U (emulated)"
    interfaces: ClassVar[tuple[Interface, ...]] = (
        Interface(
            (
                Endpoint(_CHANGES, INTERRUPT, 8, 16),
                Endpoint(_BULK_OUT, packet=64),
                Endpoint(_BULK_IN, packet=64),
            ),
            (0x0B, 0, 0),
            _class_descriptor(),
        ),
    )

    def __init__(self, card: Card | None = None, serial: str = "VIRTUALCARD1") -> None:
        super().__init__(serial)
        self._card: Card | None = card
        self._scripted = card is not None
        self._fault: Misbehaviour | None = None
        self._forget()

    def _forget(self) -> None:
        self._replies: deque[bytes] = deque()
        self._changes: deque[bytes] = deque()
        self._powered = False
        self._command = b""
        self._parts = b""
        self._answer = b""
        self._endless = b""

    def present(self, card: Card | None) -> None:
        """Lay a card on the reader; None takes it away."""
        self._scripted = True
        self._lay(card)

    def _lay(self, card: Card | None) -> None:
        with self.lock:
            self._card, self._powered = card, False
            self._changes.append(b"\x50\x03" if card else b"\x50\x02")
        self.wake()

    def misbehave(self, what: Misbehaviour | str) -> None:
        """Go wrong once, at the next command to the card."""
        fault = Misbehaviour(what)
        with self.lock:
            self._fault = fault

    def script(self, options: Mapping[str, str]) -> None:
        """Do what a ``virtual:card`` URI asks for.

        ``seed`` names the synthetic person whose card lies on the reader. Without it what a script
        presented stays; without a script it is the card of person 1.

        Raises
        ------
        ValueError
            If an option is unknown, or no number.
        """
        wishes.check_names("card", options, {"seed"})
        seed = wishes.person("card", options)
        if self._scripted and not options:
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
        kind, length, _slot, number, *special = _HEAD.unpack_from(self._command)
        if len(self._command) < _HEAD.size + length:
            return
        body = self._command[_HEAD.size :][:length]
        self._command = b""
        if kind == _XFR and self._strikes(number):
            return
        self._do(kind, number, body, special[1] | special[2] << 8)

    def _do(self, kind: int, number: int, body: bytes, level: int) -> None:
        if kind == _STATUS:
            self._reply(_SLOT, number)
        elif kind == _POWER_OFF:
            self._powered = False
            if self._card:
                self._card.power_off()
            self._reply(_SLOT, number)
        elif kind in {_POWER_ON, _XFR} and self._card is None:
            self._reply(_DATA, number, failed=_ICC_MUTE)
        elif kind == _POWER_ON and self._card:
            self._powered = True
            self._card.power_off()
            self._reply(_DATA, number, self._card.atr)
        elif kind == _XFR and self._card and self._powered:
            self._exchange(self._card, number, body, level)
        else:
            self._reply(_SLOT, number, failed=_CMD_NOT_SUPPORTED)

    def _exchange(self, card: Card, number: int, body: bytes, level: int) -> None:
        """Collect a command in parts (wLevelParameter 1, 3, 2) and give the answer in parts."""
        if level == 0x10:
            self._give(number, first=False)
            return
        self._parts = body if level in {0, 1} else self._parts + body
        if level in {1, 3}:
            self._reply(_DATA, number, chain=0x10)
            return
        self._answer = card.answer(self._parts)
        self._give(number, first=True)

    def _give(self, number: int, *, first: bool) -> None:
        room = _LONGEST_MESSAGE - _HEAD.size
        part, self._answer = self._answer[:room], self._answer[room:]
        more = bool(self._answer)
        chain = (1 if more else 0) if first else (3 if more else 2)
        self._reply(_DATA, number, part, chain=chain)

    def _reply(
        self, kind: int, number: int, data: bytes = b"", *, chain: int = 0, failed: int = -1
    ) -> None:
        state = _ABSENT if self._card is None else _ACTIVE if self._powered else _INACTIVE
        status, error = (state, 0) if failed < 0 else (state | _FAILED, failed)
        self._replies.append(_HEAD.pack(kind, len(data), 0, number, status, error, chain) + data)

    def _strikes(self, number: int) -> bool:
        """Misbehave if asked to; True if the command is thereby done with."""
        fault, self._fault = self._fault, None
        extension = _HEAD.pack(_DATA, 0, 0, number, _TIME_EXTENSION, 1, 0)
        match fault:
            case Misbehaviour.UNPLUG:
                self.unplug()
            case Misbehaviour.STALL:
                raise Stall
            case Misbehaviour.GARBAGE:
                self._replies.append(b"\x80" + b"\xff" * 30)
            case Misbehaviour.STALE:
                older = number - 1 & 0xFF
                self._replies.append(_HEAD.pack(_DATA, 2, 0, older, 0, 0, 0) + b"\x90\0")
            case Misbehaviour.SLOW:
                self._replies.extend([extension] * 3)
            case Misbehaviour.FOREVER:
                self._endless = extension
            case Misbehaviour.REMOVED:
                self._card, self._powered = None, False
        return fault in _UNANSWERED
