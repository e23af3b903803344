# SPDX-License-Identifier: Apache-2.0
"""Weigh the cues of a comparison into one number.

The weights of ridge flow and ridge period were learned by ``benchmarks/fit_scoring.py`` (logistic
regression, mated against non-mated pairs, every set counting the same), which also judges them with
each set left out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["evidence", "weigh"]

_BURDEN = 0.05
"""What each minutia of the common area costs: more of them find more partners by chance."""
_PRIOR_CELLS = 4.0
"""Cells of usual flow that every two impressions start with: little overlap tells little."""
_USUAL_AGREEMENT = 0.8
"""Agreement of flow that speaks neither for nor against."""
_USUAL_GAP = 0.08
"""Gap of periods that speaks neither for nor against."""
_FLOW = 1.6
_PERIOD = 3.2
"""What a unit of agreement or gap weighs against one of minutiae."""
_ALONE = (1.1, -0.35)
"""Slope and offset that bring the evidence of minutiae alone to the same false match rates."""


def evidence(
    cues: npt.NDArray[np.float64],
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return what minutiae, flow and period say, for each row of cues (`comparison.CUES`).

    Minutiae: how much fits, in place, direction and neighbourhood, times the share of the common
    area's minutiae that fit to the power of 3/4: many pairs count little where many more found no
    partner; times the share of the pairs that chance does not explain: where minutiae lie as thick
    as on a smeared print, every one finds a partner. Minus infinity where nothing was paired. Roots
    are taken instead of a power because they round the same on every machine. Flow and period: mean
    over the cells both show, less the usual; NaN where the flow is not known.
    """
    pairs, fit, likeness, common_a, common_b, chance, cells, agreement, gap = cues.T
    common = np.sqrt(np.maximum(common_a, pairs) * np.maximum(common_b, pairs))
    share = np.divide(fit, common, out=np.zeros_like(fit), where=common > 0.0)
    earned = np.maximum(1.0 - np.divide(chance, pairs, out=np.ones_like(pairs), where=pairs > 0), 0)
    weight = (fit + likeness) * np.sqrt(share * np.sqrt(share)) * earned - _BURDEN * common
    minutiae = np.where(pairs > 0.0, weight, -np.inf)
    seen = cells + _PRIOR_CELLS
    flow = (agreement - _USUAL_AGREEMENT * cells) / seen
    period = (gap - _USUAL_GAP * cells) / seen
    return minutiae, flow, period


def weigh(cues: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return one number for each row of cues (`comparison.CUES`), larger for more alike.

    Minus infinity where nothing was paired.
    """
    minutiae, flow, period = evidence(cues)
    slope, offset = _ALONE
    together = minutiae + _FLOW * flow - _PERIOD * period
    return np.where(np.isnan(together), slope * minutiae + offset, together)
