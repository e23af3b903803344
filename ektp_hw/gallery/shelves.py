# SPDX-License-Identifier: Apache-2.0
"""The segments of one gallery: opened when they are wanted, appended to at the last one's end."""

from __future__ import annotations

import contextlib
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ektp_hw.errors import GalleryDamaged
from ektp_hw.gallery.folder import sync_folder
from ektp_hw.gallery.layout import BLOCK_ROWS, COLUMNS, DERIVED, Layout, blocks_of
from ektp_hw.gallery.ledger import SegmentRow
from ektp_hw.gallery.open_segment import OpenSegment
from ektp_hw.gallery.segment_file import SegmentFile

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    import numpy.typing as npt

    from ektp_hw.gallery.columns import Description
    from ektp_hw.gallery.ledger import Ledger, Place
    from ektp_hw.gallery.seal import Seals
    from ektp_hw.gallery.segment import BlockChecks, Segment
    from ektp_hw.gallery.segment_file import Rows

__all__ = ["Laid", "Shelves", "segment_path"]


@dataclass
class Laid:
    """What a write put where: (segment, row) of each person, and what to commit."""

    places: list[tuple[int, int]]
    segments: list[SegmentRow]
    blocks: dict[int, dict[int, BlockChecks]]


class _Shown(NamedTuple):
    """A view and what it was made of."""

    of: tuple[object, ...]
    segment: Segment


def segment_path(folder: Path, number: int) -> Path:
    """Return the file of a segment."""
    return folder / f"{number:08}.segment"


class Shelves:
    """The segment files of an open gallery; its methods want one caller at a time.

    Parameters
    ----------
    folder
        Where the files are.
    seals
        Where their seals come from.
    """

    def __init__(
        self,
        folder: Path,
        identity: bytes,
        ledger: Ledger,
        description: Description,
        seals: Seals,
        *,
        writable: bool,
    ) -> None:
        self._folder = folder
        self._identity = identity
        self._ledger = ledger
        self.description = description
        self.seals = seals
        self._writable = writable
        self._readers: dict[int, OpenSegment] = {}
        self._shown: dict[int, _Shown] = {}
        self._views: tuple[Segment, ...] = ()
        self._seen: tuple[int, int] | None = None
        self._full: set[int] = set()
        """Segments that nothing is appended to any more."""
        if writable:
            self._tidy()

    # --- reading

    def view_of(self, place: Place) -> Segment:
        """Return the segment that a person's fingers lie in, ready to be read there.

        Raises
        ------
        GalleryDamaged
            If its file is shorter than before, or damaged at that place.
        """
        self.views()
        reader = self._readers[place.segment]
        reader.file.check_size()
        for block in blocks_of(place.row, place.row + place.rows):
            bad = reader.bad.get(block)
            if bad is not None and not DERIVED.issuperset(bad.columns):
                raise GalleryDamaged(
                    f"{bad}; restore the file from a copy, or remove and enrol {place.id!r} anew"
                )
        return self._shown[place.segment].segment

    @contextmanager
    def steady(self) -> Iterator[None]:
        """Show one unchanging state of the ledger, all of whose segments are opened.

        Between looking at the ledger and opening the files another process may have compacted
        them away; then the ledger is looked at once more.
        """
        tries = 1 if self._ledger.is_steady else 4
        for left in reversed(range(tries)):
            with self._ledger.reading():
                gone = [row for row in self._ledger.segments() if self.reader(row).file.missing]
                if not gone or not left:
                    yield
                    return
            for row in gone:
                self._readers.pop(row.number).file.close()

    def views(self) -> tuple[Segment, ...]:
        """Return the present state; the same objects as long as nothing changed."""
        seen = self._ledger.version()
        if seen != self._seen:
            with self.steady():
                dead = self._ledger.dead()
                shown, first = {}, 0
                for row in self._ledger.segments():
                    shown[row.number] = self._show(row, first, dead.get(row.number, []))
                    first += row.rows
            for number in self._readers.keys() - shown.keys():
                self._readers.pop(number).file.close()
            self._shown = shown
            self._views = tuple(each.segment for each in shown.values())
            self._seen = seen
        return self._views

    def _show(self, row: SegmentRow, first: int, dead: list[tuple[int, int]]) -> _Shown:
        made_of = (first, row.rows, dead)
        known = self._shown.get(row.number)
        if known is not None and known.of == made_of:
            return known
        reader = self.reader(row)
        reader.look_at(self._ledger.blocks(row.number, reader.unchecked(row.rows)))
        return _Shown(made_of, reader.view(first, row.rows, dead))

    def reader(self, row: SegmentRow) -> OpenSegment:
        """Return the opened segment."""
        reader = self._readers.get(row.number)
        if reader is None:
            file = SegmentFile(
                segment_path(self._folder, row.number), self._layout(row), writable=self._writable
            )
            described = row.description == self.description.version > 0
            reader = OpenSegment(file, self.seals.of(row.number), described=described)
            self._readers[row.number] = reader
        return reader

    def _layout(self, row: SegmentRow) -> Layout:
        return Layout(
            self._identity,
            row.number,
            row.capacity,
            row.room,
            row.sketch_bytes,
            row.description,
            self.seals.encrypted,
        )

    # --- writing

    def lay_down(self, rows: Rows, persons: npt.NDArray[np.int64]) -> Laid:
        """Put the rows behind the last ones and see them on the disk; committing is the caller's.

        Parameters
        ----------
        persons
            Row at which each person begins, rising from 0.

        Raises
        ------
        OSError
            If they could not be written.
        """
        laid = Laid([], [], {})
        before = self._readers.keys() | {each.number for each in self._ledger.segments()}
        try:
            self._fill(rows, persons, laid)
        except BaseException:
            self._discard(self._readers.keys() - before)
            self._full |= before
            raise
        return laid

    def _fill(self, rows: Rows, persons: npt.NDArray[np.int64], laid: Laid) -> None:
        ends = np.append(persons[1:], len(rows))
        size_at = np.cumsum([0, *map(len, rows.templates)])
        total = sum(each.rows for each in self._ledger.segments())
        tail = self._tail()
        done = 0
        while done < len(persons):
            start = int(persons[done])
            fits = done
            if tail is not None:
                too_many = ends[done:] - start > tail.capacity - tail.rows
                too_long = size_at[ends[done:]] - size_at[start] > tail.room - tail.template_bytes
                fits += int(np.searchsorted(too_many | too_long, True))
            if tail is None or fits == done:
                layout = self._layout_for(
                    max(len(rows) - start, total + start),
                    int(size_at[ends[done]] - size_at[start]),
                )
                tail = self._new(layout, int(rows.people[start]))
                continue
            stop = int(ends[fits - 1])
            laid.places += [
                (tail.number, tail.rows + int(row) - start) for row in persons[done:fits]
            ]
            tail = self._append(tail, rows[start:stop], laid)
            done = fits

    def lay_down_apart(self, rows: Rows, first_seq: int, *, to_be_continued: bool) -> Laid:
        """Put the rows into a new segment of their own, as if they were one person's.

        Parameters
        ----------
        to_be_continued
            Leave as much room again behind them.

        Raises
        ------
        OSError
            If they could not be written.
        """
        laid = Laid([], [], {})
        size = sum(map(len, rows.templates))
        layout = self._layout_for(len(rows) * (2 if to_be_continued else 1), size)
        tail = self._new(layout, first_seq)
        laid.places.append((tail.number, 0))
        try:
            self._append(tail, rows, laid)
        except BaseException:
            self.drop([tail])
            raise
        return laid

    def drop(self, rows: Sequence[SegmentRow]) -> None:
        """Delete the files of segments that the ledger does not name any more."""
        self._discard([each.number for each in rows])

    def _discard(self, numbers: Iterable[int]) -> None:
        numbers = list(numbers)
        self.seals.destroy(numbers)
        for number in numbers:
            self._readers.pop(number).file.close()
            with contextlib.suppress(OSError):  # Windows: a reader has it open; `_tidy` will do it
                segment_path(self._folder, number).unlink()

    def _tail(self) -> SegmentRow | None:
        state = self._ledger.segments()
        if not state or state[-1].number in self._full:
            return None
        tail = state[-1]
        reader = self.reader(tail)
        fits = (
            tail.description == self.description.version
            and tail.sketch_bytes == self.description.sketch_bytes
        )
        last = self._ledger.blocks(tail.number, (tail.rows - 1) // BLOCK_ROWS)
        if fits and reader.file.problem is None and not reader.check(last, COLUMNS):
            return tail
        self._full.add(tail.number)
        return None

    def _layout_for(self, rows: int, template_bytes: int) -> Layout:
        number = self._ledger.next_numbers()[1]
        taken = [int(each.stem) for each in self._folder.glob("*.segment") if each.stem.isdigit()]
        return Layout.for_rows(
            self._identity,
            max([number, *(each + 1 for each in taken)]),
            rows,
            template_bytes,
            sketch_bytes=self.description.sketch_bytes,
            description=self.description.version,
            encrypted=self.seals.encrypted,
        )

    def _new(self, layout: Layout, first_seq: int) -> SegmentRow:
        self.seals.make(layout.number)
        SegmentFile.create(segment_path(self._folder, layout.number), layout).close()
        sync_folder(self._folder)  # its name as well is on the disk before the ledger has it
        row = SegmentRow(
            layout.number,
            first_seq,
            0,
            0,
            layout.capacity,
            layout.room,
            layout.sketch_bytes,
            layout.description,
        )
        self.reader(row)
        return row

    def _append(self, tail: SegmentRow, rows: Rows, laid: Laid) -> SegmentRow:
        known = self._ledger.blocks(tail.number, tail.rows // BLOCK_ROWS)
        written = self._readers[tail.number].append(tail.rows, tail.template_bytes, rows, known)
        laid.blocks[tail.number] = written
        last = written[max(written)]
        grown = tail._replace(rows=tail.rows + len(rows), template_bytes=last.template_stop)
        laid.segments.append(grown)
        return grown

    def settle(self, laid: Laid) -> None:
        """Take what was laid down as committed."""
        for row in laid.segments:
            self._readers[row.number].trust(laid.blocks[row.number])

    def abandon(self, laid: Laid) -> None:
        """Never write where this was laid down again: its commit failed, and may yet have been."""
        self._full.update(row.number for row in laid.segments)

    # --- cleaning

    def _tidy(self) -> None:
        """Remove what a writer that died left behind: files that nobody names, rows nobody has."""
        state = {segment_path(self._folder, row.number): row for row in self._ledger.segments()}
        for path in self._folder.glob("*.segment"):
            if path not in state:
                with contextlib.suppress(OSError):  # Windows: a reader has it open
                    path.unlink()
        self.seals.keep_only([row.number for row in state.values()])
        for row in state.values():
            file = self.reader(row).file
            if file.problem is not None or row.rows == row.capacity:
                continue
            left = list(file.written_behind(row.rows, row.template_bytes))
            if left and self.seals.encrypted:  # the same place is never encrypted twice
                self._full.add(row.number)
            elif left:
                for offset, size in left:
                    file.blank(offset, size)
                file.sync()

    def close(self) -> None:
        """Give the files back; views that somebody holds stay valid."""
        for reader in self._readers.values():
            reader.file.close()
        self._readers.clear()
        self._shown.clear()
        self._views = ()
        self._seen = None
