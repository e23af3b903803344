# SPDX-License-Identifier: Apache-2.0
"""Step 6: what a ridge pattern of the known orientation and frequency would look like here.

Each cell is filtered with the even Gabor function of its own orientation and period (Hong, Wan
and Jain 1998). Every filter has zero mean and unit answer to the wave it is made for, so that the
result can be set against the picture it came from.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import cv2
import numpy as np

from ektp_hw.fingerprint.normalisation import blurred
from ektp_hw.fingerprint.parameters import (
    CELL,
    CLARITY_SIGMA,
    GABOR_ACROSS,
    GABOR_ALONG,
    GABOR_ORIENTATIONS,
    GABOR_PERIODS,
    GABOR_REACH,
    MAX_PERIOD,
    MIN_PERIOD,
)
from ektp_hw.jit import kernel

if TYPE_CHECKING:
    import numpy.typing as npt

    from ektp_hw.fingerprint.orientation import OrientationField

__all__ = ["FilterBank", "clarity", "enhanced", "filter_bank", "filter_cells"]


@dataclass(frozen=True)
class FilterBank:
    """All filters as one list of taps, period by period, orientation by orientation.

    Parameters
    ----------
    down, across
        Offset of each tap in pixels, counted from the margin's corner so that none is negative.
    weight
        Value of each tap.
    first
        Where each filter's taps start; one more entry than there are filters.
    margin
        Pixels by which the widest filter reaches over its cell.
    """

    down: npt.NDArray[np.int32]
    across: npt.NDArray[np.int32]
    weight: npt.NDArray[np.float32]
    first: npt.NDArray[np.int32]
    margin: int


def enhanced(
    picture: npt.NDArray[np.float32],
    field: OrientationField,
    frequency: npt.NDArray[np.float32],
    mask: npt.NDArray[np.bool_],
) -> npt.NDArray[np.float32]:
    """Return the filtered picture, ridges positive; 0 off the mask."""
    bank = filter_bank()
    margin = bank.margin
    padded = np.asarray(
        cv2.copyMakeBorder(picture, margin, margin, margin, margin, cv2.BORDER_REPLICATE),
        np.float32,
    )
    period_step = (MAX_PERIOD / MIN_PERIOD) ** (1 / (GABOR_PERIODS - 1))
    period = np.rint(np.log(1 / (frequency * MIN_PERIOD)) / np.log(period_step))
    turn = np.rint(field.angle * (GABOR_ORIENTATIONS / np.pi)).astype(np.int64)
    which = np.clip(period, 0, GABOR_PERIODS - 1).astype(np.int64) * GABOR_ORIENTATIONS
    which += turn % GABOR_ORIENTATIONS
    width = np.int64(padded.shape[1])
    offset = (bank.down * width + bank.across).astype(np.uint64)
    return filter_cells(padded, np.where(mask, which, -1), offset, bank.weight, bank.first, CELL)


def clarity(
    picture: npt.NDArray[np.float32], filtered: npt.NDArray[np.float32]
) -> npt.NDArray[np.float32]:
    """Return, by cell, how much of the picture's contrast is a ridge pattern: 0 to about 1."""
    height, width = picture.shape
    size = (width // CELL, height // CELL)
    power, left = (
        blurred(
            np.asarray(cv2.resize(each * each, size, interpolation=cv2.INTER_AREA), np.float32),
            CLARITY_SIGMA / CELL,
        )
        for each in (picture, filtered)
    )
    return np.minimum(np.sqrt(left / np.maximum(power, np.float32(1e-3))), np.float32(1))


@lru_cache(maxsize=1)
def filter_bank() -> FilterBank:
    """Return the filters; made once, some hundred thousand taps."""
    margin = int(np.ceil(MAX_PERIOD * max(GABOR_ACROSS, GABOR_ALONG) * GABOR_REACH))
    y, x = np.mgrid[-margin : margin + 1, -margin : margin + 1]
    down, across, weight, first = [], [], [], [0]
    for period in np.geomspace(MIN_PERIOD, MAX_PERIOD, GABOR_PERIODS):
        for angle in np.arange(GABOR_ORIENTATIONS) * (np.pi / GABOR_ORIENTATIONS):
            along = (x * np.cos(angle) + y * np.sin(angle)) / (GABOR_ALONG * period)
            over = (y * np.cos(angle) - x * np.sin(angle)) / (GABOR_ACROSS * period)
            inside = along**2 + over**2 <= GABOR_REACH**2
            bell = np.exp(-0.5 * (along**2 + over**2)) * inside
            wave = np.cos(2 * np.pi * GABOR_ACROSS * over)
            taps = bell * wave - bell * ((bell * wave).sum() / bell.sum())
            taps /= (taps * wave).sum()
            down.append((y + margin)[inside])
            across.append((x + margin)[inside])
            weight.append(taps[inside])
            first.append(first[-1] + int(inside.sum()))
    return FilterBank(
        np.concatenate(down).astype(np.int32),
        np.concatenate(across).astype(np.int32),
        np.concatenate(weight).astype(np.float32),
        np.array(first, np.int32),
        margin,
    )


@kernel
def filter_cells(
    padded: npt.NDArray[np.float32],
    which: npt.NDArray[np.int64],
    offset: npt.NDArray[np.uint64],
    weight: npt.NDArray[np.float32],
    first: npt.NDArray[np.int32],
    cell: int,
) -> npt.NDArray[np.float32]:
    """Return the picture with each cell under its own filter; cells of filter -1 stay 0.

    Taps are the outer loop, so that the inner one runs over neighbouring pixels and the compiler
    can take several at once. Offsets are unsigned because no index counts from the end here.
    """
    rows, columns = which.shape
    flat = padded.ravel()
    stride = np.uint64(padded.shape[1])
    filtered = np.zeros((rows * cell, columns * cell), np.float32)
    total = np.empty((cell, cell), np.float32)
    for r in range(rows):
        for c in range(columns):
            chosen = which[r, c]
            if chosen < 0:
                continue
            total[:] = 0
            corner = np.uint64(r * cell) * stride + np.uint64(c * cell)
            for tap in range(first[chosen], first[chosen + 1]):
                at = corner + offset[tap]
                value = weight[tap]
                for i in range(cell):
                    for j in range(cell):
                        total[i, j] += value * flat[at + np.uint64(i) * stride + np.uint64(j)]
            filtered[r * cell : (r + 1) * cell, c * cell : (c + 1) * cell] = total
    return filtered
