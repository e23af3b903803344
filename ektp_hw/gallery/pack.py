# SPDX-License-Identifier: Apache-2.0
"""Append-only file of templates: records with checksums, written at the end, read by mapping.

Layout, version 1, little-endian::

    offset size
      0     4   magic "EKGP"
      4     2   version (1)
      6     2   reserved (0)
      8    16   identity of the gallery, the same in its manifest and its table of people
     24         records, one behind the other:
            4     n, size of the template
            1     modality (1 = finger)
            1     position (ISO/IEC 19794-2 code)
            2     reserved (0)
            n     the template's stored form
            4     CRC-32 of everything before it in this record

The file knows nothing of its own end: the table of people says up to where it is valid
(``pack_end``), and that is committed only after the records have reached the disk. Whatever lies
behind is the torn end of a write that nobody acknowledged.
"""

from __future__ import annotations

import contextlib
import mmap
import os
import struct
import zlib
from typing import TYPE_CHECKING

from ektp_hw.errors import GalleryDamaged

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["HEADER_SIZE", "Pack", "create_pack", "record"]

_MAGIC = b"EKGP"
_VERSION = 1
_HEADER = struct.Struct("<4sHH16s")
_RECORD = struct.Struct("<IBBH")
HEADER_SIZE = _HEADER.size
_READ_FLAGS = os.O_RDONLY | getattr(os, "O_BINARY", 0)
_WRITE_FLAGS = os.O_RDWR | getattr(os, "O_BINARY", 0)


def record(modality: int, position: int, template: bytes) -> bytes:
    """Return one record."""
    body = _RECORD.pack(len(template), modality, position, 0) + template
    return body + struct.pack("<I", zlib.crc32(body))


def create_pack(path: Path, identity: bytes) -> None:
    """Write an empty pack and see it on the disk."""
    with path.open("xb") as file:
        file.write(_HEADER.pack(_MAGIC, _VERSION, 0, identity))
        file.flush()
        os.fsync(file.fileno())


class Pack:
    """The open file; ``end`` is where the next record goes.

    Raises
    ------
    GalleryDamaged
        If the file is missing, foreign, of another gallery or shorter than ``end``.
    """

    def __init__(self, path: Path, identity: bytes, end: int, *, writable: bool) -> None:
        self._path = path
        self.end = end
        self._map: mmap.mmap | None = None
        try:
            self._descriptor = os.open(path, _WRITE_FLAGS if writable else _READ_FLAGS)
        except FileNotFoundError:
            raise GalleryDamaged(
                f"{path} is missing; restore it from a copy, or enrol everybody anew"
            ) from None
        try:
            self._check_header(identity)
            self._check_size(end)
            if writable:
                self._cut_torn_end()
        except BaseException:
            self.close()
            raise

    def _check_header(self, identity: bytes) -> None:
        header = os.read(self._descriptor, HEADER_SIZE)
        if len(header) < HEADER_SIZE:
            raise GalleryDamaged(f"{self._path} is truncated; restore it from a copy")
        magic, version, _, owner = _HEADER.unpack(header)
        if magic != _MAGIC:
            raise GalleryDamaged(f"{self._path} is no template pack; restore it from a copy")
        if version != _VERSION:
            raise GalleryDamaged(
                f"{self._path} has version {version} and this ektp_hw reads version {_VERSION}; "
                "install the release that wrote it"
            )
        if owner != identity:
            raise GalleryDamaged(
                f"{self._path} belongs to another gallery; restore this gallery's own file"
            )

    def _check_size(self, end: int) -> None:
        size = os.fstat(self._descriptor).st_size
        if size < end:
            raise GalleryDamaged(
                f"{self._path} is truncated: {size} bytes are left of {end}; restore it from a copy"
            )

    def _cut_torn_end(self) -> None:
        # What lies behind the end is overwritten anyway: failing to cut it costs only room.
        with contextlib.suppress(OSError):
            if os.fstat(self._descriptor).st_size > self.end:
                os.ftruncate(self._descriptor, self.end)

    def write(self, records: bytes) -> None:
        """Put records at the end and see them on the disk; `advance` makes them count.

        Raises
        ------
        OSError
            If they could not be written; the end stays where it was.
        """
        try:
            os.lseek(self._descriptor, self.end, os.SEEK_SET)
            rest = memoryview(records)
            while rest:
                rest = rest[os.write(self._descriptor, rest) :]
            os.fsync(self._descriptor)
        except OSError:
            self._cut_torn_end()
            raise

    def advance(self, size: int) -> None:
        """Never write over the last ``size`` bytes again."""
        self.end += size

    def read(self, offset: int, size: int) -> tuple[int, int, bytes]:
        """Return modality, position and template of the record of ``size`` bytes at ``offset``.

        Raises
        ------
        GalleryDamaged
            If the record is not whole.
        """
        stop = offset + size
        mapped = self._map
        if mapped is None or len(mapped) < stop:
            mapped = self._remap(stop)
        stored = mapped[offset:stop]
        if size > _RECORD.size + 4:
            length, modality, position, _ = _RECORD.unpack_from(stored)
            checksum = struct.unpack_from("<I", stored, size - 4)[0]
            if length == size - _RECORD.size - 4 and checksum == zlib.crc32(stored[:-4]):
                return modality, position, stored[_RECORD.size : -4]
        raise GalleryDamaged(
            f"{self._path}: the record at byte {offset} is damaged; restore the file from a copy, "
            "or remove and enrol the person anew"
        )

    def _remap(self, stop: int) -> mmap.mmap:
        self._check_size(stop)
        if self._map is not None:
            self._map.close()
        self._map = mmap.mmap(self._descriptor, 0, access=mmap.ACCESS_READ)
        return self._map

    def check_size(self) -> None:
        """Say so when the file has become shorter than it must be."""
        self._check_size(self.end)

    def close(self) -> None:
        """Give file and mapping back."""
        if self._map is not None:
            self._map.close()
            self._map = None
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1
