# SPDX-License-Identifier: Apache-2.0
"""Confidence intervals of counted shares, against tables."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "benchmarks"))

from shares import share_interval


@pytest.mark.parametrize(
    ("count", "total", "low", "high"),
    [
        (1, 10, 0.0025286, 0.4450161),  # Clopper and Pearson
        (5, 100, 0.0164320, 0.1128349),
        (9, 10, 0.5549839, 0.9974714),
        (300, 1000, 0.272432, 0.329121),  # Wilson
    ],
)
def test_intervals_of_the_tables(count, total, low, high):
    assert share_interval(count, total) == pytest.approx((low, high), rel=1e-4)


def test_nothing_seen_is_the_rule_of_three():
    low, high = share_interval(0, 100_000)
    assert low == 0
    assert high == pytest.approx(3 / 100_000, rel=0.01)
    assert share_interval(100_000, 100_000)[1] == 1
    assert share_interval(0, 0) == (0, 1)
