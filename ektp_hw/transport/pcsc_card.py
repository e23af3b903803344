# SPDX-License-Identifier: Apache-2.0
"""One connection to a card or a reader through the system's PC/SC service."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Self

from ektp_hw.errors import DeviceError, ProtocolError
from ektp_hw.transport.pcsc_codes import check, number

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import TracebackType

    from ektp_hw.transport.pcsc_library import Library

__all__ = ["Card"]

_LEAVE_CARD, _RESET_CARD = 0, 1
_ANSWER_BYTES = 65538
"""Longest answer of an extended APDU (ISO/IEC 7816-4): 65536 bytes and the status word."""
_CONTROL_BYTES = 512
_ATTRIBUTE_BYTES = 264
"""pcsc-lite (MAX_BUFFER_SIZE of its pcsclite.h) refuses to tell anything into more room."""
_T0 = 1
_LOOK_S = 0.05
"""Seconds between two looks at the caller's check while a card is busy."""


class Card:
    """One powered card; made by `Context.connect`, to be closed before its context."""

    def __init__(
        self,
        library: Library,
        reader: str,
        handle: object,
        protocol: int,
        abandon: Callable[[], Callable[[], None]],
    ) -> None:
        self._abandon = abandon
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

    @property
    def is_t0(self) -> bool:
        """Whether the card speaks T=0; T=1 or contactless otherwise."""
        return self._protocol == _T0

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Keep other programs from the card until the block ends.

        Raises
        ------
        CardError, DeviceRemoved
            If the card or the reader is gone. Another program's transaction is waited for.
        """
        functions = self._library.functions
        check(functions.SCardBeginTransaction(self._open_handle()), self.reader)
        try:
            yield
        finally:
            if self._handle is not None:
                functions.SCardEndTransaction(self._handle, _LEAVE_CARD)

    def control(self, code: int, data: bytes = b"") -> bytes:
        """Send a command to the reader's driver, not to the card.

        Raises
        ------
        DeviceError
            If the driver refuses or does not know it, as the service says.
        """
        ffi = self._library.ffi
        answer, size = ffi.new("unsigned char[]", _CONTROL_BYTES), ffi.new("DWORD *")
        send = getattr(self._library.functions, self._library.control)
        code = send(self._open_handle(), code, data, len(data), answer, _CONTROL_BYTES, size)
        check(code, self.reader)
        return bytes(ffi.buffer(answer, int(size[0])))

    def attribute(self, tag: int) -> bytes | None:
        """Return what the driver says of the reader under that tag; None if it says nothing."""
        ffi = self._library.ffi
        value, size = ffi.new("unsigned char[]", _ATTRIBUTE_BYTES), ffi.new("DWORD *")
        size[0] = _ATTRIBUTE_BYTES
        code = self._library.functions.SCardGetAttrib(self._open_handle(), tag, value, size)
        return None if number(code) else bytes(ffi.buffer(value, int(size[0])))

    def _open_handle(self) -> Any:  # noqa: ANN401  # cffi's own type is dynamic
        if self._handle is None:
            raise DeviceError(
                "the connection to the card is closed; connect again", device=f"pcsc:{self.reader}"
            )
        return self._handle

    def answer_to_reset(self) -> bytes:
        """Return the card's ATR (ISO/IEC 7816-3; contactless cards: PC/SC part 3)."""
        ffi = self._library.ffi
        name_size, state, protocol = ffi.new("DWORD *"), ffi.new("DWORD *"), ffi.new("DWORD *")
        atr, size = ffi.new("unsigned char[64]"), ffi.new("DWORD *", 64)
        name, name_size[0] = ffi.new("char[512]"), 512
        check(
            self._library.text_function("SCardStatus")(
                self._handle, name, name_size, state, protocol, atr, size
            ),
            self.reader,
        )
        return bytes(ffi.buffer(atr, int(size[0])))

    def transmit(self, command: bytes, check: Callable[[], None] | None = None) -> bytes:
        """Send one command APDU and return data and status word, as the card gave them.

        Parameters
        ----------
        command
            What the card's protocol carries.
        check
            Looked at while the card is busy. When it raises, the command is left behind: PC/SC
            cannot take it back, so this connection and its context are given up for it, and let
            go of when the reader's driver comes back. Without it the time limit is the driver's own
            (waiting times of ISO/IEC 7816-3 and 14443-4).

        Raises
        ------
        CardError
            If the card no longer answers.
        DeviceRemoved
            If the reader is gone.
        ProtocolError
            If the answer is shorter than a status word.
        """
        handle = self._open_handle()
        if check is None:
            return self._send(handle, command)
        call = _Call(lambda: self._send(handle, command))
        try:
            while not call.done.wait(_LOOK_S):
                check()
        except BaseException:
            call.afterwards(self._forsake(handle))
            raise
        return call.result()

    def _forsake(self, handle: object) -> Callable[[], None]:
        """Give up the connection; return what lets go of it once the driver is free."""
        release, disconnect = self._abandon(), self._library.functions.SCardDisconnect

        def let_go() -> None:
            disconnect(handle, _LEAVE_CARD)
            release()

        return let_go

    def forget(self) -> None:
        """Count as closed without a word to the service, which would have to wait."""
        self._handle = None

    def _send(self, handle: object, command: bytes) -> bytes:
        ffi = self._library.ffi
        request = ffi.new("IO_REQUEST *", (self._protocol, ffi.sizeof("IO_REQUEST")))
        answer, size = ffi.new("unsigned char[]", _ANSWER_BYTES), ffi.new("DWORD *", _ANSWER_BYTES)
        code = self._library.functions.SCardTransmit(
            handle, request, command, len(command), ffi.NULL, answer, size
        )
        check(code, self.reader)
        if size[0] < 2:
            raise ProtocolError(
                "the answer ends before its status word; lay the card on again",
                device=f"pcsc:{self.reader}",
            )
        return bytes(ffi.buffer(answer, int(size[0])))


class _Call:
    """One call of the library in a thread of its own, which may outlive the caller's patience."""

    def __init__(self, run: Callable[[], bytes]) -> None:
        self.done = threading.Event()
        self._run = run
        self._answer = b""
        self._failure: DeviceError | None = None
        self._lock = threading.Lock()
        self._after: Callable[[], None] | None = None
        threading.Thread(target=self._work, name="pcsc command", daemon=True).start()

    def _work(self) -> None:
        try:
            self._answer = self._run()
        except DeviceError as failure:
            self._failure = failure
        with self._lock:
            self.done.set()
            after = self._after
        if after is not None:
            after()

    def afterwards(self, what: Callable[[], None]) -> None:
        """Do this when the call has come back; at once if it has."""
        with self._lock:
            if not self.done.is_set():
                self._after = what
                return
        what()

    def result(self) -> bytes:
        """Return or raise what the call gave."""
        if self._failure is not None:
            raise self._failure
        return self._answer
