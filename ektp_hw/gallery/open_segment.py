# SPDX-License-Identifier: Apache-2.0
"""One opened segment: appends rows, checks its blocks, and shows what is valid of it."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from ektp_hw.errors import GalleryDamaged
from ektp_hw.gallery.layout import BLOCK_ROWS, CODE_WORDS, COLUMNS, blocks_of
from ektp_hw.gallery.seal import context_of
from ektp_hw.gallery.segment import BadBlock, BlockChecks, Segment

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import numpy.typing as npt

    from ektp_hw.gallery.seal import Seal, Stored
    from ektp_hw.gallery.segment_file import Rows, SegmentFile

__all__ = ["OpenSegment"]

_log = logging.getLogger(__name__)
_Number = TypeVar("_Number", bound=np.generic)
_SCANNED = tuple(each for each in COLUMNS if each != "templates")


class OpenSegment:
    """One segment file with its seal: appends rows, checks each block once, makes the views."""

    def __init__(self, file: SegmentFile, seal: Seal, *, described: bool) -> None:
        self.file = file
        self._seal = seal
        self._described = described
        self._checked: dict[int, int] = {}
        """Of each block, how many rows were looked at."""
        self._known: dict[int, BlockChecks] = {}
        self._proved: dict[int, int] = {}
        """Of each block, with how many rows its templates were proved authentic."""
        self._plain: dict[str, _Deciphered] = {}
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
            self._known[block] = known
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
        self._known.update(blocks)

    def view(self, first: int, rows: int, dead: Sequence[tuple[int, int]]) -> Segment:
        """Return the first ``rows`` rows, those of ``dead`` (first, how many) not alive."""
        self.file.check_size()
        alive = np.broadcast_to(np.True_, rows)  # one byte for all, where nobody is missing
        if dead or self.bad:
            alive = np.ones(rows, np.bool_)
            for row, many in dead:
                alive[row : row + many] = False
            for bad in self.bad.values():
                alive[bad.first : bad.first + BLOCK_ROWS] = False
            alive.flags.writeable = False
        layout = self.file.layout

        def column(name: str, kind: type[_Number], words: int = 1) -> npt.NDArray[_Number]:
            source, offset = self._readable(name, rows)
            stored = np.frombuffer(source, kind, rows * words, offset)
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
            self._template_reader(),
        )

    def _readable(self, column: str, rows: int) -> tuple[Stored, int]:
        """Return a buffer and an offset in it at which the first rows of a column lie as such."""
        layout = self.file.layout
        if not layout.encrypted:
            return self.file.mapped(), layout.offset(column)
        width = layout.width(column)
        plain = self._plain.get(column)
        if plain is None:
            plain = self._plain[column] = _Deciphered(_aligned(layout.capacity * width))
        if rows > plain.rows:
            start, stop = (self.file.place(column, row, 0) for row in (plain.rows, rows))
            room = plain.stored[plain.rows * width : rows * width].data
            self._seal.reveal_into(start, self.file.mapped()[start:stop], room)
            plain.rows = rows
        return plain.stored[: rows * width].data.toreadonly(), 0

    def _template_reader(self) -> Callable[[int, int, int], memoryview]:
        mapped = self.file.mapped()  # held as long as the view is
        at = self.file.layout.offset("templates")

        def plain(_row: int, start: int, size: int) -> memoryview:
            return mapped[at + start : at + start + size]

        def enciphered(row: int, start: int, size: int) -> memoryview:
            self._prove(row // BLOCK_ROWS, mapped)
            return memoryview(self._seal.disguise(at + start, plain(row, start, size)))

        return enciphered if self.file.layout.encrypted else plain

    def _prove(self, block: int, mapped: memoryview) -> None:
        """Authenticate a block's templates once; a checksum that is enciphered proves nothing."""
        known = self._known[block]
        if self._proved.get(block) == known.rows:
            return
        number = COLUMNS.index("templates")
        at = self.file.layout.offset("templates")
        stored = mapped[at + known.template_start : at + known.template_stop]
        context = context_of(self.file.layout.number, number, block)
        if not self._seal.holds(context, known.of(number, self._seal.check_size), stored):
            raise GalleryDamaged(
                f"{self.file.path}: block {block} is damaged in its templates; restore the file "
                "from a copy, or remove and enrol its people anew"
            )
        self._proved[block] = known.rows


@dataclass
class _Deciphered:
    """A column of an encrypted segment in memory, as far as it was deciphered."""

    stored: npt.NDArray[np.uint8]
    rows: int = 0


def _aligned(size: int) -> npt.NDArray[np.uint8]:
    """Return room that begins at a multiple of 64 bytes."""
    room = np.empty(size + 64, np.uint8)
    skipped = -room.ctypes.data % 64
    return room[skipped : skipped + size]
