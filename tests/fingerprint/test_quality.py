# SPDX-License-Identifier: Apache-2.0
"""Each thing that spoils a print is named and costs points; a good print is left in peace."""

import cv2
import numpy as np
import pytest

from ektp_hw.errors import SampleError
from ektp_hw.fingerprint.quality import QualityReason, assess_quality
from ektp_hw.fingerprint.quality_measures import MEASURES
from ektp_hw.samples import FingerprintImage
from ektp_hw.synthetic import SyntheticFinger

GOOD = {
    "moisture": 0.0,
    "pressure": 0.7,
    "noise": 0.2,
    "blur": 0.7,
    "contrast": 0.9,
    "shift_x": 0.0,
    "shift_y": 0.0,
    "part_x": 0.0,
    "part_y": 0.0,
}


@pytest.fixture(scope="module")
def fingers():
    return [SyntheticFinger(seed) for seed in range(300, 305)]


@pytest.fixture(scope="module")
def assessed(fingers):
    def assess(**knobs):
        return [
            assess_quality(finger.impression(0, carelessness=0.5, **{**GOOD, **knobs}).image)
            for finger in fingers
        ]

    return assess


def test_good_prints_have_nothing_to_improve(assessed):
    for quality in assessed():
        assert quality.reasons == ()
        assert quality.score > 75


@pytest.mark.parametrize(
    ("reason", "knobs"),
    [
        (QualityReason.TOO_DRY, {"moisture": -1.0}),
        (QualityReason.TOO_WET, {"moisture": 1.0}),
        (QualityReason.BLURRED, {"blur": 3.2}),
        (QualityReason.OFF_CENTRE, {"shift_x": 120.0}),
        (QualityReason.OFF_CENTRE, {"shift_x": -120.0}),
        (QualityReason.OFF_CENTRE, {"shift_y": -130.0}),
        (QualityReason.TOO_SMALL, {"pressure": 0.0, "shift_x": 150.0}),
    ],
    ids=str,
)
def test_reason_appears(assessed, reason, knobs):
    assert sum(reason in quality.reasons for quality in assessed(**knobs)) >= 4, "of 5 fingers"


def test_sliding_finger_is_blurred(fingers):
    slide = np.full((1, 21), 1 / 21, np.float32)
    for finger in fingers[:3]:
        pixels = finger.impression(0, carelessness=0.5, **GOOD).image.pixels
        moved = assess_quality(cv2.filter2D(pixels, -1, slide))
        assert QualityReason.BLURRED in moved.reasons
        assert moved.score < assess_quality(pixels).score


def test_print_left_behind_is_dirt(fingers):
    fresh = fingers[0].impression(0, carelessness=0.5, **{**GOOD, "pressure": 0.0}).image.pixels
    old = fingers[1].impression(0, carelessness=0.5, **GOOD).image.pixels
    ghost = (250 - 0.25 * (250.0 - np.roll(old, 190, axis=1))).clip(0, 255)
    both = np.minimum(fresh, ghost).astype(np.uint8)
    assert QualityReason.DIRTY not in assess_quality(fresh).reasons
    assert QualityReason.DIRTY in assess_quality(both).reasons


@pytest.mark.parametrize(
    ("knob", "worse_and_worse"),
    [
        ("moisture", (0.0, -0.5, -1.0)),
        ("pressure", (1.0, 0.5, 0.0)),
        ("noise", (0.1, 0.5, 1.0)),
        ("blur", (1.0, 2.5, 4.0)),
        ("shift_x", (0.0, 100.0, 180.0)),
        ("part_x", (0.0, 80.0, 160.0)),
        ("part_y", (0.0, 100.0, 180.0)),
    ],
)
def test_score_falls_with_each_knob(assessed, knob, worse_and_worse):
    means = [np.mean([each.score for each in assessed(**{knob: at})]) for at in worse_and_worse]
    assert means[0] > means[1] > means[2]


@pytest.mark.parametrize(
    "pixels",
    [
        np.zeros((1, 1), np.uint8),
        np.full((1, 500), 90, np.uint8),
        np.full((374, 388), 255, np.uint8),
        np.random.default_rng(5).integers(0, 256, (374, 388), dtype=np.uint8),
        cv2.GaussianBlur(
            np.random.default_rng(5).integers(0, 256, (374, 388), dtype=np.uint8), (0, 0), 3
        ),
    ],
    ids=["1x1", "line", "blank", "noise", "smooth noise"],
)
def test_no_finger(pixels):
    quality = assess_quality(pixels)
    assert (quality.score, quality.reasons) == (0, (QualityReason.NO_FINGER,))
    assert tuple(quality.measures) == MEASURES


def test_any_size_gives_an_answer():
    rng = np.random.default_rng(6)
    for _ in range(60):
        shape = rng.integers(1, 300, 2)
        period, angle = rng.uniform(3, 30), rng.uniform(0, np.pi)
        y, x = np.mgrid[: shape[0], : shape[1]]
        wave = np.cos(2 * np.pi * (x * np.cos(angle) + y * np.sin(angle)) / period)
        quality = assess_quality((128 + 100 * wave).astype(np.uint8), ppi=rng.uniform(100, 2000))
        assert 0 <= quality.score <= 100
        assert np.isfinite(list(quality.measures.values())).all()


def test_resolution_and_polarity_hardly_matter(fingers):
    image = fingers[0].impression(0, carelessness=0.5, **GOOD).image
    plain = assess_quality(image)
    larger = cv2.resize(image.pixels, None, fx=2, fy=2, interpolation=cv2.INTER_CUBIC)
    assert assess_quality(FingerprintImage(larger, 1000)).score == pytest.approx(plain.score, abs=4)
    turned = assess_quality(255 - image.pixels)
    assert turned.score == pytest.approx(plain.score, abs=4)
    assert turned.reasons == plain.reasons


def test_what_extract_refuses_is_refused():
    with pytest.raises(SampleError):
        assess_quality(np.zeros((5, 5, 3), np.uint8))
    with pytest.raises(SampleError):
        assess_quality(np.zeros((5, 5), np.uint8), ppi=5)
    with pytest.raises(SampleError):
        assess_quality(np.zeros((10, 5000), np.uint8))
