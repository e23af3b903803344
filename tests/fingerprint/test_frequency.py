# SPDX-License-Identifier: Apache-2.0
"""Ridge distance is measured, smoothed and filled in."""

import numpy as np
import pytest

from ektp_hw.fingerprint.frequency import ridge_frequency, signature_spectra
from ektp_hw.fingerprint.orientation import orientation_field, structure_tensor


def measured(picture, mask=None):
    even = (128 - picture.astype(np.float32)) / 64
    cells = tuple(side // 4 for side in picture.shape)
    field = orientation_field(structure_tensor(even))
    return ridge_frequency(even, field, np.ones(cells, bool) if mask is None else mask)


@pytest.mark.parametrize("period", [5.0, 7.0, 9.0, 12.0, 15.0])
@pytest.mark.parametrize("angle", [0.0, 0.6, 1.5])
def test_the_period_of_straight_ridges_is_found(waves, period, angle):
    inner = measured(waves(angle, period))[10:-10, 10:-10]
    assert 1 / np.median(inner) == pytest.approx(period, rel=0.03)
    assert 1 / inner.min() < 1.1 * period
    assert 1 / inner.max() > 0.9 * period


def test_what_is_not_measured_takes_after_its_neighbours(waves):
    mask = np.zeros((60, 60), bool)
    mask[:, :30] = True
    frequency = measured(waves(0.2, 7.0), mask)
    np.testing.assert_allclose(1 / frequency[10:-10, 5:], 7.0, rtol=0.05)


def test_nothing_measured_gives_the_usual_period():
    nothing = measured(np.full((16, 16), 128, np.uint8), np.zeros((4, 4), bool))
    np.testing.assert_allclose(1 / nothing, 9.0, rtol=1e-3)


def test_spectra_equal_the_slow_ones():
    rng = np.random.default_rng(5)
    picture = rng.random((40, 52)).astype(np.float32)
    angle = rng.uniform(-1.5, 1.5, (3, 4)).astype(np.float32)
    mask = rng.random((3, 4)) > 0.3
    probes = rng.normal(size=(2, 16, 5)).astype(np.float32)
    fast = signature_spectra(picture, angle, mask, 6, 12, probes, 9)
    along, across = np.arange(-4, 5, 2)[:, None], np.arange(16) - 7.5
    for row, column in np.ndindex(3, 4):
        dx, dy = np.cos(angle[row, column]), np.sin(angle[row, column])
        x = (6 + 12 * column - across * dy + along * dx + 0.5).astype(int).clip(0, 51)
        y = (6 + 12 * row + across * dx + along * dy + 0.5).astype(int).clip(0, 39)
        signature = picture[y, x].sum(axis=0)
        slow = np.square(signature @ probes).sum(axis=0) * mask[row, column]
        np.testing.assert_allclose(fast[row, column], slow, rtol=0.02, atol=0.02)
