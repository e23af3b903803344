# SPDX-License-Identifier: Apache-2.0
"""The driver of pen tablets against its model and a recorded conversation.

To record the conversation anew, run this file as a script.
"""

import threading
import time
from pathlib import Path

import numpy as np
import pytest

from ektp_hw.devices import DeviceInfo, DeviceKind
from ektp_hw.drivers.evdev_tablet import EvdevTablet
from ektp_hw.errors import (
    CaptureCancelled,
    DeviceBusy,
    DeviceUnavailable,
    ProtocolError,
    RetryCapture,
)
from ektp_hw.transport.node_transcript import NodeRecorder, NodeReplay
from ektp_hw.virtual import evdev_tablet
from ektp_hw.virtual.evdev_tablet import SCALE, VirtualTablet
from pad_bench import are_same, signature

TRANSCRIPT = Path(__file__).parents[1] / "transcripts" / "evdev_tablet" / "two_strokes.jsonl"
INFO = DeviceInfo("evdev:/dev/input/event7", DeviceKind.SIGNATURE, "Pen tablet", "evdev_tablet")
TRUTH = signature(SCALE)


@pytest.fixture
def model():
    return VirtualTablet(TRUTH, speed=10)


@pytest.fixture
def tablet(model):
    with EvdevTablet(INFO, connect=model.node) as one:
        yield one


def test_recorded_conversation():
    class Patient(NodeReplay):
        def read(self, length, timeout):
            if self._next < len(self._lines):
                return super().read(length, timeout)
            time.sleep(timeout)
            return b""

    with Patient(TRANSCRIPT) as node, EvdevTablet(INFO, connect=lambda _: node) as tablet:
        assert tablet.capabilities.width_mm == 152.0
        trace = tablet.capture(rest=0.1)
    assert are_same(trace, TRUTH)


def test_samples_and_times_are_those_of_the_events(model, tablet):
    model.signing.speed = 1.0
    before = time.monotonic()
    trace = tablet.capture(timeout=10, rest=0.1)
    assert are_same(trace, TRUTH)
    assert trace.dropped == 0
    assert before < trace.seconds[0]
    assert trace.seconds[-1] < time.monotonic()
    took = trace.seconds[-1] - trace.seconds[0]
    assert took == pytest.approx(TRUTH.seconds[-1], abs=0.2)


def test_what_the_axes_tell(tablet):
    told = tablet.capabilities
    assert (told.width_mm, told.height_mm, told.per_mm) == (152.0, 95.0, 100)
    assert told.pressure_levels == 2048


def test_only_one_program_hears_a_tablet(model, tablet):
    del tablet
    with pytest.raises(DeviceBusy):
        EvdevTablet(INFO, connect=model.node).open()


def test_size_that_is_not_told(model):
    model.has_resolution = False
    with pytest.raises(DeviceUnavailable, match="hwdb"):
        EvdevTablet(INFO, connect=model.node).open()
    assert model.holder is None


def test_a_tablet_without_pressure_knows_touch(model, monkeypatch):
    axes = {**evdev_tablet.AXES, 24: (0, 0, 0, 0, 0)}
    monkeypatch.setattr(evdev_tablet, "AXES", axes)
    with EvdevTablet(INFO, connect=model.node) as tablet:
        trace = tablet.capture(timeout=10, rest=0.1)
        assert tablet.capabilities.pressure_levels == 1
    assert set(np.unique(trace.pressure)) == {0.0, 1.0}
    assert (trace.pressure > 0).sum() == (TRUTH.pressure > 0).sum()


def test_after_lost_events_the_state_is_asked_for(model, tablet):
    model.signing.speed = 1.0  # faster, a loaded machine would catch up after the end only
    model.misbehave("skip")
    trace = tablet.capture(timeout=10, rest=0.1)
    assert trace.dropped == 1
    assert are_same(trace, TRUTH)
    assert (np.diff(trace.seconds) >= 0).all()


def test_a_clock_that_stands_still_is_not_believed(model, tablet):
    model.misbehave("frozen-clock")
    model.signing.speed = 1.0
    trace = tablet.capture(timeout=10, rest=0.1)
    assert are_same(trace, TRUTH)
    assert len(np.unique(trace.seconds)) == len(trace)


@pytest.mark.parametrize(
    ("how", "kind"),
    [("garbage", ProtocolError), ("short", ProtocolError), ("lifted", RetryCapture)],
)
def test_misbehaviour(model, tablet, how, kind):
    model.misbehave(how)
    with pytest.raises(kind):
        tablet.capture(timeout=5, rest=0.1)
    model.behave()
    model.sign()
    assert are_same(tablet.capture(timeout=5, rest=0.1), TRUTH)


def test_a_pen_that_is_down_from_the_beginning(model, tablet):
    model._state.update({(1, 0x140): 1, (1, 0x14A): 1, (3, 0): 700, (3, 1): 800, (3, 24): 9})
    assert are_same(tablet.capture(timeout=5, rest=0.1), TRUTH)


def test_cancel(model, tablet):
    model.present(None)
    cancel = threading.Event()
    threading.Timer(0.05, cancel.set).start()
    began = time.monotonic()
    with pytest.raises(CaptureCancelled):
        tablet.capture(timeout=10, cancel=cancel)
    assert time.monotonic() - began < 0.4


def record():
    """Record the transcript from the virtual tablet, without the reads that brought nothing."""
    model = VirtualTablet(TRUTH)

    class Terse(NodeRecorder):
        def read(self, length, timeout):
            notes = self._notes._lines
            before = len(notes)
            got = super().read(length, timeout)
            if not got and any('"gives"' in line and '"read"' in line for line in notes):
                del notes[before:]
            return got

    def connect(uri):
        return Terse(model.node(uri), TRANSCRIPT)

    with EvdevTablet(INFO, connect=connect) as tablet:
        tablet.capture(rest=0.3)


if __name__ == "__main__":
    record()
