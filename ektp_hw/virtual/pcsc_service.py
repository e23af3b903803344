# SPDX-License-Identifier: Apache-2.0
"""A PC/SC service without hardware: the functions of the library, answered in this process.

`VirtualPcsc.library` takes the place of the loaded library (`ektp_hw.transport.pcsc_library`), so
the whole of `transport.pcsc` runs against it: readers and cards that come and go, a service that
stops and starts again, part 10 features, an escape command. The return codes are those that
pcsc-lite gives; it misbehaves on request.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ektp_hw.transport.pcsc_library import Library, types_of
from ektp_hw.virtual.pcsc_faults import CODES, PcscFault

if TYPE_CHECKING:
    from ektp_hw.transport.pcsc import Context
    from ektp_hw.virtual.card import Card

__all__ = ["PcscFault", "VirtualPcsc"]

_OK = 0
_INVALID_HANDLE, _INSUFFICIENT, _UNKNOWN_READER, _TIMEOUT = (
    0x80100003, 0x80100008, 0x80100009, 0x8010000A,
)  # fmt: skip
_NO_CARD, _NOT_TRANSACTED, _UNAVAILABLE, _NO_SERVICE = (
    0x8010000C, 0x80100016, 0x80100017, 0x8010001D,
)  # fmt: skip
_CANCELLED, _NO_READERS, _UNSUPPORTED = 0x80100002, 0x8010002E, 0x8010001F
_UNRESPONSIVE, _REMOVED = 0x80100066, 0x80100069
_CHANGED, _UNKNOWN, _EMPTY, _PRESENT, _MUTE = 0x02, 0x04, 0x10, 0x20, 0x200
_ANY_READER = "\\\\?PnP?\\Notification"
_GET_FEATURES, _ESCAPE = 0x42000000 + 3400, 0x42000001
_DIRECT = 3
_MOST_ROOM = 264


@dataclass
class _Reader:
    card: Card | None = None
    count: int = 0
    escape: bool = False
    holder: int = 0
    """The card handle whose transaction keeps others out; 0 for none."""


class VirtualPcsc:
    """The service; every method that begins with ``SCard`` is one of the library's functions."""

    hang_s = 1.5
    """How long a driver that hangs does not come back."""

    def __init__(self) -> None:
        self._ffi: Any = types_of()
        self._lock = threading.Condition(threading.RLock())
        self._readers: dict[str, _Reader] = {}
        self._contexts: set[int] = set()
        self._handles: dict[int, tuple[str, int]] = {}
        self._next = 1
        self._runs = True
        self._cancelled: set[int] = set()
        self._fault: PcscFault | None = None

    @property
    def library(self) -> Library:
        """What stands in for the loaded library."""
        return Library(self._ffi, self, "")

    @property
    def transactions(self) -> int:
        """Transactions that are open now."""
        return sum(bool(each.holder) for each in self._readers.values())

    @property
    def open_handles(self) -> int:
        """Contexts and cards that nobody has let go."""
        return len(self._contexts) + len(self._handles)

    def connect(self) -> Context:
        """Make a context with this service, as a driver does with the system's."""
        from ektp_hw.transport.pcsc import Context

        return Context(self.library)

    # What happens at the desk.

    def plug(self, reader: str, *, escape: bool = False) -> None:
        """Plug a reader in, with its driver allowing escape commands or not."""
        with self._lock:
            self._readers.setdefault(reader, _Reader(escape=escape))
            self._lock.notify_all()

    def unplug(self, reader: str) -> None:
        """Pull a reader out."""
        with self._lock:
            self._readers.pop(reader, None)
            self._lock.notify_all()

    def present(self, reader: str, card: Card | None) -> None:
        """Lay a card on, one without an ATR upside down; None takes it away."""
        with self._lock:
            place = self._readers[reader]
            if place.card is not None:
                place.card.power_off()
            place.card = card
            place.count += 1
            self._lock.notify_all()

    def stop(self) -> None:
        """End the service: every handle it gave is void."""
        with self._lock:
            self._runs = False
            for each in self._readers.values():
                each.holder = 0
            self._contexts.clear()
            self._handles.clear()
            self._lock.notify_all()

    def start(self) -> None:
        """Start it again."""
        with self._lock:
            self._runs = True
            self._lock.notify_all()

    def misbehave(self, fault: PcscFault | str) -> None:
        """Go wrong once, at the next command to a card."""
        with self._lock:
            self._fault = PcscFault(fault)

    def behave(self) -> None:
        """Take a misbehaviour back that has not struck yet."""
        with self._lock:
            self._fault = None

    # The library's functions. Their names are PC/SC's own.

    def SCardEstablishContext(self, _scope: int, _a: Any, _b: Any, handle: Any) -> int:  # noqa: N802, ANN401
        """Begin."""
        with self._lock:
            if not self._runs:
                return _NO_SERVICE
            handle[0] = self._number()
            self._contexts.add(handle[0])
            return _OK

    def SCardReleaseContext(self, context: int) -> int:  # noqa: N802
        """End."""
        with self._lock:
            self._contexts.discard(context)
            for handle in [each for each, held in self._handles.items() if held[1] == context]:
                del self._handles[handle]
                self._end_transaction(handle)
            return _OK

    def SCardIsValidContext(self, context: int) -> int:  # noqa: N802
        """Tell what the library itself knows: nothing of a restart."""
        del context
        return _OK

    def SCardCancel(self, context: int) -> int:  # noqa: N802
        """Wake a wait."""
        with self._lock:
            self._cancelled.add(context)
            self._lock.notify_all()
            return self._context_code(context)

    def SCardListReaders(self, context: int, _groups: Any, text: Any, size: Any) -> int:  # noqa: N802, ANN401
        """Name the readers."""
        with self._lock:
            if code := self._context_code(context):
                return code
            if not self._readers:
                return _NO_READERS
            names = b"".join(name.encode() + b"\0" for name in self._readers) + b"\0"
        if text != self._ffi.NULL:
            if size[0] < len(names):
                return _INSUFFICIENT
            self._ffi.memmove(text, names, len(names))
        size[0] = len(names)
        return _OK

    def SCardGetStatusChange(self, context: int, wait_ms: int, states: Any, count: int) -> int:  # noqa: N802, ANN401
        """Wait until something differs from what the caller knows."""
        until = time.monotonic() + wait_ms / 1000
        with self._lock:
            self._cancelled.discard(context)
            listed = set(self._readers)
            while True:
                if code := self._context_code(context):
                    return code
                if context in self._cancelled:
                    return _CANCELLED
                changed = [self._fill(states[index], listed) for index in range(count)]
                if any(changed):
                    return _OK
                left = until - time.monotonic()
                if left <= 0:
                    return _TIMEOUT
                self._lock.wait(left)

    def _fill(self, state: Any, listed: set[str]) -> bool:  # noqa: ANN401
        name = self._ffi.string(state.szReader).decode()
        known = int(state.dwCurrentState)
        state.cbAtr = 0
        if name == _ANY_READER:
            changed = set(self._readers) != listed
            state.dwEventState = _CHANGED if changed else 0
            return changed
        place = self._readers.get(name)
        if place is None:
            state.dwEventState = _UNKNOWN | _CHANGED
            return True
        now = _EMPTY if place.card is None else _PRESENT if place.card.atr else _PRESENT | _MUTE
        differs = not known & now
        state.dwEventState = place.count << 16 | now | (_CHANGED if differs else 0)
        if place.card is not None:
            state.cbAtr = len(place.card.atr)
            self._ffi.memmove(state.rgbAtr, place.card.atr, len(place.card.atr))
        return differs

    def SCardConnect(  # noqa: N802
        self,
        context: int,
        name: bytes,
        share: int,
        _wanted: int,
        handle: Any,  # noqa: ANN401
        protocol: Any,  # noqa: ANN401
    ) -> int:
        """Power a card, or reach the reader itself."""
        with self._lock:
            if code := self._context_code(context):
                return code
            place = self._readers.get(name.decode())
            if place is None:
                return _UNKNOWN_READER
            if place.card is None and share != _DIRECT:
                return _NO_CARD
            if share != _DIRECT and place.card is not None and not place.card.atr:
                return _UNRESPONSIVE
            handle[0] = self._number()
            protocol[0] = 2
            self._handles[handle[0]] = (name.decode(), context)
            return _OK

    def SCardDisconnect(self, handle: int, _disposition: int) -> int:  # noqa: N802
        """Let a card go."""
        self._end_transaction(handle)
        with self._lock:
            return _OK if self._handles.pop(handle, None) else _INVALID_HANDLE

    def SCardStatus(  # noqa: N802
        self,
        handle: int,
        _name: Any,  # noqa: ANN401
        _size: Any,  # noqa: ANN401
        _state: Any,  # noqa: ANN401
        _protocol: Any,  # noqa: ANN401
        atr: Any,  # noqa: ANN401
        atr_size: Any,  # noqa: ANN401
    ) -> int:
        """Tell a card's ATR."""
        place, code = self._place(handle)
        if place is None or place.card is None:
            return code or _REMOVED
        atr_size[0] = len(place.card.atr)
        self._ffi.memmove(atr, place.card.atr, len(place.card.atr))
        return _OK

    def SCardBeginTransaction(self, handle: int) -> int:  # noqa: N802
        """Keep others out."""
        with self._lock:
            place, code = self._place(handle)
            while place is not None and place.holder not in {0, handle}:
                self._lock.wait(0.1)
                place, code = self._place(handle)
            if place is not None:
                place.holder = handle
            return code

    def SCardEndTransaction(self, handle: int, _disposition: int) -> int:  # noqa: N802
        """Let others in again."""
        self._end_transaction(handle)
        return self._place(handle)[1]

    def _end_transaction(self, handle: int) -> None:
        with self._lock:
            for each in self._readers.values():
                if each.holder == handle:
                    each.holder = 0
            self._lock.notify_all()

    def SCardTransmit(  # noqa: N802
        self,
        handle: int,
        _request: Any,  # noqa: ANN401
        data: bytes,
        _length: int,
        _reply: Any,  # noqa: ANN401
        answer: Any,  # noqa: ANN401
        size: Any,  # noqa: ANN401
    ) -> int:
        """Send a command to the card, unless it is time to go wrong."""
        place, code = self._place(handle)
        if place is None:
            return code
        with self._lock:
            fault, self._fault = self._fault, None
        if fault is not None and (code := self._strike(fault, handle, place)):
            return code
        if place.card is None:
            return _REMOVED
        said = place.card.answer(bytes(data))
        if fault is PcscFault.SHORT:
            said = said[:1]
        elif fault is PcscFault.GARBAGE:
            said = bytes(byte ^ 0xA5 for byte in said)
        self._ffi.memmove(answer, said, len(said))
        size[0] = len(said)
        return _OK

    def _strike(self, fault: PcscFault, handle: int, place: _Reader) -> int:
        if fault is PcscFault.HANGS:
            time.sleep(self.hang_s)
            return _NOT_TRANSACTED
        if fault is PcscFault.UNPLUG:
            self.unplug(self._handles[handle][0])
        elif fault is PcscFault.REMOVED:
            self.present(self._handles[handle][0], None)
        elif fault is PcscFault.STOPPED:
            self.stop()
        elif fault in {PcscFault.RESET, PcscFault.UNPOWERED} and place.card is not None:
            place.card.power_off()
        return CODES.get(fault, _OK)

    def SCardControl(  # noqa: N802
        self,
        handle: int,
        code: int,
        data: bytes,
        _length: int,
        answer: Any,  # noqa: ANN401
        _room: int,
        size: Any,  # noqa: ANN401
    ) -> int:
        """Answer the feature request and, where the driver allows it, escape commands."""
        place, failure = self._place(handle)
        if place is None:
            return failure
        if code == _GET_FEATURES:
            said = b"\x12\x04\x42\x33\x00\x12"
        elif code == 0x42330012:
            said = b"\x0b\x02\x2f\x07\x0c\x02\x00\x22\x0a\x04\x0a\x01\x00\x00"
        elif code == _ESCAPE and place.escape:
            said = b"ACR122U214" if bytes(data[:3]) == b"\xff\x00\x48" else b"\x90\x00"
        else:
            return _NOT_TRANSACTED
        self._ffi.memmove(answer, said, len(said))
        size[0] = len(said)
        return _OK

    def SCardGetAttrib(self, handle: int, tag: int, value: Any, size: Any) -> int:  # noqa: N802, ANN401
        """Tell vendor, driver version and place on the bus; pcsc-lite takes no more room."""
        place, failure = self._place(handle)
        if size[0] > _MOST_ROOM:
            return _INSUFFICIENT
        told = {
            0x10100: b"EMULATED\0",
            0x10102: bytes((0x02, 0x00, 0x05, 0x01)),
            0x20110: bytes((0x04, 0x01, 0x20, 0x00)),
        }
        if place is None or tag not in told:
            return failure or _UNSUPPORTED
        self._ffi.memmove(value, told[tag], len(told[tag]))
        size[0] = len(told[tag])
        return _OK

    def _number(self) -> int:
        self._next += 1
        return self._next

    def _context_code(self, context: int) -> int:
        if not self._runs:
            return _NO_SERVICE
        return _OK if context in self._contexts else _INVALID_HANDLE

    def _place(self, handle: int) -> tuple[_Reader | None, int]:
        with self._lock:
            if not self._runs:
                return None, _NO_SERVICE
            held = self._handles.get(handle)
            if held is None:
                return None, _INVALID_HANDLE
            place = self._readers.get(held[0])
            return place, _OK if place else _UNAVAILABLE
