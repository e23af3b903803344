# SPDX-License-Identifier: Apache-2.0
"""Frames of the STU-540's serial mode, and the pad behind them on a pseudo terminal."""

import time

import numpy as np
import pytest

from ektp_hw.drivers.wacom_stu import WacomStu
from ektp_hw.errors import DeviceRemoved, ProtocolError
from ektp_hw.transport import serial
from ektp_hw.transport.stu_serial import FrameReader, StuSerial, crc16, frame
from ektp_hw.virtual.pad import SCALE
from ektp_hw.virtual.pad_serial import VirtualSerialPad
from ektp_hw.virtual.serial_line import SerialLine
from pad_bench import are_same, signature

PUBLISHED = {
    "8008": "c0 05 40 02 0c 00 30",
    "800c": "c0 05 40 03 0c 1c 28",
    "0c0100": "c0 06 06 00 20 0c 0c 4c",
    "0401": "c0 05 02 00 38 30 00",
}
"""Reports and their frames as le2ni/stusign docs/macos-serial-to-hid.md prints them."""
TRUTH = signature(SCALE, seconds=0.3)


@pytest.mark.parametrize(("report", "expected"), PUBLISHED.items())
def test_published_frames(report, expected):
    assert frame(bytes.fromhex(report)) == bytes.fromhex(expected)
    assert FrameReader().take(bytes.fromhex(expected)) == [bytes.fromhex(report)]


def test_unchecked_frame_and_checksum():
    assert frame(b"\x81\0", checked=False) == bytes.fromhex("80 03 40 40 00")
    assert FrameReader().take(bytes.fromhex("80 03 40 40 00")) == [b"\x81\0"]
    assert crc16(b"123456789") == 0xBB3D


@pytest.mark.parametrize("length", [1, 6, 7, 8, 127, 2560])
def test_every_length_comes_back_in_any_pieces(length):
    report = bytes(np.random.default_rng(length).integers(0, 256, length, dtype=np.uint8))
    reader, got = FrameReader(), []
    for byte in frame(report):
        got += reader.take(bytes([byte]))
    assert got == [report]
    assert reader.damaged == 0


def test_damaged_frames_are_passed_over():
    good, reader = frame(b"\x01\x02\x03"), FrameReader()
    spoilt = bytes([*good[:-1], good[-1] ^ 0x40])
    assert reader.take(b"\x12\x34" + spoilt + good[:3] + good) == [b"\x01\x02\x03"]
    assert reader.damaged == 2


@pytest.fixture
def line():
    one = SerialLine(VirtualSerialPad(TRUTH, speed=3))
    yield one
    one.close()


def address(line):
    return f"serial:{line.path}?driver=wacom_stu&baud=115200"


def test_a_pad_on_a_line_signs_and_shows(line):
    with WacomStu(WacomStu.locate(address(line))) as pad:
        assert pad.information.model == "STU-540"
        trace = pad.capture(timeout=10, rest=0.1)
        assert are_same(trace, TRUTH)
        assert trace.dropped == 0
        pad.show_text("Terima kasih")
        assert (line.function.pad.screen.shown == 0).any()
        again = pad.capture(timeout=10, rest=0.1)
        assert are_same(again, TRUTH)
    assert line.function.pad._mode == 0


def test_refusals_and_a_pulled_cable(line):
    with StuSerial(serial.connect(f"serial:{line.path}", baud=115200), "pad") as pad:
        assert pad.feature_length(0x26) == 2560
        assert pad.feature_length(0x77) is None
        with pytest.raises(ProtocolError, match="error 01"):
            pad.get_feature(0x77, 5)
        with pytest.raises(ProtocolError, match="error 01"):
            pad.set_feature(b"\x32\x09")
        line.hang_up()
        with pytest.raises(DeviceRemoved):
            pad.get_feature(0x08, 17)


def test_a_line_without_a_pad_is_told_in_time(line):
    line.function.on_bytes = lambda _: None
    began = time.monotonic()
    with pytest.raises(ProtocolError, match="does not answer on the serial line"):
        WacomStu(WacomStu.locate(address(line))).open()
    assert time.monotonic() - began < 2.0


def test_a_serial_address_must_name_the_pad():
    assert WacomStu.locate("serial:/dev/ttyS0") is None
    assert WacomStu.locate("serial:/dev/ttyS0?driver=wacom_stu").driver == "wacom_stu"
