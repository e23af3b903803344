# SPDX-License-Identifier: Apache-2.0
"""Weigh the cues of a pairing into one number."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["weigh"]


def weigh(cues: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return one number for each row of cues (`pairing.CUES`), larger for more alike.

    How much fits, in place, direction and neighbourhood, times the root of the share of the common
    area's minutiae that fit: many pairs count little where many more found no partner.
    """
    pairs, fit, likeness, _, common_a, common_b = cues.T
    common = np.sqrt(np.maximum(common_a, pairs) * np.maximum(common_b, pairs))
    weight: npt.NDArray[np.float64] = (fit + likeness) * np.sqrt(fit / np.maximum(common, 1.0))
    return weight
