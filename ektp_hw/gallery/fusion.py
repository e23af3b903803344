# SPDX-License-Identifier: Apache-2.0
"""From the scores of single fingers to one score of two people.

Which fingers are compared: those of the same position. A finger of unknown position (and a
template without a person is one) is compared with every finger of the other person that has no
counterpart; of those comparisons the best one counts, less log10 of their number, since the best
of m tries reaches a score m times as often as one try (Bonferroni's bound).

How they are put together: a finger's score is ``s = -log10(FMR)``, so under the hypothesis of two
different people, with independent fingers, ``10**-s`` is a uniform p-value. The sum of the scores
of k fingers is then Fisher's statistic (R. A. Fisher, Statistical Methods for Research Workers,
1932, section 21.1): for k tests with nothing else known about the mated distribution it is the
log-likelihood-like choice. Two people reach a sum S by chance with probability
``10**-S * sum((S ln 10)**i / i!, i < k)``, and minus its log10 is the person's score. It lies on
the scale of the single finger's: 4.0 means that one pair of different people in 10 000 scores as
high, however many fingers they share; with one finger it is that finger's score.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    from ektp_hw.samples import FingerPosition

__all__ = ["Candidate", "DuplicatePair", "PartMatch", "person_score"]


class PartMatch(NamedTuple):
    """One comparison that counted: whose finger against whose, and its score."""

    probe: FingerPosition
    reference: FingerPosition
    score: float


@dataclass(frozen=True)
class Candidate:
    """One enrolled person who may be the one searched for.

    Parameters
    ----------
    id
        The identifier given at enrolment.
    score
        -log10 of the rate at which two different people score as high. Searching N people, expect
        ``N * 10**-score`` false candidates of this score or more.
    parts
        The comparisons behind it, by probe position.
    """

    id: str
    score: float
    parts: tuple[PartMatch, ...]


@dataclass(frozen=True)
class DuplicatePair:
    """Two enrolled identifiers that may be one person.

    Parameters
    ----------
    a, b
        Identifiers; ``a`` was enrolled before ``b``.
    score, parts
        As in `Candidate`; ``b`` is the probe.
    """

    a: str
    b: str
    score: float
    parts: tuple[PartMatch, ...]


def person_score(
    total: npt.NDArray[np.float64], fingers: npt.NDArray[np.int64]
) -> npt.NDArray[np.float64]:
    """Return the people's scores from their sums of finger scores and numbers of fingers.

    Parameters
    ----------
    total
        Sums of -log10 FMR, shape (n,).
    fingers
        How many scores each sum holds, shape (n,); 0 gives -1: nothing was comparable.
    """
    natural = total * np.log(10.0)
    term = np.ones_like(total)
    tail = np.zeros_like(total)
    for i in range(int(fingers.max(initial=0))):
        tail = np.where(i < fingers, tail + term, tail)
        term = term * natural / (i + 1)
    score = np.maximum(total - np.log10(np.maximum(tail, 1.0)), 0.0)
    return np.where(fingers > 0, score, -1.0)
