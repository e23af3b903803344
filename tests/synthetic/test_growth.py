# SPDX-License-Identifier: Apache-2.0
"""Growth is exact: whole numbers in, whole numbers out, and the phase follows the ridges."""

import numpy as np
import pytest

from ektp_hw.synthetic.growth import grow, ridge_phase
from ektp_hw.synthetic.seeds import stream


def test_growth_is_whole_numbers_and_fills_the_sheet():
    flow = np.full((60, 70), 0.4)
    ridges = grow(flow, np.full(flow.shape, 4.5), stream(1), seeds=8)
    assert (ridges == np.rint(ridges)).all()
    assert np.abs(ridges).max() == 127
    assert np.abs(ridges[10:-10, 10:-10]).mean() > 60


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
