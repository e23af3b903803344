# SPDX-License-Identifier: Apache-2.0
"""Step 9: where the cleaned ridges end and fork, which way, and how far that can be trusted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from ektp_hw.fingerprint.parameters import (
    BORDER,
    CELL,
    CLOSE_PAIR,
    FULL_BORDER,
    MIN_CLARITY,
    OUTWARD_BORDER,
    RELIABILITY_OFFSET,
    RELIABILITY_SLOPE,
)
from ektp_hw.fingerprint.skeleton import ends_and_forks
from ektp_hw.templates import FingerprintTemplate, MinutiaKind

if TYPE_CHECKING:
    import numpy.typing as npt

    from ektp_hw.fingerprint.orientation import OrientationField
    from ektp_hw.templates import RidgeFlow

__all__ = ["Surroundings", "read_minutiae"]


@dataclass(frozen=True)
class Surroundings:
    """What the cells around a minutia say about it; all (rows, columns).

    Parameters
    ----------
    mask
        Whether the cell shows the finger.
    field
        Ridge orientation and its coherence.
    clarity
        Share of the contrast that is a ridge pattern, 0 to 1.
    """

    mask: npt.NDArray[np.bool_]
    field: OrientationField
    clarity: npt.NDArray[np.float32]


def read_minutiae(
    skeleton: npt.NDArray[np.uint8],
    around: Surroundings,
    width: int,
    height: int,
    flow: RidgeFlow | None = None,
) -> FingerprintTemplate:
    """Return the template of a cleaned skeleton; width, height and flow are the picture's."""
    y, x, down, right, lines = ends_and_forks(skeleton).T
    depth = _depth(around.mask, width, height)
    kept = _inside(depth, y, x, BORDER)
    kept &= (lines > 1) | _inside(depth, y - OUTWARD_BORDER * down, x - OUTWARD_BORDER * right, 0)
    kept &= ~_crowded(y, x)
    y, x, down, right, lines = (each[kept] for each in (y, x, down, right, lines))
    return FingerprintTemplate.from_minutiae(
        x,
        y,
        _along_the_field(around.field, y, x, down, right),
        kind=np.where(lines == 1, MinutiaKind.ENDING, MinutiaKind.BIFURCATION),
        reliability=_reliability(around, depth, y, x),
        width=width,
        height=height,
        flow=flow,
    )


def _depth(mask: npt.NDArray[np.bool_], width: int, height: int) -> npt.NDArray[np.float32]:
    """Return each cell's distance in pixels to the nearest cell off the finger or the picture."""
    whole = mask.copy()
    whole[height // CELL :, :] = False
    whole[:, width // CELL :] = False
    framed = cv2.copyMakeBorder(whole.astype(np.uint8), 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=0)
    distance = cv2.distanceTransform(framed, cv2.DIST_L2, cv2.DIST_MASK_5)[1:-1, 1:-1]
    return np.asarray(distance * CELL, np.float32)


def _inside(
    depth: npt.NDArray[np.float32],
    y: npt.NDArray[np.float32],
    x: npt.NDArray[np.float32],
    least: float,
) -> npt.NDArray[np.bool_]:
    rows, columns = depth.shape
    row, column = np.floor(y / CELL).astype(int), np.floor(x / CELL).astype(int)
    within = (row >= 0) & (row < rows) & (column >= 0) & (column < columns)
    at = depth[np.clip(row, 0, rows - 1), np.clip(column, 0, columns - 1)]
    return np.asarray(within & (at > least), np.bool_)


def _crowded(y: npt.NDArray[np.float32], x: npt.NDArray[np.float32]) -> npt.NDArray[np.bool_]:
    """Tell which minutiae have another within `CLOSE_PAIR`; rows come from top to bottom."""
    crowded = np.zeros(len(y), bool)
    for step in range(1, len(y)):
        down = y[step:] - y[:-step]
        if down.size == 0 or down.min() > CLOSE_PAIR:
            break
        near = np.hypot(down, x[step:] - x[:-step]) <= CLOSE_PAIR
        crowded[step:] |= near
        crowded[:-step] |= near
    return crowded


def _along_the_field(
    field: OrientationField,
    y: npt.NDArray[np.float32],
    x: npt.NDArray[np.float32],
    down: npt.NDArray[np.float32],
    right: npt.NDArray[np.float32],
) -> npt.NDArray[np.float32]:
    """Return the direction: mean of the walked one and of the field's end next to it.

    The field's is steadier, the walked one right where ridges bend sharply.
    """
    cell = (y / CELL).astype(int), (x / CELL).astype(int)
    angle = field.angle[cell]
    cosine, sine = np.cos(angle), np.sin(angle)
    same = np.where(cosine * right + sine * down < 0, -1, 1)
    walked_and_field = np.arctan2(-(down + same * sine), right + same * cosine)
    return np.asarray(np.mod(walked_and_field, 2 * np.pi), np.float32)


def _reliability(
    around: Surroundings,
    depth: npt.NDArray[np.float32],
    y: npt.NDArray[np.float32],
    x: npt.NDArray[np.float32],
) -> npt.NDArray[np.float32]:
    """Return the probability that each is a true minutia of the finger."""
    cell = (y / CELL).astype(int), (x / CELL).astype(int)
    clear = np.clip((around.clarity[cell] - MIN_CLARITY) / (1 - MIN_CLARITY), 0, 1)
    inner = np.clip(depth[cell] / FULL_BORDER, 0, 1)
    clean = np.sqrt(clear * around.field.coherence[cell]) * (0.5 + 0.5 * inner)
    true = 1 / (1 + np.exp(-(RELIABILITY_SLOPE * clean + RELIABILITY_OFFSET)))
    return np.asarray(true, np.float32)
