# SPDX-License-Identifier: Apache-2.0
"""Linux's usbfs played in Python, so that a real libusb talks to the models of `ektp_hw.virtual`.

A program started with umockdev's library preloaded finds this device in /sys and /dev/bus/usb. Its
ioctls arrive here over a Unix socket as three native words: command, request, argument address.
We answer with words that read or write the program's memory, and one that ends the ioctl. The
device node is a FIFO kept full: it becomes writable, which is what libusb polls for, exactly while
a finished transfer waits to be collected.
"""

import errno
import fcntl
import os
import selectors
import shutil
import socket
import struct
import tempfile
import threading
from pathlib import Path

from ektp_hw.virtual.usb_function import Setup, Stall

LIBRARY = "libumockdev-preload.so.0"

_WORDS = struct.Struct("=QQQ")
_IOCTL, _DONE, _READ, _WRITE = 1, 3, 5, 6
_URB = struct.Struct("=BBxxiIxxxxQiiiiiIQ")
_CONTROL_URB = 2
_GET_DRIVER, _SUBMIT, _DISCARD, _REAP, _REAP_NOW = 8, 10, 11, 12, 13
_CLAIM, _CLEAR_HALT, _CAPABILITIES, _SPEED = 15, 21, 26, 31
_SET_CONFIGURATION = 5
_HIGH_SPEED = 3
_REAP_AFTER_UNPLUG = 0x10
_PIPE = 4096
_TICK = 0.005
_HUB = bytes.fromhex(
    "12010002090001406b1d020001060000000109021900010100e0000904000001090000000705810304000c"
)


class Usbfs(threading.Thread):
    """One model on bus 1, port 1 of a machine that exists below `root` only."""

    def __init__(self, model, *, held_by=None):
        super().__init__(name="usbfs", daemon=True)
        self.root = Path(tempfile.mkdtemp(prefix="um"))  # short: a socket's path has 108 bytes
        self.model = model
        self.held_by = held_by
        self.opened = 0
        self._gone = self._ended = False
        self._pending, self._finished = {}, []
        self._plug()
        model.attached(lambda: None, self.unplug)
        self.start()

    @property
    def environment(self):
        return {"LD_PRELOAD": LIBRARY, "UMOCKDEV_DIR": str(self.root)}

    def unplug(self):
        self._gone = True

    def close(self):
        self._ended = True
        self.join(5)
        os.close(self._fifo)
        shutil.rmtree(self.root)

    def _write(self, path, content):
        (self.root / path).parent.mkdir(parents=True, exist_ok=True)
        (self.root / path).write_bytes(content if isinstance(content, bytes) else content.encode())

    def _link(self, path, target):
        (self.root / path).parent.mkdir(parents=True, exist_ok=True)
        (self.root / path).symlink_to(target)

    def _plug(self):
        model, hub = self.model, "sys/devices/pci0000:00/0000:00:14.0/usb1"
        device = f"{hub}/1-1"
        ids = (model.vendor_id, model.product_id)
        descriptors = model.device_descriptor() + model.configuration_descriptor()
        self._describe(hub, 1, (0x1D6B, 2), _HUB, "0", "../../../../bus/usb")
        self._describe(device, 2, ids, descriptors, "1", "../../../../../bus/usb")
        self._write(f"{device}/serial", f"{model.serial}\n")
        self._link("sys/bus/usb/devices/usb1", f"../../../{hub[4:]}")
        self._link("sys/bus/usb/devices/1-1", f"../../../{device[4:]}")
        if self.held_by:
            self._link("sys/bus/usb/devices/1-1:1.0/driver", f"../../drivers/{self.held_by}")
        self._link("dev/.node/bus_usb_001_002", "189:1")
        node = self.root / "dev/bus/usb/001/002"
        node.parent.mkdir(parents=True)
        os.mkfifo(node)
        self._fifo = os.open(node, os.O_RDWR | os.O_NONBLOCK)
        fcntl.fcntl(self._fifo, fcntl.F_SETPIPE_SZ, _PIPE)
        self._is_full = False
        self._show_readiness()
        path = self.root / "ioctl/dev/bus/usb/001/002"
        path.parent.mkdir(parents=True)
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._listener.bind(str(path))
        self._listener.listen()

    def _describe(self, place, number, ids, descriptors, port, bus):
        event = (
            f"MAJOR=189\nMINOR={number - 1}\nDEVNAME=bus/usb/001/{number:03d}\n"
            f"DEVTYPE=usb_device\nDRIVER=usb\nPRODUCT={ids[0]:x}/{ids[1]:x}/100\n"
            f"BUSNUM=001\nDEVNUM={number:03d}\n"
        )
        self._write(f"{place}/uevent", event)
        self._write(f"{place}/descriptors", descriptors)
        texts = {
            "busnum": "1", "devnum": str(number), "idVendor": f"{ids[0]:04x}", "speed": "480",
            "idProduct": f"{ids[1]:04x}", "bConfigurationValue": "1", "devpath": port,
            "bNumConfigurations": "1",
        }  # fmt: skip
        for name, text in texts.items():
            self._write(f"{place}/{name}", f"{text}\n")
        self._link(f"{place}/subsystem", bus)

    def _show_readiness(self):
        ready = bool(self._finished) or self._gone
        if ready and self._is_full:
            os.read(self._fifo, _PIPE)
        elif not ready and not self._is_full:
            os.write(self._fifo, bytes(_PIPE))
        self._is_full = not ready

    def run(self):
        with selectors.DefaultSelector() as selector:
            selector.register(self._listener, selectors.EVENT_READ)
            while not self._ended:
                for key, _ in selector.select(_TICK):
                    if key.fileobj is self._listener:
                        self.opened += 1
                        selector.register(self._listener.accept()[0], selectors.EVENT_READ)
                    else:
                        self._serve(key.fileobj, selector)
                self._pump()
            for key in list(selector.get_map().values()):
                key.fileobj.close()

    def _serve(self, client, selector):
        try:
            command, request, argument = _WORDS.unpack(_receive(client, _WORDS.size))
            result, number = -1, errno.EINVAL
            if command == _IOCTL:
                result, number = self._ioctl(_Memory(client), request & 0xFF, argument)
            client.sendall(_WORDS.pack(_DONE, result & (2**64 - 1), number))
        except OSError:
            selector.unregister(client)
            client.close()
            self._pending.clear()
            self._finished.clear()
            with self.model.lock:
                self.model.released()

    def _ioctl(self, memory, number, argument):
        if number in {_REAP, _REAP_NOW}:
            answer = self._reap(memory, argument)
        elif number == _DISCARD:
            answer = self._discard(argument)
        elif self._gone:
            answer = -1, errno.ENODEV
        elif number == _SUBMIT:
            answer = self._submit(memory, argument)
        else:
            answer = self._set_up(memory, number, argument)
        return answer

    def _set_up(self, memory, number, argument):
        """Answer everything that is no transfer."""
        if number == _CLEAR_HALT:
            with self.model.lock:
                self.model.on_clear_halt(struct.unpack("=I", memory.read(argument, 4))[0])
        elif number == _SET_CONFIGURATION:
            self._control(bytes.fromhex("0009010000000000"), b"")
        elif number == _CAPABILITIES:
            memory.write(argument, struct.pack("=I", 0x0F | _REAP_AFTER_UNPLUG))
        elif number == _SPEED:
            return _HIGH_SPEED, 0
        elif number == _CLAIM and self.held_by:
            return -1, errno.EBUSY
        elif number == _GET_DRIVER:
            return -1, errno.ENODATA
        return 0, 0

    def _control(self, setup, data):
        with self.model.lock:
            return self.model.control(Setup.from_bytes(setup), data)

    def _submit(self, memory, address):
        kind, endpoint, _, _, buffer, length, *_ = _URB.unpack(memory.read(address, _URB.size))
        urb = (address, kind, endpoint, buffer, length)
        if kind != _CONTROL_URB:
            if endpoint & 0x80:
                self._pending[address] = urb
            else:
                self._attempt(urb, lambda: self.model.on_out(endpoint, memory.read(buffer, length)))
            return 0, 0
        setup = memory.read(buffer, 8)
        is_in, size = setup[0] & 0x80, length - 8
        data = b"" if is_in else memory.read(buffer + 8, size)
        self._attempt(urb, lambda: self._control(setup, data)[:size])
        return 0, 0

    def _attempt(self, urb, answer):
        try:
            data = answer() or b""
        except Stall:
            self._finished.append((urb, -errno.EPIPE, b"", 0))
            return
        is_in = urb[2] & 0x80 or (urb[1] == _CONTROL_URB and data)
        self._finished.append((urb, 0, data, len(data) if is_in else urb[4]))

    def _discard(self, address):
        urb = self._pending.pop(address, None)
        if urb is None:
            return -1, errno.EINVAL
        with self.model.lock:
            data = self.model.on_unlink(urb[2], urb[4])
        self._finished.append((urb, -errno.ENOENT, data, len(data)))
        return 0, 0

    def _reap(self, memory, argument):
        if not self._finished:
            return -1, errno.ENODEV if self._gone else errno.EAGAIN
        (address, kind, _, buffer, _), status, data, count = self._finished.pop(0)
        memory.write(buffer + (8 if kind == _CONTROL_URB else 0), data)
        memory.write(address + 4, struct.pack("=i", status))
        memory.write(address + 28, struct.pack("=i", count))
        memory.write(argument, struct.pack("=Q", address))
        return 0, 0

    def _pump(self):
        for address, urb in list(self._pending.items()):
            try:
                with self.model.lock:
                    data = None if self._gone else self.model.on_in(urb[2], urb[4])
            except Stall:
                self._finished.append((self._pending.pop(address), -errno.EPIPE, b"", 0))
                continue
            if self._gone:
                self._finished.append((self._pending.pop(address), -errno.ENODEV, b"", 0))
            elif data is not None:
                self._finished.append((self._pending.pop(address), 0, data, len(data)))
        self._show_readiness()


class _Memory:
    """The memory of the program behind one socket."""

    def __init__(self, client):
        self._client = client

    def read(self, address, length):
        if not length:
            return b""
        self._client.sendall(_WORDS.pack(_READ, address, length))
        return _receive(self._client, length)

    def write(self, address, data):
        if data:
            self._client.sendall(_WORDS.pack(_WRITE, address, len(data)) + data)


def _receive(client, length):
    data = b""
    while len(data) < length:
        more = client.recv(length - len(data))
        if not more:
            raise ConnectionResetError
        data += more
    return data
