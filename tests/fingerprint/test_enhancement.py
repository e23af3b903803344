# SPDX-License-Identifier: Apache-2.0
"""Every cell is filtered by its own orientation and period, and by no other."""

import numpy as np
import pytest

from ektp_hw.fingerprint.enhancement import clarity, drafted, enhanced, filter_bank
from ektp_hw.fingerprint.orientation import orientation_field, structure_tensor


def surroundings(even, period):
    cells = tuple(side // 4 for side in even.shape)
    return (
        orientation_field(structure_tensor(even)),
        np.full(cells, 1 / period, np.float32),
        np.ones(cells, bool),
    )


def unpacked(bank, which):
    """Return the filter as it meets the first row of a cell, in true units."""
    side = 2 * bank.margin + 1
    weight = np.zeros((side + 3, side + 1))
    for tap in range(bank.first[which], bank.first[which + 1]):
        across = bank.across[tap]
        weight[bank.down[tap], across : across + 2] = bank.weights[tap, 0]
    return weight[:side, :side] * bank.step


@pytest.mark.parametrize("scale", [1.0, 0.5])
def test_every_filter_is_even_blind_to_brightness_and_answers_one_to_its_wave(scale):
    bank = filter_bank(scale)
    at = np.arange(-bank.margin, bank.margin + 1)
    for which in range(0, len(bank.first) - 1, 29):
        taps = unpacked(bank, which)
        assert taps.sum() == pytest.approx(0, abs=2e-3)
        assert taps[bank.margin, bank.margin] == taps.max()
        np.testing.assert_array_equal(taps, taps[::-1, ::-1])
        period = scale * 4.5 * 4 ** ((which // 32) / 13)
        turn = which % 32 * np.pi / 32
        over = at[:, None] * np.cos(turn) - at * np.sin(turn)
        assert (taps * np.cos(2 * np.pi * over / period)).sum() == pytest.approx(1, abs=2e-3)


def test_the_four_rows_of_a_cell_have_the_same_filter_and_no_sum_can_leave_32_bits():
    bank = filter_bank(1.0)
    for which in range(0, len(bank.first) - 1, 29):
        taps = slice(bank.first[which], bank.first[which + 1])
        total = np.abs(bank.weights[taps].astype(np.int64)).sum(axis=(0, 2))
        assert (total == total[0]).all()
        assert total[0] * 2.5 * 1024 < 2**31


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
    even = rng.uniform(-2.5, 2.5, (64, 64)).astype(np.float32)
    field, frequency, mask = surroundings(even, 10.0)
    fast = enhanced(even, field, frequency, mask)
    framed = np.pad(even, bank.margin, mode="edge").astype(np.float64)
    side = 2 * bank.margin + 1
    for row, column in rng.integers(0, 64, (40, 2)):
        turn = round(field.angle[row // 4, column // 4] * 32 / np.pi) % 32
        taps = unpacked(bank, round(np.log(10 / 4.5) / np.log(4) * 13) * 32 + turn)
        slow = (framed[row : row + side, column : column + side] * taps).sum()
        assert fast[row, column] == pytest.approx(slow, abs=0.01)
