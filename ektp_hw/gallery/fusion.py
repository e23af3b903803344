# SPDX-License-Identifier: Apache-2.0
"""From the scores of single fingers and eyes to one score of two people.

Every part's score is ``s = -log10(FMR)``, fingers and irises alike: of two different people's
comparisons one in ``10**s`` reaches s, so ``10**-s`` is a p-value and parts of any kind add up. The
sum of k scores is Fisher's statistic (R. A. Fisher, Statistical Methods for Research Workers, 1932,
section 21.1): by chance two people reach a sum S with probability
``10**-S * sum((S ln 10)**i / i!, i < k)``. A part that is missing on either side is left out.

Log-likelihood ratios, with a mated distribution for each quality (minutiae of the poorer print)
fitted to the very prints they were judged on, were tried in its place: at the same false match rate
they lose as many mates or a few more (``benchmarks/fusion_statistics.py``), because what makes a
mate fail, too little overlap or a smear, is not told by quality; and they would have to be fitted
to each sensor. The sum weighs by quality as a likelihood ratio does: good prints score higher.

Fingers of one person are not independent: who has many minutiae on one finger has them on the next,
and chance meets the same two people k times. `CORRELATION` is what is reckoned with; k parts that
correlate by r (their normal scores, all alike) hold at least k / (1 + (k - 1) r) independent
ones' evidence, so the score is divided by 1 + (k - 1) r.

The person's score lies on the scale of the single part's: 4.0 means that at most one pair of
different people in 10 000 scores as high, however many fingers they share; with one finger it is
that finger's score. Which part is compared with which: `ektp_hw.gallery.arrangement`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

import numpy as np

from ektp_hw.samples import Eye, FingerPosition

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = [
    "CORRELATION",
    "Candidate",
    "DuplicatePair",
    "Finding",
    "Part",
    "PartMatch",
    "person_score",
]

Part: TypeAlias = FingerPosition | Eye

CORRELATION = 0.05
"""Of the normal scores of different fingers of the same two strangers. Measured: 0.03 on average
and 0.07 at most among 11 175 pairs of synthetic people with ten fingers of templates, none among
1 770 pairs of people with drawn fingers; real people's may be a little more alike than ours."""


class Finding(StrEnum):
    """What is odd about how two people's parts match; each a sentence for people to read."""

    HANDS_SWAPPED = "the fingers match those of the other hand: left and right were swapped"
    NEIGHBOURS_SWAPPED = "two neighbouring fingers were swapped"
    MISLABELLED = "the fingers match under other names: they were mislabelled"
    EYES_SWAPPED = "each eye matches the other one: left and right were swapped"


class PartMatch(NamedTuple):
    """One comparison that counted: whose part against whose, and its score."""

    probe: Part
    reference: Part
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
        ``N * 10**-score`` false candidates of this score or more (`ektp_hw.gallery.decision`).
    parts
        The comparisons behind it, by probe position.
    findings
        What is odd about them; empty where every part matched the one of its own name.
    """

    id: str
    score: float
    parts: tuple[PartMatch, ...]
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True)
class DuplicatePair:
    """Two enrolled identifiers that may be one person.

    Parameters
    ----------
    a, b
        Identifiers; ``a`` was enrolled before ``b``.
    score, parts, findings
        As in `Candidate`; ``b`` is the probe.
    """

    a: str
    b: str
    score: float
    parts: tuple[PartMatch, ...]
    findings: tuple[Finding, ...] = ()


def person_score(
    total: npt.NDArray[np.float64],
    parts: npt.NDArray[np.int64],
    *,
    correlation: float = CORRELATION,
) -> npt.NDArray[np.float64]:
    """Return the people's scores from their sums of parts' scores and numbers of parts.

    Parameters
    ----------
    total
        Sums of -log10 FMR, shape (n,).
    parts
        How many scores each sum holds, shape (n,); 0 gives -1: nothing was comparable.
    correlation
        Of parts of the same two strangers, 0 to 1.
    """
    natural = total * np.log(10.0)
    term = np.ones_like(total)
    tail = np.zeros_like(total)
    for i in range(int(parts.max(initial=0))):
        tail = np.where(i < parts, tail + term, tail)
        term = term * natural / (i + 1)
    independent = np.maximum(total - np.log10(np.maximum(tail, 1.0)), 0.0)
    score = independent / (1.0 + np.maximum(parts - 1, 0) * correlation)
    return np.where(parts > 0, score, -1.0)
