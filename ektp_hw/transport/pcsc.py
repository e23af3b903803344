# SPDX-License-Identifier: Apache-2.0
"""Smart card readers through the system's PC/SC service (PC/SC part 5).

`Context` is the connection to the service: it names readers, waits for cards and connects to
them. `Card` is one connection to one card. Nothing is loaded at import, so a machine without
PC/SC pays nothing; it learns of the lack from `DeviceUnavailable` when it asks for readers.
"""

from __future__ import annotations

import logging
import sys
import time
from threading import Event
from typing import TYPE_CHECKING, Any, NamedTuple, Self
from weakref import WeakSet

from ektp_hw.errors import CaptureCancelled, DeviceError, DeviceNotFound, DeviceRemoved
from ektp_hw.transport.pcsc_card import Card
from ektp_hw.transport.pcsc_codes import NO_READERS, TIMED_OUT, check, failure_of, number
from ektp_hw.transport.pcsc_library import load

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from types import TracebackType

    from ektp_hw.transport.pcsc_library import Library

__all__ = ["ANY_READER", "Card", "Context", "ReaderState"]

_log = logging.getLogger(__name__)

ANY_READER = "\\\\?PnP?\\Notification"
"""Name of the reader that stands for the list of readers (PC/SC part 5)."""

_SCOPE_SYSTEM = 2
_SHARE_SHARED, _SHARE_DIRECT = 2, 3
_PROTOCOL_T0_OR_T1 = 1 | 2
_STATE_UNAWARE, _STATE_UNKNOWN, _STATE_UNAVAILABLE, _STATE_PRESENT = 0x00, 0x04, 0x08, 0x20
_STATE_MUTE = 0x200
_READER_UNKNOWN, _READER_GONE = 0x80100009, 0x80100017
_SHORTEST_S = 0.01
"""Two looks at the readers are at least so far apart."""
_SLICE_S = 0.1
"""Longest single wait inside the service; a cancel event is looked at in between."""


class ReaderState(NamedTuple):
    """What the service knows about one reader at this moment."""

    present: bool
    answer_to_reset: bytes
    raw: int

    @property
    def is_mute(self) -> bool:
        """Whether a card is there that does not answer to its reset."""
        return bool(self.raw & _STATE_MUTE)


class Context:
    """A connection to the PC/SC service; use it in a ``with`` block.

    Raises
    ------
    DeviceUnavailable
        ``LIBRARY_MISSING`` or ``SERVICE_MISSING``, each saying what to install or start.
    """

    def __init__(self, library: Library | None = None) -> None:
        self._library = library or load()
        handle = self._library.ffi.new("HANDLE_ *")
        code = self._library.functions.SCardEstablishContext(
            _SCOPE_SYSTEM, self._library.ffi.NULL, self._library.ffi.NULL, handle
        )
        if number(code):
            raise failure_of(code, opening=True)
        self._handle: Any = handle[0]
        self._cancelled = Event()
        self._cards: WeakSet[Card] = WeakSet()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Wake a wait in another thread, then let go of the service. Safe to call twice."""
        if self._handle is not None:
            self.cancel()
            self._library.functions.SCardReleaseContext(self._handle)
            self._handle = None

    def cancel(self) -> None:
        """End a `wait` that another thread is in: it raises `CaptureCancelled`."""
        self._cancelled.set()  # SCardCancel alone is lost between two slices of the wait
        self._library.functions.SCardCancel(self._handle)

    def readers(self) -> list[str]:
        """Return the names of the readers that are plugged in; none is opened."""
        ffi = self._library.ffi
        list_readers = self._library.text_function("SCardListReaders")
        size = ffi.new("DWORD *")
        code = list_readers(self._handle, ffi.NULL, ffi.NULL, size)
        if number(code) == NO_READERS:
            return []
        check(code)
        text = ffi.new("char[]", int(size[0]) + 1)
        code = list_readers(self._handle, ffi.NULL, text, size)
        if number(code) == NO_READERS:
            return []
        check(code)
        names = bytes(ffi.buffer(text, int(size[0]))).split(b"\0")
        return [name.decode("utf-8", "replace") for name in names if name]

    def state(self, reader: str) -> ReaderState:
        """Return at once whether a card is in the reader, and its ATR."""
        return self._status_change(reader, _STATE_UNAWARE, 0.0)

    def wait(
        self, reader: str, *, present: bool, timeout: float, cancel: Event | None = None
    ) -> ReaderState | None:
        """Wait until a card is put in (or taken out); None when the time is over.

        Raises
        ------
        CaptureCancelled
            If `cancel` was set (noticed within 0.1 s) or `Context.cancel` was called.
        DeviceRemoved
            If the reader goes away while waiting.
        """
        self._cancelled.clear()
        until = time.monotonic() + timeout
        state = self.state(reader)
        while state.present is not present:
            if self._cancelled.is_set() or (cancel is not None and cancel.is_set()):
                raise CaptureCancelled("the wait for a card was cancelled", device=f"pcsc:{reader}")
            left = until - time.monotonic()
            if left <= 0:
                return None
            state = self._status_change(reader, state.raw & 0xFFFF, min(left, _SLICE_S))
        return state

    def is_valid(self) -> bool:
        """Tell whether the service still answers to this connection; not after a restart of it."""
        if self._handle is None or number(
            self._library.functions.SCardIsValidContext(self._handle)
        ):
            return False
        try:
            self.readers()  # the library itself does not notice a restart
        except DeviceError:
            return False
        return True

    def states(self, readers: Iterable[str], known: int = 0) -> dict[str, ReaderState]:
        """Return at once what the service knows of several readers, without those that went."""
        found = {}
        for reader in readers:
            try:
                found[reader] = self._status_change(reader, known, 0.0)
            except (DeviceNotFound, DeviceRemoved):
                continue
        return found

    def wait_for_change(self, known: Mapping[str, ReaderState], timeout: float) -> None:
        """Return when a card or a reader comes or goes, or when the time is over.

        Parameters
        ----------
        known
            The readers to look at, and what is known of each.
        timeout
            Seconds, at most 0.1: cancelling is the caller's business.
        """
        ffi = self._library.ffi
        names = [*known, ANY_READER]
        texts = [ffi.new("char[]", name.encode()) for name in names]
        states = ffi.new("READER_STATE[]", len(names))
        for state, text, name in zip(states, texts, names, strict=True):
            state.szReader = text
            state.dwCurrentState = known[name].raw & 0xFFFF if name in known else _STATE_UNAWARE
        began = time.monotonic()
        code = self._library.text_function("SCardGetStatusChange")(
            self._handle, int(min(timeout, _SLICE_S) * 1000), states, len(names)
        )
        if number(code) not in {TIMED_OUT, _READER_UNKNOWN, _READER_GONE}:
            check(code)
        if time.monotonic() - began < _SHORTEST_S:  # it answers at once where it knows no such wait
            time.sleep(min(_SHORTEST_S, timeout))

    def look_anew(self, reader: str) -> None:
        """Have the service ask a reader of several slots for its cards; does nothing elsewhere.

        libccid 1.5.2 loses a coming or going that the reader tells while no thread waits in its
        Multi_InterruptRead, and pcscd asks by itself only after ten minutes (eventhandler.c,
        PCSCLITE_STATUS_EVENT_TIMEOUT). The end of a connection makes it ask at once.
        """
        if sys.platform != "linux":
            return
        try:
            self.connect(reader, direct=True).close()
        except DeviceError as refusal:  # in use: the end of that use does the same
            _log.debug("%s", refusal)

    def connect(self, reader: str, *, direct: bool = False) -> Card:
        """Power the card and return the connection to it (shared with other programs).

        Parameters
        ----------
        direct
            Connect to the reader itself; no card need be there.
        """
        ffi = self._library.ffi
        handle, protocol = ffi.new("HANDLE_ *"), ffi.new("DWORD *")
        check(
            self._library.text_function("SCardConnect")(
                self._handle,
                reader.encode(),
                _SHARE_DIRECT if direct else _SHARE_SHARED,
                0 if direct else _PROTOCOL_T0_OR_T1,
                handle,
                protocol,
            ),
            reader,
        )
        card = Card(self._library, reader, handle[0], int(protocol[0]), self._abandon)
        self._cards.add(card)
        return card

    def _abandon(self) -> Callable[[], None]:
        """Give up this connection for a call that does not come back; return what releases it."""
        handle, self._handle = self._handle, None
        for card in self._cards:
            card.forget()
        return lambda: self._library.functions.SCardReleaseContext(handle) and None

    def _status_change(self, reader: str, known: int, timeout: float) -> ReaderState:
        ffi = self._library.ffi
        name = ffi.new("char[]", reader.encode())
        states = ffi.new("READER_STATE[1]")
        states[0].szReader = name
        states[0].dwCurrentState = known
        code = self._library.text_function("SCardGetStatusChange")(
            self._handle, int(timeout * 1000), states, 1
        )
        if number(code) == TIMED_OUT:
            state = known
        else:
            check(code, reader)
            state = int(states[0].dwEventState)
        if state & (_STATE_UNKNOWN | _STATE_UNAVAILABLE) and not state & _STATE_PRESENT:
            raise DeviceRemoved("the reader is gone; plug it in again", device=f"pcsc:{reader}")
        length = min(int(states[0].cbAtr), len(states[0].rgbAtr))
        atr = bytes(ffi.buffer(states[0].rgbAtr, length))
        return ReaderState(bool(state & _STATE_PRESENT) and not state & _STATE_MUTE, atr, state)
