# SPDX-License-Identifier: Apache-2.0
"""Auto-capture with a caller's judge, on scripted scanners and cameras: good pictures, in time."""

import threading
import time

import numpy as np
import pytest

import ektp_hw as hw
from ektp_hw.devices import DeviceInfo, DeviceKind, FingerprintScanner, IrisCamera
from ektp_hw.errors import CaptureCancelled, CaptureTimeout, RetryAdvice, RetryCapture
from ektp_hw.samples import Eye
from ektp_hw.virtual.station import station


def picture(grey):
    return np.full((40, 30), grey, np.uint8)


def brightness(sample):
    return float(sample.pixels[0, 0])


class _Scripted:
    """Gives pictures of the brightnesses in `script`; 0 is nobody, None ends them."""

    name = "scripted"

    def __init__(self, script):
        super().__init__(DeviceInfo("test:1", self.kind, "Test", self.name))
        self.script = iter(script)
        self.waits = 0

    discover = locate = classmethod(lambda *_: None)

    def _open(self):
        pass

    _close = _stop = _open

    def _start(self, wait):
        wait.check()

    def _next(self, wait):
        grey = next(self.script, None)
        while grey is None:
            wait.sleep(1)
        wait.sleep(0.001)
        if isinstance(grey, Exception):
            raise grey
        return picture(grey)

    def _await(self, wait, show):
        self.waits += 1
        while True:
            pixels = self._next(wait)
            show(pixels)
            if pixels.any():
                return

    def _acquire(self, wait, show):
        pixels = self._next(wait)
        show(pixels)
        return pixels if pixels.any() else None


class Scanner(_Scripted, FingerprintScanner):
    ppi = 500.0
    _await_finger = _Scripted._await


class Camera(_Scripted, IrisCamera):
    _await_eye = _Scripted._await


@pytest.fixture(params=[Scanner, Camera])
def make(request):
    opened = []

    def build(*script):
        opened.append(request.param(script).open())
        return opened[-1]

    yield build
    for one in opened:
        one.close()


def test_without_a_judge_the_first_picture_is_taken_unjudged(make):
    sample = make(0, 9, 10, 200).capture(timeout=5)
    assert (brightness(sample), sample.judgement) == (10, None)


def test_a_judge_without_a_limit_only_says_what_it_thinks(make):
    sample = make(9, 10, 11, 200).capture(timeout=5, judge=brightness)
    assert (brightness(sample), sample.judgement) == (10, 10.0)


def test_pictures_are_taken_until_one_is_enough(make):
    device = make(9, 10, 9, 0, 9, 90, 9, 100)
    sample = device.capture(timeout=5, judge=brightness, enough=50)
    assert (brightness(sample), sample.judgement) == (90, 90.0)
    assert device.waits == 3


def test_the_best_is_returned_when_the_time_is_over(make):
    began = time.monotonic()
    sample = make(9, 30, 9, 20, None).capture(timeout=0.2, judge=brightness, enough=50)
    assert sample.judgement == 30.0
    assert 0.2 <= time.monotonic() - began < 0.7


def test_a_finger_that_arrived_in_the_last_moment_counts(make):
    sample = make(0, 9, None).capture(timeout=0.1, judge=brightness, enough=50)
    assert sample.judgement == 9.0


def test_judgements_below_zero_are_judgements(make):
    sample = make(9, 30, 9, 20, None).capture(
        timeout=0.1, judge=lambda sample: -brightness(sample), enough=-5
    )
    assert sample.judgement == -20.0


def test_nobody_is_still_a_timeout(make):
    with pytest.raises(CaptureTimeout):
        make(0, 0, None).capture(timeout=0.1, judge=brightness, enough=50)


def test_without_a_judge_no_half_seen_picture_is_returned(make):
    with pytest.raises(CaptureTimeout):
        make(0, 9, None).capture(timeout=0.1)


def test_previews_are_judged_once_somebody_is_there_and_no_picture_twice(make):
    judged, seen = [], []

    def judge(sample):
        judged.append(brightness(sample))
        return judged[-1]

    make(0, 9, 60).capture(
        timeout=5, judge=judge, enough=50, on_preview=lambda one: seen.append(one.judgement)
    )
    assert seen == [None, None, 60.0]
    assert judged == [60.0]


def test_advice_comes_at_once_and_not_when_the_time_is_over(make):
    advice = RetryCapture(RetryAdvice.WIPE_SCANNER)
    device = make(9, 30, advice, 9, 60)
    with pytest.raises(RetryCapture):
        device.capture(timeout=5, judge=brightness, enough=50)
    assert device.capture(timeout=5, judge=brightness, enough=50).judgement == 60.0


def test_cancelling_gives_no_picture(make):
    cancel = threading.Event()
    threading.Timer(0.05, cancel.set).start()
    began = time.monotonic()
    with pytest.raises(CaptureCancelled):
        make(9, 30, None).capture(timeout=10, cancel=cancel, judge=brightness, enough=50)
    assert time.monotonic() - began < 0.5


def test_what_the_judge_raises_reaches_the_caller(make):
    def judge(_):
        raise KeyError("mine")

    device = make(9, 10, 9, 10)
    with pytest.raises(KeyError, match="mine"):
        device.capture(judge=judge)
    assert device.capture(timeout=5).judgement is None


@pytest.mark.parametrize(
    "wish",
    [
        {"enough": 5},
        {"enough": float("nan"), "judge": brightness},
        {"judge": lambda _: float("nan")},
    ],
)
def test_impossible_wishes(make, wish):
    with pytest.raises(ValueError, match="number"):
        make(9, 10).capture(timeout=5, **wish)


def test_a_real_driver_with_a_judge():
    with hw.open_device("virtual:iris") as camera:
        sample = camera.capture(
            timeout=0.5, judge=lambda image: image.pixels.std(), enough=1e9, eye=Eye.LEFT
        )
    assert sample.judgement == sample.pixels.std()
    assert (sample.eye, camera.kind) == (Eye.LEFT, DeviceKind.IRIS)
    station().close()
