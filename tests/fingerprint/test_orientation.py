# SPDX-License-Identifier: Apache-2.0
"""The field follows the ridges."""

import numpy as np
import pytest

from ektp_hw.fingerprint.orientation import orientation_field, refined_field, structure_tensor


def off_by(field, truth):
    return np.abs(np.angle(np.exp(2j * (field.angle - truth)))) / 2


@pytest.mark.parametrize("degrees", [-80, -45, -10, 0, 15, 37, 60, 90])
@pytest.mark.parametrize("noise", [0, 60])
def test_straight_ridges_give_their_angle_everywhere(waves, degrees, noise):
    picture = waves(np.radians(degrees), 9.0) + np.random.default_rng(2).normal(
        0, noise, (240, 240)
    )
    field = orientation_field(structure_tensor(picture.astype(np.float32)))
    inner = np.s_[6:-6, 6:-6]
    assert np.degrees(off_by(field, np.radians(degrees))[inner].max()) < (1 if noise == 0 else 8)
    np.testing.assert_allclose(np.hypot(field.cosine, field.sine), 1, atol=1e-5)


def test_rings_turn_the_field_around_their_middle():
    y, x = np.mgrid[:240, :240] - 119.5
    rings = 128 - 90 * np.cos(2 * np.pi * np.hypot(y, x) / 9)
    tensor = structure_tensor(rings.astype(np.float32))
    row, column = np.mgrid[:60, :60] * 4 + 1.5 - 119.5
    tangent = np.arctan2(row, column) + np.pi / 2
    ring = (np.hypot(row, column) > 25) & (np.hypot(row, column) < 110)
    for field in (orientation_field(tensor), refined_field(tensor)):
        assert np.degrees(off_by(field, tangent)[ring].max()) < 5
        assert field.coherence[ring].min() > 0.6


def test_coherence_tells_ridges_from_noise_and_flat(waves):
    noise = np.random.default_rng(2).normal(0, 60, (240, 240)).astype(np.float32)
    assert structure_tensor(waves(1.0, 9.0).astype(np.float32)).averaged(8).coherence.min() > 0.9
    assert structure_tensor(noise).averaged(8).coherence.mean() < 0.2
    flat = orientation_field(structure_tensor(np.zeros((40, 40), np.float32)))
    assert np.isfinite(flat.angle).all()
    assert (flat.coherence == 0).all()
