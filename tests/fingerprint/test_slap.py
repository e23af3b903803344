# SPDX-License-Identifier: Apache-2.0
"""Fingers of a slap are found, named and cut out; what is wrong is said and nothing crashes."""

import numpy as np
import pytest

from ektp_hw.errors import SampleError
from ektp_hw.fingerprint import compare, extract
from ektp_hw.fingerprint.slap import SlapWarning, segment_slap
from ektp_hw.samples import FingerPosition, FingerprintImage
from ektp_hw.synthetic import SyntheticPerson
from ektp_hw.synthetic.slap import make_slap

KINDS = (FingerPosition.RIGHT_FOUR, FingerPosition.LEFT_FOUR, FingerPosition.TWO_THUMBS)


@pytest.fixture(scope="module")
def person():
    return SyntheticPerson(4)


@pytest.fixture(scope="module")
def right(person):
    return make_slap(person, FingerPosition.RIGHT_FOUR, tilt=8, noise=0.1)


def unnamed(slap):
    return FingerprintImage(slap.image.pixels)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("tilt", [-25.0, 0.0, 25.0])
def test_fingers_lie_where_the_truth_says(person, kind, tilt):
    slap = make_slap(person, kind, tilt=tilt, noise=0.2)
    result = segment_slap(unnamed(slap))
    assert result.hand is kind
    assert result.warnings == ()
    found = {finger.position: finger for finger in result.fingers}
    assert sorted(found) == [finger.position for finger in slap.fingers]
    for truth in slap.fingers:
        finger = found[truth.position]
        assert np.hypot(*(finger.corners.mean(axis=0) - truth.centre)) < 30
        assert abs(finger.angle - truth.angle) < 8
        assert finger.image.position is truth.position


def test_a_cut_out_matches_the_single_finger(person, right):
    result = segment_slap(right.image)
    single = extract(person.finger(FingerPosition.RIGHT_MIDDLE).impression(0).image)
    scores = {f.position: compare(extract(f.image), single) for f in result.fingers}
    assert max(scores, key=scores.get) is FingerPosition.RIGHT_MIDDLE


def test_corners_are_in_pixels_of_the_picture_given(right):
    twice = np.repeat(np.repeat(right.image.pixels, 2, axis=0), 2, axis=1)
    once = segment_slap(right.image)
    large = segment_slap(FingerprintImage(twice, 1000.0))
    for one, two in zip(once.fingers, large.fingers, strict=True):
        assert np.abs(2 * one.corners - two.corners).max() < 16
        assert two.image.ppi == 500


def test_a_missing_finger_that_was_told_is_left_out(person):
    missing = (FingerPosition.RIGHT_MIDDLE,)
    slap = make_slap(person, FingerPosition.RIGHT_FOUR, tilt=10, missing=missing)
    told = segment_slap(unnamed(slap), FingerPosition.RIGHT_FOUR, missing)
    assert [int(finger.position) for finger in told.fingers] == [2, 4, 5]
    assert SlapWarning.TOO_FEW not in told.warnings
    untold = segment_slap(unnamed(slap), FingerPosition.RIGHT_FOUR)
    assert SlapWarning.TOO_FEW in untold.warnings


def test_the_wrong_hand_is_noticed(right):
    result = segment_slap(right.image, FingerPosition.LEFT_FOUR)
    assert SlapWarning.WRONG_HAND in result.warnings
    assert result.hand is FingerPosition.RIGHT_FOUR
    assert [int(finger.position) for finger in result.fingers] == [10, 9, 8, 7]


def test_more_fingers_than_asked_for_are_noticed(right):
    result = segment_slap(right.image, FingerPosition.TWO_THUMBS)
    assert SlapWarning.TOO_MANY in result.warnings
    assert len(result.fingers) == 2


def test_a_hand_over_the_edge_is_noticed(right):
    top = int(right.fingers[1].corners[:, 1].min())
    cut = FingerprintImage(right.image.pixels[top + 110 :])
    assert SlapWarning.CUT_OFF in segment_slap(cut, FingerPosition.RIGHT_FOUR).warnings


@pytest.mark.parametrize("shape", [(250, 250), (1500, 1600), (251, 3000)])
def test_nothing_and_noise_never_crash(shape):
    blank = segment_slap(FingerprintImage(np.full(shape, 240, np.uint8)))
    assert (blank.fingers, blank.warnings) == ((), (SlapWarning.NO_FINGERS,))
    noise = np.random.default_rng(1).integers(0, 256, shape, np.uint8)
    segment_slap(FingerprintImage(noise))
    segment_slap(FingerprintImage(noise), FingerPosition.TWO_THUMBS)


def test_what_is_no_slap_is_refused(right):
    with pytest.raises(SampleError, match="holds no fingers"):
        segment_slap(FingerprintImage(np.zeros((100, 1600), np.uint8)))
    with pytest.raises(ValueError, match="is no slap"):
        segment_slap(right.image, FingerPosition.RIGHT_THUMB)
    with pytest.raises(ValueError, match="only single fingers"):
        segment_slap(right.image, missing=KINDS)
    both = (FingerPosition.RIGHT_THUMB, FingerPosition.LEFT_THUMB)
    with pytest.raises(ValueError, match="all fingers of TWO_THUMBS"):
        segment_slap(right.image, FingerPosition.TWO_THUMBS, both)
