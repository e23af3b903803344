# SPDX-License-Identifier: Apache-2.0
"""Every cell is filtered by its own orientation and period, and by no other."""

import numpy as np
import pytest

from ektp_hw.fingerprint.enhancement import (
    clarity,
    drafted,
    enhanced,
    filter_bank,
    filter_cells,
)
from ektp_hw.fingerprint.orientation import orientation_field, structure_tensor


def surroundings(even, period):
    cells = tuple(side // 4 for side in even.shape)
    return (
        orientation_field(structure_tensor(even)),
        np.full(cells, 1 / period, np.float32),
        np.ones(cells, bool),
    )


def test_every_filter_is_blind_to_brightness_and_answers_one_to_its_wave():
    bank = filter_bank(1.0)
    for which in range(0, len(bank.first) - 1, 29):
        taps = slice(bank.first[which], bank.first[which + 1])
        assert bank.weight[taps].sum() == pytest.approx(0, abs=1e-4)
        middle = (bank.down[taps] == bank.margin) & (bank.across[taps] == bank.margin)
        assert bank.weight[taps][middle][0] == bank.weight[taps].max()
    assert bank.down.min() >= 0
    assert bank.down.max() <= 2 * bank.margin


@pytest.mark.parametrize("make", [enhanced, drafted])
@pytest.mark.parametrize(("angle", "period"), [(0.0, 9.0), (0.9, 7.0), (-0.6, 13.0)])
def test_a_wave_passes_and_noise_does_not(waves, make, angle, period):
    wave = (128 - waves(angle, period).astype(np.float32)) / 64
    noise = np.random.default_rng(4).normal(size=wave.shape).astype(np.float32)
    around = surroundings(wave, period)
    inner = np.s_[30:-30, 30:-30]
    passed = make(wave, *around)[inner]
    assert np.corrcoef(passed.ravel(), wave[inner].ravel())[0, 1] > 0.97
    assert make(noise, *around)[inner].std() < 0.5 * passed.std()


def test_clarity_tells_a_wave_from_noise(waves):
    wave = (128 - waves(0.9, 9.0).astype(np.float32)) / 64
    noise = np.random.default_rng(4).normal(size=wave.shape).astype(np.float32)
    around = surroundings(wave, 9.0)
    assert enhanced(wave, *around)[30:-30, 30:-30].std() == pytest.approx(1, rel=0.1)
    assert np.median(clarity(wave, enhanced(wave, *around))) > 0.85
    assert np.median(clarity(noise, enhanced(noise, *around))) < 0.35


def test_cells_off_the_mask_stay_zero(waves):
    wave = (128 - waves(0.3, 9.0).astype(np.float32)) / 64
    field, frequency, mask = surroundings(wave, 9.0)
    mask[:, 30:] = False
    passed = enhanced(wave, field, frequency, mask)
    assert (passed[:, 120:] == 0).all()
    assert (passed[:, :120] != 0).mean() > 0.99


def test_filtering_equals_the_slow_one():
    bank = filter_bank(1.0)
    rng = np.random.default_rng(6)
    side = 12 + 2 * bank.margin
    padded = rng.normal(size=(side, side)).astype(np.float32)
    chosen = rng.integers(-1, len(bank.first) - 1, (3, 3))
    fast = filter_cells(padded, chosen, bank.down, bank.across, bank.weight, bank.first)
    for row, column in np.ndindex(12, 12):
        which = chosen[row // 4, column // 4]
        taps = slice(bank.first[which], bank.first[which + 1]) if which >= 0 else slice(0)
        values = padded[row + bank.down[taps], column + bank.across[taps]].astype(np.float64)
        slow = values @ bank.weight[taps]
        assert fast[row, column] == pytest.approx(slow, abs=1e-4)
