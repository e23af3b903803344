# SPDX-License-Identifier: Apache-2.0
"""Step 7: ridges become lines one pixel wide, connected just as the ridges were.

`binary` decides what is ridge and takes out pores and specks. `thinned` peels border pixels from
the four sides in turn, but only those that neither end a line nor hold two parts together (simple
points; Rosenfeld 1975, Yokoi number), until nothing can go.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from ektp_hw.fingerprint.parameters import CELL, MAX_HOLE, MAX_SPECK
from ektp_hw.jit import kernel

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["NEIGHBOURS", "REMOVABLE", "binary", "peel", "pixels_of", "thinned"]

NEIGHBOURS = np.array(
    [(0, 1), (-1, 1), (-1, 0), (-1, -1), (0, -1), (1, -1), (1, 0), (1, 1)], np.int64
)
"""Rows and columns to the eight neighbours, counter-clockwise from the right; bit i is the i-th."""


def _removable() -> npt.NDArray[np.bool_]:
    """Tell for each of the 256 neighbourhoods whether its middle may go."""
    ridge = (np.arange(256)[:, None] >> np.arange(8)) & 1
    ground = 1 - np.concatenate((ridge, ridge[:, :2]), axis=1)
    side = np.arange(0, 8, 2)
    yokoi = (ground[:, side] - ground[:, side] * ground[:, side + 1] * ground[:, side + 2]).sum(1)
    return np.asarray((yokoi == 1) & (ridge.sum(axis=1) > 1))


REMOVABLE = _removable()
"""Whether a ridge pixel may go, by the eight bits of its neighbours."""


def binary(filtered: npt.NDArray[np.float32], mask: npt.NDArray[np.bool_]) -> npt.NDArray[np.uint8]:
    """Return 1 where a ridge is, without pores and specks; the mask is one a cell."""
    inside = np.repeat(np.repeat(mask, CELL, axis=0), CELL, axis=1)
    ridge = ((filtered > 0) & inside).astype(np.uint8)
    for value, largest, connectivity in ((0, MAX_HOLE, 4), (1, MAX_SPECK, 8)):
        count, labels = cv2.connectedComponents(
            (ridge == value).view(np.uint8), connectivity=connectivity
        )
        small = np.bincount(labels.ravel(), minlength=count) <= largest
        small[0] = False
        ridge ^= small.astype(np.uint8)[labels]
    return ridge


def thinned(ridge: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Return the skeleton, 1 on its lines; a frame of one pixel stays 0."""
    skeleton = ridge.copy()
    skeleton[[0, -1], :] = 0
    skeleton[:, [0, -1]] = 0
    peel(skeleton, pixels_of(skeleton), REMOVABLE, NEIGHBOURS)
    return skeleton


def pixels_of(skeleton: npt.NDArray[np.uint8]) -> npt.NDArray[np.int64]:
    """Return where the ridge is, counted row by row: lines cover a tenth of a picture's pixels."""
    return np.flatnonzero(skeleton.view(np.bool_))


@kernel
def peel(
    skeleton: npt.NDArray[np.uint8],
    pixels: npt.NDArray[np.int64],
    removable: npt.NDArray[np.bool_],
    neighbours: npt.NDArray[np.int64],
) -> None:
    """Thin in place the ``pixels`` of the ridge; the picture's frame must be 0.

    Each round looks only at the pixels left over from the round before, once for each side:
    first the pixels are picked that lie open to that side, then they go one by one if they still
    may. Indices are unsigned, which says that none counts from the end.
    """
    width = skeleton.shape[1]
    flat = skeleton.ravel()
    shift = np.empty(8, np.int64)
    for k in range(8):
        shift[k] = neighbours[k, 0] * width + neighbours[k, 1]
    left = pixels.copy()
    count = len(left)
    open_here = np.empty(count, np.int64)
    changed = True
    while changed:
        changed = False
        for side in (2, 6, 0, 4):
            beside = shift[side]
            picked = 0
            for n in range(count):
                pixel = left[n]
                open_here[picked] = pixel
                # Added up, not asked: a branch here would be guessed wrongly half the time.
                picked += flat[np.uint64(pixel)] & (1 - flat[np.uint64(pixel + beside)])
            for n in range(picked):
                pixel = open_here[n]
                around = 0
                for k in range(8):
                    around |= int(flat[np.uint64(pixel + shift[k])]) << k
                if removable[around]:
                    flat[np.uint64(pixel)] = 0
                    changed = True
        kept = 0
        for n in range(count):
            left[kept] = left[n]
            kept += flat[np.uint64(left[n])]
        count = kept
