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

import logging
import struct
import zlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from ektp_hw.errors import GalleryDamaged
from ektp_hw.gallery.layout import BLOCK_ROWS, CODE_WORDS, COLUMNS, blocks_of
from ektp_hw.gallery.seal import context_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    import numpy.typing as npt

    from ektp_hw.gallery.seal import Seal
    from ektp_hw.gallery.segment_file import Rows, SegmentFile

__all__ = ["BadBlock", "BlockChecks", "OpenSegment", "Segment"]

_log = logging.getLogger(__name__)
_Number = TypeVar("_Number", bound=np.generic)
_SCANNED = tuple(each for each in COLUMNS if each != "templates")


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


class OpenSegment:
    """One segment file with its seal: appends rows, checks each block once, makes the views."""

    def __init__(self, file: SegmentFile, seal: Seal, *, described: bool) -> None:
        self.file = file
        self._seal = seal
        self._described = described
        self._checked: dict[int, int] = {}
        """Of each block, how many rows were looked at."""
        self._found: dict[int, int] = {}
        """Of the block that was appended to, how many rows it had before."""
        self.bad: dict[int, BadBlock] = {}

    def check(self, blocks: Mapping[int, BlockChecks], columns: Sequence[str]) -> list[BadBlock]:
        """Compare these blocks with their checks, whatever was found before."""
        size = self._seal.check_size
        found = []
        for block, known in blocks.items():
            bad = []
            for column in columns:
                number = COLUMNS.index(column)
                context = context_of(self.file.layout.number, number, block)
                stored = self._extent(block, known, column)
                if not self._seal.holds(context, known.of(number, size), stored):
                    bad.append(column)
            if bad:
                first = block * BLOCK_ROWS
                place = (self.file.path, block, first, first + known.rows)
                found.append(BadBlock(*place, tuple(bad)))
        return found

    def unchecked(self, rows: int) -> int:
        """Return the first block of which not all rows were looked at."""
        return next(
            (
                block
                for block in blocks_of(0, rows)
                if self._checked.get(block, 0) < min(rows - block * BLOCK_ROWS, BLOCK_ROWS)
            ),
            len(blocks_of(0, rows)),
        )

    def trust(self, blocks: Mapping[int, BlockChecks]) -> None:
        """Take blocks as checked that `append` returned, but for rows it found there unchecked."""
        for block, known in blocks.items():
            if self._checked.get(block, 0) == self._found.pop(block, 0):
                self._checked[block] = known.rows

    def append(
        self, row: int, template_start: int, rows: Rows, known: Mapping[int, BlockChecks]
    ) -> dict[int, BlockChecks]:
        """Put rows behind the valid ones, see them on the disk, and return the blocks anew.

        Parameters
        ----------
        row, template_start
            Where they go.
        known
            The block that ``row`` lies in, if it has rows already.

        Raises
        ------
        OSError
            If they could not be written.
        """
        stored = rows.stored(template_start)
        written = self.file.write(row, template_start, stored, self._seal)
        starts = np.frombuffer(stored["starts"], "<u4")
        stop_of_all = template_start + len(stored["templates"])
        blocks = {}
        for block in blocks_of(row, row + len(rows)):
            first = max(block * BLOCK_ROWS - row, 0)
            stop = min((block + 1) * BLOCK_ROWS - row, len(rows))
            begin = int(starts[first])
            end = int(starts[stop]) if stop < len(rows) else stop_of_all
            before = known.get(block) if row + first > block * BLOCK_ROWS else None
            if before is not None:
                self._found[block] = before.rows
            checks = self._sealed(block, before, first, stop, begin - template_start,
                                  end - template_start, written)  # fmt: skip
            blocks[block] = BlockChecks(
                row + stop - block * BLOCK_ROWS,
                begin if before is None else before.template_start,
                end,
                checks,
            )
        return blocks

    def _sealed(
        self, block: int, before: BlockChecks | None, first: int, stop: int, begin: int, end: int,
        written: Mapping[str, bytes],
    ) -> bytes:  # fmt: skip
        """Return the checks of a block that was ``before`` and now ends with these new bytes."""
        checks = b""
        for number, column in enumerate(COLUMNS):
            if column == "templates":
                added = written[column][begin:end]
            else:
                width = self.file.layout.width(column)
                added = written[column][first * width : stop * width]
            there, check = self._extent(block, before, column), b""
            if before is not None:
                check = before.of(number, self._seal.check_size)
            context = context_of(self.file.layout.number, number, block)
            checks += self._seal.extended(context, check, there, added)
        return checks

    def _extent(self, block: int, known: BlockChecks | None, column: str) -> memoryview:
        """Return the stored bytes of one column of a block."""
        if known is None:
            return memoryview(b"")
        first = block * BLOCK_ROWS
        start = self.file.place(column, first, known.template_start)
        stop = self.file.place(column, first + known.rows, known.template_stop)
        return self.file.mapped()[start:stop]

    def look_at(self, blocks: Mapping[int, BlockChecks]) -> None:
        """Check what was not checked before; a block once found damaged stays so."""
        new = {
            block: known
            for block, known in blocks.items()
            if self._checked.get(block, 0) < known.rows
        }
        for bad in self.check(new, _SCANNED if self.file.problem is None else COLUMNS):
            if bad.block not in self.bad:
                _log.warning("%s; its rows are left out of searches; run verify", bad)
            self.bad[bad.block] = bad
        self._checked.update({block: known.rows for block, known in new.items()})

    def view(self, first: int, rows: int, dead: Sequence[tuple[int, int]]) -> Segment:
        """Return the first ``rows`` rows, those of ``dead`` (first, how many) not alive."""
        self.file.check_size()
        alive = np.ones(rows, np.bool_)
        for row, many in dead:
            alive[row : row + many] = False
        for bad in self.bad.values():
            alive[bad.first : bad.first + BLOCK_ROWS] = False
        alive.flags.writeable = False
        layout = self.file.layout

        mapped = self.file.mapped()
        templates = mapped[layout.offset("templates") :]

        def template(_row: int, start: int, size: int) -> memoryview:
            return templates[start : start + size]

        def column(name: str, kind: type[_Number], words: int = 1) -> npt.NDArray[_Number]:
            stored = np.frombuffer(mapped, kind, rows * words, layout.offset(name))
            return stored if words == 1 else stored.reshape(rows, words)

        return Segment(
            self.file.path,
            first,
            column("people", np.int64),
            column("positions", np.uint8),
            alive,
            column("codes", np.uint64, CODE_WORDS),
            column("sketches", np.uint8, layout.sketch_bytes),
            self._described,
            column("starts", np.uint32),
            column("sizes", np.uint16),
            template,
        )
