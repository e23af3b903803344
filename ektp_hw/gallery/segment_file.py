# SPDX-License-Identifier: Apache-2.0
"""One segment file: made at its full size, written row behind row, read by mapping."""

from __future__ import annotations

import mmap
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ektp_hw.errors import GalleryDamaged
from ektp_hw.gallery.layout import COLUMNS, HEADER_SIZE, Layout

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import numpy.typing as npt

    from ektp_hw.gallery.seal import Seal

__all__ = ["Rows", "SegmentFile"]

_BINARY = getattr(os, "O_BINARY", 0)
_CHUNK = 1 << 20


@dataclass(frozen=True)
class Rows:
    """Fingers on their way into a segment; columns as in `ektp_hw.gallery.segment.Segment`."""

    people: npt.NDArray[np.int64]
    positions: npt.NDArray[np.uint8]
    codes: npt.NDArray[np.uint64]
    sketches: npt.NDArray[np.uint8]
    templates: list[bytes]

    def __len__(self) -> int:
        return len(self.people)

    def __getitem__(self, part: slice) -> Rows:
        return Rows(
            self.people[part],
            self.positions[part],
            self.codes[part],
            self.sketches[part],
            self.templates[part],
        )

    def stored(self, template_start: int) -> dict[str, bytes]:
        """Return the bytes of each column, the templates beginning at ``template_start``."""
        sizes = np.fromiter(map(len, self.templates), np.int64, len(self.templates))
        starts = template_start + np.cumsum(sizes) - sizes
        return {
            "codes": self.codes.astype("<u8").tobytes(),
            "sketches": self.sketches.astype(np.uint8).tobytes(),
            "people": self.people.astype("<i8").tobytes(),
            "starts": starts.astype("<u4").tobytes(),
            "sizes": sizes.astype("<u2").tobytes(),
            "positions": self.positions.astype(np.uint8).tobytes(),
            "templates": b"".join(self.templates),
        }


class SegmentFile:
    """The open file. What its rows mean, and how many are valid, is not its business.

    Parameters
    ----------
    layout
        As the ledger knows it; the file's own header is only compared with it.

    A file that is missing, foreign or too short can be read all the same: what is not there is
    zeros, which the checks of the blocks then find. `problem` says in words what is wrong with it.
    """

    def __init__(self, path: Path, layout: Layout, *, writable: bool) -> None:
        self.path = path
        self.layout = layout
        self.missing = False
        self.problem: str | None = None
        self._stored: memoryview | None = None
        self._descriptor = -1
        try:
            self._descriptor = os.open(path, (os.O_RDWR if writable else os.O_RDONLY) | _BINARY)
        except FileNotFoundError:
            self.missing = True
            self.problem = f"{path} is missing; restore it from a copy, or enrol its people anew"
            return
        self.problem = self._size_problem() or self._header_problem()

    @classmethod
    def create(cls, path: Path, layout: Layout) -> SegmentFile:
        """Make an empty segment; it counts once the ledger names it."""
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | _BINARY, 0o600)
        try:
            _write(descriptor, 0, layout.header())
            os.ftruncate(descriptor, layout.size)
        except BaseException:
            path.unlink()
            raise
        finally:
            os.close(descriptor)
        return cls(path, layout, writable=True)

    def _size_problem(self) -> str | None:
        size = os.fstat(self._descriptor).st_size
        if size >= self.layout.size:
            return None
        return (
            f"{self.path} is truncated: {size} bytes are left of {self.layout.size}; "
            "restore it from a copy"
        )

    def _header_problem(self) -> str | None:
        os.lseek(self._descriptor, 0, os.SEEK_SET)
        if os.read(self._descriptor, HEADER_SIZE) == self.layout.header():
            return None
        return f"{self.path}: the header is damaged or another file's; restore the file from a copy"

    def check_size(self) -> None:
        """Raise when the file has become shorter: touching what is gone would end the process.

        Raises
        ------
        GalleryDamaged
            In that case.
        """
        if self.problem is None:
            shorter = self._size_problem()
            if shorter is not None:
                raise GalleryDamaged(shorter)

    def place(self, column: str, row: int, template_start: int) -> int:
        """Return the offset in the file of a row's value."""
        if column == "templates":
            return self.layout.offset(column) + template_start
        return self.layout.offset(column) + row * self.layout.width(column)

    def write(
        self, row: int, template_start: int, stored: dict[str, bytes], seal: Seal
    ) -> dict[str, bytes]:
        """Put rows behind the valid ones, see them on the disk, return them as they lie there.

        Raises
        ------
        OSError
            If they could not be written.
        """
        written = {}
        for column in COLUMNS:
            offset = self.place(column, row, template_start)
            written[column] = bytes(seal.disguise(offset, stored[column]))
            _write(self._descriptor, offset, written[column])
        self.sync()
        return written

    def sync(self) -> None:
        """See everything written on the disk."""
        os.fsync(self._descriptor)

    def mapped(self) -> memoryview:
        """Return the whole file for reading; stays valid after `close`."""
        if self._stored is None:
            if self.problem is None:
                self.check_size()
                self._stored = memoryview(
                    mmap.mmap(self._descriptor, self.layout.size, access=mmap.ACCESS_READ)
                )
            else:
                self._stored = memoryview(self._what_is_left()).toreadonly()
        return self._stored

    def _what_is_left(self) -> bytearray:
        left = bytearray(self.layout.size)
        if self._descriptor >= 0:
            os.lseek(self._descriptor, 0, os.SEEK_SET)
            at = 0
            while at < len(left) and (part := os.read(self._descriptor, len(left) - at)):
                left[at : at + len(part)] = part
                at += len(part)
        return left

    def written_behind(self, row: int, template_stop: int) -> Iterator[tuple[int, int]]:
        """Yield (offset, size) of what lies behind the valid rows: nobody acknowledged it."""
        stops = [self.layout.offset(column) for column in COLUMNS[1:]] + [self.layout.size]
        for column, stop in zip(COLUMNS, stops, strict=True):
            yield from self._data(self.place(column, row, template_stop), stop)

    def _data(self, start: int, stop: int) -> Iterator[tuple[int, int]]:
        while start < stop:
            if hasattr(os, "SEEK_DATA"):
                try:
                    start = os.lseek(self._descriptor, start, os.SEEK_DATA)
                except OSError:  # nothing but a hole up to the end
                    return
                if start >= stop:
                    return
            size = min(_CHUNK, stop - start)
            os.lseek(self._descriptor, start, os.SEEK_SET)
            if os.read(self._descriptor, size).strip(b"\0"):
                yield start, size
            start += size

    def blank(self, offset: int, size: int) -> None:
        """Overwrite with zeros."""
        _write(self._descriptor, offset, bytes(size))

    def close(self) -> None:
        """Give the file back; what `mapped` returned goes with its last user."""
        self._stored = None
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


def _write(descriptor: int, offset: int, data: bytes) -> None:
    os.lseek(descriptor, offset, os.SEEK_SET)
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(descriptor, rest) :]
