# SPDX-License-Identifier: Apache-2.0
"""Step 3: which way the ridges run, as a field of doubled angles, one a cell.

Doubling the angle makes the two ends of an orientation the same direction, so that it can be
averaged (Kass and Witkin 1987; Bazen and Gerez 2002). Angles are in picture coordinates, y
downwards, along the ridge.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from ektp_hw.fingerprint.normalisation import blurred, by_cell
from ektp_hw.fingerprint.parameters import (
    CELL,
    GRADIENT_SIGMA,
    ORIENTATION_SIGMA,
    ORIENTATION_WIDE_SIGMA,
    REFINED_SIGMA,
)

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = [
    "OrientationField",
    "StructureTensor",
    "orientation_field",
    "refined_field",
    "structure_tensor",
]

_TINY = np.float32(1e-6)


@dataclass(frozen=True)
class StructureTensor:
    """Products of the gradient, averaged over each cell; all (rows, columns) float32.

    Parameters
    ----------
    difference, cross
        Mean of gx² - gy² and of 2 gx gy: the doubled angle of the gradient, by its strength.
    energy
        Mean of gx² + gy².
    """

    difference: npt.NDArray[np.float32]
    cross: npt.NDArray[np.float32]
    energy: npt.NDArray[np.float32]

    def averaged(self, sigma: float) -> StructureTensor:
        """Return the tensor over a Gaussian window of ``sigma`` pixels."""
        cells = sigma / CELL
        return StructureTensor(
            blurred(self.difference, cells), blurred(self.cross, cells), blurred(self.energy, cells)
        )

    @property
    def coherence(self) -> npt.NDArray[np.float32]:
        """How far the gradients agree: 0 (every way) to 1 (all along one line)."""
        length = np.hypot(self.difference, self.cross)
        return np.asarray(length / (self.energy + _TINY), np.float32)


@dataclass(frozen=True)
class OrientationField:
    """One ridge orientation a cell; all (rows, columns) float32.

    Parameters
    ----------
    cosine, sine
        Of twice the angle along the ridge.
    coherence
        0 to 1, over the window of the fine orientation.
    """

    cosine: npt.NDArray[np.float32]
    sine: npt.NDArray[np.float32]
    coherence: npt.NDArray[np.float32]

    @property
    def angle(self) -> npt.NDArray[np.float32]:
        """Along the ridge, radians in (-pi/2, pi/2], y downwards."""
        return np.asarray(0.5 * np.arctan2(self.sine, self.cosine), np.float32)


def structure_tensor(picture: npt.NDArray[np.float32]) -> StructureTensor:
    """Return the gradient's products, averaged over cells; sides must be whole cells."""
    smooth = blurred(picture, GRADIENT_SIGMA)
    gx = cv2.Scharr(smooth, cv2.CV_32F, 1, 0, scale=1 / 32, borderType=cv2.BORDER_REPLICATE)
    gy = cv2.Scharr(smooth, cv2.CV_32F, 0, 1, scale=1 / 32, borderType=cv2.BORDER_REPLICATE)
    xx, yy = by_cell(gx * gx), by_cell(gy * gy)
    return StructureTensor(xx - yy, by_cell(2 * gx * gy), xx + yy)


def orientation_field(tensor: StructureTensor) -> OrientationField:
    """Return the field: the fine window's where it is coherent, the wide one's where it is not."""
    fine, wide = tensor.averaged(ORIENTATION_SIGMA), tensor.averaged(ORIENTATION_WIDE_SIGMA)
    doubt = 1 - fine.coherence
    return _field(
        fine.difference / (fine.energy + _TINY) + doubt * wide.difference / (wide.energy + _TINY),
        fine.cross / (fine.energy + _TINY) + doubt * wide.cross / (wide.energy + _TINY),
        fine.coherence,
    )


def refined_field(tensor: StructureTensor) -> OrientationField:
    """Return the field of an enhanced picture, which one small window tells."""
    fine = tensor.averaged(REFINED_SIGMA)
    return _field(fine.difference, fine.cross, fine.coherence)


def _field(
    difference: npt.NDArray[np.float32],
    cross: npt.NDArray[np.float32],
    coherence: npt.NDArray[np.float32],
) -> OrientationField:
    length = np.hypot(difference, cross)
    flat = length < _TINY
    length[flat] = 1
    # The ridge runs across the gradient: half a turn in doubled angles.
    cosine = np.where(flat, 1, -difference / length)
    return OrientationField(
        np.asarray(cosine, np.float32), np.asarray(-cross / length, np.float32), coherence
    )
