# SPDX-License-Identifier: Apache-2.0
"""From single samples to a signature: which clock is believed, what is lost, when it ends."""

import threading
import time

import numpy as np
import pytest

from ektp_hw.devices import DeviceInfo, DeviceKind
from ektp_hw.devices.pen_pad import PenPad, PenSample
from ektp_hw.errors import CaptureCancelled, CaptureTimeout, ProtocolError, RetryCapture

INFO = DeviceInfo("pen:1", DeviceKind.SIGNATURE, "Pen", "scripted")


class Scripted(PenPad):
    """Gives what it was handed, then nothing."""

    name = "scripted"
    discover = locate = classmethod(lambda *_: [])

    def __init__(self, samples):
        super().__init__(INFO)
        self._samples = list(samples)
        self.looks = 0

    def _open(self):
        pass

    _close = _stop = _open

    def _start(self, wait):
        pass

    def _still_well(self):
        self.looks += 1

    def _sample(self, wait, longest=0.1):
        wait.check()
        if self._samples:
            return self._samples.pop(0)
        time.sleep(min(longest, 0.01))
        return None


class Reporting(Scripted):
    """A pad that is never silent while the pen is near."""

    _silence = 0.15


def samples(count=10, *, lift=True, **changes):
    """A stroke whose samples came 5 ms apart, the last with the tip up and the pen gone."""
    came = [
        PenSample(100 + k * 0.005, k * 0.1, 5.0, 0.5, tip=True)._replace(
            **{name: column[k] for name, column in changes.items()}
        )
        for k in range(count)
    ]
    gone = PenSample(100 + count * 0.005, 0, 0, 0, tip=False, near=False)
    return [*came, gone] if lift else came


def capture(pad, timeout=5.0, rest=0.02, **wishes):
    with pad:
        return pad.capture(timeout=timeout, rest=rest, **wishes)


def test_a_stroke_is_kept_as_it_came():
    pad = Scripted(samples())
    trace = capture(pad)
    assert np.array_equal(trace.x_mm, np.arange(10) * 0.1)
    assert np.array_equal(trace.seconds, 100 + np.arange(10) * 0.005)
    assert (trace.dropped, trace.source, pad.looks) == (0, "pen:1", 1)


def test_the_pads_clock_is_believed_if_it_agrees_with_ours():
    steady = 3 + np.arange(10) * 0.005
    late = 100.02 + np.arange(10) * 0.005 + np.array([0, 0.002] * 5)
    trace = capture(Scripted(samples(clock=steady, at=late)))
    assert np.allclose(np.diff(trace.seconds), 0.005, atol=1e-9)
    assert (trace.seconds <= late + 1e-9).all()
    assert trace.seconds[0] == pytest.approx(100.02)


@pytest.mark.parametrize(
    "clock",
    [np.zeros(10), np.arange(10) * 0.5, np.arange(10, 0, -1) * 0.005, [None] + [1.0] * 9],
    ids=["stands still", "runs too fast", "runs backwards", "comes and goes"],
)
def test_a_clock_that_cannot_be_right_is_not_believed(clock):
    trace = capture(Scripted(samples(clock=clock)))
    assert np.array_equal(trace.seconds, 100 + np.arange(10) * 0.005)


def test_gaps_in_the_numbers_and_losses_told_are_counted():
    numbers = [0, 1, 2, 5, 6, 7, 8, 9, 10, 12]
    assert capture(Scripted(samples(number=numbers))).dropped == 3
    assert capture(Scripted(samples(dropped=[0, 0, 2] + [0] * 7))).dropped == 2


def test_a_counter_that_stands_still_is_noticed():
    with pytest.raises(ProtocolError, match="counter stands still"):
        capture(Scripted(samples(20, number=[3] * 20)))


def test_a_touch_is_no_signature():
    with pytest.raises(RetryCapture):
        capture(Scripted(samples(4)))


def test_silence_with_the_pen_near():
    began = time.monotonic()
    with pytest.raises(ProtocolError, match="silent with the pen on it"):
        capture(Reporting(samples(lift=False)))
    hovering = PenSample(101, 1, 5, 0.0, tip=False)
    with pytest.raises(ProtocolError, match="silent with the pen on it"):
        capture(Reporting([*samples(lift=False), hovering]), rest=0.1)
    assert time.monotonic() - began < 2.0
    assert len(capture(Reporting(samples()))) == 10
    assert len(capture(Scripted([*samples(lift=False), hovering]))) == 10


def test_a_pen_that_stays_down_and_a_cancel():
    with pytest.raises(CaptureTimeout, match="did not come up in time"):
        capture(Scripted(samples(lift=False)), timeout=0.1)
    cancel = threading.Event()
    threading.Timer(0.05, cancel.set).start()
    began = time.monotonic()
    with pytest.raises(CaptureCancelled):
        capture(Scripted(samples(lift=False)), cancel=cancel)
    assert time.monotonic() - began < 0.5


def test_looks_for_a_lifted_pen_are_short():
    pad = Scripted(samples())
    asked = []
    plain = pad._sample

    def noting(wait, longest=0.1):
        asked.append(longest)
        return plain(wait, longest)

    pad._sample = noting
    capture(pad, rest=0.03)
    assert asked[0] == 0.1
    assert max(asked[11:]) <= 0.03


def test_a_pause_of_ours_is_no_rest_of_the_pens():
    def busy(wait, longest=0.1):
        if len(pad._samples) == 12:
            time.sleep(0.2)  # a busy machine; meanwhile everything has come
        return plain(wait, longest)

    hop = PenSample(100.05, 1, 5, 0.0, tip=False)
    pad = Scripted([*samples(lift=False), hop, hop, *samples(at=101 + np.arange(10) * 0.005)])
    plain, pad._sample = pad._sample, busy
    assert (capture(pad, rest=0.1).pressure > 0).sum() == 20
