# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest

from ektp_hw.fingerprint.calibration import score_of


def test_nothing_paired_scores_zero():
    assert score_of(np.array([-np.inf])) == [0.0]


def test_scores_rise_with_the_weight_and_are_never_negative():
    scores = score_of(np.linspace(-50, 500, 1000))
    assert (np.diff(scores) > 0).all()
    assert scores.min() >= 0
    assert np.isfinite(scores).all()


@pytest.mark.parametrize("rate", [0.5, 0.1, 0.001])
def test_the_score_is_the_rate_of_a_logistic_distribution(rate):
    weights = np.random.default_rng(1).logistic(2.0, 0.7, 400_000)
    threshold = np.quantile(weights, 1 - rate)
    score = score_of(np.array([threshold]), middle=2.0, width=0.7)[0]
    assert score == pytest.approx(-np.log10(rate), abs=0.05)
