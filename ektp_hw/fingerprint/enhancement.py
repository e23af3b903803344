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

from ektp_hw.fingerprint.normalisation import blurred, by_cell
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

__all__ = ["FilterBank", "clarity", "drafted", "enhanced", "filter_bank", "filter_cells"]


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

    down: npt.NDArray[np.int64]
    across: npt.NDArray[np.int64]
    weight: npt.NDArray[np.float32]
    first: npt.NDArray[np.int64]
    margin: int


def enhanced(
    picture: npt.NDArray[np.float32],
    field: OrientationField,
    frequency: npt.NDArray[np.float32],
    mask: npt.NDArray[np.bool_],
) -> npt.NDArray[np.float32]:
    """Return the filtered picture, ridges positive; 0 off the mask."""
    return _filtered(picture, field.angle, frequency, mask, filter_bank(1.0))


def drafted(
    picture: npt.NDArray[np.float32],
    field: OrientationField,
    frequency: npt.NDArray[np.float32],
    mask: npt.NDArray[np.bool_],
) -> npt.NDArray[np.float32]:
    """Return the same at half the resolution, for a sixteenth of the work, and enlarged again."""
    height, width = picture.shape
    rows, columns = (height // 2 + CELL - 1) // CELL, (width // 2 + CELL - 1) // CELL
    half = cv2.resize(picture, (width // 2, height // 2), interpolation=cv2.INTER_AREA)
    whole = cv2.copyMakeBorder(
        half,
        0,
        rows * CELL - half.shape[0],
        0,
        columns * CELL - half.shape[1],
        cv2.BORDER_REPLICATE,
    )
    draft = _filtered(
        np.asarray(whole, np.float32),
        field.angle[::2, ::2],
        frequency[::2, ::2],
        mask[::2, ::2],
        filter_bank(0.5),
    )
    kept = draft[: half.shape[0], : half.shape[1]]
    return np.asarray(cv2.resize(kept, (width, height)), np.float32)


def _filtered(
    picture: npt.NDArray[np.float32],
    angle: npt.NDArray[np.float32],
    frequency: npt.NDArray[np.float32],
    mask: npt.NDArray[np.bool_],
    bank: FilterBank,
) -> npt.NDArray[np.float32]:
    margin = bank.margin
    padded = cv2.copyMakeBorder(picture, margin, margin, margin, margin, cv2.BORDER_REPLICATE)
    finest = np.log(frequency * MIN_PERIOD) / np.log(MIN_PERIOD / MAX_PERIOD)
    period = np.clip(np.rint(finest * (GABOR_PERIODS - 1)), 0, GABOR_PERIODS - 1)
    turn = np.rint(angle * (GABOR_ORIENTATIONS / np.pi)) % GABOR_ORIENTATIONS
    chosen = np.where(mask, period * GABOR_ORIENTATIONS + turn, -1).astype(np.int64)
    return filter_cells(
        np.asarray(padded, np.float32), chosen, bank.down, bank.across, bank.weight, bank.first
    )


def clarity(
    picture: npt.NDArray[np.float32], filtered: npt.NDArray[np.float32]
) -> npt.NDArray[np.float32]:
    """Return, by cell, how much of the picture's contrast is a ridge pattern: 0 to about 1."""
    sigma = CLARITY_SIGMA / CELL
    power, left = (blurred(by_cell(each * each), sigma) for each in (picture, filtered))
    return np.minimum(np.sqrt(left / np.maximum(power, np.float32(1e-3))), np.float32(1))


@lru_cache(maxsize=2)
def filter_bank(scale: float) -> FilterBank:
    """Return the filters for a picture at ``scale`` times 500 ppi; made once."""
    margin = int(np.ceil(scale * MAX_PERIOD * max(GABOR_ACROSS, GABOR_ALONG) * GABOR_REACH))
    y, x = np.mgrid[-margin : margin + 1, -margin : margin + 1]
    down, across, weight, first = [], [], [], [0]
    for period in scale * np.geomspace(MIN_PERIOD, MAX_PERIOD, GABOR_PERIODS):
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
        np.concatenate(down),
        np.concatenate(across),
        np.concatenate(weight).astype(np.float32),
        np.array(first, np.int64),
        margin,
    )


@kernel
def filter_cells(
    padded: npt.NDArray[np.float32],
    chosen: npt.NDArray[np.int64],
    down: npt.NDArray[np.int64],
    across: npt.NDArray[np.int64],
    weight: npt.NDArray[np.float32],
    first: npt.NDArray[np.int64],
) -> npt.NDArray[np.float32]:
    """Return the picture with each cell of 4 x 4 pixels under its own filter; those of -1 stay 0.

    Four neighbours are summed side by side, which the compiler turns into one vector. Indices are
    unsigned, which says that none counts from the end.
    """
    rows, columns = chosen.shape
    flat = padded.ravel()
    stride = padded.shape[1]
    filtered = np.zeros((rows * 4, columns * 4), np.float32)
    for row in range(rows * 4):
        for column in range(columns):
            which = chosen[row // 4, column]
            if which < 0:
                continue
            corner = row * stride + column * 4
            a = b = c = d = np.float32(0)
            for tap in range(first[which], first[which + 1]):
                at = np.uint64(corner + down[tap] * stride + across[tap])
                value = weight[tap]
                a += value * flat[at]
                b += value * flat[at + np.uint64(1)]
                c += value * flat[at + np.uint64(2)]
                d += value * flat[at + np.uint64(3)]
            x = column * 4
            filtered[row, x], filtered[row, x + 1] = a, b
            filtered[row, x + 2], filtered[row, x + 3] = c, d
    return filtered
