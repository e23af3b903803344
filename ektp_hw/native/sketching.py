# SPDX-License-Identifier: Apache-2.0
"""Kernel family "sketch": a finger in 640 bytes, one against many."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from ektp_hw.native.arrays import check
from ektp_hw.native.library import ffi, lib

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["SKETCH_BYTES", "SKETCH_MINUTIAE", "pack_sketches", "sketch", "sketch_parameters"]

SKETCH_BYTES: int = lib.EKTP_SKETCH_BYTES
"""Bytes of one sketch."""
SKETCH_MINUTIAE: int = lib.EKTP_SKETCH_MINUTIAE
"""Most minutiae of one sketch."""


def pack_sketches(
    codes: npt.NDArray[np.uint64],
    columns: npt.NDArray[np.uint8],
    counts: npt.NDArray[np.uint8],
) -> npt.NDArray[np.uint8]:
    """Lay sketches out as `sketch` reads them, (n, `SKETCH_BYTES`).

    Parameters
    ----------
    codes
        Of each minutia 128 bits, (n, `SKETCH_MINUTIAE`, 2).
    columns
        Direction in 1/256 of a turn, x and y (upwards) in units of which 128 is the middle,
        (n, 3, `SKETCH_MINUTIAE`).
    counts
        How many of them there are, (n,); what lies behind is written as 0.

    Raises
    ------
    ValueError
        If an array has another type, shape or layout, or a count is too large.
    """
    check("counts", counts, np.uint8, (-1,))
    number = len(counts)
    check("codes", codes, np.uint64, (number, SKETCH_MINUTIAE, 2))
    check("columns", columns, np.uint8, (number, 3, SKETCH_MINUTIAE))
    if counts.max(initial=0) > SKETCH_MINUTIAE:
        raise ValueError(f"counts must be at most {SKETCH_MINUTIAE}, not {counts.max()}")
    there = np.arange(SKETCH_MINUTIAE) < counts[:, np.newaxis]
    words = np.ascontiguousarray(
        np.where(there[:, :, np.newaxis], codes, np.uint64(0)).transpose(0, 2, 1)
    )
    places = np.where(there[:, np.newaxis], columns, np.uint8(0))
    sketches = np.zeros((number, SKETCH_BYTES), np.uint8)
    end = 16 * SKETCH_MINUTIAE
    sketches[:, :end] = words.view(np.uint8).reshape(number, end)
    sketches[:, end : end + 3 * SKETCH_MINUTIAE] = places.reshape(number, 3 * SKETCH_MINUTIAE)
    sketches[:, end + 3 * SKETCH_MINUTIAE] = counts
    return sketches


def sketch_parameters(  # a C structure
    *, reach: int, turn: int, place: int, place_first: int | None = None
) -> Any:  # noqa: ANN401
    """Return the constants as `sketch` takes them.

    Parameters
    ----------
    reach
        Bits of their codes that differ at which two minutiae are no more alike at all, 0 to 128.
    turn
        How far their directions may be apart, in 1/256 of a turn, 0 to 127.
    place
        How far their places may be apart along x and along y, in units, 0 to 127.
    place_first
        The same before the shift between the two fingers is known more closely; ``place`` unless
        given.

    Raises
    ------
    ValueError
        If one is out of range.
    """
    first = place if place_first is None else place_first
    numbers = {"reach": reach, "turn": turn, "place_first": first, "place": place}
    for name, value in numbers.items():
        most = 128 if name == "reach" else 127
        if not 0 <= value <= most:
            raise ValueError(f"{name} must be 0 to {most}, not {value}")
    cosines = [round(math.cos(2 * math.pi * step / 256) * (1 << 14)) for step in range(256)]
    return ffi.new("ektp_sketch_parameters *", {**numbers, "cosines": cosines})


def sketch(
    probe: npt.NDArray[np.uint8],
    sketches: npt.NDArray[np.uint8],
    parameters: Any,  # noqa: ANN401  # a C structure
    rows: npt.NDArray[np.uint32] | None = None,
) -> npt.NDArray[np.uint16]:
    """Return how alike each sketch is to the probe's.

    Local similarity under the turn and the shift that most minutiae agree on: the sum over pairs
    of minutiae that then lie near each other, and that are each other's likest, of how alike they
    are (``native/include/ektp_native.cdef.h`` says it step by step). At most 32 times ``reach``.

    Parameters
    ----------
    probe, sketches
        From `pack_sketches`: (`SKETCH_BYTES`,) and (n, `SKETCH_BYTES`).
    parameters
        From `sketch_parameters`.
    rows
        Which of the sketches, in any order, (k,); all of them unless given.

    Raises
    ------
    ValueError
        If an array has another type, shape or layout, or a row does not exist.
    """
    check("probe", probe, np.uint8, (SKETCH_BYTES,))
    check("sketches", sketches, np.uint8, (-1, SKETCH_BYTES))
    chosen = ffi.NULL
    count = len(sketches)
    if rows is not None:
        check("rows", rows, np.uint32, (-1,))
        if rows.max(initial=0) >= max(count, 1) or (len(rows) and not count):
            raise ValueError(f"rows must be below {count}, not {rows.max()}")
        chosen = ffi.from_buffer("uint32_t[]", rows)
        count = len(rows)
    scores = np.empty(count, np.uint16)
    lib.ektp_sketch(
        ffi.from_buffer("uint8_t[]", probe),
        ffi.from_buffer("uint8_t[]", sketches),
        chosen,
        count,
        parameters,
        ffi.from_buffer("uint16_t[]", scores, require_writable=True),
    )
    return scores
