# SPDX-License-Identifier: Apache-2.0
"""Smooth noise of unit variance, the raw material of everything that is uneven."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["smooth_noise", "smoothed"]

_COARSE = 4.0
"""Beyond this sigma the noise is drawn on a coarser grid, which looks the same and costs less."""


def smoothed(picture: npt.NDArray[np.float32], sigma: float) -> npt.NDArray[np.float32]:
    """Blur with a Gaussian; a sigma of 0 leaves the picture as it is."""
    if sigma <= 0:
        return picture
    return np.asarray(cv2.GaussianBlur(picture, (0, 0), sigma), np.float32)


def smooth_noise(
    rng: np.random.Generator, shape: tuple[int, int], sigma: float
) -> npt.NDArray[np.float32]:
    """Return Gaussian noise blurred with sigma (in points), mean 0 and standard deviation 1."""
    step = max(1, int(sigma / _COARSE))
    coarse = (shape[0] // step + 2, shape[1] // step + 2)
    field = smoothed(rng.standard_normal(coarse, dtype=np.float32), sigma / step)
    if step > 1:
        size = (coarse[1] * step, coarse[0] * step)
        field = np.asarray(cv2.resize(field, size, interpolation=cv2.INTER_CUBIC), np.float32)
    field = field[: shape[0], : shape[1]]
    return np.ascontiguousarray((field - field.mean()) / field.std())
