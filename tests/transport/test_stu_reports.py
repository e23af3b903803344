# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest

from ektp_hw.errors import ProtocolError
from ektp_hw.transport import stu_pictures, stu_reports
from ektp_hw.transport.stu_pictures import Encoding
from ektp_hw.transport.stu_reports import EncodingFlag, Pen, Status

NEW = bytes.fromhex("2a30 1964 03ff 0320 01e0 c8 09ec 0f 0000")
OLD = NEW[:10]


def test_capability_of_new_and_old_pads():
    told = stu_reports.capability(NEW, "pad")
    assert told == (10800, 6500, 1023, 2540, 200, 800, 480, 15)
    assert EncodingFlag.BGR24 in told.encodings
    old = stu_reports.capability(OLD, "pad")
    assert old == (10800, 6500, 1023, 2540, 0, 800, 480, EncodingFlag.MONO)


@pytest.mark.parametrize("content", [b"", OLD[:9], bytes(16)])
def test_capability_that_cannot_be(content):
    with pytest.raises(ProtocolError, match=r"pad: the pad .* measures"):
        stu_reports.capability(content, "pad")


def test_pen_reports_of_every_kind():
    plain = bytes.fromhex("01 9123 0102 0304")
    near = Pen(in_range=True, tip=True, force=0x123, x=0x102, y=0x304)
    assert stu_reports.pen(plain) == near
    timed = b"\x34" + plain[1:] + bytes.fromhex("0506 0708")
    assert stu_reports.pen(timed, 3) == near._replace(ticks=0x506, number=0x708)
    option = b"\x30" + plain[1:] + bytes.fromhex("0506")
    assert stu_reports.pen(option, 1) == near._replace(ticks=0x506)
    assert stu_reports.pen(option, 2) == near._replace(number=0x506)
    hovering = stu_reports.pen(bytes.fromhex("01 8000 0102 0304"))
    assert (hovering.in_range, hovering.tip) == (True, False)


@pytest.mark.parametrize("report", [b"", b"\x01", bytes.fromhex("01 9123 0102 03"), b"\x77" * 20])
def test_what_is_no_pen_report(report):
    assert stu_reports.pen(report) is None


def test_status_in_words():
    assert stu_reports.in_words(stu_reports.status(b"\0\0\0\0", "pad")) == "ready"
    assert stu_reports.in_words(Status(1, 4)) == "receiving a picture, wrong parameter (error 04)"
    assert stu_reports.in_words(Status(0xFF, 0x12)) == "restarting, graphics error (error 12)"
    assert stu_reports.in_words(Status(9, 0x77)) == "in state 09, unknown error (error 77)"
    with pytest.raises(ProtocolError):
        stu_reports.status(b"\0", "pad")


BLACK, GREY, RED = np.zeros((2, 9), np.uint8), np.full((2, 9), 90, np.uint8), [255, 0, 0]


@pytest.mark.parametrize(
    ("picture", "offered", "chosen"),
    [
        (BLACK, EncodingFlag.MONO, Encoding.MONO),
        (BLACK, EncodingFlag(15), Encoding.MONO_ZLIB),
        (np.stack([BLACK] * 3, axis=2), EncodingFlag(15), Encoding.MONO_ZLIB),
        (GREY, EncodingFlag(3), Encoding.MONO_ZLIB),
        (GREY, EncodingFlag(15), Encoding.BGR24),
        (GREY, EncodingFlag(7), Encoding.RGB565),
        (np.full((2, 9, 3), RED, np.uint8), EncodingFlag(15), Encoding.RGB565),
        (GREY, EncodingFlag.BGR24, Encoding.BGR24),
    ],
)
def test_the_shortest_encoding_that_loses_nothing(picture, offered, chosen):
    assert stu_pictures.choose(picture, offered) is chosen


def test_bytes_of_every_encoding():
    grey = np.array([[0, 255, 127, 128, 255, 255, 255, 255, 0]], np.uint8)
    assert stu_pictures.encode(grey, Encoding.MONO) == bytes([0b01011111, 0b01111111])
    colour = np.array([[[255, 128, 8]]], np.uint8)
    assert stu_pictures.encode(colour, Encoding.BGR24) == bytes([8, 128, 255])
    assert stu_pictures.encode(colour, Encoding.RGB565) == bytes([0b11111100, 0b00000001])
    assert stu_pictures.encode(grey[:, :1], Encoding.RGB565) == b"\0\0"


def test_blocks_of_a_picture():
    data = bytes(range(256)) * 2
    parts = list(stu_pictures.blocks(data))
    assert [len(part) for part in parts] == [255, 255, 255]
    assert [part[0] for part in parts] == [253, 253, 6]
    assert b"".join(part[2 : 2 + part[0]] for part in parts) == data
