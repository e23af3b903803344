# SPDX-License-Identifier: Apache-2.0
"""The person's score lies on the scale of the finger's, whatever the number of fingers."""

from statistics import NormalDist

import numpy as np
import pytest

from ektp_hw.gallery.fusion import CORRELATION, person_score

PEOPLE = 200_000


def test_one_finger_keeps_its_score():
    totals = np.array([0.0, 0.3, 4.0, 17.5])
    assert person_score(totals, np.ones(4, np.int64)) == pytest.approx(totals)


def test_nothing_comparable():
    assert person_score(np.zeros(2), np.array([0, 1])).tolist() == [-1.0, 0.0]


def test_two_fingers_by_the_formula():
    total = 8.0
    natural = total * np.log(10)
    expected = total - np.log10(1 + natural)
    two = np.array([total]), np.array([2])
    assert person_score(*two, correlation=0.0)[0] == pytest.approx(expected)
    assert person_score(*two, correlation=0.2)[0] == pytest.approx(expected / 1.2)


@pytest.mark.parametrize("fingers", [1, 2, 4, 10])
def test_calibrated_under_independence(fingers):
    """Of two different people's scores, one in 10**s reaches s."""
    p_values = np.random.default_rng(3).uniform(size=(PEOPLE, fingers))
    score = person_score(-np.log10(p_values).sum(1), np.full(PEOPLE, fingers), correlation=0.0)
    for threshold in (0.5, 1.0, 2.0, 3.0):
        expected = PEOPLE * 10**-threshold
        assert (score >= threshold).sum() == pytest.approx(expected, abs=4.5 * expected**0.5)


@pytest.mark.parametrize("correlation", [0.0, CORRELATION, 0.2])
@pytest.mark.parametrize("fingers", [2, 4, 10])
def test_correlated_fingers_of_strangers_reach_no_score_too_often(fingers, correlation):
    """A part of each finger's luck is the pair of people's; then the plain sum is too sure."""
    random = np.random.default_rng(5)
    shared = random.normal(size=(PEOPLE, 1)) * correlation**0.5
    own = random.normal(size=(PEOPLE, fingers)) * (1 - correlation) ** 0.5
    beyond = np.sort(shared + own, axis=None)[::-1]
    table = np.linspace(beyond[-1], beyond[0], 4000)
    tails = [NormalDist().cdf(-value) for value in table]
    total = -np.log10(np.interp(shared + own, table, tails)).sum(1)
    score = person_score(total, np.full(PEOPLE, fingers), correlation=correlation)
    for threshold in (2.0, 3.0, 4.0):
        expected = PEOPLE * 10**-threshold
        assert (score >= threshold).sum() <= expected + 4.5 * expected**0.5
    if correlation == 0.2:
        plain = person_score(total, np.full(PEOPLE, fingers), correlation=0.0)
        assert (plain >= 3.0).sum() > 1.5 * PEOPLE * 10**-3.0


def test_more_agreement_never_scores_less():
    totals = np.linspace(0, 60, 500)
    for fingers in (1, 3, 10):
        assert (np.diff(person_score(totals, np.full(500, fingers))) >= 0).all()
