# SPDX-License-Identifier: Apache-2.0
"""How far error rates may be trusted: the same evaluation with other fingers, by resampling.

Scores of one finger's impressions depend on each other, so pairs cannot be drawn one by one: whole
fingers are drawn with replacement, as in the "subsets bootstrap" of Bolle, Ratha and Pankanti,
"Error analysis of pattern recognition systems: the subsets bootstrap", Computer Vision and Image
Understanding 93(1), 2004. A finger drawn c times counts its mated pairs c times, and fingers drawn
c and d times count the non-mated pairs between them c times d times. The pairs between two copies
of one finger are neither mated nor non-mated and are left out.

Ten fingers, as in the sets B of the Fingerprint Verification Competitions, are few: the intervals
are wide, and still somewhat too narrow.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ektp_hw.errors import EvaluationError
from ektp_hw.evaluation.rates import Rates

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy.typing as npt

    from ektp_hw.evaluation.protocol import Pairs

__all__ = ["interval", "resampled_rates"]


def resampled_rates(
    identities: Sequence[str],
    pairs: Pairs,
    mated: npt.NDArray[np.float64],
    nonmated: npt.NDArray[np.float64],
    *,
    rounds: int = 1000,
    seed: int = 0,
) -> Iterator[Rates]:
    """Yield the error rates of ``rounds`` drawings of as many fingers as there are.

    Parameters
    ----------
    identities
        Whose sample each index of ``pairs`` is.
    pairs
        The pairs compared.
    mated, nonmated
        Their scores, in the order of the pairs.
    seed
        The same seed draws the same fingers.

    Raises
    ------
    EvaluationError
        If there are fewer than two identities.
    """
    names, finger = np.unique(np.asarray(identities), return_inverse=True)
    if len(names) < 2:
        raise EvaluationError("fingers cannot be drawn again from fewer than two; add some")
    thresholds, level = np.unique(np.concatenate((mated, nonmated)), return_inverse=True)
    of_mated, of_nonmated = level[: len(mated)], level[len(mated) :]
    owner = finger[pairs.mated[:, 0]]
    one, other = finger[pairs.nonmated].T
    random = np.random.default_rng(seed)
    while rounds > 0:
        drawn = np.bincount(random.integers(len(names), size=len(names)), minlength=len(names))
        fnmr = _below(of_mated, drawn[owner], len(thresholds))
        missed = _below(of_nonmated, drawn[one] * drawn[other], len(thresholds))
        if fnmr is not None and missed is not None:
            yield Rates(np.append(thresholds, np.inf), 1.0 - missed, fnmr)
            rounds -= 1


def interval(figures: npt.ArrayLike, share: float = 0.9) -> tuple[float, float]:
    """Return the limits between which the middle ``share`` of the figures lies."""
    rest = (1.0 - share) / 2
    low, high = np.quantile(np.asarray(figures, np.float64), (rest, 1.0 - rest))
    return float(low), float(high)


def _below(
    level: npt.NDArray[np.int64], weights: npt.NDArray[np.int64], levels: int
) -> npt.NDArray[np.float64] | None:
    """Return the weighted share below each threshold and infinity; None if nothing was drawn."""
    counts = np.bincount(level, weights, levels)
    total = counts.sum()
    return np.append(0.0, np.cumsum(counts)) / total if total else None
