# SPDX-License-Identifier: Apache-2.0
"""Read galleries of version 1: one file of templates, one table of people and of where they lie.

``templates.pack``, little-endian: a header of 24 bytes ("EKGP", version 1, identity), then records,
each of size n (uint32), modality (uint8), position (uint8), reserved (uint16), the template's n
bytes and a CRC-32 of all before it. ``people.sqlite`` has the tables people (seq, id, name,
enrolled_at) and parts (seq, modality, position, offset and size of the record).
"""

from __future__ import annotations

import itertools
import mmap
import struct
import zlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ektp_hw.errors import GalleryDamaged
from ektp_hw.gallery.database import SpeakingOf, connect

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import Self

__all__ = ["FILES", "OldGallery", "OldPerson"]

PACK = "templates.pack"
TABLE = "people.sqlite"
FILES = (PACK, TABLE, f"{TABLE}-wal", f"{TABLE}-shm")
_HEADER = struct.Struct("<4sHH16s")
_RECORD = struct.Struct("<IBBH")
_APPLICATION_ID = 0x454B4741


@dataclass
class OldPerson:
    """A person of version 1; ``fingers`` are (position, template), ``lost`` the damaged rest."""

    seq: int
    id: str
    name: str
    enrolled_at: str
    fingers: list[tuple[int, bytes]] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)


class OldGallery:
    """The files of version 1 in a folder, opened for reading by the only writer there is.

    Raises
    ------
    GalleryDamaged
        If one of the files is missing or not this gallery's.
    """

    def __init__(self, folder: Path, identity: bytes) -> None:
        self._pack = folder / PACK
        self._table = folder / TABLE
        for path in (self._pack, self._table):
            if not path.exists():
                raise GalleryDamaged(f"{path} is missing; restore it from a copy")
        with self._pack.open("rb") as file:
            header = file.read(_HEADER.size)
            if header != _HEADER.pack(b"EKGP", 1, 0, identity):
                raise GalleryDamaged(
                    f"{self._pack} is not this gallery's template pack; restore it from a copy"
                )
            self._stored = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        self._connection = connect(self._table, writable=True)  # its log may want to be replayed
        with SpeakingOf(self._table):
            application = self._connection.execute("PRAGMA application_id").fetchone()
            query = "SELECT value FROM meta WHERE key = 'identity'"
            owner = self._connection.execute(query).fetchone()
        if application != (_APPLICATION_ID,) or owner != (identity.hex(),):
            self.close()
            raise GalleryDamaged(
                f"{self._table} is not this gallery's table of people; restore it from a copy"
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """Give the files back."""
        self._connection.close()
        self._stored.close()

    def last_seq(self) -> int:
        """Return the highest number of enrolment ever given."""
        with SpeakingOf(self._table):
            query = "SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = 'people'"
            return int(self._connection.execute(query).fetchone()[0])

    def people(self) -> Iterator[OldPerson]:
        """Yield everybody in the order of enrolment."""
        query = (
            "SELECT seq, id, name, enrolled_at, position, offset, size FROM people LEFT JOIN parts"
            " USING (seq) ORDER BY seq, modality, position"
        )
        with SpeakingOf(self._table):
            rows = self._connection.execute(query)
            for who, parts in itertools.groupby(rows, lambda row: row[:4]):
                person = OldPerson(*who)
                for *_, position, offset, size in parts:
                    stored = self._record(position, offset, size)
                    if stored is None:
                        place = f"record at byte {offset}"
                        person.lost.append(f"{person.id}: {self._pack}: {place} is damaged")
                    else:
                        person.fingers.append((position, stored))
                yield person

    def _record(self, position: int | None, offset: int, size: int) -> bytes | None:
        if position is None:  # nothing joined: the table lost this person's parts
            return None
        stored = self._stored[offset : offset + size]
        if len(stored) != size or size <= _RECORD.size + 4:
            return None
        length, modality, said, _ = _RECORD.unpack_from(stored)
        checksum = struct.unpack_from("<I", stored, size - 4)[0]
        if (length, modality, said) != (size - _RECORD.size - 4, 1, position):
            return None
        return stored[_RECORD.size : -4] if checksum == zlib.crc32(stored[:-4]) else None
