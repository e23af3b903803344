# SPDX-License-Identifier: Apache-2.0
"""What a score means in a gallery of so many people."""

from dataclasses import replace

import numpy as np
import pytest

from ektp_hw.gallery import Candidate, Outcome, Policy, decide
from ektp_hw.gallery.decision import false_alarm


@pytest.mark.parametrize("people", [1, 50, 4000])
@pytest.mark.parametrize("score", [0.0, 0.5, 2.0, 3.3])
def test_false_alarm_is_what_strangers_do(people, score):
    random = np.random.default_rng(people)
    best = -np.log10(1 - random.uniform(size=8000) ** (1 / people))  # of so many uniform p-values
    expected = 8000 * false_alarm(score, people)
    assert (best >= score).sum() == pytest.approx(expected, abs=4.5 * expected**0.5 + 1e-9)


def test_false_alarm_keeps_its_digits():
    assert false_alarm(20.0, 200_000_000) == pytest.approx(2e-12)
    assert false_alarm(5.0, 0) == 0.0
    assert false_alarm(400.0, 10**9) == 0.0


@pytest.mark.parametrize("people", [1, 1000, 10**6, 2 * 10**8])
def test_at_the_limit_the_false_alarm_rate_is_the_wanted_one(people):
    for fpir in (1e-2, 1e-4, 1e-9):
        limits = Policy(fpir=fpir).limits(people)
        assert false_alarm(limits.duplicate, people) == pytest.approx(fpir)
        assert limits.adjudicate <= limits.duplicate


def test_looking_is_worth_it_where_the_costs_say_so():
    policy = Policy(fpir=1e-6, miss_cost=200.0, duplicates=0.01, mated_density=0.005)
    people = 100_000
    limit = policy.limits(people).adjudicate
    mates = policy.duplicates * policy.mated_density
    strangers = people * np.log(10) * 10**-limit
    assert mates / (mates + strangers) == pytest.approx(1 / policy.miss_cost)
    assert replace(policy, miss_cost=2000.0).limits(people).adjudicate < limit


def test_ten_times_the_people_need_one_more():
    small, large = Policy().limits(10_000), Policy().limits(100_000)
    assert large.duplicate - small.duplicate == pytest.approx(1, abs=1e-3)
    assert large.adjudicate - small.adjudicate == pytest.approx(1, abs=1e-3)


def test_three_outcomes():
    limits = Policy().limits(10_000)
    middle = (limits.duplicate + limits.adjudicate) / 2
    found = [Candidate(name, score, ()) for name, score in (("c", 1.0), ("a", middle), ("b", 30.0))]
    everything = decide(found, 10_000)
    assert everything.outcome == Outcome.DUPLICATE
    assert [each.id for each in everything.candidates] == ["b", "a"]
    assert everything.false_alarm < 1e-20
    assert decide(found[:2], 10_000).outcome == Outcome.ADJUDICATE
    assert decide(found[:1], 10_000).outcome == Outcome.UNIQUE
    assert decide(found[:1], 10_000).candidates == ()
    assert decide([], 10_000).outcome == Outcome.UNIQUE
    assert decide([], 10_000).false_alarm == 1.0


@pytest.mark.parametrize(
    "wrong", [{"fpir": 0.0}, {"fpir": 1.0}, {"miss_cost": 1.0}, {"duplicates": -0.1}]
)
def test_costs_that_cannot_be_are_refused(wrong):
    with pytest.raises(ValueError, match="not"):
        Policy(**wrong)
