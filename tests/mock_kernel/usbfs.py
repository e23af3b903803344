# SPDX-License-Identifier: Apache-2.0
"""Linux's usbfs: libusb's view of any model of `ektp_hw.virtual` that is a `UsbFunction`.

The node is a FIFO kept full: it becomes writable, which is what libusb polls for, exactly while a
finished transfer waits to be collected.
"""

import errno
import os
import struct

from ektp_hw.virtual.usb_function import Setup, Stall
from mock_kernel.device import CharacterDevice, Node, kind
from mock_kernel.machine import HUB
from mock_kernel.ticker import Ticker

_URB = struct.Struct("=BBxxiIxxxxQiiiiiIQ")
_CONTROL_URB = 2
_RESET, _SET_INTERFACE, _SET_CONFIGURATION = 20, 4, 5
_GET_DRIVER, _SUBMIT, _DISCARD, _REAP, _REAP_NOW = 8, 10, 11, 12, 13
_CLAIM, _RELEASE, _CLEAR_HALT, _CAPABILITIES, _SPEED = 15, 16, 21, 26, 31
_HIGH_SPEED = 3
_ZERO_PACKET_TO_REAP_AFTER_UNPLUG = 0x1F
_PIPE = 4096


class _Transfers(Node):
    """The FIFO of one plugging in, and the transfers of the programs that have it open."""

    def __init__(self, path):
        import fcntl

        os.mkfifo(path)
        self._fifo = os.open(path, os.O_RDWR | os.O_NONBLOCK)
        fcntl.fcntl(self._fifo, fcntl.F_SETPIPE_SZ, _PIPE)
        self._is_full = False
        self.pending, self.finished = {}, []
        self.show_readiness()

    def show_readiness(self):
        """Be writable while a transfer is finished, or there is no device any more."""
        ready = bool(self.finished) or self.gone
        if self._fifo < 0:
            return
        if ready and self._is_full:
            os.read(self._fifo, _PIPE)
        elif not ready and not self._is_full:
            os.write(self._fifo, bytes(_PIPE))
        self._is_full = not ready

    def finish(self, urb, status, data=b"", count=0):
        """Let a transfer be collected; more data than it has room for is babble."""
        if self.pending.pop(urb[0], None) is None and urb[2] & 0x80 and urb[1] != _CONTROL_URB:
            return  # it has ended meanwhile
        if len(data) > urb[4]:
            status, data, count = -errno.EOVERFLOW, data[: urb[4]], urb[4]
        self.finished.append((urb, status, data, count))

    def close(self):
        """End every transfer that waits, and be writable for ever."""
        for urb in list(self.pending.values()):
            self.finish(urb, -errno.ENODEV)
        self.show_readiness()
        os.close(self._fifo)
        self._fifo = -1


class UsbDevice(CharacterDevice):
    """A model on the machine's bus.

    Parameters
    ----------
    model
        What it does.
    held_by
        The name of a kernel driver that keeps its first interface.
    """

    major = 189

    def __init__(self, model, *, held_by=None):
        super().__init__(model.lock)
        self.model = model
        self.held_by = held_by
        self._address = 0
        self._claims = {}  # interface -> the open file that has it

    @property
    def port(self):
        """Where it is plugged in, such as 1-1."""
        return self._port

    def number_for(self, machine):
        """Take the next address, at the device's own port."""
        self._port, self._address = machine.port(self), machine.address()

    def name(self):
        """Return bus/usb/001/<address>."""
        return f"bus/usb/001/{self._address:03d}", self._address - 1

    def make_node(self, path):
        """Make the FIFO."""
        return _Transfers(path)

    def describe(self, machine):
        """Describe device and interfaces as the kernel's USB core does."""
        model, place = self.model, f"{HUB}/{self._port}"
        numbers = {
            "busnum": 1, "devnum": self._address, "devpath": self._port.split("-")[1],
            "idVendor": f"{model.vendor_id:04x}", "idProduct": f"{model.product_id:04x}",
        }  # fmt: skip
        texts = {
            "serial": model.serial, "manufacturer": model.manufacturer, "product": model.product,
            "bcdDevice": f"{model.release:04x}", "bNumInterfaces": len(model.interfaces),
        }  # fmt: skip
        descriptors = model.device_descriptor() + model.configuration_descriptor()
        event = machine.describe_usb(place, numbers, descriptors, texts)
        news = [(place, {"SUBSYSTEM": "usb", **event})]
        machine.link(self._by_bus(), place)
        for number, face in enumerate(model.interfaces):
            news.append(self._describe_interface(machine, place, number, face))
        return news

    def _by_bus(self, interface=""):
        return f"sys/bus/usb/devices/{self._port}{interface}"

    def _describe_interface(self, machine, device, number, face):
        name = f":1.{number}"
        place = f"{device}/{self._port}{name}"
        triple = "/".join(str(part) for part in face.triple)
        event = {"DEVTYPE": "usb_interface", "INTERFACE": triple}
        attributes = {"bInterfaceNumber": f"{number:02x}", "interface": self.model.product}
        parts = ("bInterfaceClass", "bInterfaceSubClass", "bInterfaceProtocol")
        attributes |= {part: f"{code:02x}" for part, code in zip(parts, face.triple, strict=True)}
        machine.describe(place, "sys/bus/usb", event, attributes)
        if self.held_by and number == 0:
            machine.link(f"{place}/driver", f"sys/bus/usb/drivers/{self.held_by}")
        machine.link(self._by_bus(name), place)
        return place, {"SUBSYSTEM": "usb", **event}

    def attached(self):
        """Begin to move transfers."""
        node = self.node
        self._ticker = Ticker(
            f"mock usb {self._port}", lambda: node.pending, lambda: self._pump(node)
        )
        self.model.attached(self._ticker.wake, self.unplug)

    def links(self):
        """Return the links by which the bus lists device and interfaces."""
        faces = range(len(self.model.interfaces))
        return [self._by_bus(), *(self._by_bus(f":1.{number}") for number in faces)]

    def detached(self):
        """Ask the model for nothing more."""
        self._ticker.end()
        self.model.detached()

    def on_close(self, memory):
        """Drop the programs' transfers; the model is reset."""
        node = memory.node
        with self.model.lock:
            self._claims = {face: one for face, one in self._claims.items() if one is not memory}
            node.pending.clear()
            node.finished.clear()
            node.show_readiness()
            if not node.gone:
                self.model.released()

    def on_ioctl(self, memory, request, argument):
        """Answer what libusb asks."""
        _, number = kind(request)
        node = memory.node
        with self.model.lock:
            if number in {_REAP, _REAP_NOW}:
                answer = _reap(memory, argument)
            elif number == _DISCARD:
                answer = self._discard(node, argument)
            else:
                node.check()
                if number == _SUBMIT:
                    answer = self._submit(memory, argument)
                else:
                    answer = self._set_up(memory, number, argument)
            node.show_readiness()
        return answer

    def _set_up(self, memory, number, argument):
        """Answer everything that is no transfer."""
        if number == _CLEAR_HALT:
            self.model.on_clear_halt(memory.unpack("=I", argument)[0])
        elif number == _SET_CONFIGURATION:
            self._control(bytes.fromhex("0009010000000000"), b"")
        elif number == _CAPABILITIES:
            memory.write(argument, struct.pack("=I", _ZERO_PACKET_TO_REAP_AFTER_UNPLUG))
        elif number == _SPEED:
            return _HIGH_SPEED
        elif number == _CLAIM:
            self._claim(memory, memory.unpack("=I", argument)[0])
        elif number == _RELEASE:
            self._claims.pop(memory.unpack("=I", argument)[0], None)
        elif number == _GET_DRIVER:
            raise OSError(errno.ENODATA, "no kernel driver")
        elif number == _RESET:
            self.model.on_reset()
        elif number != _SET_INTERFACE:
            raise OSError(errno.ENOTTY, "no such ioctl")
        return 0

    def _claim(self, memory, interface):
        if self.held_by or self._claims.setdefault(interface, memory) is not memory:
            raise OSError(errno.EBUSY, "another driver or program holds it")

    def _control(self, setup, data):
        return self.model.control(Setup.from_bytes(setup), data)

    def _submit(self, memory, address):
        transfer, endpoint, _, _, buffer, length, *_ = memory.unpack(_URB.format, address)
        urb = (address, transfer, endpoint, buffer, length)
        if transfer == _CONTROL_URB:
            setup, room = memory.read(buffer, 8), length - 8
            if setup[0] & 0x80:
                self._attempt(memory.node, urb, 0, lambda: self._control(setup, b"")[:room])
            else:
                data = memory.read(buffer + 8, room)
                self._attempt(memory.node, urb, room, lambda: self._control(setup, data))
        elif endpoint & 0x80:
            memory.node.pending[address] = urb
            self._ticker.wake()
        else:
            data = memory.read(buffer, length)
            self._attempt(memory.node, urb, length, lambda: self.model.on_out(endpoint, data))
        return 0

    @staticmethod
    def _attempt(node, urb, sent, answer):
        try:
            data = answer() or b""
        except Stall:
            node.finish(urb, -errno.EPIPE)
        else:
            node.finish(urb, 0, data, len(data) or sent)

    def _discard(self, node, address):
        urb = node.pending.get(address)
        if urb is None:
            raise OSError(errno.EINVAL, "no such transfer waits")
        data = self.model.on_unlink(urb[2], urb[4])
        node.finish(urb, -errno.ENOENT, data, len(data))
        return 0

    def _pump(self, node):
        with self.model.lock:
            for urb in list(node.pending.values()):
                try:
                    data = None if node.gone else self.model.on_in(urb[2], urb[4])
                except Stall:
                    node.finish(urb, -errno.EPIPE)
                else:
                    if data is not None:
                        node.finish(urb, 0, data, len(data))
            node.show_readiness()


def _reap(memory, argument):
    if not memory.node.finished:
        memory.node.check()
        raise OSError(errno.EAGAIN, "no transfer is finished")
    (address, transfer, _, buffer, _), status, data, count = memory.node.finished.pop(0)
    memory.write(buffer + (8 if transfer == _CONTROL_URB else 0), data)
    memory.write(address + 4, struct.pack("=i", status))
    memory.write(address + 28, struct.pack("=i", count))
    memory.write(argument, struct.pack("=Q", address))
    return 0
