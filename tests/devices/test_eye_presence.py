# SPDX-License-Identifier: Apache-2.0
"""Open eyes, closed eyes, unsharp ones and things that are no eyes, told apart by one picture."""

import time

import cv2
import numpy as np
import pytest

from ektp_hw.devices.eye_presence import crop_around, look_at, looks_at_both
from ektp_hw.errors import RetryAdvice
from ektp_hw.samples import Eye
from ektp_hw.synthetic import SyntheticEye


def drawn(seed=3, **conditions):
    return SyntheticEye(seed).capture(1, **conditions)


@pytest.mark.parametrize("seed", range(12))
def test_an_open_eye_is_found_where_it_is(seed):
    truth = SyntheticEye(seed).capture(seed)
    look = look_at(truth.image.pixels)
    assert look.has_eye
    assert look.is_sharp == (look.advice is None)
    assert np.hypot(look.pupil.x - truth.pupil.x, look.pupil.y - truth.pupil.y) < 4
    assert look.pupil.radius == pytest.approx(truth.pupil.radius, rel=0.1)
    assert look.iris_radius == pytest.approx(truth.iris.radius, rel=0.15)


@pytest.mark.parametrize("dilation", [0.2, 0.3, 0.45, 0.6, 0.7])
def test_small_and_large_pupils(dilation):
    truth = drawn(dilation=dilation)
    look = look_at(truth.image.pixels)
    assert look.has_eye
    assert look.pupil.radius == pytest.approx(truth.pupil.radius, rel=0.1)


@pytest.mark.parametrize("opening", [0.3, 0.4, 0.5])
def test_a_closing_eye_is_asked_to_open(opening):
    look = look_at(drawn(opening=opening).image.pixels)
    assert not look.has_eye
    assert look.advice is RetryAdvice.OPEN_EYE
    assert look.merit == 0


def test_the_wider_it_is_open_the_more_of_the_iris_is_seen():
    openings = [look_at(drawn(opening=one).image.pixels).opening for one in (0.5, 0.7, 0.9)]
    assert openings == sorted(openings)
    assert openings[0] < 0.6 < openings[-1]


def test_focus_falls_with_blur_whatever_the_contrast():
    pixels = drawn(noise=1, blur=0).image.pixels
    focus = [look_at(cv2.GaussianBlur(pixels, (0, 0), s)).focus for s in (0.5, 1, 2, 3, 5)]
    assert focus == sorted(focus, reverse=True)
    assert focus[0] > 40
    assert focus[-1] < 10
    assert look_at(pixels // 2).focus == pytest.approx(look_at(pixels).focus, rel=0.1)


def test_an_unsharp_eye_is_asked_to_hold_still():
    look = look_at(drawn(blur=6).image.pixels)
    assert look.has_eye
    assert look.advice is RetryAdvice.HOLD_STILL


def test_a_moving_eye_is_asked_to_hold_still():
    moved = cv2.blur(drawn(noise=1).image.pixels, (31, 1))
    assert look_at(moved).advice is RetryAdvice.HOLD_STILL


@pytest.mark.parametrize("width", [320, 370, 450, 540])
def test_how_far_aside_an_eye_looks(width):
    aside = cv2.resize(drawn().image.pixels, (width, 480))
    margin = (640 - width) // 2
    look = look_at(cv2.copyMakeBorder(aside, 0, 0, margin, margin, cv2.BORDER_REPLICATE))
    assert look.roundness == pytest.approx(width / 640, abs=0.05)
    assert look.has_eye == (width > 480)


def test_an_eye_at_the_edge_is_not_inside():
    look = look_at(np.ascontiguousarray(drawn().image.pixels[:, 250:]))
    assert not look.is_inside
    assert not look.has_eye


def noise(mean, sigma):
    return np.clip(np.random.default_rng(1).normal(mean, sigma, (480, 640)), 0, 255).astype(
        np.uint8
    )


@pytest.mark.parametrize(
    ("picture", "is_noise"),
    [
        (np.full((480, 640), 150, np.uint8), False),
        (noise(10, 4), False),
        (noise(250, 20), False),
        (np.random.default_rng(2).integers(0, 256, (480, 640)).astype(np.uint8), True),
    ],
    ids=["wall", "dark", "dazzled", "noise"],
)
def test_no_eye_and_nobody_to_advise(picture, is_noise):
    look = look_at(picture)
    assert not look.has_eye
    assert look.advice is None
    assert look.is_noise == is_noise


def test_a_dark_room_is_dark():
    assert look_at(noise(10, 4)).is_dark
    assert not look_at(drawn().image.pixels).is_dark


@pytest.mark.parametrize("shape", [(64, 64), (100, 1000), (1200, 1600), (481, 639)])
def test_any_size(shape):
    eye = cv2.resize(drawn().image.pixels, shape[::-1])
    look = look_at(eye)
    assert 0 <= look.focus <= 100
    assert 0 <= look.opening <= 1


@pytest.mark.parametrize("seed", range(60))
def test_whatever_is_in_the_picture_no_number_is_none(seed):
    rng = np.random.default_rng(seed)
    shape = rng.integers(64, 400, 2)
    grey = cv2.GaussianBlur(rng.normal(0, 1, shape), (0, 0), rng.uniform(0.5, 20))
    grey = rng.uniform(0, 255) + rng.uniform(0, 120) * grey / grey.std()
    look = look_at(np.clip(grey, 0, 255).astype(np.uint8))
    told = [look.level, look.spread, look.focus, look.iris_radius, look.opening, look.roundness]
    assert np.isfinite(told).all()
    assert 0 <= look.opening <= 1
    assert 0 <= look.roundness <= 1
    assert 0 <= look.focus <= 100
    assert look.advice in {None, *RetryAdvice}


def test_two_eyes():
    right = SyntheticEye(4, Eye.RIGHT).capture(0, opening=1.0)
    left = SyntheticEye(4, Eye.LEFT).capture(0, opening=1.0)
    both = np.hstack([right.image.pixels, left.image.pixels])
    first, second = looks_at_both(both)
    assert first.has_eye
    assert second.has_eye
    assert first.pupil.x == pytest.approx(right.pupil.x, abs=4)
    assert second.pupil.x == pytest.approx(left.pupil.x, abs=4)


def test_the_crop_has_the_pupil_in_its_middle_and_never_leaves_the_picture():
    picture = np.pad(drawn().image.pixels, ((200, 200), (300, 300)), mode="edge")
    look = look_at(picture)
    crop = crop_around(picture, look)
    assert crop.shape == (480, 640)
    seen = look_at(np.ascontiguousarray(crop)).pupil
    assert (seen.x, seen.y) == pytest.approx((320, 240), abs=3)
    corner = np.pad(drawn().image.pixels, ((0, 100), (0, 100)), mode="edge")
    assert crop_around(corner, look_at(corner)).shape == (480, 640)


def test_ten_frames_a_second_are_no_effort():
    pixels = drawn().image.pixels
    seconds = []
    for _ in range(20):
        begun = time.perf_counter()
        look_at(pixels)
        seconds.append(time.perf_counter() - begun)
    assert sorted(seconds)[10] < 0.03  # 2 to 3 ms on an idle core


def test_real_eyes(real_data):
    paths = sorted((real_data / "iris/irex_samples").glob("*.pgm"))
    if not paths:
        pytest.skip("EKTP_HW_TEST_DATA holds no iris/irex_samples")
    for path in paths:
        pixels = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
        look = look_at(pixels)
        assert look.has_eye, path.name
        assert look.is_sharp, path.name
        assert look_at(cv2.GaussianBlur(pixels, (0, 0), 4)).advice is RetryAdvice.HOLD_STILL
        lid = pixels.copy()
        lid[: round(look.pupil.y)] = lid[10]
        assert not look_at(lid).has_eye, path.name
