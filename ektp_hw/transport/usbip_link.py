# SPDX-License-Identifier: Apache-2.0
"""The socket to a USB/IP server: its list of devices, and the transfers of one imported device."""

from __future__ import annotations

import itertools
import socket
import threading
import time
from collections import defaultdict, deque
from typing import TYPE_CHECKING

from ektp_hw.transport import usbip_wire as wire

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

__all__ = ["Link", "NotExported", "Refused", "list_exported"]

_UNLINK_GRACE = 0.04
"""Seconds for the server to confirm that a transfer was taken back; then the caller gets control
back, and what the transfer still brings is kept for the next read of its endpoint."""
_MAX_EXPORTED = 4096
_MAX_TRANSFER = 64 << 20


class NotExported(OSError):
    """The server has no device at that place."""


class Refused(OSError):
    """The server has the device, but somebody else holds it."""


def list_exported(host: str, port: int, timeout: float) -> list[wire.Exported]:
    """Return the devices a server offers; imports none.

    Raises
    ------
    OSError
        If no server answers in time, or not in this protocol.
    """
    with socket.create_connection((host, port), timeout) as sock:
        _ask(sock, wire.OP_DEVLIST)
        count = int.from_bytes(_receive(sock, 4), "big")
        if count > _MAX_EXPORTED:
            raise OSError(f"the server claims to offer {count} devices")
        exported = []
        for _ in range(count):
            device = wire.Exported.from_bytes(_receive(sock, wire.Exported.SIZE))
            _receive(sock, 4 * device.interfaces)
            exported.append(device)
        return exported


class _Transfer:
    """One transfer on its way: filled by the reading thread, waited for by the caller."""

    def __init__(self, endpoint: int, *, is_in: bool, length: int) -> None:
        self.endpoint = endpoint
        self.is_in = is_in
        self.length = length
        self.done = threading.Event()
        self.status = wire.STATUS["gone"]
        self.count = 0
        self.data = b""


class Link:
    """One imported device; transfers may run from several threads at once.

    Raises
    ------
    Refused, NotExported, OSError
        When the device is held by somebody else, not there, or no server answers.
    """

    def __init__(self, host: str, port: int, bus_id: str, timeout: float = 2.0) -> None:
        self._sock = socket.create_connection((host, port), timeout)
        try:
            self._sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            _ask(self._sock, wire.OP_IMPORT, bus_id.encode().ljust(32, b"\0"))
            self.exported = wire.Exported.from_bytes(_receive(self._sock, wire.Exported.SIZE))
            self._sock.settimeout(None)
        except BaseException:
            self._sock.close()
            raise
        self._numbers = itertools.count(1)
        self._lock = threading.Lock()
        self._sending = threading.Lock()
        self._transfers: dict[int, _Transfer] = {}
        self._unlinking: dict[int, int] = {}
        self._overdue: dict[int, deque[_Transfer]] = defaultdict(deque)
        self._gone = False
        self._reader = threading.Thread(target=self._read, name=f"usbip {bus_id}", daemon=True)
        self._reader.start()

    def transfer(
        self,
        endpoint: int,
        *,
        is_in: bool,
        length: int,
        data: bytes = b"",
        setup: bytes = bytes(8),
        timeout: float | None,
    ) -> tuple[int, int, bytes]:
        """Run one transfer; return its status (see `usbip_wire.STATUS`), length and data.

        A read first gets what an earlier one of its endpoint brought after its time was over: a
        device sends each byte once only.
        """
        until = None if timeout is None else time.monotonic() + timeout
        if is_in and endpoint and (late := self._late(endpoint, length, until)):
            return late
        one = _Transfer(endpoint, is_in=is_in, length=length)
        with self._lock:
            number = next(self._numbers)
            if self._gone:
                return one.status, 0, b""
            self._transfers[number] = one
        device = self.exported.device_id
        self._send(wire.Urb(number, device, endpoint, is_in, length, setup, data).to_bytes())
        if not one.done.wait(_left(until)) and not self._has_ended(number, one):
            return wire.STATUS["timeout"], 0, b""
        timed_out = one.status == wire.STATUS["unlinked"]
        return wire.STATUS["timeout"] if timed_out else one.status, one.count, one.data

    def forget_late(self) -> None:
        """Give up what reads whose time was over may still bring: the device begins afresh."""
        self._overdue.clear()

    def _has_ended(self, number: int, one: _Transfer) -> bool:
        """Take a transfer back; tell whether that, or its own end, has come already."""
        with self._lock:
            request = next(self._numbers)
            self._unlinking[request] = number
        self._send(wire.unlink(request, self.exported.device_id, number))
        if one.done.wait(_UNLINK_GRACE):
            return True
        if one.is_in and one.endpoint:
            with self._lock:
                self._overdue[one.endpoint].append(one)
        return False

    def _late(
        self, endpoint: int, length: int, until: float | None
    ) -> tuple[int, int, bytes] | None:
        """Return what overdue reads of an endpoint came to; None once all were taken back.

        Nothing more is asked for while one may still bring data, or the order would change.
        """
        overdue = self._overdue[endpoint]
        while overdue:
            one = overdue[0]
            if not one.done.wait(_left(until)):
                return wire.STATUS["timeout"], 0, b""
            part, one.data = one.data[:length], one.data[length:]
            if not one.data:
                overdue.popleft()
            if one.status != wire.STATUS["unlinked"]:
                return one.status, len(part), part
        return None

    def close(self) -> None:
        """Give the device back; every running transfer ends as if it were unplugged."""
        try:
            self._sock.shutdown(socket.SHUT_RDWR)
        except OSError:  # the server closed it first
            self._gone = True
        if self._reader is not threading.current_thread():
            self._reader.join(2.0)
        self._sock.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _send(self, message: bytes) -> None:
        try:
            with self._sending:
                self._sock.sendall(message)
        except OSError:
            self._lose()

    def _lose(self) -> None:
        with self._lock:
            self._gone = True
            orphans, self._transfers = list(self._transfers.values()), {}
        for one in orphans:
            one.done.set()

    def _read(self) -> None:
        try:
            while True:
                self._take(wire.HEADER.unpack(_receive(self._sock, wire.HEADER.size)))
        except OSError:
            self._lose()

    def _take(self, header: tuple[int, int, int, int, int, bytes]) -> None:
        command, number, _, _, _, tail = header
        if command == wire.RET_UNLINK:
            self._end_unlinked(number)
            return
        if command != wire.RET_SUBMIT:
            raise OSError(f"the server sent the unknown command {command}")
        status, count = wire.result_of(tail)
        with self._lock:
            one = self._transfers.get(number)
        if one is None:
            raise OSError("the server answered a transfer that was never asked for")
        if one.is_in and count:
            if not 0 <= count <= min(one.length, _MAX_TRANSFER):
                raise OSError(f"the server sent {count} bytes where {one.length} were asked for")
            one.data = _receive(self._sock, count)
        with self._lock:
            self._transfers.pop(number, None)
        one.status, one.count = status, count
        one.done.set()

    def _end_unlinked(self, request: int) -> None:
        with self._lock:
            one = self._transfers.pop(self._unlinking.pop(request, 0), None)
        if one is not None:  # otherwise it ended just before it was taken back
            one.status = wire.STATUS["unlinked"]
            one.done.set()


def _left(until: float | None) -> float | None:
    return None if until is None else max(0.0, until - time.monotonic())


def _ask(sock: socket.socket, operation: int, argument: bytes = b"") -> None:
    sock.sendall(wire.OPERATION.pack(wire.VERSION, operation, 0) + argument)
    _, code, status = wire.OPERATION.unpack(_receive(sock, wire.OPERATION.size))
    if code != wire.OP_REPLY_OF[operation]:
        raise OSError(f"what listens there is no USB/IP server (it answered {code:#06x})")
    if status == wire.BUSY:
        raise Refused("the device is held by another program")
    if status:
        raise NotExported(f"the server does not offer that device (status {status})")


def _receive(sock: socket.socket, count: int) -> bytes:
    parts = bytearray(count)
    view = memoryview(parts)
    got = 0
    while got < count:
        more = sock.recv_into(view[got:])
        if not more:
            raise ConnectionResetError("the server closed the connection")
        got += more
    return bytes(parts)
