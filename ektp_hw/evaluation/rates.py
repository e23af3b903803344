# SPDX-License-Identifier: Apache-2.0
"""Error rates of a comparison from its mated and non-mated scores.

A threshold t accepts a pair whose score is t or more. The false match rate FMR(t) is the share of
non-mated pairs accepted, the false non-match rate FNMR(t) the share of mated pairs not accepted
(ISO/IEC 19795-1). Summary figures as in the Fingerprint Verification Competitions (Maio, Maltoni,
Cappelli, Wayman, Jain, "FVC2000: Fingerprint Verification Competition", IEEE PAMI 24(3), 2002,
section 4).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ektp_hw.errors import EvaluationError

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["Rates", "error_rates"]


@dataclass(frozen=True, eq=False)
class Rates:
    """The two error rates at every threshold where one of them changes.

    Parameters
    ----------
    thresholds
        Every score that occurs, rising, and infinity (accepts nobody) behind them; shape (n,).
    fmr, fnmr
        Shares 0 to 1 at each threshold; shape (n,).
    """

    thresholds: npt.NDArray[np.float64]
    fmr: npt.NDArray[np.float64]
    fnmr: npt.NDArray[np.float64]

    @property
    def eer(self) -> float:
        """Equal error rate: middle of the interval in which the two rates cross.

        With finite samples they rarely meet. Let t1 be the last threshold with FNMR <= FMR and t2
        the first one with FNMR >= FMR; of the two, the one with the smaller sum of its rates gives
        the interval.
        """
        before = int(np.flatnonzero(self.fnmr <= self.fmr)[-1])
        behind = int(np.flatnonzero(self.fnmr >= self.fmr)[0])
        sums = self.fmr + self.fnmr
        return float(sums[before if sums[before] <= sums[behind] else behind] / 2)

    def fnmr_at(self, fmr: float) -> float:
        """Return the lowest FNMR of the thresholds whose FMR is at most ``fmr``."""
        return float(self.fnmr[np.flatnonzero(self.fmr <= fmr)[0]])

    @property
    def fmr100(self) -> float:
        """FNMR when at most one non-mated pair in 100 is accepted."""
        return self.fnmr_at(1 / 100)

    @property
    def fmr1000(self) -> float:
        """FNMR when at most one non-mated pair in 1000 is accepted."""
        return self.fnmr_at(1 / 1000)

    @property
    def fmr10000(self) -> float:
        """FNMR when at most one non-mated pair in 10 000 is accepted."""
        return self.fnmr_at(1 / 10_000)

    @property
    def zero_fmr(self) -> float:
        """FNMR when no non-mated pair of these is accepted."""
        return self.fnmr_at(0.0)


def error_rates(mated: npt.ArrayLike, nonmated: npt.ArrayLike) -> Rates:
    """Return the error rates over all thresholds.

    Parameters
    ----------
    mated, nonmated
        Comparison scores, higher is more alike; at least one of each.

    Raises
    ------
    EvaluationError
        If one of them is empty or holds NaN.
    """
    alike = np.sort(np.asarray(mated, np.float64).ravel())
    different = np.sort(np.asarray(nonmated, np.float64).ravel())
    for name, scores in (("mated", alike), ("non-mated", different)):
        if not len(scores):
            raise EvaluationError(f"there are no {name} scores; both kinds are needed")
        if np.isnan(scores).any():
            raise EvaluationError(f"a {name} score is no number; look into the comparison")
    thresholds = np.append(np.unique(np.concatenate((alike, different))), np.inf)
    accepted = len(different) - np.searchsorted(different, thresholds, side="left")
    return Rates(
        thresholds,
        accepted / len(different),
        np.searchsorted(alike, thresholds, side="left") / len(alike),
    )
