# SPDX-License-Identifier: Apache-2.0
"""The person's score lies on the scale of the finger's, whatever the number of fingers."""

import numpy as np
import pytest

from ektp_hw.gallery.fusion import person_score


def test_one_finger_keeps_its_score():
    totals = np.array([0.0, 0.3, 4.0, 17.5])
    assert person_score(totals, np.ones(4, np.int64)) == pytest.approx(totals)


def test_nothing_comparable():
    assert person_score(np.zeros(2), np.array([0, 1])).tolist() == [-1.0, 0.0]


def test_two_fingers_by_the_formula():
    total = 8.0
    natural = total * np.log(10)
    expected = total - np.log10(1 + natural)
    assert person_score(np.array([total]), np.array([2]))[0] == pytest.approx(expected)


@pytest.mark.parametrize("fingers", [1, 2, 4, 10])
def test_calibrated_under_independence(fingers):
    """Of two different people's scores, one in 10**s reaches s."""
    p_values = np.random.default_rng(3).uniform(size=(200_000, fingers))
    score = person_score(-np.log10(p_values).sum(1), np.full(200_000, fingers))
    for threshold in (0.5, 1.0, 2.0, 3.0):
        expected = 200_000 * 10**-threshold
        assert (score >= threshold).sum() == pytest.approx(expected, abs=4.5 * expected**0.5)


def test_more_agreement_never_scores_less():
    totals = np.linspace(0, 60, 500)
    for fingers in (1, 3, 10):
        assert (np.diff(person_score(totals, np.full(500, fingers))) >= 0).all()
