# SPDX-License-Identifier: Apache-2.0
"""Turn the weighed number into the comparison score, -log10 of the false match rate.

Non-mated weights follow a logistic distribution closely, FMR(w) = 1 / (1 + exp((w - middle) /
width)), whose upper tail is exponential. Fitted by ``benchmarks/fit_calibration.py`` to FVC2002 and
FVC2004 DB1-4 set B: 23 040 non-mated pairs of eight sensors, minutiae of `fingerprint.extract`. The
scores of single sensors lie within about 1 of their true value at an FMR of 0.001; scores above
4 are an extrapolation of the tail.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["score_of"]

_MIDDLE = 0.69
_WIDTH = 0.60


def score_of(
    weight: npt.NDArray[np.float64], *, middle: float = _MIDDLE, width: float = _WIDTH
) -> npt.NDArray[np.float64]:
    """Return -log10(FMR) for weights of `scoring.weigh`; 0.0 where the weight is minus infinity."""
    score: npt.NDArray[np.float64] = np.logaddexp(0.0, (weight - middle) / width) / np.log(10.0)
    return score
