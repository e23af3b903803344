# SPDX-License-Identifier: Apache-2.0
"""Plugs a device of our USB/IP server into this machine's kernel, through its vhci_hcd module."""

import socket
import time
from pathlib import Path

from ektp_hw.transport import usbip_wire as wire

_VHCI = Path("/sys/devices/platform/vhci_hcd.0")
_HIGH_SPEED = 3


def attach(server, model, port):
    """Plug a model in at a port of the virtual controller; return its bus id in the kernel."""
    bus_id = server.plug(model)
    with socket.create_connection((server.host, server.port)) as sock:
        asked = wire.OPERATION.pack(wire.VERSION, wire.OP_IMPORT, 0)
        sock.sendall(asked + bus_id.encode().ljust(32, b"\0"))
        status = wire.OPERATION.unpack(_exactly(sock, wire.OPERATION.size))[2]
        assert status == 0, f"the server refuses {bus_id} with status {status}"
        exported = wire.Exported.from_bytes(_exactly(sock, 312))
        line = f"{port} {sock.fileno()} {exported.device_id} {_HIGH_SPEED}"
        (_VHCI / "attach").write_text(line, encoding="ascii")  # the kernel keeps the socket
    return until(lambda: _place(model), f"{model.product} on the bus")


def until(right, what, seconds=20.0):
    """Wait for a condition; return what made it true."""
    end = time.monotonic() + seconds
    while not (found := right()):
        assert time.monotonic() < end, f"{what}: not within {seconds} s"
        time.sleep(0.02)
    return found


def place(model):
    """Return where the kernel lists a model, such as 1-1; None if nowhere."""
    return _place(model)


def _place(model):
    for device in Path("/sys/bus/usb/devices").iterdir():
        serial = device / "serial"
        if serial.exists() and serial.read_text(encoding="ascii").strip() == model.serial:
            return device.name
    return None


def _exactly(sock, count):
    data = b""
    while len(data) < count:
        more = sock.recv(count - len(data))
        assert more, "the server hung up"
        data += more
    return data
