# SPDX-License-Identifier: Apache-2.0
"""What a score means in a gallery of so many people, and what to do about it.

A person's score s says that two different people reach it once in ``10**s``. Against N enrolled
people a newcomer who is none of them so has a false candidate of that score with probability

    FPIR = 1 - (1 - 10**-s)**N

(false positive identification rate, ISO/IEC 19795-1:2021). Two limits part three outcomes:

duplicate
    FPIR is at most the wanted one: no person need look.
to be adjudicated
    Below that, as long as looking is worth it: a missed duplicate costs `Policy.miss_cost` looks,
    so a look is worth it where the candidate is the same person with a probability of
    1 / miss_cost or more. By Bayes' rule the odds of that are
    ``duplicates * mated_density : N * ln 10 * 10**-s``.
unique
    Otherwise.

Both limits rise by 1 for ten times the people.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ektp_hw.gallery.fusion import Candidate

__all__ = ["Decision", "Limits", "Outcome", "Policy", "decide", "false_alarm"]


class Outcome(StrEnum):
    """What becomes of a newcomer."""

    UNIQUE = "unique"
    ADJUDICATE = "adjudicate"
    DUPLICATE = "duplicate"


@dataclass(frozen=True)
class Policy:
    """What false alarms and misses may cost.

    Raises
    ------
    ValueError
        If a rate is not between 0 and 1, or a miss costs no more than a look.
    """

    fpir: float = 1e-4
    """Wanted probability that a newcomer who is not enrolled is called a duplicate."""
    miss_cost: float = 1000.0
    """How many people's looks at a pair it is worth to find one more duplicate."""
    duplicates: float = 1e-3
    """Share of newcomers who are enrolled already; one in a thousand unless counted."""
    mated_density: float = 0.002
    """Share of people whose two enrolments score within one unit of s, near the limits. Two
    fingers of FVC2002 and FVC2004 score 4 to 10 in 2.4 percent (`fusion_statistics.py`): 0.004 a
    unit; careful recordings less."""

    def __post_init__(self) -> None:
        rates = {name: getattr(self, name) for name in ("fpir", "duplicates", "mated_density")}
        for name, rate in rates.items():
            if not 0.0 < rate < 1.0:
                raise ValueError(f"{name} is a rate between 0 and 1, not {rate}")
        if not self.miss_cost > 1.0:
            raise ValueError(f"a miss costs more than one look, not {self.miss_cost}")

    def limits(self, people: int) -> Limits:
        """Return the least scores in a gallery of so many people."""
        people = max(people, 1)
        duplicate = -math.log10(-math.expm1(math.log1p(-self.fpir) / people))
        strangers = people * math.log(10.0) * (1.0 / (self.miss_cost - 1.0))
        worth = max(math.log10(strangers / (self.duplicates * self.mated_density)), 0.0)
        # Odds of 1 : (miss_cost - 1) are a probability of 1 / miss_cost.
        return Limits(duplicate, min(worth, duplicate))


@dataclass(frozen=True)
class Limits:
    """The least score of a duplicate, and of one to be adjudicated."""

    duplicate: float
    adjudicate: float

    def outcome(self, score: float) -> Outcome:
        """Return what a person's score means."""
        if score >= self.duplicate:
            return Outcome.DUPLICATE
        return Outcome.ADJUDICATE if score >= self.adjudicate else Outcome.UNIQUE


@dataclass(frozen=True)
class Decision:
    """What a search came to.

    Parameters
    ----------
    outcome
        Of the best candidate.
    false_alarm
        FPIR at its score: the probability that somebody who is not enrolled has such a candidate;
        1.0 without any.
    candidates
        Those at or above the limit for adjudication, the best first; their `Candidate.parts` say
        what matched, `Candidate.findings` what is odd about it.
    limits
        What was decided by.
    """

    outcome: Outcome
    false_alarm: float
    candidates: tuple[Candidate, ...]
    limits: Limits


def false_alarm(score: float, people: int) -> float:
    """Return FPIR: how likely a stranger to all of so many people has a candidate of this score."""
    rate = min(10.0**-score, 1.0)
    return -float(np.expm1(people * math.log1p(-rate))) if rate < 1.0 else float(people > 0)


def decide(candidates: Sequence[Candidate], people: int, policy: Policy | None = None) -> Decision:
    """Return what a search for a newcomer came to.

    Parameters
    ----------
    candidates
        As `Gallery.search` returns them.
    people
        How many were searched (`GalleryInfo.people`).
    policy
        `Policy()` unless given.
    """
    limits = (policy or Policy()).limits(people)
    best = max((each.score for each in candidates), default=0.0)
    return Decision(
        limits.outcome(best) if candidates else Outcome.UNIQUE,
        false_alarm(best, people) if candidates else 1.0,
        tuple(
            sorted(
                (each for each in candidates if each.score >= limits.adjudicate),
                key=lambda each: -each.score,
            )
        ),
        limits,
    )
