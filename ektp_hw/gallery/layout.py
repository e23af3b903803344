# SPDX-License-Identifier: Apache-2.0
"""How a segment file is laid out: a header, one column after the other, and the templates.

Version 2, little-endian, every part at a multiple of 64 bytes; C is the capacity in rows, one row
is one finger::

    offset size
      0     4   magic "EKGS"
      4     2   version (2)
      6     2   1 if encrypted, else 0
      8    16   identity of the gallery
     24     4   number of the segment
     28     4   C, rows that fit
     32     4   bytes of one sketch
     36     4   version of what codes and sketches contain (`Description.version`)
     40     8   bytes of templates that fit
     48     4   CRC-32 of everything before it
     64   64C   codes        (8 x uint64 each)
        ...C    sketches
            8C  people       (int64, number of enrolment; the rows of one person are adjacent)
            4C  starts       (uint32, where the row's template begins among the templates)
            2C  sizes        (uint16, bytes of the row's template)
             C  positions    (uint8, ISO/IEC 19794-2 code)
                templates    one behind the other, in the order of the rows

The file has its full size from the start (what is not written yet is a hole that takes no room on
the disk), so one mapping serves as long as the file lives. How many rows are valid is said by the
ledger and nowhere here; so are the checks of each block of `BLOCK_ROWS` rows, one for each column.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from ektp_hw.errors import GalleryDamaged

if TYPE_CHECKING:
    from pathlib import Path

__all__ = [
    "BLOCK_ROWS",
    "CODE_WORDS",
    "COLUMNS",
    "DERIVED",
    "HEADER_SIZE",
    "VERSION",
    "Layout",
    "blocks_of",
]

VERSION = 2
BLOCK_ROWS = 256
"""Rows that share a check: what one flipped bit puts out of use until it is mended."""
CODE_WORDS = 8
COLUMNS = ("codes", "sketches", "people", "starts", "sizes", "positions", "templates")
"""In the order of the file, which is the order of their checks as well."""
DERIVED = frozenset({"codes", "sketches"})
"""Columns that can be made anew from the templates."""
LEAST_ROWS = 16
MOST_ROWS = 1 << 17
"""Of the largest segment: 130 MB, which a compaction rewrites in about a second."""
TEMPLATE_ROOM = 768
"""Bytes of templates that fit for each row; 40 minutiae with ridge flow take about 420."""
_MAGIC = b"EKGS"
_HEADER = struct.Struct("<4sHH16sIIIIQ")
_CHECK = struct.Struct("<I")
HEADER_SIZE = 64
_TYPES = {"people": np.int64, "starts": np.uint32, "sizes": np.uint16, "positions": np.uint8}


def blocks_of(first: int, stop: int) -> range:
    """Return the numbers of the blocks that rows first to stop - 1 lie in."""
    return range(first // BLOCK_ROWS, -(-stop // BLOCK_ROWS)) if stop > first else range(0)


@dataclass(frozen=True)
class Layout:
    """Where everything lies in one segment file; `offset` and `width` in bytes."""

    identity: bytes
    number: int
    capacity: int
    room: int
    """Bytes of templates that fit."""
    sketch_bytes: int
    description: int
    encrypted: bool

    @classmethod
    def for_rows(
        cls, identity: bytes, number: int, rows: int, template_bytes: int,
        *, sketch_bytes: int, description: int, encrypted: bool,
    ) -> Layout:  # fmt: skip
        """Return a layout that holds this many rows and bytes of templates, and some more."""
        capacity = 1 << max(LEAST_ROWS, min(rows, MOST_ROWS), 1).bit_length() - 1
        if capacity < min(rows, MOST_ROWS):
            capacity *= 2
        room = -(-max(capacity * TEMPLATE_ROOM, template_bytes) // 64) * 64
        return cls(identity, number, capacity, room, sketch_bytes, description, encrypted)

    def width(self, column: str) -> int:
        """Return the bytes one row takes in a column of fixed width."""
        if column == "codes":
            return 8 * CODE_WORDS
        if column == "sketches":
            return self.sketch_bytes
        return np.dtype(_TYPES[column]).itemsize

    def offset(self, column: str) -> int:
        """Return where a column begins in the file."""
        return self._offsets[column]

    @cached_property
    def _offsets(self) -> dict[str, int]:
        found, at = {}, HEADER_SIZE
        for column in COLUMNS:
            found[column] = at
            if column != "templates":
                at += -(-self.capacity * self.width(column) // 64) * 64
        return found

    @property
    def size(self) -> int:
        """Bytes of the whole file."""
        return self.offset("templates") + self.room

    def header(self) -> bytes:
        """Return the file's first bytes."""
        body = _HEADER.pack(
            _MAGIC,
            VERSION,
            self.encrypted,
            self.identity,
            self.number,
            self.capacity,
            self.sketch_bytes,
            self.description,
            self.room,
        )
        return (body + _CHECK.pack(zlib.crc32(body))).ljust(HEADER_SIZE, b"\0")

    @classmethod
    def from_header(cls, path: Path, stored: bytes) -> Layout:
        """Read the header of the file ``path``.

        Raises
        ------
        GalleryDamaged
            If it is none, or not as it was written.
        """
        body = stored[: _HEADER.size]
        if len(stored) < HEADER_SIZE:
            raise GalleryDamaged(f"{path} is truncated; restore it from a copy")
        magic, version, encrypted, *rest, room = _HEADER.unpack(body)
        if magic != _MAGIC:
            raise GalleryDamaged(f"{path} is no segment of a gallery; restore it from a copy")
        if stored[_HEADER.size :] != (_CHECK.pack(zlib.crc32(body))).ljust(
            HEADER_SIZE - _HEADER.size, b"\0"
        ):
            raise GalleryDamaged(f"{path}: the header is damaged; restore the file from a copy")
        if version != VERSION:
            raise GalleryDamaged(
                f"{path} has version {version} and this ektp_hw reads version {VERSION}; "
                "install the release that wrote it"
            )
        identity, number, capacity, sketch_bytes, description = rest
        return cls(
            identity, number, capacity, room, sketch_bytes, description, encrypted=bool(encrypted)
        )


def column_type(column: str) -> np.dtype[np.generic]:
    """Return the type of a column of single numbers."""
    return np.dtype(_TYPES[column])
