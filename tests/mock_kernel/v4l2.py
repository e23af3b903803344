# SPDX-License-Identifier: Apache-2.0
"""Linux's V4L2: a camera that streams into memory which programs map.

The node is a regular file, because a FIFO cannot be mapped: frames are written to where the
program has mapped it. Such a file is always ready for `poll`, so that DQBUF keeps a program that
opened it without blocking for 50 ms at most before it says EAGAIN.
"""

import errno
import mmap
import struct

from mock_kernel import v4l2_structs as structs
from mock_kernel.camera_model import CameraModel, Control, Format, Frame
from mock_kernel.device import CharacterDevice, Node, kind, nonblocking
from mock_kernel.extension_unit import query
from mock_kernel.stream import Stream

__all__ = ["CameraModel", "Control", "Format", "Frame", "VideoDevice"]

_PATIENCE = 0.05
_EXTENSION_UNIT = 0x21
_MOST_BUFFERS = 32


class _File(Node):
    """What programs map."""

    def __init__(self, path):
        path.touch()
        self.path = path


class VideoDevice(CharacterDevice):
    """A camera on the machine."""

    major = 81

    def __init__(self, model):
        super().__init__()
        self.model = model
        self._name, self._port = "video0", ""
        self._reset()
        self._answers = {
            0: self._capability, 2: self._list_formats, 4: self._format, 5: self._choose_format,
            8: self._make_buffers, 9: self._describe_buffer, 15: self._queue, 17: self._dequeue,
            18: self._start, 19: self._stop, 21: self._rate, 22: self._choose_rate,
            26: self._input, 27: self._get, 28: self._set, 36: self._control, 37: self._menu,
            38: self._input_now, 39: self._choose_input, 64: self._try_format,
            71: self._get_many, 72: self._set_many, 73: self._get_many, 74: self._sizes,
            75: self._intervals, 103: self._long_control,
        }  # fmt: skip

    def _reset(self):
        self._format_now, self._per_second = self.model.formats[0], self.model.formats[0].rates[0]
        self._owner, self._stream, self._buffers = None, None, 0

    # The device.

    def number_for(self, machine):
        """Take the first free number, at the device's own port."""
        self._name, self._port = machine.free("video"), machine.port(self)

    def name(self):
        """Return video<number>."""
        return self._name, int(self._name.removeprefix("video"))

    def make_node(self, path):
        """Make the file."""
        return _File(path)

    def describe(self, machine):
        """Describe the USB device, its interface and the node."""
        model, number = self.model, self.name()[1]
        texts = {"serial": model.serial, "product": model.name, "manufacturer": "ektp_hw"}
        usb, interface = machine.describe_taken(self._port, 0, *model.ids, texts)
        place = f"{interface}/video4linux/{self._name}"
        event = {"MAJOR": self.major, "MINOR": number, "DEVNAME": self._name}
        texts = {"dev": f"{self.major}:{number}", "name": model.name, "index": 0}
        machine.describe(place, "sys/class/video4linux", event, texts)
        machine.link(f"{place}/device", interface)
        for link in self.links():
            machine.link(link, place)
        return [usb, (place, {"SUBSYSTEM": "video4linux", **event})]

    def links(self):
        """Return the links by class and by number."""
        number = self.name()[1]
        return f"sys/class/video4linux/{self._name}", f"sys/dev/char/{self.major}:{number}"

    def attached(self):
        """Let the model pull its own cable."""
        self._reset()
        self.model.unplug = self.unplug

    def detached(self):
        """End all waits."""
        if self._stream:
            self._stream.end()

    def on_close(self, memory):
        """Stop streaming if that program streamed."""
        if self._owner is memory and not memory.node.gone:
            if self._stream:
                self._stream.end()
            self._owner, self._stream, self._buffers = None, None, 0

    def on_ioctl(self, memory, request, argument):
        """Answer V4L2's ioctls, and the one of uvcvideo."""
        memory.node.check()
        letter, number = kind(request)
        if (letter, number) == ("u", _EXTENSION_UNIT):
            return query(self.model, memory, argument)
        if letter != "V" or number not in self._answers:
            raise OSError(errno.ENOTTY, "no such ioctl")
        self._answers[number](memory, argument)
        return 0

    # Formats.

    def _capability(self, memory, argument):
        bus = f"usb-0000:00:14.0-{self._port.split('-')[1]}"
        memory.write(argument, structs.capability(self.model, bus))

    def _list_formats(self, memory, argument):
        index, group = memory.unpack("=II", argument)
        kinds = {form.fourcc: form for form in self.model.formats}
        _check(group == structs.CAPTURE and index < len(kinds))
        memory.write(argument, structs.format_description(index, list(kinds.values())[index]))

    def _format(self, memory, argument):
        _check(memory.unpack("=I", argument)[0] == structs.CAPTURE)
        memory.write(argument, structs.format_chosen(self._format_now))

    def _nearest(self, memory, argument):
        group, width, height, fourcc = memory.unpack("=IxxxxII4s", argument)
        _check(group == structs.CAPTURE)
        same = [form for form in self.model.formats if form.fourcc == fourcc]
        return min(
            same or self.model.formats,
            key=lambda form: abs(form.width - width) + abs(form.height - height),
        )

    def _try_format(self, memory, argument):
        memory.write(argument, structs.format_chosen(self._nearest(memory, argument)))

    def _choose_format(self, memory, argument):
        chosen = self._nearest(memory, argument)
        self._own(memory)
        if self._buffers:
            raise OSError(errno.EBUSY, "it has buffers")
        self._format_now, self._per_second = chosen, chosen.rates[0]
        memory.write(argument, structs.format_chosen(chosen))

    def _of_kind(self, fourcc):
        return [form for form in self.model.formats if form.fourcc == fourcc]

    def _sizes(self, memory, argument):
        index, fourcc = memory.unpack("=I4s", argument)
        same = self._of_kind(fourcc)
        _check(index < len(same))
        memory.write(argument, structs.frame_size(index, same[index]))

    def _intervals(self, memory, argument):
        index, fourcc, *wanted = memory.unpack("=I4sII", argument)
        same = [one for one in self._of_kind(fourcc) if [one.width, one.height] == wanted]
        _check(bool(same) and index < len(same[0].rates))
        memory.write(argument, structs.frame_interval(index, same[0]))

    def _rate(self, memory, argument):
        _check(memory.unpack("=I", argument)[0] == structs.CAPTURE)
        memory.write(argument, structs.rate(self._per_second))

    def _choose_rate(self, memory, argument):
        group, _, _, over, under = memory.unpack("=IIIII", argument)
        _check(group == structs.CAPTURE)
        wanted = under / over if over and under else self._format_now.rates[0]
        self._per_second = min(self._format_now.rates, key=lambda rate: abs(rate - wanted))
        memory.write(argument, structs.rate(self._per_second))

    def _input(self, memory, argument):
        _check(memory.unpack("=I", argument) == (0,))
        memory.write(argument, structs.video_input())

    def _input_now(self, memory, argument):
        memory.write(argument, bytes(4))

    def _choose_input(self, memory, argument):
        _check(memory.unpack("=I", argument) == (0,))

    # Frames.

    def _own(self, memory):
        if self._owner not in {None, memory}:
            raise OSError(errno.EBUSY, "another program streams")
        self._owner = memory

    def _length(self):
        return structs.picture_bytes(self._format_now)

    def _offset(self, index):
        return index * (-(-self._length() // mmap.PAGESIZE) * mmap.PAGESIZE)

    def _buffer(self, index, flags=0, **filled):
        length, offset = self._length(), self._offset(index)
        return structs.buffer(index, flags=flags, length=length, offset=offset, **filled)

    def _make_buffers(self, memory, argument):
        count, group, way = memory.unpack("=III", argument)
        _check(group == structs.CAPTURE and way == structs.MEMORY_MAP)
        self._own(memory)
        if self._stream and self._stream.is_on:
            raise OSError(errno.EBUSY, "it streams")
        self._buffers = min(count, _MOST_BUFFERS)
        with memory.node.path.open("r+b") as file:
            file.truncate(self._offset(self._buffers))
        self._stream = Stream(self.model, memory.node.path, self._offset) if count else None
        if not count:
            self._owner = None
        memory.write(argument, struct.pack("=IIII", self._buffers, group, way, 1))

    def _asked_for(self, memory, argument):
        index, group = memory.unpack("=II", argument)
        _check(group == structs.CAPTURE and index < self._buffers)
        return index

    def _describe_buffer(self, memory, argument):
        memory.write(argument, self._buffer(self._asked_for(memory, argument)))

    def _queue(self, memory, argument):
        index = self._asked_for(memory, argument)
        _check(self._stream.queue(index))
        memory.write(argument, self._buffer(index, structs.QUEUED))

    def _dequeue(self, memory, argument):
        _check(self._stream is not None)
        while (filled := self._stream.next(_PATIENCE)) is None:
            memory.node.check()
            _check(self._stream.is_on)
            if nonblocking(memory.client, memory.node.path):
                raise OSError(errno.EAGAIN, "no frame yet")
        index, frame, sequence, stamp = filled
        flags = structs.DONE | (structs.ERROR if frame.is_damaged else 0)
        used = min(len(frame.data), self._length())
        answer = self._buffer(index, flags, used=used, sequence=sequence, stamp=stamp)
        memory.write(argument, answer)

    def _start(self, memory, argument):
        del argument
        self._own(memory)
        _check(self._stream is not None)
        self._stream.start(self._format_now, self._per_second, self._length())

    def _stop(self, memory, argument):
        del argument
        self._own(memory)
        if self._stream:
            self._stream.end()

    # Controls.

    def _find(self, number):
        """Return a control by its id, or by the flag for the next one after it."""
        controls = sorted(self.model.controls, key=lambda one: one.id)
        if number & structs.NEXT_CONTROL:
            after = number & 0x0FFFFFFF
            found = [one for one in controls if one.id > after]
        else:
            found = [one for one in controls if one.id == number]
        _check(bool(found))
        return found[0]

    def _control(self, memory, argument):
        memory.write(argument, structs.control(self._find(memory.unpack("=I", argument)[0])))

    def _long_control(self, memory, argument):
        memory.write(argument, structs.long_control(self._find(memory.unpack("=I", argument)[0])))

    def _menu(self, memory, argument):
        number, index = memory.unpack("=II", argument)
        one = self._find(number)
        _check(one.kind == structs.MENU and index < len(one.menu) and bool(one.menu[index]))
        memory.write(argument, structs.menu_item(one, index))

    def _get(self, memory, argument):
        number = self._find(memory.unpack("=I", argument)[0]).id
        memory.write(argument, struct.pack("=Ii", number, self.model.values[number]))

    def _set(self, memory, argument):
        number, value = memory.unpack("=Ii", argument)
        memory.write(argument + 4, struct.pack("=i", self._take(number, value)))

    def _take(self, number, value):
        one = self._find(number)
        if one.kind == structs.MENU:
            _check(one.minimum <= value <= one.maximum, errno.ERANGE)
        value = min(max(value, one.minimum), one.maximum)
        self.model.on_control(number, value)
        return value

    def _each(self, memory, argument):
        _, count, _, _, _, address = memory.unpack("=IIIiIxxxxQ", argument)
        for place in range(address, address + 20 * count, 20):
            yield place, *memory.unpack("=I8xi", place)

    def _get_many(self, memory, argument):
        for place, number, _ in self._each(memory, argument):
            value = self.model.values[self._find(number).id]
            memory.write(place + 12, struct.pack("=q", value))

    def _set_many(self, memory, argument):
        for place, number, value in self._each(memory, argument):
            memory.write(place + 12, struct.pack("=q", self._take(number, value)))


def _check(right, number=errno.EINVAL):
    if not right:
        raise OSError(number, "refused")
