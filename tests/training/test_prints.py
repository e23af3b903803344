# SPDX-License-Identifier: Apache-2.0
"""Training prints: the truth that comes with them is true, and they are as various as promised."""

import cv2
import numpy as np
import pytest

from ektp_hw.training.fingers import grown
from ektp_hw.training.pool import PRINTS
from ektp_hw.training.prints import FLOW_STEP, SIDE, training_print


@pytest.fixture(scope="module")
def fingers():
    return [grown(seed) for seed in range(3)]


@pytest.fixture(scope="module")
def prints(fingers):
    return [training_print(fingers[k % 3], np.random.default_rng(k)) for k in range(60)]


def test_the_same_numbers_make_the_same_print(fingers, prints):
    again = training_print(fingers[1], np.random.default_rng(4))
    assert (again.pixels == prints[4].pixels).all()
    assert (again.minutiae == prints[4].minutiae).all()
    assert (again.flow == prints[4].flow).all()


def test_minutiae_lie_on_the_finger_and_on_the_piece(prints):
    counts = []
    for each in prints:
        x, y, direction, fork = each.minutiae.T
        assert ((x >= 0) & (x <= SIDE - 1) & (y >= 0) & (y <= SIDE - 1)).all()
        assert ((direction >= 0) & (direction < 2 * np.pi + 1e-5)).all()
        assert np.isin(fork, (0, 1)).all()
        counts.append(len(x))
    assert 10 < np.median(counts) < 60


def test_a_minutia_runs_along_the_ridges(prints):
    """Away from cores, direction and ridge orientation are two accounts of the same ridge."""
    off = []
    for each in prints:
        x, y, direction, _ = each.minutiae.T
        row, column = (y // FLOW_STEP).astype(int), (x // FLOW_STEP).astype(int)
        cosine, sine, _, seen = each.flow[:, row, column]
        turned = np.angle(np.exp(2j * direction) / (cosine + 1j * sine)) / 2
        off.append(np.abs(turned[seen == 1]))
    off = np.degrees(np.concatenate(off))
    assert len(off) > 500
    assert np.median(off) < 6
    assert np.quantile(off, 0.9) < 25


def test_the_period_is_that_of_the_ridges_seen(fingers):
    """Counted by the strongest wave of the spectrum of the clean relief."""
    for seed in range(20):
        each = training_print(fingers[0], np.random.default_rng((7, seed)))
        said = 9 * np.exp(each.flow[2][each.flow[3] == 1])
        assert 6 < np.median(said) < 13


def test_sensors_differ(prints):
    pictures = np.stack([each.pixels for each in prints]).astype(np.float32)
    grounds = np.quantile(pictures, 0.95, axis=(1, 2))
    sharpness = [cv2.Laplacian(each, cv2.CV_32F).std() for each in pictures]
    assert np.ptp(grounds) > 60
    assert max(sharpness) > 4 * min(sharpness)


def test_the_pool_has_whole_batches():
    assert PRINTS % 16 == 0
