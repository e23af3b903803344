# SPDX-License-Identifier: Apache-2.0
"""Cards in USB readers of the class CCID, without a PC/SC service between.

Source: USB-IF, "Specification for Integrated Circuit(s) Cards Interface Devices", revision 1.1.
A reader must exchange whole APDUs and choose voltage, clock and parameters by itself, as the
contactless ones do; readers that leave the card's protocol to the host are for PC/SC.
"""

from __future__ import annotations

import struct
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from ektp_hw.errors import CardError, DeviceUnavailable, ProtocolError, UnavailableReason
from ektp_hw.transport import usb_interfaces

if TYPE_CHECKING:
    from ektp_hw.transport.base import UsbConnection

__all__ = ["Check", "Slot", "never"]

Check = Callable[[], None]
"""Called between transfers; ends the exchange by raising (time over, cancelled)."""

_CLASS = 0x0B
_CLASS_DESCRIPTOR, _CLASS_DESCRIPTOR_BYTES = 0x21, 54
_SHORT_APDU, _EXTENDED_APDU, _LEVELS = 0x00020000, 0x00040000, 0x00070000

_HEAD = struct.Struct("<BIBB3s")
_REPLY = struct.Struct("<BIBBBBB")
_POWER_ON, _POWER_OFF, _SLOT_STATUS, _XFR_BLOCK = 0x62, 0x63, 0x65, 0x6F
_DATA_BLOCK = 0x80
_WHOLE, _BEGINS, _ENDS, _CONTINUES, _GO_ON = 0, 1, 2, 3, 0x10
_ABSENT = 2

_ANSWER_S = 5.0
"""A reader that says nothing for so long has failed; busy ones send time extensions."""
_EXTENDED_S = 30.0
"""Longest that time extensions may prolong one exchange; signing on a slow card takes 5 s."""
_SLICE_S = 0.05
_PROMPT_S = 0.1
"""For what a living reader does at once: taking a message, cutting the card's power."""
_STALE_REPLIES = 16
"""Replies to older commands that are skipped before the reader counts as out of step."""
_LONGEST_ANSWER = 65536 + 2

_ERRORS = {
    0xE0: "the slot is busy",
    0xF6: "the card's protocol is not supported",
    0xF7: "the check byte of its ATR is wrong",
    0xF8: "its ATR is damaged",
    0xFB: "the reader's hardware failed",
    0xFC: "the card sent too fast",
    0xFD: "parity errors on the line",
    0xFE: "the card does not answer",
}


@dataclass(frozen=True)
class _Way:
    """Where and how this reader takes messages."""

    out_endpoint: int
    in_endpoint: int
    longest_message: int
    extended: bool


class _Reply(NamedTuple):
    kind: int
    card: int
    failed: bool
    error: int
    chain: int
    data: bytes


class Slot:
    """The first slot of a reader.

    Parameters
    ----------
    usb
        The open way to the reader; not closed by this.
    device
        The reader's address, for messages.

    Raises
    ------
    DeviceUnavailable
        If the reader does not exchange whole APDUs.
    ProtocolError
        If it describes itself as nothing can be.
    """

    def __init__(self, usb: UsbConnection, device: str) -> None:
        self._usb = usb
        self._device = device
        self._number = 0
        self._way = _way_of(usb_interfaces.read(usb), device)
        self._drain()

    def is_occupied(self, check: Check) -> bool:
        """Tell whether a card is there."""
        return self._ask(_SLOT_STATUS, check).card != _ABSENT

    def power_on(self, check: Check) -> bytes | None:
        """Power the card and return its ATR; None if it was taken away meanwhile."""
        reply = self._ask(_POWER_ON, check)
        if reply.card == _ABSENT:
            return None
        self._require(reply)
        return reply.data

    def power_off(self) -> None:
        """Cut the card's power; a reader that is not prompt about it raises `ProtocolError`."""
        self._ask(_POWER_OFF, never, answer_within=_PROMPT_S)

    def exchange(self, apdu: bytes, check: Check) -> bytes:
        """Send one APDU, in parts where it is longer than a message, and collect the answer.

        Raises
        ------
        CardError
            If the card is gone or mute, or the reader cannot take a command of that length.
        ProtocolError
            If the reader is silent, out of step, or announces what cannot be.
        """
        room = self._way.longest_message - _HEAD.size
        if len(apdu) > room and not self._way.extended:
            raise CardError(
                f"this reader takes commands of up to {room} bytes, not {len(apdu)}",
                device=self._device,
            )
        parts = [apdu[at : at + room] for at in range(0, len(apdu), room)]
        for index, part in enumerate(parts):
            level = _level(index, len(parts))
            reply = self._ask(_XFR_BLOCK, check, part, level)
            self._require(reply)
        answer = reply.data
        while reply.chain in {_BEGINS, _CONTINUES}:
            if not reply.data or len(answer) > _LONGEST_ANSWER:
                raise ProtocolError("the answer comes in parts without end", device=self._device)
            reply = self._ask(_XFR_BLOCK, check, b"", _GO_ON)
            self._require(reply)
            answer += reply.data
        return answer

    def _require(self, reply: _Reply) -> None:
        if reply.card == _ABSENT:
            raise CardError("the card was taken away; lay it on again", device=self._device)
        if reply.failed:
            why = _ERRORS.get(reply.error, f"error {reply.error:02X}")
            raise CardError(f"{why}; lay the card on again", device=self._device)
        if reply.kind != _DATA_BLOCK:
            raise ProtocolError(
                f"the reader answers with message {reply.kind:02X}", device=self._device
            )

    def _drain(self) -> None:
        """Throw away what a broken session left in the reader."""
        self._received = b""
        for _ in range(_STALE_REPLIES):
            if not self._usb.read(self._way.in_endpoint, self._way.longest_message, 0.01):
                return

    def _ask(
        self,
        kind: int,
        check: Check,
        data: bytes = b"",
        level: int = _WHOLE,
        answer_within: float = _ANSWER_S,
    ) -> _Reply:
        """Send one message and return the reply to it, past time extensions and stale replies."""
        self._number = (self._number + 1) & 0xFF
        special = b"\0" + level.to_bytes(2, "little") if kind == _XFR_BLOCK else b"\0\0\0"
        message = _HEAD.pack(kind, len(data), 0, self._number, special) + data
        self._usb.write(self._way.out_endpoint, message, _PROMPT_S)
        began = time.monotonic()
        answer_by, stale = began + answer_within, 0
        while True:
            raw = self._message(min(answer_by, began + _EXTENDED_S), check)
            reply_kind, _, _, number, status, error, chain = _REPLY.unpack_from(raw)
            if number != self._number:
                stale += 1
                if stale > _STALE_REPLIES:
                    self._drain()
                    raise ProtocolError(
                        "the reader answers older commands only; plug it in anew",
                        device=self._device,
                    )
            elif status >> 6 == 2:  # time extension
                answer_by = time.monotonic() + answer_within
            else:
                return _Reply(
                    reply_kind, status & 3, status >> 6 == 1, error, chain, raw[_REPLY.size :]
                )

    def _message(self, until: float, check: Check) -> bytes:
        """Return the next whole message; it may arrive in several transfers."""
        size = _REPLY.size
        while True:
            if len(self._received) >= _REPLY.size:
                size = _REPLY.size + int.from_bytes(self._received[1:5], "little")
                if size > self._way.longest_message:
                    self._drain()
                    raise ProtocolError(
                        f"the reader announces {size} bytes, its longest message has"
                        f" {self._way.longest_message}; plug it in anew",
                        device=self._device,
                    )
            if len(self._received) >= size:
                message, self._received = self._received[:size], self._received[size:]
                return message
            check()
            left = until - time.monotonic()
            if left <= 0:
                self._received = b""
                raise ProtocolError(
                    "the reader does not answer; plug it in anew", device=self._device
                )
            self._received += self._usb.read(
                self._way.in_endpoint, self._way.longest_message, min(left, _SLICE_S)
            )


def never() -> None:
    """Check nothing: for single commands, which only the reader's own time limits end."""


def _level(index: int, count: int) -> int:
    """Return wLevelParameter of one part of a command (CCID 1.1, 6.1.4)."""
    if count == 1:
        return _WHOLE
    if index == 0:
        return _BEGINS
    return _ENDS if index == count - 1 else _CONTINUES


def _way_of(interfaces: list[usb_interfaces.Interface], uri: str) -> _Way:
    """Find the reader's interface and what it says about itself."""
    for each in interfaces:
        own = [
            descriptor
            for descriptor in each.class_descriptors
            if descriptor[1] == _CLASS_DESCRIPTOR and len(descriptor) >= _CLASS_DESCRIPTOR_BYTES
        ]
        to_reader = each.endpoint(usb_interfaces.BULK, is_in=False)
        from_reader = each.endpoint(usb_interfaces.BULK, is_in=True)
        if each.triple[0] != _CLASS or not own or to_reader is None or from_reader is None:
            continue
        features, longest = struct.unpack_from("<II", own[0], 40)
        if features & _LEVELS not in {_SHORT_APDU, _EXTENDED_APDU}:
            break
        if not 261 + _HEAD.size <= longest <= _LONGEST_ANSWER + _HEAD.size:
            raise ProtocolError(f"the reader claims messages of {longest} bytes", device=uri)
        return _Way(
            to_reader.address,
            from_reader.address,
            longest,
            extended=features & _LEVELS == _EXTENDED_APDU,
        )
    raise DeviceUnavailable(
        "this reader leaves the card's protocol to the host; use it through PC/SC"
        " (start pcscd and take its pcsc: address)",
        reason=UnavailableReason.UNSUPPORTED,
        device=uri,
    )
