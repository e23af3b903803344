# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest

from ektp_hw.devices.picture_health import edge_steepness, examine
from ektp_hw.samples import Eye, FingerPosition
from ektp_hw.synthetic import SyntheticPerson
from ektp_hw.virtual import platen

PERSON = SyntheticPerson(1)


@pytest.fixture(scope="module")
def finger():
    return platen.lay(PERSON.finger(FingerPosition.RIGHT_INDEX).impression(0).image)


def noisy(glass, count=4):
    random = np.random.default_rng(0)
    return [
        np.clip(glass + random.normal(0, 2.5, glass.shape), 0, 255).astype(np.uint8)
        for _ in range(count)
    ]


def test_a_clean_glass_and_a_finger_are_sound(finger):
    for glass in (platen.empty(), finger):
        health = examine(noisy(glass))
        assert (health.dead_lines, health.dead_pixels) == (0, 0)
        assert not health.is_dark
        assert not health.is_frozen
        assert not health.has_latent_print


def test_a_dark_picture_is_dark():
    assert examine(noisy(np.full((480, 640), 12, np.uint8))).is_dark


@pytest.mark.parametrize("with_finger", [False, True])
def test_dead_lines_are_counted_under_a_finger_too(finger, with_finger):
    glass = finger.copy() if with_finger else platen.empty()
    glass[200] = 0
    glass[:, 55:57] = 100 if not with_finger else 0
    assert examine(noisy(glass)).dead_lines == 3


def test_dead_pixels_are_counted_and_specks_of_dirt_are_none():
    glass = platen.dirt_on(platen.empty())
    assert examine(noisy(glass)).dead_pixels == 0
    for number in range(30):
        glass[10 + 7 * number, 300 + number] = 0
    assert examine(noisy(glass)).dead_pixels == 30


def test_what_shows_in_one_frame_only_is_no_dead_line():
    frames = noisy(platen.empty())
    frames[1][100] = 0
    assert examine(frames).dead_lines == 0


def test_a_faint_print_stays_and_a_finger_is_none(finger):
    residue = 225 + (finger.astype(float) - np.median(finger)) * 0.12
    assert examine(noisy(residue.clip(0, 255))).has_latent_print
    assert not examine(noisy(finger)).has_latent_print


def test_equal_frames_are_frozen_and_one_alone_is_not():
    assert examine([platen.empty()] * 3).is_frozen
    assert not examine([platen.empty()]).is_frozen
    with pytest.raises(ValueError, match="at least one"):
        examine([])


def test_sharp_eyes_are_told_from_blurred_ones():
    import cv2

    for number in range(2):
        eye = PERSON.eye(Eye.LEFT, number).pixels
        assert edge_steepness(eye) > 0.17
        blurred = cv2.GaussianBlur(eye, (0, 0), 4)
        assert edge_steepness(noisy(blurred, 1)[0]) < 0.11
    assert edge_steepness(platen.empty()) is None


def test_real_eyes_are_sharp(real_data):
    import cv2

    pictures = sorted((real_data / "iris/irex_samples").glob("*.pgm"))
    if not pictures:
        pytest.skip("needs the IREX samples")
    for path in pictures:
        assert edge_steepness(cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)) > 0.15, path.name
