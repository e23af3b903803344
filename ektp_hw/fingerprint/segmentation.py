# SPDX-License-Identifier: Apache-2.0
"""Step 4: which cells show ridges of the finger, and which ground, dirt or the platen's edge."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from ektp_hw.fingerprint.normalisation import blurred, by_cell
from ektp_hw.fingerprint.parameters import (
    BAND_COARSE_SIGMA,
    BAND_FINE_SIGMA,
    CELL,
    ENERGY_FRACTION,
    ENERGY_SIGMA,
    MASK_CLOSE,
    MASK_OPEN,
    MIN_AMPLITUDE,
    MIN_COHERENCE,
    MIN_REGION_AREA,
    MIN_REGION_CELLS,
)

if TYPE_CHECKING:
    import numpy.typing as npt

    from ektp_hw.fingerprint.orientation import StructureTensor

__all__ = ["foreground", "tidied"]


def foreground(
    level: npt.NDArray[np.float32], seen: npt.NDArray[np.float32], tensor: StructureTensor
) -> npt.NDArray[np.bool_]:
    """Return one truth value a cell: seen, strong in the ridge band, and running one way.

    The picture's own strongest ridges set the measure, so that pale sensors and pale prints are
    treated like dark ones.
    """
    height, width = level.shape
    # By cells, for it changes slowly.
    coarse = cv2.resize(blurred(by_cell(level), BAND_COARSE_SIGMA / CELL), (width, height))
    band = np.asarray(blurred(level, BAND_FINE_SIGMA) - coarse, np.float32)
    amplitude = np.sqrt(blurred(by_cell(band * band), ENERGY_SIGMA / CELL))
    strong = max(MIN_AMPLITUDE, ENERGY_FRACTION * float(np.percentile(amplitude, 95)))
    coherent = tensor.averaged(ENERGY_SIGMA).coherence > MIN_COHERENCE
    return tidied((amplitude > strong) & coherent & (by_cell(seen) > 0.5))


def tidied(mask: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Return the mask with gaps closed, thin parts and specks dropped and holes filled."""
    frame = MASK_CLOSE + MASK_OPEN
    cells = np.pad(mask.astype(np.uint8), frame)
    closed = cv2.morphologyEx(cells, cv2.MORPH_CLOSE, _disc(MASK_CLOSE))
    cells = _without_holes(np.asarray(closed, np.uint8))
    opened = cv2.morphologyEx(cells, cv2.MORPH_OPEN, _disc(MASK_OPEN))
    _, labels, regions, _ = cv2.connectedComponentsWithStats(opened, connectivity=4)
    area = regions[:, cv2.CC_STAT_AREA].copy()
    area[0] = 0
    kept = area >= max(MIN_REGION_CELLS, MIN_REGION_AREA * area.max())
    return np.asarray(kept[labels][frame:-frame, frame:-frame], np.bool_)


def _without_holes(cells: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    _, labels = cv2.connectedComponents(1 - cells, connectivity=4)
    # The frame around is ground, so its label is that of everything outside.
    return np.asarray(labels != labels[0, 0], np.uint8)


def _disc(side: int) -> npt.NDArray[Any]:
    return np.asarray(cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side)))
