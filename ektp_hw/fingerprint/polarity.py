# SPDX-License-Identifier: Apache-2.0
"""Step 4, second half: whether the ridges are white, as some scanners and programs show them.

Valleys do not touch the platen, and neither does the ground beside the finger: both have the same
grey. A ground as dark as the darkest part of the finger therefore means white ridges.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from ektp_hw.fingerprint.parameters import CELL, DARK_GROUND, POLARITY_MARGIN, POLARITY_SAMPLES

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["ridges_are_white"]


def ridges_are_white(
    canvas: npt.NDArray[np.float32] | npt.NDArray[np.uint8], mask: npt.NDArray[np.bool_]
) -> bool:
    """Tell whether the ground around the foreground (one truth value a cell) is dark like valleys.

    The answer is no without enough of either, and where the ground's grey is neither: dark ridges
    are the rule.
    """
    window = np.ones((POLARITY_MARGIN, POLARITY_MARGIN), np.uint8)
    cells = mask.astype(np.uint8)
    # One pixel of every fourth cell is sample enough; the border between both tells nothing.
    grey = canvas[CELL // 2 :: CELL, CELL // 2 :: CELL]
    finger = grey[cv2.erode(cells, window) == 1][::4]
    ground = grey[cv2.dilate(cells, window) == 0][::4]
    if min(finger.size, ground.size) < POLARITY_SAMPLES:
        return False
    darkest, lightest = np.percentile(finger, (10, 90))
    return bool(np.median(ground) < darkest + DARK_GROUND * (lightest - darkest))
