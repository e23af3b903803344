# SPDX-License-Identifier: Apache-2.0
"""A fingerprint laid out as the compiled core reads it."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any

import numpy as np

from ektp_hw.native.arrays import CYLINDER_WORDS, check, check_rows
from ektp_hw.native.library import lib

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["ALIGNMENT", "PackedBatch", "PackedTemplate", "aligned_room", "pack"]

ALIGNMENT = 64
"""Bytes: a packed template begins at a multiple of so many."""
_NOWHERE = 2**64 - 1
"""Place of what could not be packed."""
_LANES = 16
"""Every column is padded to a multiple of so many."""
_FAR_AWAY = 1e9
"""Where minutiae of the padding lie."""
_MOST_MINUTIAE = 255
_MOST_CELLS = 128
_LARGEST = np.array([65536, 65536, 1, 1, 65536], np.float32)
"""Of each column: single precision holds every product and sum of these."""
_START = struct.Struct("=6I16s")
"""The part of `match_header` that says something (native/src/match.h)."""


class PackedTemplate:
    """A fingerprint as the compiled core reads it: one block of bytes, never changed.

    Made by `pack` only, because `match` trusts what stands in it.

    Raises
    ------
    ValueError
        If the bytes are not as many as their beginning says.
    """

    __slots__ = ("address", "block")
    block: npt.NDArray[np.uint8]

    def __init__(self, content: bytes) -> None:
        if len(content) < lib.EKTP_MATCH_HEADER or not _is_whole(content):
            raise ValueError("these bytes are not those of a packed template; make one with pack")
        block = aligned_room(len(content))
        block[:] = np.frombuffer(content, np.uint8)
        self._lie_in(block)

    def _lie_in(self, block: npt.NDArray[np.uint8]) -> None:
        block.flags.writeable = False
        self.block = block
        self.address: int = block.ctypes.data

    def __reduce__(self) -> tuple[type[PackedTemplate], tuple[bytes]]:
        return PackedTemplate, (self.block.tobytes(),)

    @property
    def rank(self) -> tuple[int, bytes]:
        """Of two fingerprints, the one of lower rank is laid over the other."""
        start = _START.unpack_from(self.block.data)
        return start[0], start[-1]


class PackedBatch:
    """Many fingerprints packed side by side; `match` takes a batch in place of a list.

    Made by `prepare` only, because `match` trusts what stands in it. An index gives one of them,
    a slice or an array of indices a batch of those: all share the memory.

    Parameters
    ----------
    arena
        The packed templates, (bytes,).
    places
        Where in the arena each begins; the largest number for one that could not be packed; (n,).

    Raises
    ------
    ValueError
        If a place lies outside the arena.
    """

    __slots__ = ("addresses", "arena", "places")

    def __init__(self, arena: npt.NDArray[np.uint8], places: npt.NDArray[np.uint64]) -> None:
        check("arena", arena, np.uint8, (-1,))
        check("places", places, np.uint64, (-1,))
        if arena.ctypes.data % ALIGNMENT:
            arena, given = aligned_room(len(arena)), arena
            arena[:] = given
        sound = places != _NOWHERE
        last = max(len(arena) - lib.EKTP_MATCH_HEADER, -1)
        inside = places[sound]
        if len(inside) and (int(inside.max()) > last or (inside % ALIGNMENT).any()):
            raise ValueError("a packed template lies outside the arena; make a batch with prepare")
        self.addresses: npt.NDArray[np.uint64] = np.where(
            sound, places + np.uint64(arena.ctypes.data), np.uint64(0)
        )
        arena.flags.writeable = self.addresses.flags.writeable = False
        self.arena = arena
        self.places = places

    def __len__(self) -> int:
        return len(self.places)

    @property
    def sound(self) -> npt.NDArray[np.bool_]:
        """Which of them could be packed; the others cannot be matched; (n,)."""
        return np.not_equal(self.addresses, 0)

    def __getitem__(self, index: slice | npt.NDArray[np.integer | np.bool_]) -> PackedBatch:
        return PackedBatch(self.arena, np.ascontiguousarray(self.places[index]))

    def one(self, index: int) -> PackedTemplate:
        """Return one of them, as a view.

        Raises
        ------
        ValueError
            If it could not be packed.
        """
        place = int(self.places[index])
        if place == _NOWHERE:
            raise ValueError(f"template {index} of the batch could not be packed")
        single = PackedTemplate.__new__(PackedTemplate)
        single._lie_in(self.arena[place : place + _size_of(self.arena.data, place)])  # noqa: SLF001
        return single

    def __reduce__(self) -> tuple[type[PackedBatch], tuple[npt.NDArray[Any], npt.NDArray[Any]]]:
        return PackedBatch, (self.arena, self.places)


def aligned_room(size: int) -> npt.NDArray[np.uint8]:
    """Return so many bytes, not initialised, that begin at a multiple of `ALIGNMENT`."""
    room = np.empty(size + ALIGNMENT, np.uint8)
    start = -room.ctypes.data % ALIGNMENT
    return room[start : start + size]


def _is_whole(content: bytes) -> bool:
    count, room, corners, rows, across, *_ = _START.unpack_from(content)
    fits: bool = corners <= count <= _MOST_MINUTIAE and max(rows, across) <= _MOST_CELLS
    return fits and room == _room_for(count) and len(content) == _size_of(content, 0)


def _size_of(content: bytes | memoryview, at: int) -> int:
    """Return how many bytes the packed template that begins there says to have."""
    _, room, corners, rows, across, *_ = _START.unpack_from(content, at)
    columns, codes = room * 6 * 4, room * 2 * CYLINDER_WORDS * 8
    return int(lib.EKTP_MATCH_HEADER + columns + codes + corners * 2 * 4 + rows * across * 3 * 4)


def _room_for(count: int) -> int:
    return -(-count // _LANES) * _LANES


def pack(
    *,
    columns: npt.NDArray[np.float32],
    steps: npt.NDArray[np.int32],
    codes: npt.NDArray[np.uint64],
    masks: npt.NDArray[np.uint64],
    corners: npt.NDArray[np.float32],
    flow: npt.NDArray[np.float32],
    digest: bytes,
) -> PackedTemplate:
    """Lay a fingerprint out for `match` (``native/src/match.h``).

    Parameters
    ----------
    columns
        x, y (upwards, ascending), cosine and sine of the direction, trust; (5, n), n up to 255.
    steps
        Directions in 1/256 of a turn, 0 to 255; (n,).
    codes, masks
        As `cylinders` takes them, (n, `CYLINDER_WORDS`).
    corners
        Hull of the minutiae, counter-clockwise, (k, 2), k up to n.
    flow
        (3, rows, columns), at most 128 each way: cosine and sine of twice the orientation, natural
        logarithm of the ridge period; NaN where no ridges are seen.
    digest
        16 bytes that decide, for two of as many minutiae, which is laid over the other.

    Raises
    ------
    ValueError
        If an array has another type, shape or layout, or a number that cannot be.
    """
    count = len(steps)
    check("columns", columns, np.float32, (5, count))
    check("steps", steps, np.int32, (count,))
    check_rows("template", codes, masks)
    check("corners", corners, np.float32, (-1, 2))
    check("flow", flow, np.float32, (3, -1, -1))
    if count > _MOST_MINUTIAE or len(codes) != count or len(corners) > count:
        raise ValueError(f"{count} minutiae must be at most 255, with one code each and their hull")
    if not (np.abs(columns) <= _LARGEST[:, np.newaxis]).all() or (columns[4] < 0).any():
        raise ValueError("columns must be finite, none of them larger than a fingerprint has it")
    if (columns[1, 1:] < columns[1, :-1]).any() or ((steps < 0) | (steps > 255)).any():
        raise ValueError("y must ascend, steps must be 0 to 255")
    if (codes & ~masks).any() or not (np.abs(corners) <= _LARGEST[0]).all() or np.isinf(flow).any():
        raise ValueError("codes must lie in their masks, corners on the picture, flow be finite")
    if max(flow.shape[1:]) > _MOST_CELLS or len(digest) != 16:
        raise ValueError("flow must be at most 128 x 128 cells, digest must be 16 bytes")
    room = _room_for(count)
    padded = np.zeros((5, room), np.float32)
    padded[:2] = _FAR_AWAY
    padded[:, :count] = columns
    turns = np.zeros(room, np.int32)
    turns[:count] = steps
    bits = np.zeros((2, room, CYLINDER_WORDS), np.uint64)
    bits[0, :count], bits[1, :count] = codes, masks
    start = _START.pack(count, room, len(corners), *flow.shape[1:], 0, digest)
    arrays = (padded, turns, bits, corners, flow)
    header = start.ljust(lib.EKTP_MATCH_HEADER, b"\0")
    return PackedTemplate(header + b"".join(each.tobytes() for each in arrays))
