# SPDX-License-Identifier: Apache-2.0
"""The driver of Topaz pads against its model on a pseudo terminal and a recorded conversation.

To record the conversation anew, run this file as a script.
"""

import time
from pathlib import Path

import pytest

from ektp_hw.devices import DeviceInfo, DeviceKind
from ektp_hw.drivers.topaz_serial import TopazSerial
from ektp_hw.errors import CaptureTimeout, DeviceNotFound, DeviceRemoved, ProtocolError
from ektp_hw.transport import serial
from ektp_hw.transport.serial_transcript import SerialRecorder, SerialReplay
from ektp_hw.virtual.serial_line import SerialLine
from ektp_hw.virtual.topaz import SCALE, VirtualTopaz
from pad_bench import are_same, signature

TRANSCRIPT = Path(__file__).parents[1] / "transcripts" / "topaz_serial" / "two_strokes.jsonl"
INFO = DeviceInfo("serial:/dev/ttyS0", DeviceKind.SIGNATURE, "Topaz", "topaz_serial")
TRUTH = signature(SCALE)


@pytest.fixture
def line():
    one = SerialLine(VirtualTopaz(TRUTH, speed=5))
    yield one
    one.close()


def address(line, more=""):
    return f"serial:{line.path}?driver=topaz_serial&parity=none{more}"


@pytest.fixture
def pad(line):
    with TopazSerial(TopazSerial.locate(address(line))) as one:
        yield one


def test_recorded_conversation():
    class Patient(SerialReplay):
        def read(self, length, timeout):
            if self._next < len(self._lines):
                return super().read(length, timeout)
            time.sleep(timeout)
            return b""

    with Patient(TRANSCRIPT) as wire, TopazSerial(INFO, connect=lambda _: wire) as pad:
        trace = pad.capture(rest=0.1)
    assert are_same(trace, TRUTH)


def test_signature_over_the_line(line, pad):
    line.function.sign()
    trace = pad.capture(timeout=10, rest=0.1)
    assert are_same(trace, TRUTH)
    assert trace.dropped == 0
    assert pad.capabilities.pressure_levels == 1


def test_scale_of_the_address(line):
    with TopazSerial(TopazSerial.locate(address(line, "&per_inch=820"))) as pad:
        line.function.sign()
        trace = pad.capture(timeout=10, rest=0.1)
    assert trace.x_mm[0] == pytest.approx(TRUTH.x_mm[0] / 2)


@pytest.mark.parametrize("how", ["short", "skip"])
def test_mutilated_packets_count_as_lost(line, pad, how):
    line.function.misbehave(how)
    line.function.sign()
    trace = pad.capture(timeout=10, rest=0.1)
    assert trace.dropped == 1
    assert are_same(trace, TRUTH)


@pytest.mark.parametrize(
    ("how", "kind"),
    [("garbage", ProtocolError), ("unplug", DeviceRemoved), ("silent", CaptureTimeout)],
)
def test_misbehaviour(line, pad, how, kind):
    line.function.misbehave(how)
    line.function.sign()
    with pytest.raises(kind):
        pad.capture(timeout=1.5, rest=0.1)


def test_wrong_speed_is_told(line):
    with TopazSerial(TopazSerial.locate(address(line, "&baud=9600"))) as pad:
        line.function.sign()
        with pytest.raises(ProtocolError, match="baud="):
            pad.capture(timeout=5, rest=0.1)


def test_only_addresses_that_name_it_are_its_own():
    assert TopazSerial.locate("serial:/dev/ttyS0") is None
    assert TopazSerial.locate("serial:/dev/ttyS0?driver=zfm") is None
    info = TopazSerial.locate("serial:/dev/ttyS0?driver=topaz_serial")
    assert (info.driver, info.kind) == ("topaz_serial", "signature")
    for wrong in ("parity=some", "per_inch=0", "per_inch=many", "baud=x"):
        with pytest.raises(DeviceNotFound):
            TopazSerial.locate(f"serial:/dev/ttyS0?driver=topaz_serial&{wrong}")


def record():
    """Record the transcript from the virtual pad, without the reads that brought nothing."""
    line = SerialLine(VirtualTopaz(TRUTH))

    class Terse(SerialRecorder):
        def read(self, length, timeout):
            notes = self._notes._lines
            before = len(notes)
            got = super().read(length, timeout)
            if not got:
                del notes[before:]
            return got

    def connect(_):
        return Terse(serial.connect(address(line), baud=19200), TRANSCRIPT)

    with TopazSerial(INFO, connect=connect) as pad:
        line.function.sign()
        pad.capture(rest=0.3)
    line.close()


if __name__ == "__main__":
    record()
