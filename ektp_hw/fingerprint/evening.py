# SPDX-License-Identifier: Apache-2.0
"""What the network looks at: the picture with the same brightness and contrast everywhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["evened"]

_CELL = 4
"""Means are taken over so many pixels each way first: they change slowly, and it is 16 x faster."""
_SIGMA = 16.0
"""Of the surroundings in pixels at 500 ppi, not quite two ridges to each side."""
_MIDDLE, _SCALE = 128.0, 52.0
"""Grey value of the local mean, and of one local deviation from it."""
_LEAST_DEVIATION = 6.0
"""Grey levels added to the local deviation, so that a flat ground stays flat."""


def evened(pixels: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Return the picture with local mean 128 and a local deviation of nearly 52.

    Parameters
    ----------
    pixels
        Grey values at 500 ppi, (height, width), sides of 4 or more.
    """
    height, width = pixels.shape
    size = (-(-width // _CELL), -(-height // _CELL))
    picture = pixels.astype(np.float32)
    mean = _surroundings(picture, size, (width, height))
    picture -= mean
    variance = _surroundings(picture * picture, size, (width, height))
    picture /= np.sqrt(np.maximum(variance, 0)) + np.float32(_LEAST_DEVIATION)
    picture *= np.float32(_SCALE)
    picture += np.float32(_MIDDLE)
    return np.asarray(np.clip(np.rint(picture), 0, 255), np.uint8)


def _surroundings(
    picture: npt.NDArray[np.float32], coarse: tuple[int, int], full: tuple[int, int]
) -> npt.NDArray[np.float32]:
    small = cv2.resize(picture, coarse, interpolation=cv2.INTER_AREA)
    sigma = _SIGMA / _CELL
    smooth = cv2.GaussianBlur(small, (0, 0), sigma, borderType=cv2.BORDER_REFLECT_101)
    return np.asarray(cv2.resize(smooth, full, interpolation=cv2.INTER_LINEAR), np.float32)
