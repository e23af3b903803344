# SPDX-License-Identifier: Apache-2.0
"""A finger keeps its true size on the glass, whatever resolution its picture has."""

import numpy as np
import pytest

from ektp_hw.samples import FingerprintImage
from ektp_hw.virtual import platen


def square(side, ppi, ground=230):
    """A dark square of half the side in the middle of a light picture."""
    pixels = np.full((side, side), ground, np.uint8)
    pixels[side // 4 : side - side // 4, side // 4 : side - side // 4] = 30
    return FingerprintImage(pixels, ppi=ppi)


@pytest.mark.parametrize(("side", "ppi"), [(320, 500), (364, 569), (640, 1000), (160, 250)])
def test_true_size_at_500_ppi(side, ppi):
    glass = platen.lay(square(side, ppi))
    assert glass.shape == (480, 640)
    dark = np.argwhere(glass < 130)
    extent = dark.max(axis=0) - dark.min(axis=0) + 1
    assert np.abs(extent - side / 2 * 500 / ppi).max() <= 2
    centre = (dark.max(axis=0) + dark.min(axis=0)) / 2
    assert np.abs(centre - (239.5, 319.5)).max() <= 1.5
    assert glass[0, 0] == 230


def test_of_a_larger_picture_the_middle_is_seen():
    pixels = np.zeros((700, 900), np.uint8)
    pixels[110:590, 130:770] = 99
    assert (platen.lay(FingerprintImage(pixels)) == 99).all()


def test_the_ground_is_the_pictures_own_border_grey():
    assert platen.lay(square(100, 500, ground=181))[5, 5] == 181


def test_dirt_leaves_the_middle_free():
    clean = platen.empty()
    dirty = platen.dirt_on(clean)
    assert np.array_equal(dirty[:, 40:600], clean[:, 40:600])
    assert (dirty != clean).any()
    assert (clean == clean[0, 0]).all()
