# SPDX-License-Identifier: Apache-2.0
"""Step 2: the same ridge contrast everywhere, whatever the pressure, moisture and sensor."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from ektp_hw.fingerprint.parameters import (
    CELL,
    CONTRAST_FLOOR,
    FLAT_RANGE,
    FLAT_SIDE,
    LEAST_CELLS,
    NORMALISE_SIGMA,
    NORMALISED_LIMIT,
)

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["blurred", "by_cell", "known", "levelled", "normalised", "on_whole_cells"]


def on_whole_cells(pixels: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    """Return the picture as float32, its right and lower edge repeated up to whole cells.

    At least `LEAST_CELLS` cells each way come back, so that every later window has a middle.
    """
    height, width = pixels.shape
    below, right = (max(-side % CELL, LEAST_CELLS * CELL - side) for side in (height, width))
    canvas = cv2.copyMakeBorder(pixels, 0, below, 0, right, cv2.BORDER_REPLICATE)
    return np.asarray(canvas, np.float32)


def known(canvas: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Return 1 where the sensor saw something and 0 where it gave one flat value.

    Flat is what lies beside a platen that is no rectangle, or where the sensor is saturated;
    taken for skin, its edge would be the strongest ridge of the picture.
    """
    window = np.ones((FLAT_SIDE, FLAT_SIDE), np.uint8)
    flat = cv2.dilate(canvas, window) - cv2.erode(canvas, window) <= FLAT_RANGE
    return np.asarray(1 - cv2.dilate(flat.astype(np.uint8), window), np.float32)


def levelled(
    canvas: npt.NDArray[np.float32], seen: npt.NDArray[np.float32]
) -> npt.NDArray[np.float32]:
    """Return how much darker each pixel is than its surroundings, in grey levels; 0 if not seen."""
    return np.asarray((_local_mean(canvas, seen) - canvas) * seen, np.float32)


def normalised(
    level: npt.NDArray[np.float32], seen: npt.NDArray[np.float32]
) -> npt.NDArray[np.float32]:
    """Return ridges positive and valleys negative, in local standard deviations."""
    variance = _local_mean(level * level, seen)
    contrast = np.maximum(np.sqrt(np.maximum(variance, 0)), CONTRAST_FLOOR)
    even = np.clip(level / contrast, -NORMALISED_LIMIT, NORMALISED_LIMIT)
    return np.asarray(even, np.float32)


def _local_mean(
    array: npt.NDArray[np.float32], seen: npt.NDArray[np.float32]
) -> npt.NDArray[np.float32]:
    """Return the mean of what is seen around; by cells, for it changes slowly."""
    height, width = array.shape
    sigma = NORMALISE_SIGMA / CELL
    weight = blurred(by_cell(seen), sigma)
    mean = blurred(by_cell(array * seen), sigma) / np.maximum(weight, np.float32(1e-3))
    return np.asarray(cv2.resize(mean, (width, height)), np.float32)


def by_cell(array: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Return the mean of every cell; the array's sides must be whole cells."""
    height, width = array.shape
    size = (width // CELL, height // CELL)
    return np.asarray(cv2.resize(array, size, interpolation=cv2.INTER_AREA), np.float32)


def blurred(array: npt.NDArray[np.float32], sigma: float) -> npt.NDArray[np.float32]:
    """Return the Gaussian mean of each value's surroundings, the border repeated outwards."""
    side = 2 * round(2.5 * sigma) + 1
    return np.asarray(
        cv2.GaussianBlur(array, (side, side), sigma, borderType=cv2.BORDER_REPLICATE), np.float32
    )
