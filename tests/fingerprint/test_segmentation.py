# SPDX-License-Identifier: Apache-2.0
"""Ridges are foreground; ground, noise, edges and specks are not."""

import numpy as np
import pytest

from ektp_hw.fingerprint.normalisation import known, levelled, normalised
from ektp_hw.fingerprint.orientation import structure_tensor
from ektp_hw.fingerprint.segmentation import foreground, tidied


def mask_of(picture):
    canvas = np.asarray(picture, np.float32)
    seen = known(canvas)
    level = levelled(canvas, seen)
    return foreground(level, seen, structure_tensor(normalised(level, seen)))


@pytest.mark.parametrize("contrast", [1.0, 0.3, 0.1])
def test_a_round_print_is_found_whatever_its_contrast(waves, contrast):
    noise = np.random.default_rng(3).normal(0, 1, (240, 240))
    y, x = np.mgrid[:240, :240]
    inside = np.hypot(y - 120, x - 110) < 80
    ground = 128 + 90 * contrast
    mask = mask_of(np.where(inside, 128 + contrast * (waves(0.7, 9.0) - 128.0), ground) + noise)
    truth = inside[2::4, 2::4]
    assert (mask & truth).sum() > 0.95 * truth.sum()
    # The window of the energy blurs the edge by about two and a half times its 8 px.
    assert (mask & ~(np.hypot(y - 120, x - 110) < 100)[2::4, 2::4]).sum() == 0


def test_noise_is_ground():
    noise = np.random.default_rng(3).normal(128, 30, (240, 240)).clip(0, 255)
    assert not mask_of(noise).any()


def test_tidying_closes_gaps_fills_holes_and_drops_the_small():
    cells = np.zeros((60, 60), bool)
    cells[5:45, 5:45] = True
    cells[20:30, 20:30] = False
    cells[10:12, 5:45] = False
    cells[50:53, 50:53] = True
    tidy = tidied(cells)
    assert tidy[10:40, 10:40].all()
    assert not tidy[48:, 48:].any()
    assert not tidied(np.zeros((5, 5), bool)).any()
