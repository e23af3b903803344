# SPDX-License-Identifier: Apache-2.0
"""What the rest of the gallery reads of the storage: segments, unchanging views of fingers.

``Store.segments()`` returns them in the order of enrolment::

    for segment in store.segments():
        distances = scan(probe_code, segment.codes)
        for row in np.flatnonzero((distances < limit) & segment.alive):
            segment.people[row], segment.positions[row], segment.template_bytes(row)

The same `Segment` object comes back as long as nothing in it changed, so it can be a key of a
cache. Rows never move while a `Segment` is held: a compaction makes new ones and leaves the old
files mapped for those who still hold them.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ektp_hw.errors import GalleryDamaged

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import numpy as np
    import numpy.typing as npt

__all__ = ["BadBlock", "BlockChecks", "Segment"]


@dataclass(frozen=True, eq=False)
class Segment:
    """An unchanging view of the acknowledged rows of one segment; a row is one finger.

    Parameters
    ----------
    path
        The file, for messages.
    first
        Row of the whole view that row 0 is: ``first + row`` counts through all segments.
    people
        Number of enrolment of each row's person, (n,) int64, never falling; the rows of one
        person are adjacent and in one segment. `Store.identifiers` makes ids of them.
    positions
        FingerPosition, (n,) uint8.
    alive
        False where the person was removed or the block is damaged, (n,) bool.
    codes
        Finger codes, (n, 8) uint64, mapped (decrypted, if the gallery is encrypted), contiguous,
        at a multiple of 64 bytes.
    sketches
        (n, sketch bytes) uint8, likewise.
    described
        Whether codes and sketches are of this release's making; if not, compare without them.
    """

    path: Path
    first: int
    people: npt.NDArray[np.int64]
    positions: npt.NDArray[np.uint8]
    alive: npt.NDArray[np.bool_]
    codes: npt.NDArray[np.uint64]
    sketches: npt.NDArray[np.uint8]
    described: bool
    _starts: npt.NDArray[np.uint32] = field(repr=False)
    _sizes: npt.NDArray[np.uint16] = field(repr=False)
    _read: Callable[[int, int, int], memoryview] = field(repr=False)

    def __len__(self) -> int:
        return len(self.people)

    def template_bytes(self, row: int) -> memoryview:
        """Return the stored `FingerprintTemplate` of one row, its own checksum looked at.

        Raises
        ------
        GalleryDamaged
            If it is not as it was written.
        """
        stored = self._read(row, int(self._starts[row]), int(self._sizes[row]))
        if len(stored) < 4 or zlib.crc32(stored[:-4]) != struct.unpack("<I", stored[-4:])[0]:
            raise GalleryDamaged(
                f"{self.path}: the template of row {row} is damaged; restore the file from a copy, "
                "or remove and enrol the person anew"
            )
        return stored


@dataclass(frozen=True)
class BlockChecks:
    """What the ledger knows of one block: rows, extent of its templates, a check a column."""

    rows: int
    template_start: int
    template_stop: int
    checks: bytes

    def of(self, column: int, size: int) -> bytes:
        """Return the check of one column."""
        return self.checks[column * size : (column + 1) * size]


@dataclass(frozen=True)
class BadBlock:
    """Rows first to stop - 1 of a segment, whose named columns are not as they were written."""

    path: Path
    block: int
    first: int
    stop: int
    columns: tuple[str, ...]

    def __str__(self) -> str:
        return (
            f"{self.path}: block {self.block} (rows {self.first} to {self.stop - 1}) is damaged "
            f"in its {', '.join(self.columns)}"
        )
