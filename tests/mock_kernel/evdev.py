# SPDX-License-Identifier: Apache-2.0
"""Linux's evdev: an input device whose events a test or a model emits.

Request numbers: the kernel's `input.h`.
"""

import errno
import struct
import time
from typing import NamedTuple

from mock_kernel.device import CharacterDevice, kind, size
from mock_kernel.fifo import Fifo

SYN, KEY, ABS = 0, 1, 3
SYN_DROPPED = 3

_EVENT = struct.Struct("=qqHHi")
_VERSION, _IDS, _REPEAT, _NAME, _PHYSICAL, _UNIQUE, _PROPERTIES = 1, 2, 3, 6, 7, 8, 9
_KEYS_NOW, _LAMPS_NOW, _SOUNDS_NOW, _SWITCHES_NOW = 0x18, 0x19, 0x1A, 0x1B
_BITS, _AXIS, _GRAB, _CLOCK = 0x20, 0x40, 0x90, 0xA0
_CLOCKS = {0: time.time, 1: time.monotonic, 7: time.monotonic}
_USB = 3
_MOST_BITS = 96


class Axis(NamedTuple):
    """What `EVIOCGABS` says of an axis."""

    minimum: int = 0
    maximum: int = 0
    fuzz: int = 0
    flat: int = 0
    resolution: int = 0
    """Units a millimetre."""


class EventDevice(CharacterDevice):
    """An input device.

    Parameters
    ----------
    device_name
        What it is called.
    keys
        The codes of its keys and buttons.
    axes
        The code of each absolute axis, and its range.
    properties
        INPUT_PROP_ numbers, such as 1 for a display one draws on.
    ids
        Vendor and product.
    """

    major = 13

    def __init__(self, device_name, *, keys=(), axes=None, properties=(), ids=(0x056A, 0x0374)):
        super().__init__()
        self.device_name = device_name
        self._keys, self._axes = set(keys), dict(axes or {})
        self._properties, self._ids = properties, ids
        self._values = {}
        self._number, self._port = 0, ""
        self._grabbed_by = None
        self._clock = time.time
        self._has_dropped = False

    def emit(self, events, at=None):
        """Send one frame: (type, code, value) of each event; SYN_REPORT comes by itself.

        Parameters
        ----------
        at
            The time it is stamped with, in seconds; by default now, on the clock the program chose.
        """
        whole = [*events, (SYN, 0, 0)]
        with self._lock:
            self.settle()
            stamp = self._clock() if at is None else at
            for group, code, value in events:
                self._values[group, code] = value
            if not self.holders:
                return
            if self._has_dropped:
                whole = [(SYN, SYN_DROPPED, 0), *whole]
            seconds = int(stamp)
            moment = seconds, int((stamp - seconds) * 1e6)
            frame = b"".join(_EVENT.pack(*moment, *event) for event in whole)
            self._has_dropped = not self.node.say(frame)

    def number_for(self, machine):
        """Take the first free number, at the device's own port."""
        self._port = machine.port(self)
        self._number = int(machine.free("input/event").removeprefix("input/event"))

    def name(self):
        """Return input/event<number>."""
        return f"input/event{self._number}", 64 + self._number

    def make_node(self, path):
        """Make the queue of events."""
        return Fifo(path, packets=False)

    def describe(self, machine):
        """Describe the input device and its node."""
        vendor, product = self._ids
        usb, interface = machine.describe_taken(self._port, 0, vendor, product)
        above = f"{interface}/input/input{self._number}"
        event = {
            "PRODUCT": f"3/{vendor:x}/{product:x}/110", "NAME": f'"{self.device_name}"',
            "EV": f"{_mask(self._groups()):x}", "KEY": _words(self._keys),
            "ABS": _words(self._axes), "PROP": _words(self._properties),
        }  # fmt: skip
        machine.describe(above, "sys/class/input", event, {"name": self.device_name})
        texts = {"vendor": vendor, "product": product, "bustype": _USB, "version": 0x110}
        for name, number in texts.items():
            machine.write(f"{above}/id/{name}", f"{number:04x}\n")
        name, minor = self.name()
        place = f"{above}/event{self._number}"
        event = {"MAJOR": self.major, "MINOR": minor, "DEVNAME": name}
        machine.describe(place, "sys/class/input", event, {"dev": f"{self.major}:{minor}"})
        machine.link(f"{place}/device", above)
        for link in self.links():
            machine.link(link, place)
        return [usb, (above, {"SUBSYSTEM": "input"}), (place, {"SUBSYSTEM": "input", **event})]

    def links(self):
        """Return the links by class and by number."""
        return f"sys/class/input/event{self._number}", f"sys/dev/char/13:{64 + self._number}"

    def _groups(self):
        return {SYN} | ({KEY} if self._keys else set()) | ({ABS} if self._axes else set())

    def on_open(self):
        """Begin to listen; what came before is lost."""
        if self.holders == 1:
            self._clock, self._has_dropped = time.time, False
            self.node.empty()

    def on_close(self, memory):
        """Let go of what the program had grabbed, and forget what nobody has read."""
        if self._grabbed_by is memory:
            self._grabbed_by = None
        if not self.holders and not memory.node.gone:
            memory.node.empty()

    def on_ioctl(self, memory, request, argument):
        """Answer evdev's ioctls."""
        memory.node.check()
        letter, number = kind(request)
        if letter != "E":
            raise OSError(errno.ENOTTY, "no such ioctl")
        if number == _GRAB:
            return self._grab(memory, argument)
        if number == _CLOCK:
            return self._choose_clock(*memory.unpack("=i", argument))
        answer = self._fact(number)[: size(request)]
        memory.write(argument, answer)
        return len(answer)

    def _grab(self, memory, wanted):
        if wanted and self._grabbed_by is not None:
            raise OSError(errno.EBUSY, "grabbed already")
        if not wanted and self._grabbed_by is not memory:
            raise OSError(errno.EINVAL, "not grabbed by this program")
        self._grabbed_by = memory if wanted else None
        return 0

    def _choose_clock(self, number):
        if number not in _CLOCKS:
            raise OSError(errno.EINVAL, "no such clock")
        self._clock = _CLOCKS[number]
        return 0

    def _fact(self, number):
        if _BITS <= number < _AXIS:
            groups = {SYN: self._groups(), KEY: self._keys, ABS: set(self._axes)}
            return _bits(groups.get(number - _BITS, ()))
        if _AXIS <= number < _AXIS + 0x40:
            code = number - _AXIS
            return struct.pack(
                "=6i", self._values.get((ABS, code), 0), *self._axes.get(code, Axis())
            )
        pressed = {code for (group, code), value in self._values.items() if group == KEY and value}
        facts = {
            _VERSION: struct.pack("=i", 0x010001),
            _IDS: struct.pack("=HHHH", _USB, *self._ids, 0x110),
            _NAME: self.device_name.encode() + b"\0",
            _PHYSICAL: f"usb-0000:00:14.0-{self._port}/input0".encode() + b"\0",
            _PROPERTIES: _bits(self._properties),
            _KEYS_NOW: _bits(pressed),
            _LAMPS_NOW: _bits(()),
            _SOUNDS_NOW: _bits(()),
            _SWITCHES_NOW: _bits(()),
        }
        if number == _UNIQUE:
            raise OSError(errno.ENOENT, "it has no serial number")
        if number not in facts:
            raise OSError(errno.EINVAL, "no such ioctl")
        return facts[number]


def _mask(codes):
    return sum(1 << code for code in set(codes))


def _bits(codes):
    return _mask(codes).to_bytes(_MOST_BITS, "little")


def _words(codes):
    """Write a mask as the kernel's uevent does: words of 64 bits in hex, the highest first."""
    mask, words = _mask(codes), []
    while mask or not words:
        words.insert(0, f"{mask & 2**64 - 1:x}")
        mask >>= 64
    return " ".join(words)
