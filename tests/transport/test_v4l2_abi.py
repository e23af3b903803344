# SPDX-License-Identifier: Apache-2.0
"""Sizes and request numbers against what gcc makes of linux/videodev2.h and linux/uvcvideo.h."""

import ctypes
import sys

import pytest

from ektp_hw.transport import v4l2_abi as abi

pytestmark = pytest.mark.skipif(
    sys.maxsize < 2**32 or sys.platform == "win32", reason="numbers of 64-bit Unix"
)

SIZES = {
    "Capability": 104, "FormatDescription": 64, "Format": 208, "RequestBuffers": 20,
    "Buffer": 88, "FrameSize": 44, "FrameInterval": 52, "StreamParameters": 204,
    "QueryControl": 68, "Control": 8, "ExtControls": 32, "ExtControl": 20, "UnitQuery": 16,
}  # fmt: skip
REQUESTS = {
    "QUERYCAP": 0x80685600, "ENUM_FMT": 0xC0405602, "G_FMT": 0xC0D05604, "S_FMT": 0xC0D05605,
    "REQBUFS": 0xC0145608, "QUERYBUF": 0xC0585609, "QBUF": 0xC058560F, "DQBUF": 0xC0585611,
    "STREAMON": 0x40045612, "STREAMOFF": 0x40045613, "G_PARM": 0xC0CC5615, "S_PARM": 0xC0CC5616,
    "ENUM_FRAMESIZES": 0xC02C564A, "ENUM_FRAMEINTERVALS": 0xC034564B, "QUERYCTRL": 0xC0445624,
    "G_CTRL": 0xC008561B, "S_CTRL": 0xC008561C, "G_EXT_CTRLS": 0xC0205647,
    "S_EXT_CTRLS": 0xC0205648, "UVC_QUERY": 0xC0107521,
}  # fmt: skip


@pytest.mark.parametrize("name", SIZES)
def test_size(name):
    assert ctypes.sizeof(getattr(abi, name)) == SIZES[name]


@pytest.mark.parametrize("name", REQUESTS)
def test_request(name):
    assert getattr(abi, name) == REQUESTS[name]


def test_places_of_members():
    assert abi.Format.width.offset == 8
    assert abi.Buffer.seconds.offset == 24
    assert abi.Buffer.sequence.offset == 56
    assert abi.Buffer.place.offset == 64
    assert abi.Buffer.length.offset == 72
    assert abi.ExtControl.value.offset == 12
    assert abi.ExtControls.controls.offset == 24
    assert abi.UnitQuery.data.offset == 8


def test_names_of_formats():
    assert abi.fourcc("GREY") == 0x59455247
    assert abi.fourcc("Y10") == 0x20303159
    assert abi.fourcc_name(0x20493859) == "Y8I"
