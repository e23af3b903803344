# SPDX-License-Identifier: Apache-2.0
"""Any resolution becomes 500 ppi."""

import numpy as np
import pytest

from ektp_hw.errors import SampleError
from ektp_hw.fingerprint.resolution import at_500_ppi


def test_500_ppi_passes_untouched():
    picture = np.zeros((30, 40), np.uint8)
    assert at_500_ppi(picture, 500) is picture
    assert at_500_ppi(picture, 504) is picture


@pytest.mark.parametrize(
    ("ppi", "shape"), [(1000, (15, 20)), (250, (60, 80)), (100, (150, 200)), (2000, (8, 10))]
)
def test_sides_scale(ppi, shape):
    resampled = at_500_ppi(np.full((30, 40), 77, np.uint8), ppi)
    assert resampled.shape == shape
    assert (resampled == 77).all()


def test_one_pixel_stays_one_pixel():
    assert at_500_ppi(np.full((1, 1), 9, np.uint8), 2000).shape == (1, 1)


def test_sides_that_no_template_can_tell_are_refused():
    assert at_500_ppi(np.zeros((4095, 1), np.uint8), 500).shape == (4095, 1)
    with pytest.raises(SampleError, match=r"scan\.png: the picture is 1 x 4096 pixels"):
        at_500_ppi(np.zeros((4096, 1), np.uint8), 500, "scan.png")
