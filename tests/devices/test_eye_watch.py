# SPDX-License-Identifier: Apache-2.0
"""What a watch says at the end of a capture: the best picture, an advice, or where to look."""

import numpy as np
import pytest

from ektp_hw.devices import eye_watch
from ektp_hw.devices.eye_watch import EyeWatch
from ektp_hw.errors import CaptureTimeout, ProtocolError, RetryAdvice, RetryCapture
from ektp_hw.synthetic import SyntheticEye

EYE = SyntheticEye(3)
SHARP = EYE.capture(1, opening=1.0, blur=0.7, noise=1).image.pixels
SOFT = EYE.capture(1, opening=1.0, blur=3, noise=1).image.pixels
SMEARED = EYE.capture(1, opening=1.0, blur=10, noise=0).image.pixels
CLOSED = EYE.capture(1, opening=0.4).image.pixels
WALL = np.full((480, 640), 150, np.uint8)
DARK = np.full((480, 640), 5, np.uint8)


def until_timeout(*pictures):
    yield from pictures
    raise CaptureTimeout("no sharp, open eye was seen within 1 s; try again", device="camera")


def seen_by(*pictures):
    watch, shown = EyeWatch("camera"), []
    watch.await_eye(until_timeout(*pictures), shown.append)
    return watch, shown


def test_it_waits_for_a_sharp_open_eye_and_shows_all_it_sees():
    _, shown = seen_by(DARK, WALL, CLOSED, SOFT, SHARP, WALL)
    assert len(shown) == 5
    assert shown[-1] is SHARP


def test_asked_again_it_waits_for_the_next_eye():
    watch, _ = seen_by(SHARP)
    watch.choose(until_timeout(SOFT, SOFT, SOFT, SOFT), lambda _: None)
    shown = []
    soon = EYE.capture(2, opening=1.0, blur=1.5, noise=1).image.pixels
    watch.await_eye(until_timeout(WALL, soon, WALL), shown.append)
    assert shown[-1] is soon
    assert watch.choose(until_timeout(), lambda _: None) is soon


def test_the_best_of_five():
    watch, _ = seen_by(SHARP)
    shown = []
    best = watch.choose(until_timeout(SOFT, CLOSED, WALL, SOFT, DARK), shown.append)
    assert best is SHARP
    assert len(shown) == 4


def test_the_best_until_the_time_was_over():
    watch, _ = seen_by(SHARP)
    assert watch.choose(until_timeout(SOFT), lambda _: None) is SHARP


def test_an_eye_that_was_nearly_sharp_is_taken_when_the_time_is_over():
    watch = EyeWatch("camera")
    watch.await_eye(until_timeout(SOFT, CLOSED), lambda _: None)
    assert watch.choose(until_timeout(), lambda _: None) is SOFT


@pytest.mark.parametrize(
    ("pictures", "advice"),
    [
        ((CLOSED, CLOSED), RetryAdvice.OPEN_EYE),
        ((CLOSED, SMEARED), RetryAdvice.HOLD_STILL),
        ((SMEARED, WALL, DARK), RetryAdvice.HOLD_STILL),
    ],
    ids=["closed", "opened but moving", "moving, then gone"],
)
def test_what_the_person_can_do(pictures, advice):
    with pytest.raises(RetryCapture) as caught:
        seen_by(*pictures)
    assert caught.value.advice is advice


@pytest.mark.parametrize(
    ("pictures", "sentence"),
    [((), "no frame came"), ((DARK, DARK), "every picture was dark"), ((DARK, WALL), "no sharp")],
)
def test_what_the_technician_can_do(pictures, sentence):
    with pytest.raises(CaptureTimeout, match=sentence):
        seen_by(*pictures)


def test_the_person_is_not_blamed_for_a_camera_that_fell_silent(monkeypatch):
    monkeypatch.setattr(eye_watch, "_SLOWEST_FRAME", 0.0)
    with pytest.raises(CaptureTimeout, match="no frame came"):
        seen_by(CLOSED, CLOSED)


def test_noise_is_no_picture():
    pictures = [np.random.default_rng(n).integers(0, 256, (480, 640), np.uint8) for n in range(3)]
    with pytest.raises(ProtocolError, match="no picture"):
        seen_by(*pictures)
    with pytest.raises(CaptureTimeout):
        seen_by(*pictures[:2])


def test_both_eyes_are_taken_from_one_picture():
    one, other = np.hstack([SHARP, SOFT]), np.hstack([SHARP, SHARP[:, ::-1]])
    watch, shown = EyeWatch("camera"), []
    left, right = watch.choose_both(until_timeout(one, other, one), shown.append)
    assert len(shown) == 3
    assert np.array_equal(left, SHARP)
    assert np.array_equal(right, SHARP[:, ::-1])


def test_one_eye_of_two_is_not_enough():
    watch = EyeWatch("camera")
    with pytest.raises(RetryCapture) as caught:
        watch.choose_both(until_timeout(np.hstack([SHARP, CLOSED])), lambda _: None)
    assert caught.value.advice is RetryAdvice.OPEN_EYE
