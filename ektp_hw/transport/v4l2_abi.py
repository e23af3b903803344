# SPDX-License-Identifier: Apache-2.0
"""The words of Linux's video interface: request numbers and structures of ``linux/videodev2.h``.

Source: the kernel's user-space headers ``videodev2.h`` and ``uvcvideo.h`` and the chapter "Video
for Linux API" of its documentation. Only what a capture needs is here; `tests` compare sizes and
numbers with a table made by a C compiler on a 64-bit machine.
"""

from __future__ import annotations

import ctypes
from ctypes import Structure, Union, c_char, c_int32, c_long, c_uint8, c_uint16, c_uint32, c_void_p

__all__ = [
    "CAPTURE",
    "Buffer",
    "Capability",
    "Control",
    "ExtControl",
    "ExtControls",
    "Format",
    "FormatDescription",
    "Fraction",
    "FrameInterval",
    "FrameSize",
    "QueryControl",
    "RequestBuffers",
    "StreamParameters",
    "UnitQuery",
    "fourcc",
    "fourcc_name",
]

CAPTURE = 1
"""V4L2_BUF_TYPE_VIDEO_CAPTURE."""
MEMORY_MMAP = 1
FIELD_NONE = 1
CAP_VIDEO_CAPTURE, CAP_STREAMING, CAP_DEVICE_CAPS = 0x1, 0x0400_0000, 0x8000_0000
FLAG_ERROR = 0x40
FLAG_CLOCK_MASK, FLAG_CLOCK_MONOTONIC = 0xE000, 0x2000
TIME_PER_FRAME = 0x1000
"""V4L2_CAP_TIMEPERFRAME: the camera lets its frame rate be chosen."""
DISCRETE = 1
"""Frame sizes and intervals are single values; continuous and stepwise ranges have 2 and 3."""
NEXT_CONTROL = 0x8000_0000
CONTROL_DISABLED, CONTROL_READ_ONLY, CONTROL_INACTIVE = 0x1, 0x4, 0x10
CONTROL_CLASS = 6
"""V4L2_CTRL_TYPE_CTRL_CLASS: a heading among the controls."""
UNIT_SET, UNIT_GET, UNIT_LENGTH = 0x01, 0x81, 0x85
"""UVC_SET_CUR, UVC_GET_CUR, UVC_GET_LEN."""


class Capability(Structure):
    """What VIDIOC_QUERYCAP tells."""

    _fields_ = (
        ("driver", c_char * 16),
        ("card", c_char * 32),
        ("bus_info", c_char * 32),
        ("version", c_uint32),
        ("capabilities", c_uint32),
        ("device_caps", c_uint32),
        ("reserved", c_uint32 * 3),
    )


class FormatDescription(Structure):
    """One pixel format."""

    _fields_ = (
        ("index", c_uint32),
        ("type", c_uint32),
        ("flags", c_uint32),
        ("description", c_char * 32),
        ("pixelformat", c_uint32),
        ("mbus_code", c_uint32),
        ("reserved", c_uint32 * 3),
    )


class Format(Structure):
    """A single-planar format in the union that the kernel pads to 200 bytes."""

    _fields_ = (
        ("type", c_uint32),
        ("padding", c_uint32),  # the union holds pointers, so it is aligned to 8 bytes
        ("width", c_uint32),
        ("height", c_uint32),
        ("pixelformat", c_uint32),
        ("field", c_uint32),
        ("bytesperline", c_uint32),
        ("sizeimage", c_uint32),
        ("colorspace", c_uint32),
        ("rest", c_uint8 * 172),
    )


class Fraction(Structure):
    """Seconds as a fraction."""

    _fields_ = (("numerator", c_uint32), ("denominator", c_uint32))


class FrameSize(Structure):
    """One size, or a range of sizes: smallest, largest and step of width, then of height."""

    _fields_ = (
        ("index", c_uint32),
        ("pixel_format", c_uint32),
        ("type", c_uint32),
        ("range", c_uint32 * 6),
        ("reserved", c_uint32 * 2),
    )


class FrameInterval(Structure):
    """One interval, or a range of them: shortest, longest and step."""

    _fields_ = (
        ("index", c_uint32),
        ("pixel_format", c_uint32),
        ("width", c_uint32),
        ("height", c_uint32),
        ("type", c_uint32),
        ("range", Fraction * 3),
        ("reserved", c_uint32 * 2),
    )


class StreamParameters(Structure):
    """What VIDIOC_G_PARM and VIDIOC_S_PARM carry for capture."""

    _fields_ = (
        ("type", c_uint32),
        ("capability", c_uint32),
        ("capturemode", c_uint32),
        ("timeperframe", Fraction),
        ("rest", c_uint8 * 184),
    )


class RequestBuffers(Structure):
    """How many buffers the kernel shall keep."""

    _fields_ = (
        ("count", c_uint32),
        ("type", c_uint32),
        ("memory", c_uint32),
        ("capabilities", c_uint32),
        ("flags", c_uint8),
        ("reserved", c_uint8 * 3),
    )


class _Place(Union):
    _fields_ = (("offset", c_uint32), ("userptr", c_void_p))


class Buffer(Structure):
    """One buffer on its way between the camera and us."""

    _fields_ = (
        ("index", c_uint32),
        ("type", c_uint32),
        ("bytesused", c_uint32),
        ("flags", c_uint32),
        ("field", c_uint32),
        ("seconds", c_long),
        ("microseconds", c_long),
        ("timecode", c_uint8 * 16),
        ("sequence", c_uint32),
        ("memory", c_uint32),
        ("place", _Place),
        ("length", c_uint32),
        ("reserved2", c_uint32),
        ("request_fd", c_int32),
    )


class QueryControl(Structure):
    """Name and range of one control."""

    _fields_ = (
        ("id", c_uint32),
        ("type", c_uint32),
        ("name", c_char * 32),
        ("minimum", c_int32),
        ("maximum", c_int32),
        ("step", c_int32),
        ("default_value", c_int32),
        ("flags", c_uint32),
        ("reserved", c_uint32 * 2),
    )


class Control(Structure):
    """The value of one control of the old kind."""

    _fields_ = (("id", c_uint32), ("value", c_int32))


class ExtControl(Structure):
    """The value of one extended control."""

    _pack_ = 1
    _layout_ = "ms"
    _fields_ = (
        ("id", c_uint32),
        ("size", c_uint32),
        ("reserved2", c_uint32),
        ("value", c_int32),
        ("upper", c_uint32),
    )


class ExtControls(Structure):
    """Several extended controls, set or read in one go."""

    _fields_ = (
        ("which", c_uint32),
        ("count", c_uint32),
        ("error_idx", c_uint32),
        ("request_fd", c_int32),
        ("reserved", c_uint32),
        ("controls", c_void_p),
    )


class UnitQuery(Structure):
    """A question to an extension unit of a USB video camera (``struct uvc_xu_control_query``)."""

    _fields_ = (
        ("unit", c_uint8),
        ("selector", c_uint8),
        ("query", c_uint8),
        ("size", c_uint16),
        ("data", c_void_p),
    )


_WRITE, _READ = 1, 2


def _request(kind: str, number: int, argument: type, direction: int) -> int:
    return direction << 30 | ctypes.sizeof(argument) << 16 | ord(kind) << 8 | number


_BOTH = _READ | _WRITE
QUERYCAP = _request("V", 0, Capability, _READ)
ENUM_FMT = _request("V", 2, FormatDescription, _BOTH)
G_FMT = _request("V", 4, Format, _BOTH)
S_FMT = _request("V", 5, Format, _BOTH)
REQBUFS = _request("V", 8, RequestBuffers, _BOTH)
QUERYBUF = _request("V", 9, Buffer, _BOTH)
QBUF = _request("V", 15, Buffer, _BOTH)
DQBUF = _request("V", 17, Buffer, _BOTH)
STREAMON = _request("V", 18, c_int32, _WRITE)
STREAMOFF = _request("V", 19, c_int32, _WRITE)
G_PARM = _request("V", 21, StreamParameters, _BOTH)
S_PARM = _request("V", 22, StreamParameters, _BOTH)
G_CTRL = _request("V", 27, Control, _BOTH)
S_CTRL = _request("V", 28, Control, _BOTH)
QUERYCTRL = _request("V", 36, QueryControl, _BOTH)
G_EXT_CTRLS = _request("V", 71, ExtControls, _BOTH)
S_EXT_CTRLS = _request("V", 72, ExtControls, _BOTH)
ENUM_FRAMESIZES = _request("V", 74, FrameSize, _BOTH)
ENUM_FRAMEINTERVALS = _request("V", 75, FrameInterval, _BOTH)
UVC_QUERY = _request("u", 0x21, UnitQuery, _BOTH)


def fourcc(name: str) -> int:
    """Return the number of a pixel format, ``GREY`` or ``Y10`` for instance."""
    return int.from_bytes(name.ljust(4).encode("ascii"), "little")


def fourcc_name(number: int) -> str:
    """Return the name of a pixel format's number."""
    return number.to_bytes(4, "little").decode("ascii", "replace").rstrip()
