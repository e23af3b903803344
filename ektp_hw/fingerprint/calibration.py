# SPDX-License-Identifier: Apache-2.0
"""Turn the weighed number into the comparison score, -log10 of the false match rate.

Non-mated weights follow a logistic distribution closely, FMR(w) = 1 / (1 + exp((w - middle) /
width)), whose upper tail is exponential. Fitted by ``benchmarks/fit_calibration.py``, with minutiae
of the learned extractor, to FVC2002 and FVC2004 DB1-4 set B (eight sensors, 23 040 non-mated pairs)
and to four samples of 110 synthetic people showing the same finger (23 980 pairs), each sample
counting the same. Real people are more various than synthetic ones, so on real sensors the score
errs on the careful side: an FMR of 0.001 is reached at 1.9 to 2.7 there, and at 3.1 to 3.9 among
synthetic same-finger strangers. On 179 136 pairs of prints from different real sensors, which the
fit has not seen, an FMR of 1e-3 is reached at 2.3, 1e-4 at 2.9 and 1e-5 at 3.6 (with minutiae of
the classical extractor at 2.2, 2.8 and 3.1); beyond that the score is the extrapolation of the
tail.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["score_of"]

_MIDDLE = -0.64
_WIDTH = 0.614


def score_of(
    weight: npt.NDArray[np.float64], *, middle: float = _MIDDLE, width: float = _WIDTH
) -> npt.NDArray[np.float64]:
    """Return -log10(FMR) for weights of `scoring.weigh`; 0.0 where the weight is minus infinity."""
    score: npt.NDArray[np.float64] = np.logaddexp(0.0, (weight - middle) / width) / np.log(10.0)
    return score
