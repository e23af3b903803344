# SPDX-License-Identifier: Apache-2.0
"""The messages of a CCID reader: one command, its reply, and what comes between.

Source: USB-IF, "Specification for Integrated Circuit(s) Cards Interface Devices", revision 1.1.
"""

from __future__ import annotations

import struct
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

from ektp_hw.errors import ProtocolError
from ektp_hw.transport import usb_interfaces
from ektp_hw.transport.ccid_descriptor import abilities

if TYPE_CHECKING:
    from ektp_hw.transport.base import UsbConnection

__all__ = ["ABSENT", "PROMPT_S", "Check", "Link", "Reply", "unchecked"]

Check = Callable[[], None]
"""Called between transfers; ends the exchange by raising (time over, cancelled)."""

ABSENT = 2
"""Status of a slot without a card."""
PROMPT_S = 0.1
"""For what a living reader does at once, such as cutting the card's power."""

_HEAD = struct.Struct("<BIBB3s")
_REPLY = struct.Struct("<BIBBBBB")
_TAKEN_S = 0.2
"""For a reader to take a message; a busy machine needs a part of it."""
_ABORT = 0x72
_SLOT_CHANGED = 0x50

_ANSWER_S = 5.0
"""A reader that says nothing for so long has failed; busy ones send time extensions."""
_EXTENDED_S = 30.0
"""Longest that time extensions may prolong one exchange; signing on a slow card takes 5 s."""
_ABORT_S = 0.05
"""For taking a command back, twice: the request and the message."""
_SLICE_S = 0.05
_REST_S = 0.5
"""A message that has begun is whole by then, or never will be."""
_STALE_REPLIES = 16
"""Replies to older commands that are skipped before the reader counts as out of step."""


class Reply(NamedTuple):
    """One message from the reader, its slot status taken apart."""

    kind: int
    card: int
    failed: bool
    error: int
    chain: int
    data: bytes


class Link:
    """A reader: messages to it and replies from it, one at a time, for all its slots.

    Parameters
    ----------
    usb
        The open way to the reader; not closed by this.
    device
        The reader's address, for messages.

    Raises
    ------
    DeviceUnavailable
        If the reader leaves single characters to the host, or is no such reader.
    ProtocolError
        If it describes itself as nothing can be.
    """

    def __init__(self, usb: UsbConnection, device: str) -> None:
        self.device = device
        self.abilities = abilities(usb_interfaces.read(usb), device)
        self._usb = usb
        self._number = 0
        self._lock = threading.RLock()
        self._unfinished: set[int] = set()
        self._drain()

    def changes(self, timeout: float) -> dict[int, bool] | None:
        """Wait for the reader to tell of cards that came or went.

        Returns
        -------
        dict or None
            Whether a card is there, by slot, for the slots that changed; empty if nothing did in
            time. None if this reader never tells, so that it has to be asked.
        """
        endpoint = self.abilities.changes_endpoint
        if endpoint is None:
            return None
        told = self._usb.read(endpoint, 1 + (self.abilities.slots + 3) // 4, timeout)
        if not told or told[0] != _SLOT_CHANGED:
            return {}
        bits = int.from_bytes(told[1:], "little")
        return {
            slot: bool(bits >> 2 * slot & 1)
            for slot in range(self.abilities.slots)
            if bits >> 2 * slot & 2
        }

    def ask(
        self,
        slot: int,
        kind: int,
        check: Check,
        data: bytes = b"",
        special: bytes = b"\0\0\0",
        answer_within: float | None = None,
    ) -> Reply:
        """Send one message and return the reply to it, past time extensions and stale replies.

        A command that the caller's check interrupted is aborted before the next one.
        """
        while not self._lock.acquire(timeout=_SLICE_S):  # another thread asks for another slot
            check()
        try:
            if slot in self._unfinished:
                self._abort(slot)
            self._unfinished.add(slot)
            reply = self._ask(slot, kind, check, data, special, answer_within or _ANSWER_S)
            self._unfinished.discard(slot)
            return reply
        finally:
            self._lock.release()

    def _ask(
        self, slot: int, kind: int, check: Check, data: bytes, special: bytes, within: float
    ) -> Reply:
        self._number = (self._number + 1) & 0xFF
        message = _HEAD.pack(kind, len(data), slot, self._number, special) + data
        self._usb.write(self.abilities.out_endpoint, message, _TAKEN_S)
        began = time.monotonic()
        answer_by, stale = began + within, 0
        while True:
            raw = self._message(min(answer_by, began + _EXTENDED_S), check)
            reply_kind, _, place, number, status, error, chain = _REPLY.unpack_from(raw)
            if (place, number) != (slot, self._number):
                stale += 1
                if stale > _STALE_REPLIES:
                    self._drain()
                    raise ProtocolError(
                        "the reader answers older commands only; plug it in anew",
                        device=self.device,
                    )
            elif status >> 6 == 2:  # time extension
                answer_by = time.monotonic() + within
            else:
                return Reply(
                    reply_kind, status & 3, status >> 6 == 1, error, chain, raw[_REPLY.size :]
                )

    def _abort(self, slot: int) -> None:
        """Take back a command that nobody waits for (CCID 1.1, 5.3.1).

        Raises
        ------
        ProtocolError
            If the reader is deaf.
        """
        self._received = b""
        number = (self._number + 1) & 0xFF
        with suppress(ProtocolError):  # some readers know the message only, not the request
            self._usb.control_out(0x21, 1, number << 8 | slot, 0, b"", _ABORT_S)
        self._ask(slot, _ABORT, unchecked, b"", b"\0\0\0", _ABORT_S)

    def _drain(self) -> None:
        """Throw away what a broken session left in the reader."""
        self._received = b""
        way = self.abilities
        for _ in range(_STALE_REPLIES):
            if not self._usb.read(way.in_endpoint, way.longest_message, 0.01):
                return

    def _message(self, until: float, check: Check) -> bytes:
        """Return the next whole message; it may arrive in several transfers."""
        size, way = _REPLY.size, self.abilities
        while True:
            if len(self._received) >= _REPLY.size:
                size = _REPLY.size + int.from_bytes(self._received[1:5], "little")
                if size > way.longest_message:
                    self._drain()
                    raise ProtocolError(
                        f"the reader announces {size} bytes, its longest message has"
                        f" {way.longest_message}; plug it in anew",
                        device=self.device,
                    )
            if len(self._received) >= size:
                message, self._received = self._received[:size], self._received[size:]
                return message
            check()
            left = until - time.monotonic()
            if left <= 0:
                began, self._received = bool(self._received), b""
                what = "ends its answer early" if began else "does not answer"
                raise ProtocolError(f"the reader {what}; plug it in anew", device=self.device)
            piece = self._usb.read(way.in_endpoint, way.longest_message, min(left, _SLICE_S))
            if piece and not self._received:
                until = min(until, time.monotonic() + _REST_S)
            self._received += piece


def unchecked() -> None:
    """Check nothing: for single commands, which only the reader's own time limits end."""
