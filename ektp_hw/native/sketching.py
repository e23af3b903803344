# SPDX-License-Identifier: Apache-2.0
"""Kernel families "sketch" and "glimpse": a finger in 640 bytes, one against many."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from ektp_hw.native.arrays import check
from ektp_hw.native.library import ffi, lib

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = [
    "SKETCH_BYTES",
    "SKETCH_MINUTIAE",
    "glimpse",
    "pack_sketches",
    "sketch",
    "sketch_parameters",
]

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
    chosen, scores = _asked_for(probe, sketches, rows)
    lib.ektp_sketch(
        ffi.from_buffer("uint8_t[]", probe),
        ffi.from_buffer("uint8_t[]", sketches),
        chosen,
        len(scores),
        parameters,
        ffi.from_buffer("uint16_t[]", scores, require_writable=True),
    )
    return scores


def glimpse(
    probe: npt.NDArray[np.uint8],
    sketches: npt.NDArray[np.uint8],
    *,
    minutiae: int,
    reach: int,
    rows: npt.NDArray[np.uint32] | None = None,
) -> npt.NDArray[np.uint16]:
    """Return how alike each sketch is to the probe's at first sight, much faster than `sketch`.

    Of each minutia of a reference counts how alike the first word of its code is to the likest
    among some of the probe's; where they lie does not matter.

    Parameters
    ----------
    probe, sketches, rows
        As `sketch` takes them.
    minutiae
        How many of the probe's count, the first ones.
    reach
        Bits of 64 that differ at which two minutiae are no more alike at all, 0 to 64.

    Raises
    ------
    ValueError
        If an array has another type, shape or layout, a row does not exist, or a number is out of
        range.
    """
    if not 0 <= reach <= 64 or minutiae < 0:
        raise ValueError(f"reach must be 0 to 64 and minutiae 0 or more, not {reach}, {minutiae}")
    chosen, scores = _asked_for(probe, sketches, rows)
    lib.ektp_glimpse(
        ffi.from_buffer("uint8_t[]", probe),
        ffi.from_buffer("uint8_t[]", sketches),
        chosen,
        len(scores),
        min(minutiae, SKETCH_MINUTIAE),
        reach,
        ffi.from_buffer("uint16_t[]", scores, require_writable=True),
    )
    return scores


def _asked_for(
    probe: npt.NDArray[np.uint8],
    sketches: npt.NDArray[np.uint8],
    rows: npt.NDArray[np.uint32] | None,
) -> tuple[Any, npt.NDArray[np.uint16]]:
    """Check the arrays; return the rows as the core takes them, and where their scores go."""
    check("probe", probe, np.uint8, (SKETCH_BYTES,))
    check("sketches", sketches, np.uint8, (-1, SKETCH_BYTES))
    if rows is None:
        return ffi.NULL, np.empty(len(sketches), np.uint16)
    check("rows", rows, np.uint32, (-1,))
    count = len(sketches)
    if rows.max(initial=0) >= max(count, 1) or (len(rows) and not count):
        raise ValueError(f"rows must be below {count}, not {rows.max()}")
    return ffi.from_buffer("uint32_t[]", rows), np.empty(len(rows), np.uint16)
