# SPDX-License-Identifier: Apache-2.0
"""Kernel family "scan": codes of 512 bits by the number of bits that differ."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ektp_hw.native.arrays import check
from ektp_hw.native.library import ffi, lib

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = [
    "CODE_BITS",
    "CODE_WORDS",
    "PAIRS_AT_LEAST",
    "Pairs",
    "scan",
    "scan_nearest",
    "scan_pairs",
    "scan_steps",
]

CODE_WORDS = 8
"""64-bit words of a code (`SCAN_WORDS` in src/scan.h)."""
CODE_BITS = 64 * CODE_WORDS
"""The largest distance there is."""
PAIRS_AT_LEAST: int = lib.EKTP_SCAN_ROWS * lib.EKTP_SCAN_COLUMNS
"""Least room for pairs that `scan_pairs` works with."""
_STRIP = 256
"""Room that `scan_nearest` needs beyond what it keeps."""


class Pairs(NamedTuple):
    """What `scan_pairs` found.

    Parameters
    ----------
    rows
        Row of ``a`` and row of ``b`` of each pair, (k, 2), uint32.
    distances
        Of each pair, (k,), uint16.
    step
        The first step not done: give it back as ``start`` to go on.
    """

    rows: npt.NDArray[np.uint32]
    distances: npt.NDArray[np.uint16]
    step: int


def scan(
    probe: npt.NDArray[np.uint64],
    codes: npt.NDArray[np.uint64],
    out: npt.NDArray[np.uint16] | None = None,
) -> npt.NDArray[np.uint16]:
    """Return how many bits of each code differ from the probe's, (n,).

    Parameters
    ----------
    probe, codes
        C-contiguous, (`CODE_WORDS`,) and (n, `CODE_WORDS`).
    out
        Where to write, (n,); a new array otherwise.

    Raises
    ------
    ValueError
        If an array has another type, shape or layout.
    """
    check("probe", probe, np.uint64, (CODE_WORDS,))
    check("codes", codes, np.uint64, (-1, CODE_WORDS))
    if out is None:
        out = np.empty(len(codes), np.uint16)
    check("out", out, np.uint16, (len(codes),))
    if not out.flags.carray:
        raise ValueError("out must be aligned and writable")
    lib.ektp_scan(_words(probe), _words(codes), len(codes), _writable("uint16_t[]", out))
    return out


def scan_nearest(
    probe: npt.NDArray[np.uint64],
    codes: npt.NDArray[np.uint64],
    keep: int,
    most: int = CODE_BITS,
) -> tuple[npt.NDArray[np.uint32], npt.NDArray[np.uint16]]:
    """Return rows and distances of the codes nearest to the probe, rows rising.

    At most ``keep`` codes, none further than ``most``; of equally far ones the first. The distances
    of the others are never written anywhere. The codes of a gallery may be scanned piece by piece:
    once ``keep`` are found, the largest of their distances may be the next piece's ``most``.

    Raises
    ------
    ValueError
        If an array has another type, shape or layout, or a number is out of range.
    """
    check("probe", probe, np.uint64, (CODE_WORDS,))
    check("codes", codes, np.uint64, (-1, CODE_WORDS))
    _check_most(most)
    if keep < 0 or len(codes) >= 2**32:
        raise ValueError(f"keep must be 0 or more, not {keep}, of fewer than 2^32 codes")
    keep = min(keep, len(codes))
    room = 2 * keep + _STRIP
    rows, distances = np.empty(room, np.uint32), np.empty(room, np.uint16)
    found = lib.ektp_scan_nearest(
        _words(probe),
        _words(codes),
        len(codes),
        keep,
        most,
        _writable("uint32_t[]", rows),
        _writable("uint16_t[]", distances),
        room,
    )
    return rows[:found].copy(), distances[:found].copy()


def scan_steps(a: int, b: int) -> int:
    """Return into how many steps `scan_pairs` cuts the pairs of so many codes with so many."""
    blocks = -(-b // lib.EKTP_SCAN_COLUMNS)
    return int(blocks * -(-a // lib.EKTP_SCAN_ROWS))


def scan_pairs(
    a: npt.NDArray[np.uint64],
    b: npt.NDArray[np.uint64],
    most: int,
    *,
    upper: bool = False,
    start: int = 0,
    stop: int | None = None,
    room: int = 1 << 16,
) -> Pairs:
    """Find every pair of codes that are no further apart than ``most``.

    Ends at ``stop``, or earlier when there may be no room for the pairs of one more step; going on
    from the `Pairs.step` returned gives every pair once, in the same order whatever the room and
    the instruction set. Steps may be shared out among threads.

    Parameters
    ----------
    a, b
        C-contiguous, (n, `CODE_WORDS`) and (m, `CODE_WORDS`).
    most
        Largest distance listed, 0 to `CODE_BITS`.
    upper
        List only pairs whose row of ``a`` is the lower number: with ``b`` the same codes as ``a``,
        each pair once and none with itself.
    start, stop
        Steps to be done, of `scan_steps`; all of them unless given.
    room
        Most pairs returned, at least `PAIRS_AT_LEAST`.

    Raises
    ------
    ValueError
        If an array has another type, shape or layout, or a number is out of range.
    """
    check("a", a, np.uint64, (-1, CODE_WORDS))
    check("b", b, np.uint64, (-1, CODE_WORDS))
    _check_most(most)
    steps = scan_steps(len(a), len(b))
    stop = steps if stop is None else stop
    if not 0 <= start <= stop <= steps:
        raise ValueError(f"start and stop must rise within 0 to {steps}, not {start}, {stop}")
    if room < PAIRS_AT_LEAST or max(len(a), len(b)) >= 2**32:
        raise ValueError(f"room must be at least {PAIRS_AT_LEAST}, codes fewer than 2^32")
    rows, distances = np.empty((room, 2), np.uint32), np.empty(room, np.uint16)
    step = ffi.new("uint64_t *", start)
    found = lib.ektp_scan_pairs(
        _words(a),
        len(a),
        _words(b),
        len(b),
        most,
        upper,
        step,
        stop,
        _writable("uint32_t[]", rows),
        _writable("uint16_t[]", distances),
        room,
    )
    return Pairs(rows[:found].copy(), distances[:found].copy(), int(step[0]))


def _check_most(most: int) -> None:
    if not 0 <= most <= CODE_BITS:
        raise ValueError(f"most must be 0 to {CODE_BITS}, not {most}")


def _words(codes: npt.NDArray[np.uint64]) -> Any:  # noqa: ANN401  # a C pointer
    return ffi.from_buffer("uint64_t[]", codes)


def _writable(kind: str, array: npt.NDArray[Any]) -> Any:  # noqa: ANN401  # a C pointer
    return ffi.from_buffer(kind, array, require_writable=True)
