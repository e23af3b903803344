# SPDX-License-Identifier: Apache-2.0
"""The ePad's driver against its model and a recorded conversation.

To record the conversation anew, run this file as a script.
"""

import json
import time
from pathlib import Path

import numpy as np
import pytest

from ektp_hw.devices.base import DeviceInfo, DeviceKind
from ektp_hw.drivers.epad import Epad
from ektp_hw.errors import DeviceRemoved, DeviceUnavailable, ProtocolError, RetryCapture
from ektp_hw.transport import hid
from ektp_hw.transport.transcript import Recorder, Replay
from ektp_hw.virtual.epad import SCALE, VirtualEpad
from ektp_hw.virtual.hidraw_port import HidrawPort
from ektp_hw.virtual.usbip_server import UsbipServer
from pad_bench import are_same, signature

TRANSCRIPT = Path(__file__).parents[1] / "transcripts" / "epad" / "two_strokes.jsonl"
INFO = DeviceInfo("hidraw:/dev/hidraw0", DeviceKind.SIGNATURE, "ePadLink ePad", "epad")
TRUTH = signature(SCALE)


class PatientReplay(Replay):
    """Where the transcript has no more reports, none comes."""

    def read(self, endpoint, length, timeout):
        if self._next < len(self._lines):
            return super().read(endpoint, length, timeout)
        time.sleep(timeout)
        return b""


@pytest.fixture
def model():
    return VirtualEpad(TRUTH, speed=10)


@pytest.fixture
def pad(model):
    with Epad(INFO, connect=lambda uri: HidrawPort(model, uri)) as one:
        yield one


def test_recorded_conversation():
    with PatientReplay(TRANSCRIPT) as wire, Epad(INFO, connect=lambda _: wire) as pad:
        trace = pad.capture(rest=0.1)
    assert are_same(trace, TRUTH)


def test_signature_through_hidraw(pad):
    trace = pad.capture(timeout=10, rest=0.1)
    assert are_same(trace, TRUTH)
    assert trace.dropped == 0
    assert trace.seconds[0] > time.monotonic() - 10


def test_a_lifted_pen_leaves_a_mark_in_the_trace(pad):
    trace = pad.capture(timeout=10, rest=0.1)
    (up,) = np.nonzero(trace.pressure == 0)
    assert len(up) == 1
    assert trace.x_mm[up[0]] == trace.x_mm[up[0] - 1]


def test_millimetres_are_those_of_the_descriptor(pad):
    told = pad.capabilities
    assert told.width_mm == pytest.approx(8.96 * 25.4)
    assert told.height_mm == pytest.approx(5.12 * 25.4)
    assert (told.pressure_levels, told.rate, told.screen) == (128, 52.0, None)


@pytest.mark.parametrize(
    ("how", "kind"),
    [("unplug", DeviceRemoved), ("garbage", ProtocolError), ("lifted", RetryCapture)],
)
def test_misbehaviour(pad, model, how, kind):
    model.misbehave(how)
    with pytest.raises(kind):
        pad.capture(timeout=5, rest=0.1)


def test_a_mutilated_report_counts_as_lost(pad, model):
    model.misbehave("short")
    trace = pad.capture(timeout=5, rest=0.1)
    assert trace.dropped == 1
    assert are_same(trace, TRUTH)


def test_another_layout_is_refused(model):
    plain = model.on_control
    model.on_control = lambda setup, data: plain(setup, data).replace(b"\x26\x50\x0b", b"\x26\0\4")
    pad = Epad(INFO, connect=lambda uri: HidrawPort(model, uri))
    with pytest.raises(DeviceUnavailable, match="report descriptor"):
        pad.open()
    assert not model.is_plugged


def test_ids_and_roads_lead_to_this_driver():
    assert Epad.locate("usb:04df:0012@1-2").name == "ePadLink ePad"
    assert Epad.locate("usb:04df:0013@1-2") is None
    assert Epad.locate("hidraw:/dev/hidraw99") is None


def record():
    """Record the transcript from the virtual pad, without the reads that brought nothing."""
    server, model = UsbipServer(), VirtualEpad(TRUTH)
    address = f"usbip:{server.host}:{server.port}/{server.plug(model)}"
    with Epad(INFO, connect=lambda _: Recorder(hid.open_wire(address), TRANSCRIPT)) as pad:
        pad.capture(rest=0.3)
    server.close()
    lines = [json.loads(line) for line in TRANSCRIPT.read_text("ascii").splitlines()]
    first = next(k for k, line in enumerate(lines) if line["call"] == "read")
    kept = [
        line
        for k, line in enumerate(lines)
        if line["call"] != "read" or "gives" in line or k == first
    ]
    TRANSCRIPT.write_text("".join(json.dumps(line) + "\n" for line in kept), "ascii")


if __name__ == "__main__":
    record()
