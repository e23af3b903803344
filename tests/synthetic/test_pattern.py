# SPDX-License-Identifier: Apache-2.0
"""Each class has its cores and deltas, and classes come as often as in nature."""

from collections import Counter

import numpy as np
import pytest

from ektp_hw.samples import FingerPosition
from ektp_hw.synthetic.pattern import (
    HEIGHT,
    Pattern,
    draw_pattern,
    draw_singularities,
    orientation_field,
)
from ektp_hw.synthetic.seeds import stream

_STEP = 2
_EXPECTED = {
    Pattern.ARCH: (0, 0),
    Pattern.TENTED_ARCH: (1, 1),
    Pattern.LEFT_LOOP: (1, 1),
    Pattern.RIGHT_LOOP: (1, 1),
    Pattern.WHORL: (2, 2),
}


def poincare(field, at, half=3):
    """Half turns of the orientation around a square: +1 core, -1 delta (seen counter-clockwise)."""
    column, row = round(at.real / _STEP), round((HEIGHT - at.imag) / _STEP)
    r = np.arange(-half, half + 1)
    right = np.concatenate((r, np.full(len(r), half), r[::-1], np.full(len(r), -half)))
    up = np.concatenate((np.full(len(r), -half), r, np.full(len(r), half), r[::-1]))
    ring = field[row - up, column + right]
    turn = np.diff(np.append(ring, ring[0]))
    return round(float(((turn + np.pi / 2) % np.pi - np.pi / 2).sum() / np.pi))


@pytest.mark.parametrize("pattern", Pattern)
@pytest.mark.parametrize("seed", range(6))
def test_the_field_turns_half_around_each_core_and_delta(pattern, seed):
    rng = stream(seed)
    points = draw_singularities(pattern, rng)
    field = orientation_field(pattern, points, rng, step=_STEP)
    assert (len(points.cores), len(points.deltas)) == _EXPECTED[pattern]
    assert field.min() >= 0
    assert field.max() <= np.pi
    assert [poincare(field, core) for core in points.cores] == [1] * len(points.cores)
    assert [poincare(field, delta) for delta in points.deltas] == [-1] * len(points.deltas)


@pytest.mark.parametrize("pattern", Pattern)
def test_the_field_turns_nowhere_else(pattern):
    rng = stream(3)
    points = draw_singularities(pattern, rng)
    field = orientation_field(pattern, points, rng, step=_STEP)

    def step(a, b):
        return (b - a + np.pi / 2) % np.pi - np.pi / 2

    a, b, c, d = field[:-1, :-1], field[1:, :-1], field[1:, 1:], field[:-1, 1:]
    turns = np.rint((step(a, b) + step(b, c) + step(c, d) + step(d, a)) / np.pi)
    assert (turns == 1).sum() == len(points.cores)
    assert (turns == -1).sum() == len(points.deltas)


def test_left_loops_have_their_delta_on_the_right():
    left = draw_singularities(Pattern.LEFT_LOOP, stream(1))
    right = draw_singularities(Pattern.RIGHT_LOOP, stream(1))
    assert left.deltas[0].real > left.cores[0].real
    assert right.deltas[0].real < right.cores[0].real


def test_classes_come_as_often_as_in_nature_and_loops_open_to_the_little_finger():
    def share(position):
        drawn = Counter(draw_pattern(position, stream(seed)) for seed in range(1500))
        return {pattern: drawn[pattern] / 1500 for pattern in Pattern}

    right, left = share(FingerPosition.RIGHT_INDEX), share(FingerPosition.LEFT_INDEX)
    assert 0.22 < right[Pattern.WHORL] < 0.34
    assert 0.02 < right[Pattern.ARCH] < 0.06
    assert right[Pattern.RIGHT_LOOP] > 0.5
    assert right[Pattern.LEFT_LOOP] < 0.1
    assert left[Pattern.LEFT_LOOP] > 0.5
    assert left[Pattern.RIGHT_LOOP] < 0.1
