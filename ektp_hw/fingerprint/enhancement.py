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

from ektp_hw import native
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

if TYPE_CHECKING:
    import numpy.typing as npt

    from ektp_hw.fingerprint.orientation import OrientationField

__all__ = ["FilterBank", "clarity", "drafted", "enhanced", "filter_bank"]


_STEPS = 1024
"""Steps of the fixed-point picture in one local standard deviation; ``NORMALISED_LIMIT`` of them
times the steps of a filter's weights, about 1.4 times 32767 / largest, stay below 2**31."""


@dataclass(frozen=True)
class FilterBank:
    """All filters as one list of fixed-point taps, period by period, orientation by orientation.

    Arrays are those of `ektp_hw.native.filter_cells`.

    Parameters
    ----------
    down, across
        Where each tap reads, in pixels from the margin's corner.
    weights
        Its weights for the cell's four rows, in steps.
    first
        Where each filter's taps start; one more entry than there are filters.
    step
        What one step of a weight is worth.
    margin
        Pixels by which the widest filter reaches over its cell.
    """

    down: npt.NDArray[np.uint8]
    across: npt.NDArray[np.uint8]
    weights: npt.NDArray[np.int16]
    first: npt.NDArray[np.uint32]
    step: float
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
    # Taps read eight pixels at once, the last ones beyond the margin.
    padded = cv2.copyMakeBorder(picture, margin, margin, margin, margin + 4, cv2.BORDER_REPLICATE)
    fixed = np.rint(padded * np.float32(_STEPS)).astype(np.int16)
    finest = np.log(frequency * MIN_PERIOD) / np.log(MIN_PERIOD / MAX_PERIOD)
    period = np.clip(np.rint(finest * (GABOR_PERIODS - 1)), 0, GABOR_PERIODS - 1)
    turn = np.rint(angle * (GABOR_ORIENTATIONS / np.pi)) % GABOR_ORIENTATIONS
    chosen = np.where(mask, period * GABOR_ORIENTATIONS + turn, -1).astype(np.int32)
    return native.filter_cells(
        fixed,
        chosen,
        bank.down,
        bank.across,
        bank.weights,
        bank.first,
        bank.step / _STEPS,
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
    filters = _gabor_filters(scale)
    step = float(np.abs(filters).max()) / np.iinfo(np.int16).max
    fixed = np.rint(filters / step).astype(np.int16)
    # A tap: two neighbouring weights of four rows, one above the other, which the four rows of a
    # cell meet on one row of the picture.
    framed = np.pad(fixed, ((0, 0), (CELL - 1, CELL - 1), (0, 1)))
    heights = framed.shape[1] - CELL + 1
    rows = [framed[:, CELL - 1 - y : CELL - 1 - y + heights] for y in range(CELL)]
    couples = np.stack(rows, axis=2).reshape(len(fixed), heights, CELL, -1, 2).swapaxes(2, 3)
    owner, down, couple = np.nonzero(couples.any(axis=(3, 4)))
    first = np.searchsorted(owner, np.arange(len(fixed) + 1))
    return FilterBank(
        down.astype(np.uint8),
        (2 * couple).astype(np.uint8),
        np.ascontiguousarray(couples[owner, down, couple]),
        first.astype(np.uint32),
        step,
        fixed.shape[1] // 2,
    )


def _gabor_filters(scale: float) -> npt.NDArray[np.float32]:
    """Return (filters, side, side): zero mean, and the answer 1 to the wave it is made for."""
    margin = int(np.ceil(scale * MAX_PERIOD * max(GABOR_ACROSS, GABOR_ALONG) * GABOR_REACH))
    y, x = np.mgrid[-margin : margin + 1, -margin : margin + 1].astype(np.float32)
    angle = np.arange(GABOR_ORIENTATIONS, dtype=np.float32)[:, None, None]
    angle *= np.float32(np.pi / GABOR_ORIENTATIONS)
    right, below = x * np.cos(angle) + y * np.sin(angle), y * np.cos(angle) - x * np.sin(angle)
    filters = []
    for period in (scale * np.geomspace(MIN_PERIOD, MAX_PERIOD, GABOR_PERIODS)).astype(np.float32):
        over = below / (GABOR_ACROSS * period)
        distance = (right / (GABOR_ALONG * period)) ** 2 + over**2
        bell = np.exp(-0.5 * distance) * (distance <= GABOR_REACH**2)
        wave = np.cos(2 * np.pi * GABOR_ACROSS * over)
        mean = _sum(bell * wave) / _sum(bell)
        taps = bell * (wave - mean)
        filters.append(taps / _sum(taps * wave))
    return np.concatenate(filters)


def _sum(filters: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    return np.asarray(filters.sum(axis=(1, 2), keepdims=True), np.float32)
