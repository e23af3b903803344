# SPDX-License-Identifier: Apache-2.0
"""Many workers' answers put together into the one that a single gallery would give."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ektp_hw.gallery.fusion import Finding, PartMatch

__all__ = ["FoundPair", "Ranked", "merge"]


class Ranked(NamedTuple):
    """A candidate by the enrolment number, which decides between equal scores."""

    seq: int
    score: float
    parts: tuple[PartMatch, ...]
    findings: tuple[Finding, ...]


class FoundPair(NamedTuple):
    """Two people by their enrolment numbers, the lower one first; the rest as `DuplicatePair`."""

    seq_a: int
    seq_b: int
    score: float
    parts: tuple[PartMatch, ...]
    findings: tuple[Finding, ...]


def merge(answers: Iterable[Iterable[Ranked]], limit: int) -> list[Ranked]:
    """Return the best of all, each person once, whoever answered twice.

    Of equal scores the one enrolled first comes first, as in one gallery.
    """
    people = {each.seq: each for answer in answers for each in answer}
    return sorted(people.values(), key=lambda each: (-each.score, each.seq))[:limit]
