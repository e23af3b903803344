# SPDX-License-Identifier: Apache-2.0
"""Weigh the cues of a pairing into one number."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["weigh"]

_BURDEN = 0.05
"""What each minutia of the common area costs: more of them find more partners by chance."""


def weigh(cues: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return one number for each row of cues (`pairing.CUES`), larger for more alike.

    How much fits, in place, direction and neighbourhood, times the share of the common area's
    minutiae that fit to the power of 3/4: many pairs count little where many more found no partner.
    Minus infinity where nothing was paired. Roots are taken instead of a power because they round
    the same on every machine.
    """
    pairs, fit, likeness, common_a, common_b = cues.T
    common = np.sqrt(np.maximum(common_a, pairs) * np.maximum(common_b, pairs))
    share = np.divide(fit, common, out=np.zeros_like(fit), where=common > 0.0)
    weight = (fit + likeness) * np.sqrt(share * np.sqrt(share)) - _BURDEN * common
    return np.where(pairs > 0.0, weight, -np.inf)
