# SPDX-License-Identifier: Apache-2.0
"""What the definition that the compiled core is held to says of neighbourhoods and hulls."""

import numpy as np
import pytest

from ektp_hw.fingerprint.cylinder_parameters import CylinderParameters
from oracles_prepare import cylinder_codes, hull


def scattered(seed, count=40):
    random = np.random.default_rng(seed)
    return (*random.uniform(-120, 120, (2, count)), random.uniform(0, 2 * np.pi, count))


def codes_of(columns, trust=None, parameters=None):
    x, y, direction = columns
    trust = np.ones(len(x)) if trust is None else trust
    return cylinder_codes(x, y, direction, trust, hull(x, y), parameters or CylinderParameters())


def ones(words):
    return int(np.unpackbits(words.view(np.uint8)).sum())


def test_codes_lie_inside_their_masks():
    codes, masks = codes_of(scattered(1))
    assert codes.shape == masks.shape == (40, 8)
    assert not (codes & ~masks).any()
    assert 0.02 < ones(codes) / ones(masks) < 0.4


@pytest.mark.parametrize("turn", [0.3, np.pi / 2, 2.9, 4.4])
def test_turning_the_finger_keeps_the_codes(turn):
    x, y, direction = scattered(2)
    turned = (
        np.cos(turn) * x - np.sin(turn) * y + 33,
        np.sin(turn) * x + np.cos(turn) * y - 71,
        (direction + turn) % (2 * np.pi),
    )
    for before, after in zip(codes_of((x, y, direction)), codes_of(turned), strict=True):
        assert ones(before ^ after) < 0.002 * ones(before | after)


def test_a_lonely_minutia_has_an_empty_code_that_sees_only_its_margin():
    codes, masks = codes_of(tuple(np.array([value]) for value in (10.0, 10.0, 1.0)))
    assert ones(codes) == 0
    assert 0 < ones(masks) < 480


def test_a_minutia_nobody_trusts_sets_no_bit():
    trust = np.ones(40)
    trust[7] = 0.0
    columns = scattered(3)
    with_it, without = (
        codes_of(columns, trust)[0],
        codes_of(columns, np.where(np.arange(40) == 7, 1e-9, 1.0))[0],
    )
    np.testing.assert_array_equal(with_it, without)
    assert ones(with_it) < ones(codes_of(columns)[0])


def test_more_bits_than_a_code_has_are_refused():
    with pytest.raises(ValueError, match="do not fit"):
        codes_of(scattered(1), parameters=CylinderParameters(cells=16))


def test_hull_turns_counter_clockwise_around_every_point():
    x, y, _ = scattered(4)
    corners = hull(x, y)
    edges = np.roll(corners, -1, axis=0) - corners
    for px, py in zip(x, y, strict=True):
        side = edges[:, 0] * (py - corners[:, 1]) - edges[:, 1] * (px - corners[:, 0])
        assert side.min() > -1e-9


@pytest.mark.parametrize(("count", "corners"), [(0, 0), (1, 1), (2, 2)])
def test_hull_of_hardly_any_points_is_those_points(count, corners):
    x, y, _ = scattered(5, count)
    assert hull(x, y).shape == (corners, 2)


def test_hull_of_a_line_is_its_ends():
    line = np.linspace(0, 9, 10)
    assert sorted(hull(line, 2 * line).tolist()) == [[0, 0], [9, 18]]
