# SPDX-License-Identifier: Apache-2.0
"""Contrast becomes the same everywhere, and what was never seen stays out."""

import numpy as np
import pytest

from ektp_hw.fingerprint.normalisation import (
    by_cell,
    known,
    levelled,
    normalised,
    on_whole_cells,
)


@pytest.mark.parametrize("shape", [(1, 1), (3, 50), (17, 16), (21, 34)])
def test_the_canvas_has_whole_cells_and_keeps_the_picture(shape):
    picture = np.random.default_rng(1).integers(0, 256, shape, dtype=np.uint8)
    canvas = on_whole_cells(picture)
    assert canvas.shape[0] % 4 == canvas.shape[1] % 4 == 0
    assert min(canvas.shape) >= 16
    assert (canvas[: shape[0], : shape[1]] == picture).all()


def test_cells_are_means():
    array = np.random.default_rng(1).random((12, 20)).astype(np.float32)
    means = array.reshape(3, 4, 5, 4).mean(axis=(1, 3))
    np.testing.assert_allclose(by_cell(array), means, rtol=1e-5)


@pytest.mark.parametrize(("gain", "offset"), [(0.25, 0), (0.5, 120), (0.9, 20)])
def test_gain_and_offset_do_not_matter(waves, gain, offset):
    picture = waves(0.5, 9.0).astype(np.float32)
    plain, changed = (
        normalised(levelled(each, np.ones_like(each)), np.ones_like(each))
        for each in (picture, picture * np.float32(gain) + np.float32(offset))
    )
    np.testing.assert_allclose(plain, changed, atol=1e-3)
    assert plain[40:-40, 40:-40].std() == pytest.approx(1, abs=0.1)


def test_ridges_are_positive(waves):
    canvas = waves(0.0, 9.0).astype(np.float32)
    even = normalised(levelled(canvas, np.ones_like(canvas)), np.ones_like(canvas))
    assert np.corrcoef(even[40:-40].ravel(), -canvas[40:-40].ravel())[0, 1] > 0.99


def test_flat_ground_beside_the_platen_is_not_seen_and_raises_no_edge(waves):
    canvas = waves(0.0, 9.0).astype(np.float32)
    canvas[:, :80] = 255
    seen = known(canvas)
    assert not seen[:, :78].any()
    assert seen[:, 82:].all()
    level = levelled(canvas, seen)
    assert (level[:, :78] == 0).all()
    # Along the edge each row keeps its own ridge or valley: its mean is no bright or dark line.
    assert abs(level[40:-40, 84:92].mean()) < 5
