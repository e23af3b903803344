# SPDX-License-Identifier: Apache-2.0
import itertools
from dataclasses import astuple

import numpy as np
import pytest

from ektp_hw.fingerprint.alignment import AlignmentParameters, align, oriented


def proposals(turn, swapped, count=30, alike=200):
    """Align a scatter with its moved copy, of which the first minutiae are known to be alike."""
    random = np.random.default_rng(3)
    x, y = random.uniform(-100, 100, (2, count))
    direction = random.uniform(0, 2 * np.pi, count)
    moved = (
        np.cos(turn) * x - np.sin(turn) * y + 40,
        np.sin(turn) * x + np.cos(turn) * y - 25,
        (direction + turn) % (2 * np.pi),
    )
    similarities = random.integers(0, 60, (count, count)).astype(np.uint8)
    np.fill_diagonal(similarities[:8, :8], alike)
    trust = np.ones(count)
    starts, order = np.array([0, count]), np.array([swapped])
    blocks = oriented(similarities, starts, order)
    columns = np.stack((*moved, trust))
    parameters = astuple(AlignmentParameters())
    return align(x, y, direction, trust, columns, starts, blocks, order, *parameters)[0]


@pytest.mark.parametrize("turn", [0.0, 0.05, 1.7, np.pi, 6.25])
def test_the_best_proposal_is_the_true_turn_and_shift(turn):
    best = proposals(turn, swapped=False)[0]
    np.testing.assert_allclose(best[:4], [np.cos(turn), np.sin(turn), 40, -25], atol=1e-6)


def test_swapped_it_is_the_way_back():
    cosine, sine, tx, ty, votes = proposals(1.0, swapped=True)[0]
    np.testing.assert_allclose([cosine, sine], [np.cos(1), -np.sin(1)], atol=1e-6)
    np.testing.assert_allclose(
        [cosine * 40 - sine * -25 + tx, sine * 40 + cosine * -25 + ty], 0, atol=1e-6
    )
    assert votes > 5


def test_proposals_come_best_first_and_differ():
    found = proposals(0.5, swapped=False)
    assert (np.diff(found[:, 4]) <= 0).all()
    standing = found[found[:, 4] > 0]
    for one, other in itertools.pairwise(standing):
        turned = one[0] * other[0] + one[1] * other[1] < np.cos(0.25)
        assert turned or np.hypot(*(one[2:4] - other[2:4])) > 10


def test_nothing_alike_proposes_nothing():
    empty = np.zeros(5)
    found = align(
        empty, empty, empty, empty, np.zeros((4, 5)), np.array([0, 5]),
        np.zeros(25, np.uint8), np.array([False]), *astuple(AlignmentParameters()),
    )  # fmt: skip
    assert not found.any()


def test_blocks_lie_end_to_end_with_those_laid_over_as_rows():
    similarities = np.arange(12, dtype=np.uint8).reshape(2, 6)
    blocks = oriented(similarities, np.array([0, 2, 2, 6]), np.array([True, False, False]))
    np.testing.assert_array_equal(blocks[:4], similarities[:, :2].T.ravel())
    np.testing.assert_array_equal(blocks[4:], similarities[:, 2:].ravel())
