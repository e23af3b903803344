# SPDX-License-Identifier: Apache-2.0
"""Swapped and mislabelled parts are found and named, and trying raises no false alarms."""

import numpy as np
import pytest

from ektp_hw.gallery.arrangement import Column, Scores
from ektp_hw.gallery.fusion import Finding, PartMatch
from ektp_hw.samples import Eye, FingerPosition

FINGERS = [FingerPosition(code) for code in range(1, 11)]
R1, R2, R3, L1, L2 = (FingerPosition(code) for code in (1, 2, 3, 6, 7))


def scores_of(probes, references, score, *, rows=1, tolerant=True, **options):
    """Every probe part against every reference part of every row; `score` gives a row's scores."""
    at = np.arange(rows)
    columns = [
        Column(probe, reference, at, np.broadcast_to(score(probe, reference), rows).astype(float))
        for probe in probes
        for reference in references
        if isinstance(probe, Eye) == isinstance(reference, Eye)
    ]
    return Scores(rows, columns, tolerant=tolerant, **options)


def matching(pairs, high=9.0, low=0.2):
    return lambda probe, reference: high if (probe, reference) in pairs else low


def mirrored(finger):
    return FingerPosition((finger - 1 + 5) % 10 + 1)


def test_as_labelled_nothing_is_odd():
    found = scores_of([R1, R2], [R1, R2], matching({(R1, R1), (R2, R2)}))
    assert found.findings(0) == ()
    assert found.parts(0) == (PartMatch(R1, R1, 9.0), PartMatch(R2, R2, 9.0))
    strict = scores_of([R1, R2], [R1, R2], matching({(R1, R1), (R2, R2)}), tolerant=False)
    assert strict.total[0] - found.total[0] == pytest.approx(-np.log10(0.9))


@pytest.mark.parametrize("fingers", [[R2], [R1, R2, L2], FINGERS])
def test_swapped_hands(fingers):
    others = [mirrored(finger) for finger in fingers]
    truth = set(zip(fingers, others, strict=True))
    found = scores_of(fingers, others, matching(truth))
    assert found.findings(0) == (Finding.HANDS_SWAPPED,)
    assert {part[:2] for part in found.parts(0)} == truth
    assert found.total[0] > 6
    assert scores_of(fingers, others, matching(truth), tolerant=False).total[0] < 1


def test_swapped_neighbours_among_right_ones():
    truth = {(R1, R1), (R2, R3), (R3, R2), (L1, L1)}
    found = scores_of([R1, R2, R3, L1], [R1, R2, R3, L1], matching(truth))
    assert found.findings(0) == (Finding.NEIGHBOURS_SWAPPED,)
    assert {part[:2] for part in found.parts(0)} == truth


def test_mislabelled_in_any_way():
    random = np.random.default_rng(4)
    for _ in range(5):
        truth = set(zip(FINGERS, random.permutation(FINGERS).tolist(), strict=True))
        truth = {(probe, FingerPosition(code)) for probe, code in truth}
        found = scores_of(FINGERS, FINGERS, matching(truth))
        assert found.findings(0) == (Finding.MISLABELLED,)
        assert {part[:2] for part in found.parts(0)} == truth
        assert found.total[0] > 20


def test_fingers_that_are_missing_do_not_count():
    found = scores_of([R1, R2, L2], [R2], matching({(R2, R2)}), tolerant=False)
    assert found.total[0] == pytest.approx(9.0)
    assert found.parts(0) == (PartMatch(R2, R2, 9.0),)
    assert scores_of([R1], [R2], matching(set()), tolerant=False).total[0] == -1


def test_eyes_and_fingers_add_up_and_eyes_may_be_swapped():
    right, left = Eye.RIGHT, Eye.LEFT
    straight = {(R1, R1), (right, right), (left, left)}
    crossed = {(R1, R1), (right, left), (left, right)}
    parts = [R1, right, left]
    plain = scores_of(parts, parts, matching(straight), tolerant=False)
    assert plain.total[0] > 20
    assert {part[:2] for part in plain.parts(0)} == straight
    found = scores_of(parts, parts, matching(crossed))
    assert found.findings(0) == (Finding.EYES_SWAPPED,)
    assert {part[:2] for part in found.parts(0)} == crossed
    assert found.total[0] > 20
    turned = {(R1, R2), (R2, R1), (right, left), (left, right)}
    both = scores_of([R1, R2, right, left], [R1, R2, right, left], matching(turned))
    assert both.findings(0) == (Finding.NEIGHBOURS_SWAPPED, Finding.EYES_SWAPPED)


@pytest.mark.parametrize("tolerant", [False, True])
@pytest.mark.parametrize(("mine", "its"), [([R2], [R2]), ([R2, L2], [R2, L2]),
    ([R2], FINGERS), (FINGERS[:4], FINGERS), (FINGERS, FINGERS),
    ([R2, L2, Eye.RIGHT, Eye.LEFT], [R2, L2, Eye.RIGHT, Eye.LEFT])])  # fmt: skip
def test_strangers_reach_no_score_too_often(mine, its, tolerant):
    """However many arrangements are tried, one in 10**s strangers at most reaches s."""
    random, rows = np.random.default_rng(9), 20_000
    found = scores_of(
        mine, its, lambda *_: -np.log10(random.uniform(size=rows)), rows=rows,
        tolerant=tolerant, correlation=0.0,
    )  # fmt: skip
    for threshold in (0.5, 1.0, 2.0, 3.0):
        expected = rows * 10**-threshold
        reached = (found.total >= threshold).sum()
        assert reached <= expected + 4.5 * expected**0.5
        if not tolerant:
            assert reached == pytest.approx(expected, abs=4.5 * expected**0.5)


def test_a_row_by_itself_is_scored_as_among_others():
    random, rows = np.random.default_rng(2), 60
    table = {}

    def score(probe, reference):
        high = np.where(np.arange(rows) % 3 == 0, 6.0 * (reference == mirrored(probe)), 0)
        return table.setdefault((probe, reference), high + random.exponential(0.6, rows))

    together = scores_of(FINGERS, FINGERS, score, rows=rows)
    for row in range(0, rows, 7):
        alone = scores_of(FINGERS, FINGERS, lambda *pair, row=row: table[pair][row])
        assert alone.total[0] == pytest.approx(together.total[row])
        assert alone.parts(0) == together.parts(row)
        assert alone.findings(0) == together.findings(row)
