# SPDX-License-Identifier: Apache-2.0
"""What the C structures of V4L2 hold, as bytes on a 64-bit machine (the kernel's `videodev2.h`)."""

import struct

CAPTURE = 1
MEMORY_MAP = 1
PROGRESSIVE = 1
MAPPED, QUEUED, DONE, ERROR, MONOTONIC = 0x1, 0x2, 0x4, 0x40, 0x2000
NEXT_CONTROL = 0x80000000
MENU = 3

_BITS = {b"GREY": 8, b"Y10 ": 16, b"Y12 ": 16, b"Y16 ": 16, b"Y8I ": 16, b"YUYV": 16, b"MJPG": 16}


def text(words, room):
    """Write a text into a field of that many bytes."""
    return words.encode()[: room - 1].ljust(room, b"\0")


def picture_bytes(form):
    """Return how many bytes a picture has at most."""
    return form.width * form.height * _BITS[form.fourcc] // 8


def capability(model, bus):
    """struct v4l2_capability of a camera that streams."""
    names = text(model.driver, 16) + text(model.name, 32) + text(bus, 32)
    return names + struct.pack("=III12x", 0x060100, 0x84200001, 0x04200001)


def format_description(index, form):
    """struct v4l2_fmtdesc."""
    is_compressed = form.fourcc == b"MJPG"
    words = text(form.fourcc.decode().strip(), 32)
    return struct.pack("=III", index, CAPTURE, is_compressed) + words + form.fourcc + bytes(16)


def format_chosen(form):
    """struct v4l2_format."""
    line = 0 if form.fourcc == b"MJPG" else form.width * _BITS[form.fourcc] // 8
    head = struct.pack("=IxxxxII", CAPTURE, form.width, form.height) + form.fourcc
    body = struct.pack(
        "=IIIIIIIII", PROGRESSIVE, line, picture_bytes(form), 8, 0xFEEDCAFE, *[0] * 4
    )
    return (head + body).ljust(208, b"\0")


def buffer(index, *, flags, length, offset, used=0, stamp=0.0, sequence=0):
    """struct v4l2_buffer."""
    seconds = int(stamp)
    return (
        struct.pack("=IIIIIxxxx", index, CAPTURE, used, flags | MAPPED | MONOTONIC, PROGRESSIVE)
        + struct.pack("=qq16x", seconds, int((stamp - seconds) * 1e6))
        + struct.pack("=IIQIIIxxxx", sequence, MEMORY_MAP, offset, length, 0, 0)
    )


def rate(per_second):
    """struct v4l2_streamparm: a frame every 1/per_second."""
    return struct.pack("=IIIII", CAPTURE, 0x1000, 0, 1, per_second).ljust(204, b"\0")


def video_input():
    """struct v4l2_input of a camera."""
    return struct.pack("=I32sI", 0, b"Camera 1", 2).ljust(80, b"\0")


def control(one):
    """struct v4l2_queryctrl."""
    name = text(one.name, 32)
    span = struct.pack("=iiii", one.minimum, one.maximum, one.step, one.default)
    return struct.pack("=II", one.id, one.kind) + name + span + struct.pack("=I8x", one.flags)


def long_control(one):
    """struct v4l2_query_ext_ctrl."""
    span = struct.pack("=qqQq", one.minimum, one.maximum, one.step, one.default)
    head = struct.pack("=II", one.id, one.kind) + text(one.name, 32)
    return (head + span + struct.pack("=III", one.flags, 4, 1)).ljust(232, b"\0")


def menu_item(one, index):
    """struct v4l2_querymenu."""
    return struct.pack("=II", one.id, index) + text(one.menu[index], 32) + bytes(4)


def frame_size(index, form):
    """struct v4l2_frmsizeenum."""
    head = struct.pack("=I", index) + form.fourcc
    return (head + struct.pack("=III", 1, form.width, form.height)).ljust(44, b"\0")


def frame_interval(index, form):
    """struct v4l2_frmivalenum."""
    head = struct.pack("=I", index) + form.fourcc
    body = struct.pack("=IIIII", form.width, form.height, 1, 1, form.rates[index])
    return (head + body).ljust(52, b"\0")
