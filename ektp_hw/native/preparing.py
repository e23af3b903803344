# SPDX-License-Identifier: Apache-2.0
"""Kernel family "prepare": stored templates made ready for `match`, many in one call."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ektp_hw.native.arrays import check
from ektp_hw.native.library import ffi, lib
from ektp_hw.native.packing import PackedBatch, aligned_room

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy.typing as npt

__all__ = ["prepare", "prepare_tables"]

_NOWHERE = np.uint64(2**64 - 1)
_TABLES = {
    "direction": (np.float64, (256,)),
    "cosine": (np.float64, (256,)),
    "sine": (np.float64, (256,)),
    "column_cosine": (np.float32, (256,)),
    "column_sine": (np.float32, (256,)),
    "trust": (np.float64, (64,)),
    "reliability_1": (np.uint8, (64,)),
    "flow_cosine": (np.float32, (256,)),
    "flow_sine": (np.float32, (256,)),
    "flow_period": (np.float32, (256,)),
    "flow_unseen": (np.float32, (3,)),
    "band_weight": (np.float32, (256, 8)),
}
_LENGTHS = ("radius", "reach", "position_spread", "direction_spread", "threshold", "most_trust")
_CRC_32 = 0xEDB88320
"""Its polynomial, the highest power in the lowest bit."""


def prepare_tables(tables: Mapping[str, npt.NDArray[Any]], numbers: Mapping[str, float]) -> Any:  # noqa: ANN401  # a C structure
    """Return the tables as `prepare` takes them.

    Parameters
    ----------
    tables
        For each step k of 1/256 turn: ``direction`` in radians, its ``cosine`` and ``sine`` and
        the same in single precision (``column_``); ``trust`` of each step of reliability and
        ``reliability_1``, the step that one of version 1 became; cosine and sine of twice each
        orientation of ridge flow, logarithm of each period (``flow_``), and the three of a cell
        that shows none; ``band_weight``, what a neighbour turned by k gives to each of 6 bands of
        direction (and two columns of 0).
    numbers
        The fields of `CylinderParameters` (`fingerprint.cylinder_parameters`) that are lengths,
        angles and limits, and ``reach``, how far a neighbour's contribution goes.

    Raises
    ------
    ValueError
        If a table has another type or shape, or a number cannot be.
    """
    made = ffi.new("ektp_prepare_tables *")
    for name, (kind, shape) in _TABLES.items():
        check(name, tables[name], kind, shape)
        ffi.memmove(ffi.addressof(made, name), ffi.from_buffer(tables[name]), tables[name].nbytes)
    for name in _LENGTHS:
        if not 0 < numbers[name] <= 512:
            raise ValueError(f"{name} must be above 0 and at most 512, not {numbers[name]}")
        setattr(made, name, numbers[name])
    made.margin = numbers["margin"]
    if made.reach >= made.radius * 4 / 10 or not 0 <= made.margin <= 512:
        raise ValueError("a contribution must reach less than two cells, the margin 0 to 512")
    checksums = _checksums()
    ffi.memmove(made.checksum, ffi.from_buffer(checksums), checksums.nbytes)
    return made


def _checksums() -> npt.NDArray[np.uint32]:
    """Return how a byte changes CRC-32, 0 to 7 bytes before the last one, (8, 256)."""
    table = np.arange(256, dtype=np.uint32)
    for _ in range(8):
        table = np.where(table & 1, table >> 1 ^ np.uint32(_CRC_32), table >> 1)
    rows = [table]
    while len(rows) < 8:
        rows.append(rows[-1] >> 8 ^ table[rows[-1] & 255])
    return np.stack(rows)


def prepare(
    stored: npt.NDArray[np.uint8],
    offsets: npt.NDArray[np.uint64],
    sizes: npt.NDArray[np.uint64],
    tables: Any,  # noqa: ANN401  # a C structure
) -> PackedBatch:
    """Return stored templates made ready for `match`, each packed as `pack` would.

    The bytes are checked as `FingerprintTemplate.from_bytes` checks them; what is no template has
    no place in the batch (`PackedBatch.sound`).

    Parameters
    ----------
    stored
        Bytes among which the templates lie, (bytes,); may be a mapped file.
    offsets, sizes
        Where each template begins and how many bytes it has, (n,).
    tables
        From `prepare_tables`.

    Raises
    ------
    ValueError
        If an array has another type, shape or layout, or a template lies outside ``stored``.
    """
    check("stored", stored, np.uint8, (-1,))
    check("offsets", offsets, np.uint64, (-1,))
    check("sizes", sizes, np.uint64, offsets.shape)
    total = np.uint64(len(stored))
    if (sizes > total).any() or (offsets > total - np.minimum(sizes, total)).any():
        raise ValueError(f"a template lies outside the {len(stored)} bytes given")
    places = np.full(len(offsets), _NOWHERE)
    given = (
        ffi.from_buffer("uint8_t[]", stored),
        ffi.from_buffer("uint64_t[]", offsets),
        ffi.from_buffer("uint64_t[]", sizes),
        len(offsets),
        tables,
    )
    enough = lib.ektp_prepare(*given, ffi.NULL, 0, ffi.NULL)
    arena = aligned_room(enough)
    used = lib.ektp_prepare(
        *given,
        ffi.from_buffer("uint8_t[]", arena, require_writable=True),
        enough,
        ffi.from_buffer("uint64_t[]", places, require_writable=True),
    )
    return PackedBatch(arena[:used], places)
