# SPDX-License-Identifier: Apache-2.0
"""Finger, empty glass, dirt and noise told apart by the picture's content."""

import numpy as np
import pytest

from ektp_hw.devices.finger_presence import look_at
from ektp_hw.samples import FingerPosition
from ektp_hw.synthetic import SyntheticPerson
from ektp_hw.virtual import platen


def noisy(glass, sigma=3.0):
    noise = np.random.default_rng(5).normal(0, sigma, glass.shape)
    return np.clip(glass + noise, 0, 255).astype(np.uint8)


def test_an_empty_glass_with_sensor_noise_is_empty():
    look = look_at(noisy(platen.empty()))
    assert (look.has_finger, look.is_dirty, look.is_noise) == (False, False, False)


def test_a_dark_glass_is_empty():
    assert not look_at(noisy(np.full((480, 640), 12, np.uint8))).has_finger


def test_dirt_is_no_finger():
    look = look_at(noisy(platen.dirt_on(platen.empty())))
    assert look.is_dirty
    assert not look.has_finger


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_finger_is_a_finger(seed):
    image = SyntheticPerson(seed).finger(FingerPosition.RIGHT_INDEX).impression(0).image
    look = look_at(noisy(platen.lay(image)))
    assert look.has_finger
    assert not look.is_noise


@pytest.mark.parametrize("low", [0, 128])
def test_noise_is_no_picture(low):
    pixels = np.random.default_rng(2).integers(low, 256, (480, 640), dtype=np.uint8)
    assert look_at(pixels).is_noise


def test_real_prints_are_fingers(real_data):
    from PIL import Image

    from ektp_hw.samples import FingerprintImage

    ppi = {"DB1": 500, "DB2": 569, "DB3": 500, "DB4": 500}
    seen = []
    for base, resolution in ppi.items():
        for path in sorted(real_data.glob(f"fvc2002/{base}_B/*_1.*")):
            pixels = np.asarray(Image.open(path).convert("L"))
            seen.append(look_at(platen.lay(FingerprintImage(pixels, ppi=resolution))))
    assert seen
    assert all(look.has_finger and not look.is_noise for look in seen)
