# SPDX-License-Identifier: Apache-2.0
"""One connection to the USB/IP server: its commands, and the IN transfers that wait for data."""

from __future__ import annotations

import logging
import select
import socket
from typing import TYPE_CHECKING

from ektp_hw.transport import usbip_wire as wire
from ektp_hw.virtual.usb_function import Setup, Stall

if TYPE_CHECKING:
    from ektp_hw.virtual.usb_function import UsbFunction
    from ektp_hw.virtual.usbip_server import UsbipServer

__all__ = ["Client"]

_log = logging.getLogger(__name__)

_SEND_TIMEOUT = 10.0
_MAX_TRANSFER = 64 << 20


class Client:
    """What the server knows of one connection; used from the server's thread only."""

    def __init__(self, sock: socket.socket, server: UsbipServer) -> None:
        sock.settimeout(_SEND_TIMEOUT)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.sock = sock
        self.function: UsbFunction | None = None
        self.is_done = False
        self._server = server
        self._buffer = bytearray()
        self._waiting: dict[int, wire.Urb] = {}

    @property
    def is_waiting(self) -> bool:
        """Whether a transfer waits for data of the model."""
        return bool(self._waiting)

    def hang_up(self) -> None:
        """End the connection; the server closes the socket."""
        self.is_done = True

    def receive(self) -> None:
        """Take what has arrived and act on every whole command in it."""
        try:
            chunk = self.sock.recv(1 << 18)
        except OSError:
            chunk = b""
        if not chunk:
            self.hang_up()
        self._buffer += chunk
        while not self.is_done and self._act():
            pass

    def catch_up(self) -> None:
        """Act on everything that has arrived, so that a closed connection is known as such."""
        while not self.is_done and select.select([self.sock], [], [], 0)[0]:
            self.receive()

    def pump(self) -> None:
        """Ask the model again for the data that transfers wait for."""
        starved: set[int] = set()  # endpoints whose earlier transfers must be answered first
        for urb in list(self._waiting.values()):
            if self.is_done or self.function is None:
                return
            if urb.endpoint in starved:
                continue
            try:
                with self.function.lock:
                    data = self.function.on_in(urb.endpoint | 0x80, urb.length)
            except Stall:
                self._finish(urb, "stall")
                continue
            if data is None:
                starved.add(urb.endpoint)
            elif not self.is_done:
                self._finish(urb, "ok", data)

    def _finish(self, urb: wire.Urb, status: str, data: bytes = b"") -> None:
        self._waiting.pop(urb.sequence, None)
        if len(data) > urb.length:
            status, data = "overflow", data[: urb.length]
        self._send(wire.submitted(urb.sequence, wire.STATUS[status], len(data), data))

    def _send(self, message: bytes) -> None:
        try:
            self.sock.sendall(message)
        except OSError:
            self.hang_up()

    def _take(self, count: int) -> bytes | None:
        if len(self._buffer) < count:
            return None
        taken = bytes(self._buffer[:count])
        del self._buffer[:count]
        return taken

    def _act(self) -> bool:
        return self._act_on_operation() if self.function is None else self._act_on_transfer()

    def _act_on_operation(self) -> bool:
        if len(self._buffer) < wire.OPERATION.size:
            return False
        _, code, _ = wire.OPERATION.unpack_from(self._buffer)
        if code == wire.OP_DEVLIST:
            self._take(wire.OPERATION.size)
            self._reply(code, 0, self._list())
            self.hang_up()
        elif code == wire.OP_IMPORT:
            request = self._take(wire.OPERATION.size + 32)
            if request is None:
                return False
            self._import(request[wire.OPERATION.size :].split(b"\0", 1)[0].decode("latin-1"))
        else:
            _log.debug("a client sent %#06x, which is no operation of USB/IP", code)
            self.hang_up()
        return True

    def _list(self) -> bytes:
        exported = self._server.exported()
        parts = [len(exported).to_bytes(4, "big")]
        for one in exported:
            parts.append(one.to_bytes())
            parts.extend(bytes([*triple, 0]) for triple in self._server.triples(one.bus_id))
        return b"".join(parts)

    def _import(self, bus_id: str) -> None:
        status = self._server.take(bus_id, self)
        record = b"" if status else self._server.record(bus_id).to_bytes()
        self._reply(wire.OP_IMPORT, status, record)
        if status:
            self.hang_up()

    def _reply(self, code: int, status: int, body: bytes) -> None:
        head = wire.OPERATION.pack(wire.VERSION, wire.OP_REPLY_OF[code], status)
        self._send(head + body)

    def _act_on_transfer(self) -> bool:
        size = wire.HEADER.size
        if len(self._buffer) < size:
            return False
        header = wire.HEADER.unpack_from(self._buffer)
        if header[0] == wire.CMD_UNLINK:
            self._take(size)
            self._unlink(header[1], wire.victim_of(header[5]))
            return True
        urb = wire.Urb.from_header(header)
        if header[0] != wire.CMD_SUBMIT or not 0 <= urb.length <= _MAX_TRANSFER:
            self.hang_up()
            return True
        whole = self._take(size if urb.is_in else size + urb.length)
        if whole is None:
            return False
        self._submit(urb, whole[size:])
        return True

    def _unlink(self, request: int, victim: int) -> None:
        urb = self._waiting.get(victim)
        if urb is None or self.function is None:
            self._send(wire.unlinked(request, wire.STATUS["ok"]))
            return
        with self.function.lock:
            rest = self.function.on_unlink(urb.endpoint | 0x80, urb.length)
        if rest:
            self._finish(urb, "ok", rest)
            self._send(wire.unlinked(request, wire.STATUS["ok"]))
        else:
            del self._waiting[victim]
            self._send(wire.unlinked(request, wire.STATUS["unlinked"]))

    def _submit(self, urb: wire.Urb, data: bytes) -> None:
        function = self.function
        if function is None:
            return
        if urb.endpoint and urb.is_in:
            self._waiting[urb.sequence] = urb  # the server pumps next
            return
        try:
            with function.lock:
                if urb.endpoint == 0:
                    setup = Setup.from_bytes(urb.setup)
                    answer = self._control(function, setup, data)
                else:
                    function.on_out(urb.endpoint, data)
                    answer = b""
        except Stall:
            self._finish(urb, "stall")
            return
        if self.is_done:  # the transfer pulled the cable
            return
        if urb.is_in:
            self._finish(urb, "ok", answer[: urb.length])
        else:
            self._send(wire.submitted(urb.sequence, wire.STATUS["ok"], urb.length))

    @staticmethod
    def _control(function: UsbFunction, setup: Setup, data: bytes) -> bytes:
        if (setup.request_type, setup.request, setup.value) == (0x23, 3, 4):
            function.on_reset()
            return b""
        return function.control(setup, data)
