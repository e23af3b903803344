# SPDX-License-Identifier: Apache-2.0
"""Error rates against the definition, counted pair by pair."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ektp_hw.errors import EvaluationError
from ektp_hw.evaluation import error_rates

SCORES = st.lists(st.integers(0, 12).map(float), min_size=1, max_size=40)


@given(SCORES, SCORES)
def test_by_counting(mated, nonmated):
    rates = error_rates(mated, nonmated)
    assert rates.thresholds.tolist() == [*sorted({*mated, *nonmated}), np.inf]
    for threshold, fmr, fnmr in zip(rates.thresholds, rates.fmr, rates.fnmr, strict=True):
        assert fmr == sum(score >= threshold for score in nonmated) / len(nonmated)
        assert fnmr == sum(score < threshold for score in mated) / len(mated)
    for figure, at_most in (
        (rates.fmr100, 1 / 100),
        (rates.fmr1000, 1 / 1000),
        (rates.fmr10000, 1 / 10_000),
        (rates.zero_fmr, 0.0),
    ):
        allowed = [fnmr for fmr, fnmr in zip(rates.fmr, rates.fnmr, strict=True) if fmr <= at_most]
        assert figure == min(allowed)


@given(SCORES, SCORES)
def test_eer_lies_where_the_rates_cross(mated, nonmated):
    rates = error_rates(mated, nonmated)
    assert 0 <= rates.eer <= 1
    t1 = np.flatnonzero(rates.fnmr <= rates.fmr).max()
    t2 = np.flatnonzero(rates.fnmr >= rates.fmr).min()
    assert rates.eer == min(rates.fmr[t] + rates.fnmr[t] for t in (t1, t2)) / 2


def test_separated():
    rates = error_rates([5, 6, 7], [1, 2, 3])
    assert (rates.eer, rates.zero_fmr, rates.fmr100) == (0.0, 0.0, 0.0)


def test_reversed():
    rates = error_rates([1, 2, 3], [5, 6, 7])
    assert (rates.eer, rates.zero_fmr) == (1.0, 1.0)


def test_all_the_same():
    assert error_rates([2, 2], [2, 2, 2]).eer == 0.5


def test_worked_example():
    """Rates at 3: FMR 1/5, FNMR 0; behind it 1/5 and 1/4: the first interval is the smaller."""
    rates = error_rates([3, 5, 6, 7], [0, 1, 1, 2, 4])
    assert rates.eer == pytest.approx((0.2 + 0) / 2)
    assert rates.zero_fmr == 0.25


def test_two_normals():
    rng = np.random.default_rng(8)
    rates = error_rates(rng.normal(2, 1, 200_000), rng.normal(0, 1, 200_000))
    assert rates.eer == pytest.approx(0.158655, abs=0.003)


@pytest.mark.parametrize(("mated", "nonmated"), [([], [1]), ([1], []), ([np.nan], [1])])
def test_no_scores(mated, nonmated):
    with pytest.raises(EvaluationError):
        error_rates(mated, nonmated)
