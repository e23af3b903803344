# SPDX-License-Identifier: Apache-2.0
"""Thinning keeps what hangs together, and nothing more."""

import cv2
import numpy as np
import pytest

from ektp_hw.fingerprint.thinning import NEIGHBOURS, REMOVABLE, binary, thinned


def blobs(seed):
    noise = np.random.default_rng(seed).normal(size=(90, 120)).astype(np.float32)
    ridge = (cv2.GaussianBlur(noise, (0, 0), 2.5) > 0).astype(np.uint8)
    ridge[[0, -1]] = 0
    ridge[:, [0, -1]] = 0
    return ridge


def parts(ridge):
    return cv2.connectedComponents(ridge, connectivity=8)[0]


def holes(ridge):
    return cv2.connectedComponents(1 - ridge, connectivity=4)[0]


def test_a_pixel_may_go_if_that_changes_no_connection_and_shortens_no_line():
    for bits in range(256):
        patch = np.zeros((5, 5), np.uint8)
        for k, (down, right) in enumerate(NEIGHBOURS):
            patch[2 + down, 2 + right] = bits >> k & 1
        without = patch.copy()
        patch[2, 2] = 1
        same = parts(patch) == parts(without) and holes(patch) == holes(without)
        assert REMOVABLE[bits] == (same and patch.sum() > 2), bits


@pytest.mark.parametrize("seed", range(4))
def test_parts_and_holes_stay_and_nothing_removable_is_left(seed):
    ridge = blobs(seed)
    skeleton = thinned(ridge)
    assert (skeleton <= ridge).all()
    assert parts(skeleton) == parts(ridge)
    assert holes(skeleton) == holes(ridge)
    assert (thinned(skeleton) == skeleton).all()
    around = sum(
        np.roll(skeleton, (-down, -right), (0, 1)).astype(int) << k
        for k, (down, right) in enumerate(NEIGHBOURS)
    )
    assert not (skeleton.astype(bool) & REMOVABLE[around]).any()


def test_a_bar_becomes_its_middle_line():
    ridge = np.zeros((20, 60), np.uint8)
    ridge[7:12, 5:55] = 1
    skeleton = thinned(ridge)
    assert (skeleton.sum(axis=0) <= 1).all()
    assert skeleton[9, 10:50].all()


def test_pores_and_specks_go_before_thinning():
    filtered = np.full((80, 80), -1, np.float32)
    filtered[20:40] = 1
    filtered[28:32, 30:34] = -1
    filtered[60:64, 60:64] = 1
    ridge = binary(filtered, np.ones((20, 20), bool))
    assert ridge[20:40].all()
    assert ridge.sum() == 20 * 80
    assert not binary(filtered, np.zeros((20, 20), bool)).any()
