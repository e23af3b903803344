# SPDX-License-Identifier: Apache-2.0
"""Many workers' answers put together into the one that a single gallery would give."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ektp_hw.gallery.fusion import Candidate, DuplicatePair

__all__ = ["FoundPair", "Ranked", "merge"]


class Ranked(NamedTuple):
    """A candidate and the enrolment number that decides between equal scores."""

    seq: int
    candidate: Candidate


class FoundPair(NamedTuple):
    """A pair of people and their enrolment numbers, the lower one first."""

    seq_a: int
    seq_b: int
    pair: DuplicatePair


def merge(answers: Iterable[Iterable[Ranked]], limit: int) -> list[Ranked]:
    """Return the best of all, each person once, whoever answered twice.

    Of equal scores the one enrolled first comes first, as in one gallery.
    """
    people = {each.seq: each for answer in answers for each in answer}
    return sorted(people.values(), key=lambda each: (-each.candidate.score, each.seq))[:limit]
