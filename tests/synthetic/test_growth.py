# SPDX-License-Identifier: Apache-2.0
"""Growth is exact: whole numbers in, whole numbers out, and the phase follows the ridges."""

import hashlib

import numpy as np
import pytest

from ektp_hw.synthetic.growth import _filter, grow, ridge_phase
from ektp_hw.synthetic.seeds import stream


def test_growth_is_whole_numbers_and_fills_the_sheet():
    flow = np.full((60, 70), 0.4)
    ridges = grow(flow, np.full(flow.shape, 4.5), stream(1), seeds=8)
    assert (ridges == np.rint(ridges)).all()
    assert np.abs(ridges).max() == 127
    assert np.abs(ridges[10:-10, 10:-10]).mean() > 60


def test_the_filter_equals_its_obvious_twin():
    rng = np.random.default_rng(2)
    radius, side = 5, 11
    source = np.rint(rng.uniform(-127, 127, (30, 41))).astype(np.float32)
    bank = np.rint(rng.uniform(-40, 40, (7, side * side))).astype(np.float32)
    chosen = rng.integers(0, 7, (20, 31))
    result = np.zeros_like(source)
    _filter(source, result, chosen, bank, radius, 256.0, 100.0)
    windows = np.lib.stride_tricks.sliding_window_view(source, (side, side))
    sums = (windows.reshape(20, 31, -1).astype(np.int64) * bank[chosen].astype(np.int64)).sum(2)
    expected = np.clip(np.rint(sums / 256), -100, 100)
    assert (np.abs(expected) == 100).any()
    assert (result[radius:-radius, radius:-radius] == expected).all()
    assert not result[:radius].any()


def test_the_same_ridges_grow_on_every_machine():
    flow = np.add.outer(np.arange(60), np.arange(70)) * 0.011
    ridges = grow(flow, np.full(flow.shape, 4.5), stream(1), seeds=8).astype(np.int8)
    assert hashlib.sha256(ridges.tobytes()).hexdigest() == (
        "671c412b3cacc4df999f69005a01c02392f179f893c820f944194f6a8a1b0b1a"
    )


@pytest.mark.parametrize("angle", [0.0, 0.7, 1.5, 2.4, np.pi - 0.001])
def test_the_phase_rises_along_the_left_hand_normal(angle):
    y, x = np.mgrid[0:50, 0:50].astype(float)
    across = -x * np.sin(angle) - y * np.cos(angle)
    period = 4.6
    waves = (100 * np.cos(2 * np.pi * across / period)).astype(np.float32)
    flow = np.full(x.shape, angle)
    phase = np.angle(ridge_phase(waves, flow, np.full(x.shape, period)))
    wrong = np.angle(np.exp(1j * (phase - 2 * np.pi * across / period)))[12:-12, 12:-12]
    assert np.abs(wrong).max() < 0.5
