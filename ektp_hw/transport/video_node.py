# SPDX-License-Identifier: Apache-2.0
"""A camera of Linux's video interface by its ioctls: memory-mapped buffers, never a blocking call.

Source: the kernel's documentation, "Video for Linux API", chapters "Interfaces" and "Function
Reference". OpenCV is no road here: its read() returns true when the time is over (its issue 10927).
"""

from __future__ import annotations

import ctypes
import errno
import logging
import time
from typing import TYPE_CHECKING, Any, NoReturn

from ektp_hw.errors import DeviceError, DeviceUnavailable, ProtocolError, UnavailableReason
from ektp_hw.transport import v4l2_abi as abi
from ektp_hw.transport import video_failures
from ektp_hw.transport.base import log_wire
from ektp_hw.transport.video import (
    CONTROLS,
    CameraName,
    ControlRange,
    Frame,
    Layout,
    Mode,
    VideoConnection,
)
from ektp_hw.transport.video_clock import FrameClock
from ektp_hw.transport.video_system import KernelCalls

if TYPE_CHECKING:
    from ektp_hw.transport.video_system import Mapping, VideoSystem

__all__ = ["VideoNode"]

_log = logging.getLogger(__name__)

_BUFFERS = 4
"""Frames the kernel may hold for us: an eighth of a second at 30 frames/s."""
_MOST_BUFFERS = 32
_ENUMERATED_AT_MOST = 64
"""Formats, sizes and intervals asked for; a driver without an end does not keep us for ever."""
_PAUSE = 0.002
"""Seconds until a node is asked again that said "ready" and had nothing."""
_MICROSECONDS = 1e-6
_USUAL_SIZES = ((640, 480), (1280, 720), (1920, 1080))
"""Tried where a driver gives a range of sizes."""
_LARGEST_FRAME = 256 << 20


class VideoNode(VideoConnection):
    """One node under /dev, open.

    Parameters
    ----------
    path
        The node.
    uri
        The device's name in messages.
    system
        What makes the system calls; a model of a camera can stand in.

    Raises
    ------
    DeviceNotFound, DeviceBusy, DeviceUnavailable, DeviceRemoved, ProtocolError
        As for `ektp_hw.transport.video.connect`.
    """

    def __init__(self, path: str, uri: str, system: VideoSystem | None = None) -> None:
        self._path = path
        self._uri = uri
        self._system: VideoSystem = KernelCalls() if system is None else system
        self._mappings: list[Mapping] = []
        self._clock = FrameClock(uri)
        self._is_streaming = False
        self._fd = -1
        try:
            self._fd = self._system.open(path)
        except OSError as error:
            self._fail(error, "could not be opened")
        try:
            self._card = self._checked()
        except DeviceError:
            self.close()
            raise

    def close(self) -> None:
        """Stop and let go; harmless when it is closed already or the camera has gone."""
        fd, self._fd = self._fd, -1
        if fd < 0:
            return
        try:
            for mapping in self._mappings:
                mapping.close()
        finally:
            self._mappings.clear()
            self._system.close(fd)  # the kernel stops the stream and frees the buffers

    def probe(self) -> None:
        """Raise `DeviceRemoved` if the camera has gone."""
        self._do(abi.QUERYCAP, abi.Capability(), "asking for a sign of life")

    def name(self) -> CameraName:
        """Return what the camera said when it was opened."""
        return self._card

    def modes(self) -> list[Mode]:
        """List formats and sizes."""
        found = []
        for index in range(_ENUMERATED_AT_MOST):
            form = abi.FormatDescription(index=index, type=abi.CAPTURE)
            if not self._is_answered(abi.ENUM_FMT, form, "listing its formats"):
                break
            name = abi.fourcc_name(form.pixelformat)
            for width, height in self._sizes(form.pixelformat):
                intervals = self._intervals(form.pixelformat, width, height)
                found.append(Mode(name, width, height, intervals))
        return found

    def configure(self, mode: Mode, interval: float | None = None) -> Layout:
        """Choose the mode; the kernel may choose another size, never another format."""
        self.stop()
        self._free_buffers()
        wanted = abi.Format(
            type=abi.CAPTURE,
            width=mode.width,
            height=mode.height,
            pixelformat=abi.fourcc(mode.form),
            field=abi.FIELD_NONE,
        )
        self._do(abi.S_FMT, wanted, f"choosing {mode.form} {mode.width} x {mode.height}")
        form = abi.fourcc_name(wanted.pixelformat)
        if form != mode.form or not 0 < wanted.sizeimage <= _LARGEST_FRAME:
            raise ProtocolError(
                f"the camera was asked for {mode.form} and offers {form} with frames of "
                f"{wanted.sizeimage} bytes; plug it in anew",
                device=self._uri,
            )
        chosen = self._choose_interval(interval)
        self._make_buffers()
        return Layout(
            form, wanted.width, wanted.height, wanted.bytesperline, wanted.sizeimage, chosen
        )

    def start(self) -> None:
        """Hand all buffers to the kernel and begin."""
        if not self._mappings:
            raise DeviceError("choose a mode before starting the camera", device=self._uri)
        self._clock = FrameClock(self._uri)
        self._is_streaming = True  # so that a start that fails half-way is undone
        for index in range(len(self._mappings)):
            self._give_back(index)
        self._do(abi.STREAMON, ctypes.c_int32(abi.CAPTURE), "starting the stream")

    def stop(self) -> None:
        """Stop the stream; harmless when it does not run."""
        if self._is_streaming:
            self._is_streaming = False
            self._do(abi.STREAMOFF, ctypes.c_int32(abi.CAPTURE), "stopping the stream")

    def frame(self, timeout: float) -> Frame | None:
        """Return the next frame, None when none came in time."""
        end = time.monotonic() + timeout
        while (left := end - time.monotonic()) > 0:
            try:
                ready = self._system.wait(self._fd, left)
            except OSError as error:
                self._fail(error, "waiting for a frame failed")
            if ready:
                buffer = self._filled()
                if buffer is not None:
                    return self._taken(buffer)
                time.sleep(min(_PAUSE, max(0.0, end - time.monotonic())))
        return None

    @property
    def dropped(self) -> int:
        """Frames lost since the stream began."""
        return self._clock.dropped

    def control_range(self, name: str) -> ControlRange | None:
        """Return the range of a control, None if the camera has none or switched it off."""
        asked = abi.QueryControl(id=CONTROLS[name])
        if not self._is_answered(abi.QUERYCTRL, asked, f"asking for its {name}"):
            return None
        if asked.flags & abi.CONTROL_DISABLED or asked.type == abi.CONTROL_CLASS:
            return None
        return ControlRange(asked.minimum, asked.maximum, asked.step, asked.default_value)

    def control(self, name: str) -> int:
        """Read a control."""
        return self._exchange(name, 0, abi.G_EXT_CTRLS, abi.G_CTRL, f"reading its {name}")

    def set_control(self, name: str, value: int) -> None:
        """Set a control."""
        self._exchange(name, value, abi.S_EXT_CTRLS, abi.S_CTRL, f"setting its {name} to {value}")

    def unit(self, unit: int, selector: int) -> bytes:
        """Ask an extension unit for the length of a control, then for the control."""
        length = ctypes.create_string_buffer(2)
        self._ask_unit(unit, selector, abi.UNIT_LENGTH, length)
        data = ctypes.create_string_buffer(int.from_bytes(length.raw, "little"))
        self._ask_unit(unit, selector, abi.UNIT_GET, data)
        return data.raw

    def set_unit(self, unit: int, selector: int, data: bytes) -> None:
        """Set a control of an extension unit."""
        content = ctypes.create_string_buffer(data, len(data))
        self._ask_unit(unit, selector, abi.UNIT_SET, content)

    def _checked(self) -> CameraName:
        told = abi.Capability()
        self._do(abi.QUERYCAP, told, "asking what it is")
        has = told.capabilities
        if has & abi.CAP_DEVICE_CAPS:
            has = told.device_caps
        if not (has & abi.CAP_VIDEO_CAPTURE and has & abi.CAP_STREAMING):
            raise DeviceUnavailable(
                "this node gives no video (cameras have a second node for their metadata); open "
                "the other one",
                reason=UnavailableReason.UNSUPPORTED,
                device=self._uri,
            )
        texts = (told.driver, told.card, told.bus_info)
        return CameraName(*(text.decode("utf-8", "replace") for text in texts))

    def _sizes(self, pixelformat: int) -> list[tuple[int, int]]:
        sizes = []
        for index in range(_ENUMERATED_AT_MOST):
            size = abi.FrameSize(index=index, pixel_format=pixelformat)
            if not self._is_answered(abi.ENUM_FRAMESIZES, size, "listing its sizes"):
                break
            if size.type == abi.DISCRETE:
                sizes.append((size.range[0], size.range[1]))
                continue
            narrow, wide, _, low, high, _ = size.range
            fitting = [(w, h) for w, h in _USUAL_SIZES if narrow <= w <= wide and low <= h <= high]
            return fitting or [(wide, high)]
        return sizes or [self._size_now()]

    def _size_now(self) -> tuple[int, int]:
        now = abi.Format(type=abi.CAPTURE)
        self._do(abi.G_FMT, now, "asking for its size")
        return now.width, now.height

    def _intervals(self, pixelformat: int, width: int, height: int) -> tuple[float, ...]:
        found = []
        for index in range(_ENUMERATED_AT_MOST):
            one = abi.FrameInterval(
                index=index, pixel_format=pixelformat, width=width, height=height
            )
            if not self._is_answered(abi.ENUM_FRAMEINTERVALS, one, "listing its frame rates"):
                break
            found += [_seconds(one.range[0])]
            if one.type != abi.DISCRETE:
                found += [_seconds(one.range[1])]
                break
        return tuple(interval for interval in found if interval)

    def _choose_interval(self, interval: float | None) -> float | None:
        now = abi.StreamParameters(type=abi.CAPTURE)
        if not self._is_answered(abi.G_PARM, now, "asking for its frame rate"):
            return None
        if interval and now.capability & abi.TIME_PER_FRAME:
            now.timeperframe.numerator = round(interval * 1e6)
            now.timeperframe.denominator = 1_000_000
            self._do(abi.S_PARM, now, "choosing its frame rate")
        return _seconds(now.timeperframe)

    def _make_buffers(self) -> None:
        asked = abi.RequestBuffers(count=_BUFFERS, type=abi.CAPTURE, memory=abi.MEMORY_MMAP)
        self._do(abi.REQBUFS, asked, "asking for buffers")
        if not 1 <= asked.count <= _MOST_BUFFERS:
            raise ProtocolError(
                f"the camera's driver gives {asked.count} buffers; plug it in anew",
                device=self._uri,
            )
        for index in range(asked.count):
            buffer = abi.Buffer(index=index, type=abi.CAPTURE, memory=abi.MEMORY_MMAP)
            self._do(abi.QUERYBUF, buffer, "asking for a buffer")
            try:
                mapping = self._system.map(self._fd, buffer.length, buffer.place.offset)
            except (OSError, ValueError) as error:
                self._fail(error, f"mapping a buffer of {buffer.length} bytes failed")
            self._mappings.append(mapping)

    def _free_buffers(self) -> None:
        if self._mappings:
            for mapping in self._mappings:
                mapping.close()
            self._mappings.clear()
            none = abi.RequestBuffers(count=0, type=abi.CAPTURE, memory=abi.MEMORY_MMAP)
            self._do(abi.REQBUFS, none, "giving the buffers back")

    def _give_back(self, index: int) -> None:
        buffer = abi.Buffer(index=index, type=abi.CAPTURE, memory=abi.MEMORY_MMAP)
        self._do(abi.QBUF, buffer, "handing over a buffer")

    def _filled(self) -> abi.Buffer | None:
        buffer = abi.Buffer(type=abi.CAPTURE, memory=abi.MEMORY_MMAP)
        try:
            self._call(abi.DQBUF, buffer)
        except BlockingIOError:
            return None
        except OSError as error:
            self._fail(error, "fetching a frame failed")
        if buffer.index >= len(self._mappings) or buffer.bytesused > len(
            self._mappings[buffer.index]
        ):
            raise ProtocolError(
                f"the camera's driver gave {buffer.bytesused} bytes in buffer {buffer.index}, "
                "which it does not have; plug it in anew",
                device=self._uri,
            )
        return buffer

    def _taken(self, buffer: abi.Buffer) -> Frame:
        data = self._mappings[buffer.index].read(buffer.bytesused)
        log_wire(_log, self._uri, f"frame {buffer.sequence}", len(data))
        self._give_back(buffer.index)
        seconds = buffer.seconds + buffer.microseconds * _MICROSECONDS
        lost = self._clock.follow(buffer.sequence, seconds)
        damaged = bool(buffer.flags & abi.FLAG_ERROR)
        return Frame(data, buffer.sequence, seconds, lost, damaged)

    def _exchange(self, name: str, value: int, extended: int, plain: int, what: str) -> int:
        """Read or set a control, by the old request where the driver has no extended ones."""
        one = abi.ExtControl(id=CONTROLS[name], value=value)
        several = abi.ExtControls(count=1, controls=ctypes.addressof(one))
        try:
            self._call(extended, several)
        except OSError as error:
            if error.errno != errno.ENOTTY:
                self._fail(error, f"{what} failed")
            old = abi.Control(CONTROLS[name], value)
            self._do(plain, old, what)
            return int(old.value)
        return int(one.value)

    def _ask_unit(self, unit: int, selector: int, query: int, data: Any) -> None:  # noqa: ANN401
        asked = abi.UnitQuery(unit, selector, query, len(data), ctypes.addressof(data))
        what = f"asking extension unit {unit}, selector {selector}"
        try:
            self._call(abi.UVC_QUERY, asked)
        except OSError as error:
            if error.errno not in {errno.ENOENT, errno.ENOTTY}:
                self._fail(error, f"{what} failed")
            raise DeviceUnavailable(
                f"the camera has no extension unit {unit} with a selector {selector}; leave it out",
                reason=UnavailableReason.UNSUPPORTED,
                device=self._uri,
            ) from error

    def _is_answered(self, request: int, argument: Any, what: str) -> bool:  # noqa: ANN401
        """Tell whether the driver has that: EINVAL ends a list, ENOTTY means "no such thing"."""
        try:
            self._call(request, argument)
        except OSError as error:
            if error.errno in {errno.EINVAL, errno.ENOTTY}:
                return False
            self._fail(error, f"{what} failed")
        return True

    def _do(self, request: int, argument: Any, what: str) -> None:  # noqa: ANN401
        try:
            self._call(request, argument)
        except OSError as error:
            self._fail(error, f"{what} failed")

    def _call(self, request: int, argument: Any) -> None:  # noqa: ANN401
        if self._fd < 0:
            raise DeviceError("the camera is closed; open it first", device=self._uri)
        while True:
            try:
                self._system.ioctl(self._fd, request, argument)
            except InterruptedError:  # a signal came; its handler has run
                continue
            return

    def _fail(self, error: Exception, what: str) -> NoReturn:
        raise video_failures.explained(error, what, self._path, self._uri) from error


def _seconds(fraction: abi.Fraction) -> float | None:
    return fraction.numerator / fraction.denominator if fraction.denominator else None
