# SPDX-License-Identifier: Apache-2.0
"""Smart card readers through the system's PC/SC service (PC/SC part 5).

`Context` is the connection to the service: it names readers, waits for cards and connects to
them. `Card` is one connection to one card. Nothing is loaded at import, so a machine without
PC/SC pays nothing; it learns of the lack from `DeviceUnavailable` when it asks for readers.
"""

from __future__ import annotations

import time
from threading import Event
from typing import TYPE_CHECKING, Any, NamedTuple, Self

from ektp_hw.errors import (
    CaptureCancelled,
    CardError,
    DeviceBusy,
    DeviceError,
    DeviceNotFound,
    DeviceRemoved,
    DeviceUnavailable,
    ProtocolError,
    UnavailableReason,
)
from ektp_hw.transport.pcsc_library import load

if TYPE_CHECKING:
    from types import TracebackType

    from ektp_hw.transport.pcsc_library import Library

__all__ = ["Card", "Context", "ReaderState"]

_SCOPE_SYSTEM = 2
_SHARE_SHARED = 2
_PROTOCOL_T0_OR_T1 = 1 | 2
_LEAVE_CARD, _RESET_CARD = 0, 1
_STATE_UNAWARE, _STATE_UNKNOWN, _STATE_UNAVAILABLE, _STATE_PRESENT = 0x00, 0x04, 0x08, 0x20
_STATE_MUTE = 0x200
_SLICE_S = 0.1
"""Longest single wait inside the service; a cancel event is looked at in between."""
_ANSWER_BYTES = 65538
"""Longest answer of an extended APDU (ISO/IEC 7816-4): 65536 bytes and the status word."""

_NO_READERS, _TIMEOUT, _CANCELLED = 0x8010002E, 0x8010000A, 0x80100002
_NOT_STARTED = "the PC/SC service is not running; start it (on Linux: systemctl start pcscd.socket)"
_FAILURES: dict[int, tuple[type[DeviceError], str]] = {
    _CANCELLED: (CaptureCancelled, "the wait for a card was cancelled"),
    0x80100009: (DeviceNotFound, "no reader has this name; plug it in or list the readers again"),
    0x8010000B: (DeviceBusy, "another program holds the card; close it and try again"),
    0x8010000C: (CardError, "no card is in the reader; put one on it"),
    0x8010000F: (CardError, "the card speaks none of the protocols asked for; try another card"),
    0x80100010: (DeviceBusy, "the reader is not ready; wait a moment and try again"),
    0x80100016: (CardError, "the card stopped answering; take it off and put it back"),
    0x80100017: (DeviceRemoved, "the reader is gone; plug it in again"),
    0x8010002F: (ProtocolError, "the reader's answer was damaged; check the cable"),
    0x80100066: (CardError, "the card does not answer; turn it or try another card"),
    0x80100067: (CardError, "the card lost power; put it back on the reader"),
    0x80100068: (CardError, "the card was reset by another program; read it again"),
    0x80100069: (CardError, "the card was taken away; put it back on the reader"),
}
_SERVICE_MISSING = {0x80100013, 0x8010001D, 0x8010001E}  # no answer, not there, stopped
_NOT_PERMITTED = {0x80100027, 0x8010006A}


class ReaderState(NamedTuple):
    """What the service knows about one reader at this moment."""

    present: bool
    answer_to_reset: bytes
    raw: int


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
        if _number(code):
            raise failure_of(code, opening=True)
        self._handle: Any = handle[0]
        self._cancelled = Event()

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
        if _number(code) == _NO_READERS:
            return []
        _check(code)
        text = ffi.new("char[]", int(size[0]) + 1)
        code = list_readers(self._handle, ffi.NULL, text, size)
        if _number(code) == _NO_READERS:
            return []
        _check(code)
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
                raise CaptureCancelled("the wait for a card was cancelled", device=reader)
            left = until - time.monotonic()
            if left <= 0:
                return None
            state = self._status_change(reader, state.raw & 0xFFFF, min(left, _SLICE_S))
        return state

    def connect(self, reader: str) -> Card:
        """Power the card and return the connection to it (shared with other programs)."""
        ffi = self._library.ffi
        handle, protocol = ffi.new("HANDLE_ *"), ffi.new("DWORD *")
        _check(
            self._library.text_function("SCardConnect")(
                self._handle,
                reader.encode(),
                _SHARE_SHARED,
                _PROTOCOL_T0_OR_T1,
                handle,
                protocol,
            ),
            reader,
        )
        return Card(self._library, reader, handle[0], int(protocol[0]))

    def _status_change(self, reader: str, known: int, timeout: float) -> ReaderState:
        ffi = self._library.ffi
        name = ffi.new("char[]", reader.encode())
        states = ffi.new("READER_STATE[1]")
        states[0].szReader = name
        states[0].dwCurrentState = known
        code = self._library.text_function("SCardGetStatusChange")(
            self._handle, int(timeout * 1000), states, 1
        )
        if _number(code) == _TIMEOUT:
            state = known
        else:
            _check(code, reader)
            state = int(states[0].dwEventState)
        if state & (_STATE_UNKNOWN | _STATE_UNAVAILABLE) and not state & _STATE_PRESENT:
            raise DeviceRemoved("the reader is gone; plug it in again", device=reader)
        length = min(int(states[0].cbAtr), len(states[0].rgbAtr))
        atr = bytes(ffi.buffer(states[0].rgbAtr, length))
        return ReaderState(bool(state & _STATE_PRESENT) and not state & _STATE_MUTE, atr, state)


class Card:
    """One powered card; made by `Context.connect`, to be closed before its context."""

    def __init__(self, library: Library, reader: str, handle: object, protocol: int) -> None:
        self._library = library
        self._handle: Any = handle
        self._protocol = protocol
        self.reader = reader

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self, *, reset: bool = False) -> None:
        """Disconnect; the card keeps its power unless `reset`. Safe to call twice."""
        if self._handle is not None:
            self._library.functions.SCardDisconnect(
                self._handle, _RESET_CARD if reset else _LEAVE_CARD
            )
            self._handle = None

    def answer_to_reset(self) -> bytes:
        """Return the card's ATR (ISO/IEC 7816-3; contactless cards: PC/SC part 3)."""
        ffi = self._library.ffi
        name_size, state, protocol = ffi.new("DWORD *"), ffi.new("DWORD *"), ffi.new("DWORD *")
        atr, size = ffi.new("unsigned char[64]"), ffi.new("DWORD *", 64)
        name, name_size[0] = ffi.new("char[512]"), 512
        _check(
            self._library.text_function("SCardStatus")(
                self._handle, name, name_size, state, protocol, atr, size
            ),
            self.reader,
        )
        return bytes(ffi.buffer(atr, int(size[0])))

    def transmit(self, command: bytes) -> bytes:
        """Send one command APDU and return data and status word, as the card gave them.

        The time limit is the reader's own (waiting times of ISO/IEC 7816-3 and 14443-4); PC/SC
        offers none. Any failure, also a card that was taken away, comes back as an error.

        Raises
        ------
        CardError
            If the card no longer answers.
        DeviceRemoved
            If the reader is gone.
        ProtocolError
            If the answer is shorter than a status word.
        """
        if self._handle is None:
            raise DeviceError("the connection to the card is closed", device=self.reader)
        ffi = self._library.ffi
        request = ffi.new("IO_REQUEST *", (self._protocol, ffi.sizeof("IO_REQUEST")))
        answer, size = ffi.new("unsigned char[]", _ANSWER_BYTES), ffi.new("DWORD *", _ANSWER_BYTES)
        code = self._library.functions.SCardTransmit(
            self._handle, request, command, len(command), ffi.NULL, answer, size
        )
        _check(code, self.reader)
        if size[0] < 2:
            raise ProtocolError("the answer ends before its status word", device=self.reader)
        return bytes(ffi.buffer(answer, int(size[0])))


def failure_of(code: int, reader: str | None = None, *, opening: bool = False) -> DeviceError:
    """Return the error that a PC/SC return code stands for, ready to be raised."""
    number = _number(code)
    if number in _NOT_PERMITTED:
        return DeviceUnavailable(
            "the PC/SC service refuses this user; allow it in the system's polkit rules"
            f" [PC/SC 0x{number:08X}]",
            reason=UnavailableReason.NOT_PERMITTED,
            device=reader,
        )
    if number in _SERVICE_MISSING or opening:
        return DeviceUnavailable(
            f"{_NOT_STARTED} [PC/SC 0x{number:08X}]",
            reason=UnavailableReason.SERVICE_MISSING,
            device=reader,
        )
    kind, sentence = _FAILURES.get(
        number, (DeviceError, "the PC/SC service reports a failure; take the card off and retry")
    )
    return kind(f"{sentence} [PC/SC 0x{number:08X}]", device=reader)


def _check(code: int, reader: str | None = None) -> None:
    if _number(code):
        raise failure_of(code, reader)


def _number(code: int) -> int:
    return int(code) & 0xFFFFFFFF
