# SPDX-License-Identifier: Apache-2.0
"""Kernel family "filter_cells": a picture under filters that change from cell to cell."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ektp_hw.native.arrays import check
from ektp_hw.native.library import ffi, lib

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["filter_cells"]


def filter_cells(
    picture: npt.NDArray[np.int16],
    chosen: npt.NDArray[np.int32],
    down: npt.NDArray[np.uint8],
    across: npt.NDArray[np.uint8],
    weights: npt.NDArray[np.int16],
    first: npt.NDArray[np.uint32],
    scale: float,
) -> npt.NDArray[np.float32]:
    """Return the picture with each cell of 4 x 4 pixels under its own filter.

    A tap reads five pixels of one row and adds to the cell's four rows, two weights each: pixel
    (y, x) of the cell gets ``weights[t, y, 0] * p[x] + weights[t, y, 1] * p[x + 1]`` with
    ``p = picture[4 * row + down[t], 4 * column + across[t] :]``. Sums have 32 bits and wrap around.

    Parameters
    ----------
    picture
        With a margin, so that every tap of every cell finds eight pixels.
    chosen
        Filter of each cell, shape (rows, columns); where it is below 0 the result is 0.
    down, across, weights
        Taps of all filters, filter by filter; (n,), (n,) and (n, 4, 2).
    first
        Where each filter's taps start; one more entry than there are filters.
    scale
        What the sums are multiplied by, in single precision.

    Raises
    ------
    ValueError
        If an array has another type, shape or layout, or a tap leaves the picture.
    """
    taps = len(down)
    check("picture", picture, np.int16, (-1, -1))
    check("chosen", chosen, np.int32, (-1, -1))
    check("down", down, np.uint8, (taps,))
    check("across", across, np.uint8, (taps,))
    check("weights", weights, np.int16, (taps, 4, 2))
    check("first", first, np.uint32, (-1,))
    if len(first) == 0 or first[-1] > taps or (first[1:] < first[:-1]).any():
        raise ValueError(f"first must rise and stay within the {taps} taps")
    rows, columns = chosen.shape
    filtered = np.zeros((rows * 4, columns * 4), np.float32)
    if chosen.max(initial=-1) >= len(first) - 1:
        raise ValueError(f"chosen must name filters below {len(first) - 1}")
    height = 4 * rows + int(down.max(initial=0)) - 3
    width = 4 * columns + int(across.max(initial=0)) + 4
    if taps and chosen.size and (picture.shape[0] < height or picture.shape[1] < width):
        raise ValueError(f"picture must be at least {height} x {width}, not {picture.shape}")
    lib.ektp_filter_cells(
        ffi.from_buffer("int16_t[]", picture),
        picture.shape[1],
        ffi.from_buffer("int32_t[]", chosen),
        rows,
        columns,
        ffi.from_buffer("uint8_t[]", down),
        ffi.from_buffer("uint8_t[]", across),
        ffi.from_buffer("int16_t[]", weights),
        ffi.from_buffer("uint32_t[]", first),
        scale,
        ffi.from_buffer("float[]", filtered, require_writable=True),
    )
    return filtered
