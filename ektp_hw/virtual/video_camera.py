# SPDX-License-Identifier: Apache-2.0
"""A camera behind Linux's video interface without node or kernel: answers the system calls itself.

It stands behind `ektp_hw.transport.video_node.VideoNode` in the place of the kernel, with the
kernel's own structures and error numbers, and misbehaves on request. One program at a time may
choose its format, as with the kernel.
"""

from __future__ import annotations

import ctypes
import errno
import os
import threading
import time
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from ektp_hw.transport import v4l2_abi as abi
from ektp_hw.transport.video import CONTROLS
from ektp_hw.transport.video_quirks import QUIRKS
from ektp_hw.transport.video_system import Mapping
from ektp_hw.virtual.video_frames import BYTES_A_PIXEL, encode

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ektp_hw.samples import IrisImage

__all__ = ["Misbehaviour", "VirtualVideoCamera"]

_RATE = 30.0
_LATE = 0.25
"""Seconds by which frames are late."""
_DEFAULTS = {"brightness": 50, "gain": 16, "exposure": 156}
_RANGE = (0, 255)


class Misbehaviour(StrEnum):
    """What a camera can do wrong, from its next stream on until it behaves."""

    STALL = "stall"
    """Fetching a frame fails with an input/output error."""
    SILENT = "silent"
    """No frame ever comes."""
    LATE = "late"
    """Every frame comes a quarter of a second late."""
    SHORT = "short"
    """Every frame lacks its second half."""
    GARBAGE = "garbage"
    """Frames are made of noise."""
    BACKWARDS = "backwards"
    """The frames' numbers run backwards."""
    FROZEN = "frozen"
    """The frames' times stand still."""
    UNPLUG = "unplug"
    """The cable is pulled after the first frame."""
    GONE = "gone"
    """The eye goes after the first frame."""
    DARK = "dark"
    """The lamp stays off."""
    SAG = "sag"
    """The camera resets itself once, after the first frame: stream, lamp and settings are lost."""


class VirtualVideoCamera:
    """A camera with one format, one size and a few controls.

    Parameters
    ----------
    images
        What it sees, one picture a frame, over and over; all of one size.
    form
        Its pixel format.
    speed
        How many times faster than 30 frames a second.
    ids
        Vendor and product; one of `QUIRKS` with an emitter sees nothing until that is switched on.
    """

    def __init__(
        self,
        images: Sequence[IrisImage],
        form: str = "GREY",
        *,
        speed: float = 1.0,
        ids: tuple[int, int] = (0x1209, 0x0002),
    ) -> None:
        self.form = form
        self.rate = _RATE * speed
        self.ids = ids
        self.is_plugged = True
        self.last_frame = 0.0
        self._changed = threading.Condition(threading.RLock())
        self._fault: Misbehaviour | None = None
        self._handles: set[int] = set()
        self._owner: int | None = None
        quirk = QUIRKS.get(ids)
        self._emitter = quirk.emitter if quirk else None
        self.height, self.width = 0, 0
        self.present(*images)
        self._reset()

    def _reset(self) -> None:
        self.values = dict(_DEFAULTS)
        self.unit_data = self._emitter.off if self._emitter else b""
        self._memory: list[bytearray] = []
        self._queued: list[int] = []
        self._began: float | None = None
        self._is_broken = False
        self._due = self._taken = 0

    def present(self, *images: IrisImage) -> None:
        """Show these pictures from now on."""
        shapes = {image.pixels.shape for image in images}
        if len(shapes) != 1:
            raise ValueError(f"a camera shows pictures of one size, not of {len(shapes)}")
        with self._changed:
            self.height, self.width = (int(length) for length in shapes.pop())
            self._frames = [encode(image.pixels, self.form) for image in images]

    def misbehave(self, what: Misbehaviour | str) -> None:
        """Go wrong in every stream, until `behave`."""
        with self._changed:
            self._fault = Misbehaviour(what)

    def behave(self) -> None:
        """End all misbehaviour; plugged in again if the cable was pulled."""
        with self._changed:
            self._fault = None
            self.is_plugged = True

    def unplug(self) -> None:
        """Pull the cable."""
        with self._changed:
            self.is_plugged = False
            self._handles.clear()
            self._owner = None
            self._reset()
            self._changed.notify_all()

    @property
    def open_handles(self) -> int:
        """How often it is open."""
        return len(self._handles)

    # The system calls.

    def open(self, path: str) -> int:
        """Open the node."""
        with self._changed:
            if not self.is_plugged:
                raise _refusal(errno.ENOENT, path)
            handle = next(number for number in range(1, 1 << 16) if number not in self._handles)
            self._handles.add(handle)
            return handle

    def close(self, fd: int) -> None:
        """Close it; its owner takes the stream with it."""
        with self._changed:
            self._handles.discard(fd)
            if self._owner == fd:
                self._owner, self._began = None, None
                self._memory.clear()

    def wait(self, fd: int, seconds: float) -> bool:
        """Wait for a frame or a failure."""
        end = time.monotonic() + seconds
        with self._changed:
            while not self._is_ready(fd):
                left = min(end, self._next_due()) - time.monotonic()
                if left > 0:
                    self._changed.wait(left)
                elif time.monotonic() >= end:
                    return self._is_ready(fd)
            return True

    def map(self, fd: int, length: int, offset: int) -> Mapping:
        """Give one buffer's memory."""
        with self._changed:
            self._check(fd)
            memory = self._memory[offset // self._room]
            if length != len(memory):
                raise _refusal(errno.EINVAL)
            return Mapping(memoryview(memory).toreadonly(), lambda: None)

    def ioctl(self, fd: int, request: int, argument: Any) -> None:  # noqa: ANN401
        """Answer a request as uvcvideo does."""
        answers: dict[int, Callable[[int, Any], None]] = {
            abi.QUERYCAP: self._tell, abi.ENUM_FMT: self._list_formats,
            abi.ENUM_FRAMESIZES: self._list_sizes, abi.ENUM_FRAMEINTERVALS: self._list_intervals,
            abi.S_FMT: self._choose, abi.G_PARM: self._tell_rate, abi.S_PARM: self._tell_rate,
            abi.REQBUFS: self._make_buffers, abi.QUERYBUF: self._describe, abi.QBUF: self._queue,
            abi.DQBUF: self._give, abi.STREAMON: self._begin, abi.STREAMOFF: self._end,
            abi.QUERYCTRL: self._describe_control, abi.G_EXT_CTRLS: self._read_control,
            abi.S_EXT_CTRLS: self._set_control, abi.UVC_QUERY: self._ask_unit,
        }  # fmt: skip
        with self._changed:
            self._check(fd)
            if request not in answers:
                raise _refusal(errno.ENOTTY)
            answers[request](fd, argument)

    def _check(self, fd: int) -> None:
        if fd not in self._handles:
            raise _refusal(errno.ENODEV)

    def _own(self, fd: int) -> None:
        if self._owner not in {None, fd}:
            raise _refusal(errno.EBUSY)
        self._owner = fd

    @property
    def _room(self) -> int:
        """Bytes a buffer, whole pages as the kernel has them."""
        return -(-self._size // 4096) * 4096

    @property
    def _size(self) -> int:
        return self.width * self.height * BYTES_A_PIXEL[self.form]

    # What it says of itself.

    def _tell(self, _fd: int, told: abi.Capability) -> None:
        told.driver, told.card = b"uvcvideo", b"IR camera (virtual)"
        told.bus_info = b"usb-0000:00:14.0-4"
        told.capabilities = abi.CAP_DEVICE_CAPS
        told.device_caps = abi.CAP_VIDEO_CAPTURE | abi.CAP_STREAMING

    def _list_formats(self, _fd: int, form: abi.FormatDescription) -> None:
        _allow(form.index == 0 and form.type == abi.CAPTURE)
        form.pixelformat = abi.fourcc(self.form)

    def _list_sizes(self, _fd: int, size: abi.FrameSize) -> None:
        _allow(size.index == 0 and size.pixel_format == abi.fourcc(self.form))
        size.type = abi.DISCRETE
        size.range[0], size.range[1] = self.width, self.height

    def _list_intervals(self, _fd: int, interval: abi.FrameInterval) -> None:
        _allow(interval.index == 0 and interval.pixel_format == abi.fourcc(self.form))
        interval.type = abi.DISCRETE
        interval.range[0] = abi.Fraction(1, round(_RATE))

    def _tell_rate(self, _fd: int, rate: abi.StreamParameters) -> None:
        rate.capability = abi.TIME_PER_FRAME
        rate.timeperframe = abi.Fraction(1, round(_RATE))

    def _choose(self, fd: int, wanted: abi.Format) -> None:
        self._own(fd)
        if self._memory:
            raise _refusal(errno.EBUSY)
        wanted.width, wanted.height = self.width, self.height
        wanted.pixelformat = abi.fourcc(self.form)
        wanted.bytesperline = 0 if self.form == "MJPG" else self._size // self.height
        wanted.sizeimage = self._size

    # Controls.

    def _describe_control(self, _fd: int, asked: abi.QueryControl) -> None:
        name = self._control_name(asked.id)
        asked.minimum, asked.maximum = _RANGE
        asked.step, asked.default_value = 1, _DEFAULTS[name]

    def _control_name(self, number: int) -> str:
        names = {CONTROLS[name]: name for name in self.values}
        _allow(number in names)
        return names[number]

    def _read_control(self, _fd: int, asked: abi.ExtControls) -> None:
        one = abi.ExtControl.from_address(asked.controls)
        one.value = self.values[self._control_name(one.id)]

    def _set_control(self, _fd: int, asked: abi.ExtControls) -> None:
        one = abi.ExtControl.from_address(asked.controls)
        name = self._control_name(one.id)
        self.values[name] = one.value = min(max(one.value, _RANGE[0]), _RANGE[1])

    def _ask_unit(self, _fd: int, asked: abi.UnitQuery) -> None:
        lamp = self._emitter
        if lamp is None or (asked.unit, asked.selector) != (lamp.unit, lamp.selector):
            raise _refusal(errno.ENOENT)
        if asked.query == abi.UNIT_LENGTH:
            content = len(lamp.on).to_bytes(2, "little")
        else:
            content = self.unit_data
        if asked.size != len(content):
            raise _refusal(errno.ENOBUFS)
        if asked.query == abi.UNIT_SET:
            self.unit_data = ctypes.string_at(asked.data, asked.size)
        else:
            ctypes.memmove(asked.data, content, asked.size)

    # Frames.

    def _make_buffers(self, fd: int, asked: abi.RequestBuffers) -> None:
        self._own(fd)
        if self._began is not None:
            raise _refusal(errno.EBUSY)
        self._memory = [bytearray(self._room) for _ in range(asked.count)]
        self._queued.clear()
        if not asked.count:
            self._owner = None

    def _describe(self, _fd: int, buffer: abi.Buffer) -> None:
        _allow(buffer.index < len(self._memory))
        buffer.length, buffer.place.offset = self._room, buffer.index * self._room

    def _queue(self, _fd: int, buffer: abi.Buffer) -> None:
        _allow(buffer.index < len(self._memory) and buffer.index not in self._queued)
        self._queued.append(buffer.index)

    def _begin(self, fd: int, _kind: object) -> None:
        self._own(fd)
        _allow(bool(self._memory))
        self._began, self._taken, self._due = time.monotonic(), 0, 0
        self._is_broken = False

    def _end(self, _fd: int, _kind: object) -> None:
        self._began = None
        self._queued.clear()

    def _next_due(self) -> float:
        if self._began is None or self._fault is Misbehaviour.SILENT:
            return float("inf")
        if self._fault is Misbehaviour.LATE:
            return self._began + (self._due + 1) * (1 / self.rate + _LATE)
        return self._began + (self._due + 1) / self.rate

    def _is_ready(self, fd: int) -> bool:
        """Whether a frame is due, or fetching one would fail."""
        if fd not in self._handles or self._began is None or self._is_broken:
            return True
        if self._taken and self._strike():
            return True
        return bool(self._queued) and time.monotonic() >= self._next_due()

    def _strike(self) -> bool:
        """Do what happens after the first frame."""
        fault = self._fault
        if fault is Misbehaviour.UNPLUG:
            self.unplug()
        if fault is Misbehaviour.SAG:
            self._fault = None
            self.values = dict(_DEFAULTS)
            self.unit_data = self._emitter.off if self._emitter else b""
        self._is_broken = fault in {Misbehaviour.STALL, Misbehaviour.SAG}
        return fault in {Misbehaviour.UNPLUG, Misbehaviour.STALL, Misbehaviour.SAG}

    def _give(self, fd: int, buffer: abi.Buffer) -> None:
        ready = self._is_ready(fd)
        self._check(fd)
        if self._is_broken:
            raise _refusal(errno.EIO)
        _allow(self._began is not None)
        if not ready:
            raise _refusal(errno.EAGAIN)
        stamp = self._next_due()
        lost = max(0, int((time.monotonic() - stamp) * self.rate) - len(self._memory))
        number = self._due + lost
        self._due = number + 1
        buffer.index = self._queued.pop(0)
        data = self._exposed(number)
        self._memory[buffer.index][: len(data)] = data
        self._taken += 1
        buffer.bytesused, buffer.flags = len(data), 0x2000
        if self._fault is Misbehaviour.FROZEN:
            stamp = self._began or 0.0
        buffer.sequence = 1000 - number if self._fault is Misbehaviour.BACKWARDS else number
        buffer.seconds, buffer.microseconds = int(stamp), round(stamp % 1 * 1e6)
        self.last_frame = time.monotonic()

    def _exposed(self, number: int) -> bytes:
        """Return a frame as light, person and fault have it."""
        import numpy as np

        frame = self._frames[number % len(self._frames)]
        is_lit = self._emitter is None or self.unit_data == self._emitter.on
        if self._fault is Misbehaviour.DARK or not is_lit:
            return encode(np.full((self.height, self.width), 4, np.uint8), self.form)
        if self._fault is Misbehaviour.GONE and self._taken:
            return encode(np.full((self.height, self.width), 180, np.uint8), self.form)
        if self._fault is Misbehaviour.GARBAGE:
            return np.random.default_rng(number).bytes(len(frame))
        return frame[: len(frame) // 2] if self._fault is Misbehaviour.SHORT else frame


def _refusal(number: int, path: str = "") -> OSError:
    return OSError(number, os.strerror(number), path or None)


def _allow(right: bool) -> None:
    if not right:
        raise _refusal(errno.EINVAL)
