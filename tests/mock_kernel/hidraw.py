# SPDX-License-Identifier: Apache-2.0
"""Linux's usbhid and hidraw: the kernel's view of a `UsbFunction` whose interface is a HID one.

A program's ioctls become the class requests the kernel would send (USB HID 1.11, 7.2), and what
the model gives on its interrupt endpoint becomes input reports, while a program has the node open.
Request numbers: the kernel's `hidraw.h`.
"""

import errno
import os
import struct

from ektp_hw.virtual.usb_function import INTERRUPT, Setup, Stall
from mock_kernel.device import CharacterDevice, kind, size
from mock_kernel.fifo import Fifo
from mock_kernel.ticker import Ticker

_DESCRIPTOR_SIZE, _DESCRIPTOR, _INFO, _NAME, _PHYSICAL, _UNIQUE = 1, 2, 3, 4, 5, 8
_SEND_FEATURE, _GET_FEATURE = 6, 7
_GET_REPORT, _SET_REPORT = (0xA1, 1), (0x21, 9)
_OUTPUT, _FEATURE = 2, 3
_USB = 3
_LONGEST_REPORT = 4096


class HidrawDevice(CharacterDevice):
    """A HID model that the kernel's own driver has taken.

    Parameters
    ----------
    model
        What it does.
    interface
        The number of the interface that is the HID one.
    """

    major = 247

    def __init__(self, model, *, interface=0):
        super().__init__(model.lock)
        self.model = model
        self._interface = interface
        self._name, self._port = "hidraw0", ""
        endpoints = [
            one for one in model.interfaces[interface].endpoints if one.transfer == INTERRUPT
        ]
        self._in = next(one for one in endpoints if one.address & 0x80)
        self._out = next((one for one in endpoints if not one.address & 0x80), None)

    def number_for(self, machine):
        """Take the first free number, at the device's own port."""
        self._name, self._port = machine.free("hidraw"), machine.port(self)

    def name(self):
        """Return hidraw<number>."""
        return self._name, int(self._name.removeprefix("hidraw"))

    def make_node(self, path):
        """Make the queue of input reports."""
        return Fifo(path, packets=True)

    def describe(self, machine):
        """Describe the USB device, its interface, the HID device and the node."""
        model = self.model
        texts = {
            "manufacturer": model.manufacturer, "product": model.product, "serial": model.serial,
            "bcdDevice": f"{model.release:04x}",
        }  # fmt: skip
        usb, interface = machine.describe_taken(
            self._port, self._interface, model.vendor_id, model.product_id, texts
        )
        hid = f"{interface}/0003:{model.vendor_id:04X}:{model.product_id:04X}.0001"
        long_ids = f"0003:{model.vendor_id:08X}:{model.product_id:08X}"
        event = {
            "DRIVER": "hid-generic", "HID_ID": long_ids, "HID_NAME": self._title(),
            "HID_PHYS": self._physical(), "HID_UNIQ": model.serial,
        }  # fmt: skip
        machine.describe(hid, "sys/bus/hid", event, {"report_descriptor": self._descriptor()})
        place = f"{hid}/hidraw/{self._name}"
        number = self.name()[1]
        event = {"MAJOR": self.major, "MINOR": number, "DEVNAME": self._name}
        machine.describe(place, "sys/class/hidraw", event, {"dev": f"{self.major}:{number}"})
        machine.link(f"{place}/device", hid)
        for link in self.links():
            machine.link(link, place)
        return [usb, (place, {"SUBSYSTEM": "hidraw", **event})]

    def links(self):
        """Return the links by class and by number."""
        number = self.name()[1]
        return f"sys/class/hidraw/{self._name}", f"sys/dev/char/{self.major}:{number}"

    def _title(self):
        return f"{self.model.manufacturer} {self.model.product}"

    def _physical(self):
        return f"usb-0000:00:14.0-{self._port.split('-')[1]}/input{self._interface}"

    def _request(self, kind_of_request, value, data=b"", length=0):
        """Send a request to the interface; what the model refuses is EPIPE, as on a bus."""
        setup = Setup(*kind_of_request, value, self._interface, length or len(data))
        with self.model.lock:
            try:
                return self.model.control(setup, data)
            except Stall as refusal:
                raise OSError(errno.EPIPE, os.strerror(errno.EPIPE)) from refusal

    def _descriptor(self):
        return self._request((0x81, 6), 0x2200, length=_LONGEST_REPORT)

    def attached(self):
        """Configure the device, as the kernel does, and listen to it."""
        node = self.node
        self._ticker = Ticker(
            f"mock {self._name}", lambda: self.holders, lambda: self._listen(node)
        )
        self.model.attached(self._ticker.wake, self.unplug)
        with self.model.lock:
            self.model.control(Setup(0, 9, 1, 0, 0), b"")

    def detached(self):
        """Ask the model for nothing more."""
        self._ticker.end()
        self.model.detached()

    def on_open(self):
        """Begin to listen; what came before is lost."""
        if self.holders == 1:
            self.node.empty()
        self._ticker.wake()

    def on_close(self, memory):
        """Forget what nobody has read."""
        if not self.holders and not memory.node.gone:
            memory.node.empty()

    def _listen(self, node):
        with self.model.lock:
            while not node.gone and self.holders:
                try:
                    report = self.model.on_in(self._in.address, self._in.packet)
                except Stall:  # the kernel clears the halt and goes on
                    self.model.on_clear_halt(self._in.address)
                    return
                if report is None or node.gone:
                    return
                node.say(report)

    def on_write(self, data):
        """Send an output report: on an endpoint of its own, else by SET_REPORT."""
        report = data[0]
        payload = data if report else data[1:]
        if self._out is None:
            self._request(_SET_REPORT, _OUTPUT << 8 | report, payload)
            return len(data)
        with self.model.lock:
            try:
                self.model.on_out(self._out.address, payload)
            except Stall as refusal:
                raise OSError(errno.EPIPE, os.strerror(errno.EPIPE)) from refusal
        return len(data)

    def on_ioctl(self, memory, request, argument):
        """Answer hidraw's ioctls."""
        memory.node.check()
        letter, number = kind(request)
        room = size(request)
        if letter != "H":
            raise OSError(errno.ENOTTY, "no such ioctl")
        if number == _GET_FEATURE:
            return self._get_feature(memory, argument, room)
        if number == _SEND_FEATURE:
            data = memory.read(argument, room)
            self._request(_SET_REPORT, _FEATURE << 8 | data[0], data if data[0] else data[1:])
            return room
        answer = self._fact(number)[:room]
        memory.write(argument, answer)
        return len(answer) if number in {_NAME, _PHYSICAL, _UNIQUE} else 0

    def _get_feature(self, memory, argument, room):
        report = memory.read(argument, 1)[0]
        skipped = 0 if report else 1  # without numbers a report has no first byte on the wire
        answer = self._request(_GET_REPORT, _FEATURE << 8 | report, length=room - skipped)
        memory.write(argument + skipped, answer[: room - skipped])
        return min(len(answer), room - skipped) + skipped

    def _fact(self, number):
        model, descriptor = self.model, self._descriptor()
        facts = {
            _DESCRIPTOR_SIZE: struct.pack("=i", len(descriptor)),
            _DESCRIPTOR: struct.pack("=I", len(descriptor)) + descriptor,
            _INFO: struct.pack("=IHH", _USB, model.vendor_id, model.product_id),
            _NAME: self._title().encode() + b"\0",
            _PHYSICAL: self._physical().encode() + b"\0",
            _UNIQUE: model.serial.encode() + b"\0",
        }
        if number not in facts:
            raise OSError(errno.ENOTTY, "no such ioctl")
        return facts[number]
