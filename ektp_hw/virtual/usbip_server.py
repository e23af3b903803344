# SPDX-License-Identifier: Apache-2.0
"""A USB/IP server in one thread: models of devices on one side, a loopback socket on the other."""

from __future__ import annotations

import logging
import selectors
import socket
import threading
from typing import TYPE_CHECKING

from ektp_hw.transport import usbip_wire as wire
from ektp_hw.virtual.usbip_client import Client

if TYPE_CHECKING:
    from collections.abc import Callable

    from ektp_hw.virtual.usb_function import UsbFunction

__all__ = ["UsbipServer"]

_log = logging.getLogger(__name__)

_TICK = 0.005
"""Seconds between two questions to models for which a transfer waits."""
_BUS = 1
_HIGH_SPEED = 3


class UsbipServer:
    """Serves models on 127.0.0.1 until it is closed; one client a device, as the kernel's does.

    Parameters
    ----------
    port
        0 takes any free one; see the attribute of that name.
    """

    def __init__(self, port: int = 0) -> None:
        self.host = "127.0.0.1"
        self._listener = socket.create_server((self.host, port))
        self.port: int = self._listener.getsockname()[1]
        self._bell, self._rope = socket.socketpair()
        self._bell.setblocking(False)
        self._rope.setblocking(False)
        self._lock = threading.RLock()
        self._functions: dict[str, UsbFunction] = {}
        self._sockets: dict[UsbFunction, str] = {}
        self._addresses: dict[str, int] = {}
        self._plugged = 0
        self._clients: set[Client] = set()
        self._ending = False
        self._thread = threading.Thread(target=self._serve, name="usbip server", daemon=True)
        self._thread.start()

    def plug(self, function: UsbFunction) -> str:
        """Put a device on the bus; return its bus id, the same every time it is plugged in."""
        with self._lock:
            bus_id = self._sockets.setdefault(function, f"{_BUS}-{len(self._sockets) + 1}")
            self._plugged += 1
            self._functions[bus_id] = function
            self._addresses[bus_id] = 1 + self._plugged % 126
            function.attached(self._ring, lambda: self.unplug(function))
            return bus_id

    def unplug(self, function: UsbFunction) -> None:
        """Take a device off the bus; its client sees the connection end, as with a pulled cable."""
        with self._lock:
            bus_id = self.bus_id(function)
            if bus_id is None:
                return
            del self._functions[bus_id]
            function.detached()
            for client in [one for one in self._clients if one.function is function]:
                client.hang_up()
        self._ring()

    def bus_id(self, function: UsbFunction) -> str | None:
        """Return where a device is plugged in, None if nowhere."""
        with self._lock:
            return next((at for at, one in self._functions.items() if one is function), None)

    def close(self) -> None:
        """Unplug everything and stop serving; harmless when done before."""
        with self._lock:
            for function in list(self._functions.values()):
                self.unplug(function)
            self._ending = True
        self._ring()
        self._thread.join(5.0)

    # What clients ask for.

    def exported(self) -> list[wire.Exported]:
        """List what is plugged in."""
        with self._lock:
            return [self.record(bus_id) for bus_id in self._functions]

    def record(self, bus_id: str) -> wire.Exported:
        """Describe the device at that place."""
        one = self._functions[bus_id]
        return wire.Exported(
            bus_id, _BUS, self._addresses[bus_id], _HIGH_SPEED, one.vendor_id, one.product_id,
            one.release, one.device_triple, 0, 1, len(one.interfaces),
            f"/sys/devices/virtual/usb{_BUS}/{bus_id}",
        )  # fmt: skip

    def triples(self, bus_id: str) -> list[tuple[int, int, int]]:
        """Return class, subclass and protocol of each interface."""
        return [face.triple for face in self._functions[bus_id].interfaces]

    def take(self, bus_id: str, client: Client) -> int:
        """Give a device to a client; return the status of the import."""
        with self._lock:
            function = self._functions.get(bus_id)
            if function is None:
                return wire.NOT_AVAILABLE
            for holder in [one for one in self._clients if one.function is function]:
                holder.catch_up()
                if not holder.is_done:
                    return wire.BUSY
            client.function = function
            return 0

    # The one thread.

    def _ring(self) -> None:
        try:
            self._rope.send(b"!")
        except OSError:  # rung often enough already, or closed
            return

    def _serve(self) -> None:
        with selectors.DefaultSelector() as selector:
            selector.register(self._listener, selectors.EVENT_READ, None)
            selector.register(self._bell, selectors.EVENT_READ, None)
            while not self._ending:
                waiting = any(client.is_waiting for client in self._clients)
                for key, _ in selector.select(_TICK if waiting else None):
                    self._attend(key, selector)
                for client in list(self._clients):
                    self._guard(client, client.pump)
                    if client.is_done:
                        self._forget(client, selector)
            for client in list(self._clients):
                self._forget(client, selector)
        for sock in (self._listener, self._bell, self._rope):
            sock.close()

    def _attend(self, key: selectors.SelectorKey, selector: selectors.BaseSelector) -> None:
        if key.fileobj is self._listener:
            sock, _ = self._listener.accept()
            client = Client(sock, self)
            with self._lock:
                self._clients.add(client)
            selector.register(sock, selectors.EVENT_READ, client)
        elif key.fileobj is self._bell:
            self._bell.recv(4096)
        else:
            self._guard(key.data, key.data.receive)

    @staticmethod
    def _guard(client: Client, step: Callable[[], None]) -> None:
        """Let a defect in a model cost its connection and a line in the log, not the server."""
        try:
            step()
        except Exception:  # noqa: BLE001  # whatever a model may raise
            _log.exception("the model of a virtual device is broken")
            client.hang_up()

    def _forget(self, client: Client, selector: selectors.BaseSelector) -> None:
        selector.unregister(client.sock)
        with self._lock:
            self._clients.discard(client)
        client.sock.close()
        if client.function is not None:
            with client.function.lock:
                client.function.released()
