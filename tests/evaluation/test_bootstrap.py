# SPDX-License-Identifier: Apache-2.0
"""Drawing fingers again: which pairs count how often, and what becomes of the rates."""

from pathlib import Path

import numpy as np
import pytest

from ektp_hw.errors import EvaluationError
from ektp_hw.evaluation.bootstrap import interval, resampled_rates
from ektp_hw.evaluation.protocol import identity_of, pairs_of
from ektp_hw.evaluation.rates import error_rates


def people(fingers, samples):
    files = [Path(f"{f}_{n}.png") for f in range(fingers) for n in range(samples)]
    return [identity_of(each) for each in files], pairs_of(files, "all")


def scores(pairs, seed=0):
    random = np.random.default_rng(seed)
    return random.normal(3, 1, len(pairs.mated)), random.normal(0, 1, len(pairs.nonmated))


def test_rates_are_those_of_the_written_out_drawing():
    """The slow way: write out every copy's pairs, and leave out those of copies of one finger."""
    names, pairs = people(4, 3)
    mated, nonmated = scores(pairs)
    mated[0] = nonmated[0] = 1.0  # a tie
    random = np.random.default_rng(5)
    for rates in resampled_rates(names, pairs, mated, nonmated, rounds=5, seed=5):
        drawn = random.integers(4, size=4)
        same, different = [], []
        for finger in drawn:
            same += [s for (i, _), s in zip(pairs.mated, mated, strict=True) if i // 3 == finger]
        for k, one in enumerate(drawn):
            for other in drawn[k + 1 :]:
                different += [
                    s
                    for (i, j), s in zip(pairs.nonmated, nonmated, strict=True)
                    if {i // 3, j // 3} == {one, other} and one != other
                ]
        expected = error_rates(same, different)
        assert rates.eer == pytest.approx(expected.eer)
        assert rates.fmr100 == pytest.approx(expected.fmr100)
        assert rates.zero_fmr == pytest.approx(expected.zero_fmr)


def test_the_interval_holds_the_figure_and_narrows_with_more_fingers():
    widths = []
    for fingers in (8, 32):
        names, pairs = people(fingers, 3)
        mated, nonmated = scores(pairs)
        figure = error_rates(mated, nonmated).eer
        drawn = resampled_rates(names, pairs, mated, nonmated, rounds=100)
        low, high = interval([rates.eer for rates in drawn])
        assert low <= figure <= high
        widths.append(high - low)
    assert widths[1] < widths[0]


def test_one_finger_drawn_alone_is_drawn_again():
    names, pairs = people(2, 2)
    mated, nonmated = scores(pairs)
    all_rates = list(resampled_rates(names, pairs, mated, nonmated, rounds=40))
    assert len(all_rates) == 40
    assert all(0.0 <= rates.eer <= 1.0 for rates in all_rates)


def test_one_identity_cannot_be_resampled():
    _, pairs = people(2, 2)
    with pytest.raises(EvaluationError, match="fewer than two"):
        next(resampled_rates(["1"] * 4, pairs, *scores(pairs)))


def test_interval_is_the_middle_share():
    assert interval(np.arange(101), 0.9) == pytest.approx((5.0, 95.0))
