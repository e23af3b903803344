# SPDX-License-Identifier: Apache-2.0
"""Impressions of a finger: reproducible, truthful, and obedient to their knobs."""

import hashlib

import numpy as np
import pytest

from ektp_hw.samples import FingerPosition, FingerprintImage
from ektp_hw.synthetic import Conditions, SyntheticFinger
from ektp_hw.synthetic.conditions import PICTURE_HEIGHT, PICTURE_WIDTH

_PLAIN = {
    "rotation": 0.0,
    "shift_x": 0.0,
    "shift_y": 0.0,
    "part_x": 0.0,
    "part_y": 0.0,
    "distortion": 0.0,
    "moisture": 0.0,
    "pressure": 0.7,
    "noise": 0.1,
}


@pytest.fixture(scope="module")
def finger():
    return SyntheticFinger(11, FingerPosition.RIGHT_INDEX)


def dark(impression):
    return float((impression.image.pixels < 128).mean())


def test_the_same_seed_gives_the_same_bytes(finger):
    again = SyntheticFinger(11, FingerPosition.RIGHT_INDEX)
    again.impression(0)  # what was made before does not matter
    first, second = finger.impression(4), again.impression(4)
    assert first.image.pixels.tobytes() == second.image.pixels.tobytes()
    assert first.truth == second.truth
    assert first.conditions == second.conditions


def test_other_numbers_and_other_fingers_give_other_pictures(finger):
    pictures = [finger.impression(n).image for n in range(3)]
    pictures.append(SyntheticFinger(12).impression(0).image)
    assert len({hashlib.sha256(p.pixels.tobytes()).digest() for p in pictures}) == 4


def test_the_sample_is_one_finger_at_500_ppi(finger):
    image = finger.impression(0).image
    assert isinstance(image, FingerprintImage)
    assert image.ppi == 500
    assert image.position is FingerPosition.RIGHT_INDEX
    assert (image.width, image.height) == (PICTURE_WIDTH, PICTURE_HEIGHT)
    assert 0.08 < (image.pixels < 128).mean() < 0.5


@pytest.mark.parametrize("number", range(5))
def test_the_truth_maps_back_onto_the_master(finger, number):
    impression = finger.impression(number, distortion=0.5 * number)
    truth, master = impression.truth, finger.master
    u, v = impression.placement.to_master(truth.x.astype(float), truth.y.astype(float))
    distance = np.hypot(u[:, None] - master.x, v[:, None] - master.y)
    nearest = distance.argmin(axis=1)
    assert distance.min(axis=1).max() < 0.1
    assert (truth.kind == master.kind[nearest]).all()
    back = impression.placement.turn_direction(
        truth.x.astype(float), truth.y.astype(float), master.direction[nearest]
    )
    assert np.abs(np.angle(np.exp(1j * (back - truth.direction)))).max() < np.deg2rad(1.0)
    assert len(truth) > 15


def test_a_rotation_turns_the_picture_counter_clockwise(finger):
    upright = finger.impression(0, **_PLAIN)
    turned = finger.impression(0, **(_PLAIN | {"rotation": 20.0}))
    change = turned.placement.turn_direction(np.array([194.0]), np.array([220.0]), np.array([0.3]))
    assert change[0] == pytest.approx(0.3 + np.deg2rad(20), abs=1e-3)
    # A point above the centre moves to the left.
    x, y = turned.placement.to_picture(np.array([176.0]), np.array([129.0]))
    at_x, at_y = upright.placement.to_picture(np.array([176.0]), np.array([129.0]))
    assert x[0] < at_x[0] - 20
    assert y[0] > at_y[0]


def test_without_distortion_the_map_is_rigid(finger):
    placement = finger.impression(0, **(_PLAIN | {"rotation": -12.0})).placement
    x, y = np.array([50.0, 300.0]), np.array([60.0, 380.0])
    u, v = placement.to_master(x, y)
    assert np.hypot(*np.diff((u, v))) == pytest.approx(np.hypot(*np.diff((x, y))))


def test_drier_skin_prints_less_and_wetter_skin_more(finger):
    levels = [dark(finger.impression(0, **(_PLAIN | {"moisture": m}))) for m in (-0.8, 0.0, 0.8)]
    assert levels[0] < 0.8 * levels[1] < levels[1] < 0.8 * levels[2]


def test_a_light_touch_covers_less(finger):
    light, firm = (finger.impression(0, **(_PLAIN | {"pressure": p})) for p in (0.0, 1.0))
    assert dark(light) < 0.75 * dark(firm)
    assert len(light.truth) < len(firm.truth)


def test_noise_contrast_and_ground_do_what_they_say(finger):
    plain = finger.impression(0, **_PLAIN, contrast=0.9, ground=250.0).image.pixels
    noisy = finger.impression(0, **(_PLAIN | {"noise": 0.9}), contrast=0.9, ground=250.0)
    faint = finger.impression(0, **_PLAIN, contrast=0.4, ground=250.0).image.pixels
    grey = finger.impression(0, **_PLAIN, contrast=0.9, ground=200.0).image.pixels
    corner = np.s_[:25, :25]
    assert noisy.image.pixels[corner].std() > 1.5 * plain[corner].std()
    assert np.percentile(faint, 5) > np.percentile(plain, 5) + 50
    assert np.median(grey[corner]) == pytest.approx(200, abs=2)
    assert np.median(plain[corner]) == pytest.approx(250, abs=2)


def test_what_is_given_replaces_what_is_drawn_and_nothing_else():
    drawn = Conditions.draw(np.random.default_rng(1))
    assert drawn.but(moisture=None) == drawn
    changed = drawn.but(moisture=0.25)
    assert changed.moisture == 0.25
    assert changed.rotation == drawn.rotation


@pytest.mark.parametrize(
    ("name", "value"),
    [("moisture", 1.5), ("pressure", -0.1), ("noise", float("nan")), ("distortion", 9.0)],
)
def test_a_condition_outside_its_range_is_refused(finger, name, value):
    with pytest.raises(ValueError, match=name):
        finger.impression(0, **{name: value})


def test_a_negative_seed_is_refused():
    with pytest.raises(ValueError, match="zero or more"):
        SyntheticFinger(-1)


def test_carelessness_scales_what_the_person_does():
    spread = []
    for carelessness in (0.0, 1.0, 2.0):
        drawn = [
            Conditions.draw(np.random.default_rng(seed), carelessness=carelessness)
            for seed in range(200)
        ]
        spread.append(np.std([conditions.rotation for conditions in drawn]))
    assert spread[0] == 0
    assert spread[2] == pytest.approx(2 * spread[1])
    with pytest.raises(ValueError, match="carelessness"):
        Conditions.draw(np.random.default_rng(1), carelessness=3.0)


def test_another_part_of_the_fingertip_shows_other_minutiae(finger):
    left, right = (finger.impression(0, **(_PLAIN | {"part_x": p})) for p in (-70.0, 70.0))
    assert left.truth.x.mean() < right.truth.x.mean() - 30
