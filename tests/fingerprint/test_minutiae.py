# SPDX-License-Identifier: Apache-2.0
"""Which ends and forks become minutiae, and how far they are trusted."""

import numpy as np
import pytest

from ektp_hw.fingerprint.minutiae import Surroundings, read_minutiae
from ektp_hw.fingerprint.orientation import OrientationField


@pytest.fixture
def around():
    """Return ridges along x over the whole of 160 x 160 pixels, perfectly clear."""
    ones, zeros = np.ones((40, 40), np.float32), np.zeros((40, 40), np.float32)
    field = OrientationField(ones, zeros, ones.copy())
    return Surroundings(np.ones((40, 40), bool), field, ones.copy())


def line(*spans):
    skeleton = np.zeros((160, 160), np.uint8)
    for y, start, stop in spans:
        skeleton[y, start:stop] = 1
    return skeleton


def test_an_end_within_is_a_minutia_that_looks_along_its_ridge(around):
    right = read_minutiae(line((80, 60, 159)), around, 160, 160)
    left = read_minutiae(line((80, 1, 61)), around, 160, 160)
    assert (right.x.tolist(), right.y.tolist(), right.direction.tolist()) == ([60], [80], [0])
    assert (left.x.tolist(), left.y.tolist()) == ([60], [80])
    assert left.direction[0] == pytest.approx(np.pi)
    assert right.reliability[0] > 0.99


def test_an_end_at_the_edge_of_the_print_is_none(around):
    around.mask[:, :20] = False
    assert len(read_minutiae(line((80, 84, 159)), around, 160, 160)) == 0
    # Its ridge leaves the print to the left; one that comes from there ends within.
    assert len(read_minutiae(line((80, 96, 159)), around, 160, 160)) == 0
    assert len(read_minutiae(line((80, 80, 100)), around, 160, 160)) == 1


def test_an_end_at_the_edge_of_the_picture_is_none(around):
    assert len(read_minutiae(line((80, 60, 152)), around, 160, 160)) == 1
    assert len(read_minutiae(line((80, 60, 152)), around, 100, 160)) == 1
    assert len(read_minutiae(line((4, 60, 159)), around, 160, 160)) == 0


def test_two_ends_beside_each_other_are_a_scar(around):
    assert len(read_minutiae(line((80, 60, 159), (84, 62, 159)), around, 160, 160)) == 0
    assert len(read_minutiae(line((80, 60, 159), (89, 62, 159)), around, 160, 160)) == 2


def test_trust_falls_with_clarity_coherence_and_the_edge(around):
    skeleton = line((80, 60, 159))
    best = read_minutiae(skeleton, around, 160, 160).reliability[0]
    edge = read_minutiae(line((16, 60, 159)), around, 160, 160).reliability[0]
    around.clarity[:] = 0.6
    unclear = read_minutiae(skeleton, around, 160, 160).reliability[0]
    around.field.coherence[:] = 0.3
    confused = read_minutiae(skeleton, around, 160, 160).reliability[0]
    assert best > edge > 0.5
    assert best > unclear > confused > 0
