# SPDX-License-Identifier: Apache-2.0
"""The table of people: who is enrolled, and where in the pack their templates lie (SQLite).

What is committed here is what the gallery holds. SQLite's write-ahead log with
``synchronous=FULL`` sees every commit on the disk before it returns.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ektp_hw.errors import GalleryBusy, GalleryDamaged, GalleryError, GalleryFull
from ektp_hw.samples import FingerPosition

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

__all__ = ["Part", "PeopleTable", "create_table"]

_LAST_POSITION = int(FingerPosition.LEFT_LITTLE)
_APPLICATION_ID = 0x454B4741  # "EKGA"
_SCHEMA = """
    CREATE TABLE meta (key TEXT PRIMARY KEY, value) WITHOUT ROWID;
    CREATE TABLE people (
        seq INTEGER PRIMARY KEY AUTOINCREMENT,
        id TEXT NOT NULL UNIQUE,
        name TEXT NOT NULL,
        enrolled_at TEXT NOT NULL
    );
    CREATE TABLE parts (
        seq INTEGER NOT NULL REFERENCES people (seq) ON DELETE CASCADE,
        modality INTEGER NOT NULL,
        position INTEGER NOT NULL,
        offset INTEGER NOT NULL,
        size INTEGER NOT NULL,
        PRIMARY KEY (seq, modality, position)
    ) WITHOUT ROWID;
"""
_UNWRITABLE = {sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR_WRITE}
_NO_SPACE = 1 << 16
"""Bytes: SQLite's shared index of its log grows by 32 KiB and fails with a bare I/O error."""
_FOREIGN = {sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT}
_LOCKED = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}


@dataclass(frozen=True)
class Part:
    """Where one template lies: modality, position, and its record's offset and size in bytes."""

    modality: int
    position: int
    offset: int
    size: int


def create_table(path: Path, identity: bytes, pack_end: int) -> None:
    """Write an empty table of people."""
    with _SpeakingOf(path):
        connection = sqlite3.connect(path, isolation_level=None)
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute(f"PRAGMA application_id = {_APPLICATION_ID}")
            connection.executescript(f"BEGIN; {_SCHEMA} COMMIT;")
            connection.executemany(
                "INSERT INTO meta VALUES (?, ?)",
                (("identity", identity.hex()), ("pack_end", pack_end)),
            )
        finally:
            connection.close()


class PeopleTable:
    """The open table. Its methods want one caller at a time; `Gallery` sees to that.

    Raises
    ------
    GalleryDamaged
        If the file is missing, foreign, damaged or of another gallery.
    """

    def __init__(self, path: Path, identity: bytes, *, writable: bool) -> None:
        self._path = path
        if not path.exists():
            raise GalleryDamaged(
                f"{path} is missing; restore it from a copy, or enrol everybody anew"
            )
        self._connection = _connect(path, writable=writable)
        try:
            with self._errors():
                self._check(identity)
        except BaseException:
            self._connection.close()
            raise

    def _check(self, identity: bytes) -> None:
        application = self._connection.execute("PRAGMA application_id").fetchone()[0]
        if application != _APPLICATION_ID:
            raise GalleryDamaged(f"{self._path} is no table of people; restore it from a copy")
        owner = self._connection.execute("SELECT value FROM meta WHERE key = 'identity'").fetchone()
        if owner != (identity.hex(),):
            raise GalleryDamaged(
                f"{self._path} belongs to another gallery; restore this gallery's own file"
            )

    def _errors(self) -> _SpeakingOf:
        return _SpeakingOf(self._path)

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Show one unchanging state of the table to everything asked inside."""
        with self._errors():
            self._connection.execute("BEGIN")
            try:
                yield
            finally:
                self._connection.execute("COMMIT")

    def pack_end(self) -> int:
        """Return up to which byte the pack is valid."""
        with self._errors():
            query = "SELECT value FROM meta WHERE key = 'pack_end'"
            found = self._connection.execute(query).fetchall()
            return int(self._typed([*found, ()][0], int)[0])

    def add(self, people: list[tuple[str, str, str, list[Part]]], pack_end: int) -> None:
        """Commit people (id, name, time, parts) together with the pack's new end."""
        with self._errors(), self._changing():
            for identifier, name, enrolled_at, parts in people:
                cursor = self._connection.execute(
                    "INSERT INTO people (id, name, enrolled_at) VALUES (?, ?, ?)",
                    (identifier, name, enrolled_at),
                )
                self._connection.executemany(
                    "INSERT INTO parts VALUES (?, ?, ?, ?, ?)",
                    [
                        (cursor.lastrowid, each.modality, each.position, each.offset, each.size)
                        for each in parts
                    ],
                )
            self._connection.execute(
                "UPDATE meta SET value = ? WHERE key = 'pack_end'", (pack_end,)
            )

    def remove(self, identifier: str) -> bool:
        """Commit that this person is gone; return whether there was one."""
        with self._errors(), self._changing():
            gone = self._connection.execute("DELETE FROM people WHERE id = ?", (identifier,))
            return gone.rowcount == 1

    @contextmanager
    def _changing(self) -> Iterator[None]:
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._connection.execute("COMMIT")
        except BaseException:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            raise

    def count(self) -> int:
        """Return how many people are enrolled."""
        with self._errors():
            return int(self._connection.execute("SELECT count(*) FROM people").fetchone()[0])

    def count_parts(self, after: int = 0) -> int:
        """Return how many templates those enrolled after this one have together."""
        with self._errors():
            query = "SELECT count(*) FROM parts WHERE seq > ?"
            return int(self._connection.execute(query, (after,)).fetchone()[0])

    def find(self, identifier: str) -> tuple[int, str] | None:
        """Return (seq, name) of a person, or None."""
        with self._errors():
            row = self._connection.execute(
                "SELECT seq, name FROM people WHERE id = ?", (identifier,)
            ).fetchone()
            return None if row is None else self._typed(row, int, str)

    def people_after(self, seq: int, at_most: int = -1) -> list[tuple[int, str]]:
        """Return (seq, id) of those enrolled after ``seq``, in the order of enrolment."""
        with self._errors():
            rows = self._connection.execute(
                "SELECT seq, id FROM people WHERE seq > ? ORDER BY seq LIMIT ?", (seq, at_most)
            ).fetchall()
            return [self._typed(row, int, str) for row in rows]

    def parts_after(self, seq: int) -> Iterator[tuple[int, Part]]:
        """Yield (seq, part) of those enrolled after ``seq``, in the order of enrolment."""
        with self._errors():
            for owner, *where in self._connection.execute(
                "SELECT seq, modality, position, offset, size FROM parts WHERE seq > ?"
                " ORDER BY seq, modality, position",
                (seq,),
            ):
                yield owner, self._part(where)

    def parts_of(self, seq: int) -> list[Part]:
        """Return where the templates of one person lie."""
        with self._errors():
            return [
                self._part(where)
                for where in self._connection.execute(
                    "SELECT modality, position, offset, size FROM parts WHERE seq = ?"
                    " ORDER BY modality, position",
                    (seq,),
                )
            ]

    def _part(self, row: Sequence[Any]) -> Part:
        part = Part(*self._typed(row, int, int, int, int))
        if min(part.position, part.offset, part.size) < 0 or part.position > _LAST_POSITION:
            raise self._damaged()
        return part

    def _typed(self, row: Sequence[Any], *types: type) -> Any:  # noqa: ANN401  # the row itself
        """Return the row if it holds what was once written; damage may change types as well."""
        if [type(value) for value in row] != [*types]:
            raise self._damaged()
        return row

    def _damaged(self) -> GalleryDamaged:
        return GalleryDamaged(f"{self._path} holds impossible values; restore it from a copy")

    def findings(self) -> list[str]:
        """Return what SQLite's own check complains about."""
        with self._errors():
            found = [row[0] for row in self._connection.execute("PRAGMA integrity_check")]
            found += [
                f"row {row[1]} of {row[0]} belongs to nobody"
                for row in self._connection.execute("PRAGMA foreign_key_check")
            ]
        return [f"{self._path}: {each}" for each in found if each != "ok"]

    def close(self) -> None:
        """Give the file back."""
        self._connection.close()


def _connect(path: Path, *, writable: bool) -> sqlite3.Connection:
    with _SpeakingOf(path):
        address = path.resolve().as_uri()
        mode = "rw" if writable else "ro"
        connection = sqlite3.connect(
            f"{address}?mode={mode}", uri=True, isolation_level=None, check_same_thread=False
        )
        try:
            connection.execute("PRAGMA foreign_keys = ON")
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
        except sqlite3.OperationalError:
            connection.close()
            if writable or not _on_read_only_medium(path):
                raise
            # There the log's index cannot be made, and nobody can write either.
            connection = sqlite3.connect(
                f"{address}?immutable=1", uri=True, isolation_level=None, check_same_thread=False
            )
        except BaseException:
            connection.close()
            raise
        return connection


def _on_read_only_medium(path: Path) -> bool:
    log = path.with_name(path.name + "-wal")
    if sys.platform == "win32" or (log.exists() and log.stat().st_size):
        return False
    return bool(os.statvfs(path).f_flag & os.ST_RDONLY)


class _SpeakingOf:
    """Turn SQLite's errors into ours, naming the file."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, UnicodeDecodeError):  # SQLite quotes the damaged bytes
            raise GalleryDamaged(
                f"{self._path} is damaged (text that is none); restore it from a copy"
            ) from error
        if not isinstance(error, sqlite3.Error):
            return
        code = getattr(error, "sqlite_errorcode", None)
        primary = None if code is None else code & 0xFF
        no_space = primary == sqlite3.SQLITE_IOERR and _free_bytes(self._path) < _NO_SPACE
        if no_space or code in _UNWRITABLE or primary in _UNWRITABLE:
            raise GalleryFull(
                f"{self._path} cannot be written, the disk or the quota is full; make room and "
                "try again, what was enrolled before is kept"
            ) from error
        if primary in _FOREIGN:
            raise GalleryDamaged(
                f"{self._path} is damaged or no table of people ({error}); restore it from a copy"
            ) from error
        if primary in _LOCKED:
            raise GalleryBusy(
                f"{self._path} is held by another program; close it there and try again"
            ) from error
        if isinstance(error, sqlite3.OperationalError) and "no such" in str(error):
            raise GalleryDamaged(
                f"{self._path} lacks a part of its table ({error}); restore it from a copy"
            ) from error
        raise GalleryError(
            f"{self._path} could not be used ({error}); check the disk, and that this user may "
            "write into the folder (readers leave SQLite's index of its log there)"
        ) from error


def _free_bytes(path: Path) -> int:
    try:
        return shutil.disk_usage(path.parent).free
    except OSError:  # the disk itself is gone: another error than a full one
        return _NO_SPACE
