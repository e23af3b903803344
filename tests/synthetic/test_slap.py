# SPDX-License-Identifier: Apache-2.0
"""Slaps are reproducible, and the ridges lie where their truth says."""

import numpy as np
import pytest

from ektp_hw.samples import FingerPosition
from ektp_hw.synthetic import SyntheticPerson
from ektp_hw.synthetic.slap import SLAP_HEIGHT, SLAP_WIDTH, make_slap


@pytest.fixture(scope="module")
def person():
    return SyntheticPerson(4)


@pytest.fixture(scope="module")
def right(person):
    return make_slap(person, FingerPosition.RIGHT_FOUR, noise=0.1)


def test_the_same_number_is_the_same_slap(person, right):
    again = make_slap(person, FingerPosition.RIGHT_FOUR, noise=0.1)
    other = make_slap(person, FingerPosition.RIGHT_FOUR, 1, noise=0.1)
    assert again.image.pixels.tobytes() == right.image.pixels.tobytes()
    assert other.image.pixels.tobytes() != right.image.pixels.tobytes()
    assert right.image.pixels.shape == (SLAP_HEIGHT, SLAP_WIDTH)


@pytest.mark.parametrize("tilt", [-30.0, 0.0, 30.0])
def test_a_right_hand_runs_from_index_to_little_finger_and_a_left_one_back(person, tilt):
    right = make_slap(person, FingerPosition.RIGHT_FOUR, tilt=tilt)
    left = make_slap(person, FingerPosition.LEFT_FOUR, tilt=tilt)
    assert [int(finger.position) for finger in right.fingers] == [2, 3, 4, 5]
    assert [int(finger.position) for finger in left.fingers] == [7, 8, 9, 10]
    assert (np.diff([finger.centre[0] for finger in right.fingers]) > 0).all()
    assert (np.diff([finger.centre[0] for finger in left.fingers]) < 0).all()


def test_ridges_fill_the_true_boxes(right):
    for finger in right.fingers:
        x, y = np.rint(finger.centre).astype(int)
        inside = right.image.pixels[y - 60 : y + 60, x - 60 : x + 60]
        assert 0.2 < (inside < 128).mean() < 0.8
        assert finger.corners.min() >= 0
        assert (finger.corners.max(axis=0) < (SLAP_WIDTH, SLAP_HEIGHT)).all()


def test_missing_fingers_do_not_print(person):
    missing = (FingerPosition.LEFT_RING,)
    slap = make_slap(person, FingerPosition.LEFT_FOUR, missing=missing)
    assert [int(finger.position) for finger in slap.fingers] == [7, 8, 10]


def test_what_is_no_slap_is_refused(person):
    with pytest.raises(ValueError, match="is no slap"):
        make_slap(person, FingerPosition.RIGHT_INDEX)
    both = (FingerPosition.RIGHT_THUMB, FingerPosition.LEFT_THUMB)
    with pytest.raises(ValueError, match="all fingers"):
        make_slap(person, FingerPosition.TWO_THUMBS, missing=both)
    with pytest.raises(ValueError, match="out of range"):
        make_slap(person, FingerPosition.TWO_THUMBS, tilt=31)
