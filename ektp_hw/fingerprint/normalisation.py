# SPDX-License-Identifier: Apache-2.0
"""Step 2: the same ridge contrast everywhere, whatever the pressure, moisture and sensor."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from ektp_hw.fingerprint.parameters import (
    CELL,
    CONTRAST_FLOOR,
    LEAST_CELLS,
    NORMALISE_SIGMA,
    NORMALISED_LIMIT,
)

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["blurred", "normalised", "on_whole_cells"]


def on_whole_cells(pixels: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    """Return the picture as float32, its right and lower edge repeated up to whole cells.

    At least `LEAST_CELLS` cells each way come back, so that every later window has a middle.
    """
    height, width = pixels.shape
    below, right = (max(-side % CELL, LEAST_CELLS * CELL - side) for side in (height, width))
    canvas = cv2.copyMakeBorder(pixels, 0, below, 0, right, cv2.BORDER_REPLICATE)
    return np.asarray(canvas, np.float32)


def normalised(canvas: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Return ridges positive and valleys negative, in local standard deviations."""
    height, width = canvas.shape
    cells = (width // CELL, height // CELL)
    # Mean and contrast change slowly: measured by cells, interpolated between them.
    mean = cv2.resize(_by_cell_blurred(canvas, cells), (width, height))
    deviation = np.asarray(mean - canvas, np.float32)
    variance = _by_cell_blurred(deviation * deviation, cells)
    contrast = cv2.resize(np.maximum(np.sqrt(variance), CONTRAST_FLOOR), (width, height))
    even = np.clip(deviation / contrast, -NORMALISED_LIMIT, NORMALISED_LIMIT)
    return np.asarray(even, np.float32)


def _by_cell_blurred(
    array: npt.NDArray[np.float32], cells: tuple[int, int]
) -> npt.NDArray[np.float32]:
    coarse = cv2.resize(array, cells, interpolation=cv2.INTER_AREA)
    return blurred(np.asarray(coarse, np.float32), NORMALISE_SIGMA / CELL)


def blurred(array: npt.NDArray[np.float32], sigma: float) -> npt.NDArray[np.float32]:
    """Return the Gaussian mean of each value's surroundings, the border repeated outwards."""
    side = 2 * round(2.5 * sigma) + 1
    return np.asarray(
        cv2.GaussianBlur(array, (side, side), sigma, borderType=cv2.BORDER_REPLICATE), np.float32
    )
