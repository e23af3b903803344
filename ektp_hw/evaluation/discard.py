# SPDX-License-Identifier: Apache-2.0
"""Does quality predict errors: false non-matches left when the worst prints are discarded.

The error-versus-discard curve of Grother and Tabassi, "Performance of Biometric Quality Measures",
IEEE PAMI 29(4), 2007: the threshold stays where it is, the mated pairs of lowest quality go, and
the FNMR of the others should fall. A pair is as good as the worse of its two prints.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ektp_hw.errors import EktpError, EvaluationError
from ektp_hw.evaluation.protocol import pairs_of, samples_in
from ektp_hw.records.picture import PICTURE_SUFFIXES, read_fingerprint_image

if TYPE_CHECKING:
    import os

    import numpy.typing as npt

    from ektp_hw.evaluation.fingerprints import Report

__all__ = ["DiscardCurve", "discard_of_prints", "error_versus_discard", "pair_quality"]


@dataclass(frozen=True, eq=False)
class DiscardCurve:
    """FNMR at one threshold against the share of mated pairs discarded.

    Parameters
    ----------
    discarded
        Shares 0 to below 1, rising, first 0; shape (n,).
    fnmr
        False non-match rate of the pairs that are left; shape (n,).
    threshold
        Comparison score from which a pair is accepted, for every point of the curve.
    """

    discarded: npt.NDArray[np.float64]
    fnmr: npt.NDArray[np.float64]
    threshold: float

    def fnmr_at(self, share: float) -> float:
        """Return the FNMR after at most this share of the pairs was discarded."""
        return float(self.fnmr[np.flatnonzero(self.discarded <= share)[-1]])


def pair_quality(quality: npt.ArrayLike, pairs: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """Return the lower quality of each pair of samples; ``pairs`` are indices, shape (n, 2)."""
    return np.asarray(np.asarray(quality, np.float64)[pairs].min(axis=1), np.float64)


def error_versus_discard(
    scores: npt.ArrayLike, quality: npt.ArrayLike, threshold: float
) -> DiscardCurve:
    """Return the curve; pairs of equal quality are discarded together.

    Parameters
    ----------
    scores, quality
        Comparison score and quality of each mated pair, shape (n,), n from 1.
    threshold
        Pairs that score less are false non-matches.

    Raises
    ------
    EvaluationError
        If there is no pair, the two differ in length, or a quality is NaN.
    """
    missed = np.asarray(scores, np.float64) < threshold
    worth = np.asarray(quality, np.float64)
    if missed.ndim != 1 or missed.shape != worth.shape or not missed.size:
        raise EvaluationError(
            "each mated pair needs one score and one quality, and one pair must be"
        )
    if np.isnan(worth).any():
        raise EvaluationError("a quality is no number; look into the assessment")
    order = np.argsort(worth, kind="stable")
    first = np.flatnonzero(np.diff(worth[order], prepend=-np.inf))
    left = np.cumsum(missed[order][::-1])[::-1]
    count = len(order)
    return DiscardCurve(first / count, left[first] / (count - first), threshold)


def discard_of_prints(
    directory: str | os.PathLike[str], report: Report, fmr: float = 1e-3
) -> DiscardCurve:
    """Return the curve of a folder of prints that was evaluated, by our own quality score.

    Parameters
    ----------
    directory, report
        The folder, and what `ektp_hw.evaluation.evaluate_fingerprints` measured on it.
    fmr
        The threshold is the lowest at which no larger share of the non-mated pairs is accepted.

    Raises
    ------
    EvaluationError
        If the folder holds other prints than those of the report.
    """
    files = samples_in(Path(directory), PICTURE_SUFFIXES)
    quality = [_quality(path) for path in files]
    mated = pairs_of(files, "first").mated
    threshold = float(report.rates.thresholds[np.flatnonzero(report.rates.fmr <= fmr)[0]])
    return error_versus_discard(report.mated_scores, pair_quality(quality, mated), threshold)


def _quality(path: Path) -> int:
    """Return a print's score; what cannot be read is of no use, and has 0."""
    from ektp_hw import fingerprint

    try:
        return fingerprint.assess_quality(read_fingerprint_image(path)).score
    except EktpError:
        return 0
