# SPDX-License-Identifier: Apache-2.0
"""SQLite as the gallery uses it: every commit on the disk before it returns, errors in our words.

The write-ahead log with ``synchronous=FULL`` sees every commit on the disk before it returns;
``secure_delete`` overwrites what is deleted with zeros.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import sys
from typing import TYPE_CHECKING

from ektp_hw.errors import GalleryBusy, GalleryDamaged, GalleryError, GalleryFull

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["SpeakingOf", "connect"]

_UNWRITABLE = {sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR_WRITE}
_NO_SPACE = 1 << 16
"""Bytes: SQLite's shared index of its log grows by 32 KiB and fails with a bare I/O error."""
_FOREIGN = {sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT}
_LOCKED = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}


def connect(path: Path, *, writable: bool) -> sqlite3.Connection:
    """Open a database that exists.

    Raises
    ------
    GalleryDamaged, GalleryBusy, GalleryError
        In our words, naming the file.
    """
    with SpeakingOf(path):
        address = path.resolve().as_uri()
        mode = "rw" if writable else "ro"
        connection = sqlite3.connect(
            f"{address}?mode={mode}", uri=True, isolation_level=None, check_same_thread=False
        )
        try:
            connection.execute("PRAGMA foreign_keys = ON")
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute("PRAGMA secure_delete = ON")
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


class SpeakingOf:
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
                f"{self._path} is damaged or no gallery's ledger ({error}); restore it from a copy"
            ) from error
        if primary in _LOCKED:
            raise GalleryBusy(
                f"{self._path} is held by another program; close it there and try again"
            ) from error
        if isinstance(error, sqlite3.OperationalError) and "no such" in str(error):
            raise GalleryDamaged(
                f"{self._path} lacks a part of its tables ({error}); restore it from a copy"
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
