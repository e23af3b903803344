# SPDX-License-Identifier: Apache-2.0
"""The book of a deduplication: which pairs of blocks are done, and what was found in each.

A pair of blocks is entered with all that was found in it in one transaction, so that a coordinator
that is killed at any moment has either all of it or nothing. An entry holds for the states that
the blocks had; where somebody was enrolled or removed since, it is done again and replaced.
"""

from __future__ import annotations

import json
import sqlite3
import threading
from typing import TYPE_CHECKING, NamedTuple

from ektp_hw.errors import GalleryDamaged, GalleryError
from ektp_hw.gallery.cluster.merging import FoundPair
from ektp_hw.gallery.fusion import Finding, PartMatch
from ektp_hw.samples import Eye, FingerPosition

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Sequence

    from ektp_hw.gallery.cluster.blocks import Block
    from ektp_hw.gallery.fusion import Part

__all__ = ["FileLedger", "Ledger", "MemoryLedger", "Task"]

_SCHEMA = """
    CREATE TABLE IF NOT EXISTS run (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS done (
        a INTEGER NOT NULL, b INTEGER NOT NULL,
        a_last INTEGER NOT NULL, a_people INTEGER NOT NULL,
        b_last INTEGER NOT NULL, b_people INTEGER NOT NULL,
        since INTEGER NOT NULL,
        found TEXT NOT NULL,
        PRIMARY KEY (a, b)
    ) WITHOUT ROWID;
"""


_PARTS: dict[str, Callable[[int], Part]] = {"FingerPosition": FingerPosition, "Eye": Eye}


class Task(NamedTuple):
    """Compare the people of ``b`` enrolled as number ``since`` or later with those of ``a``."""

    a: Block
    b: Block
    since: int


class MemoryLedger:
    """A book that lasts as long as this object."""

    def __init__(self) -> None:
        self._done: dict[Task, list[FoundPair]] = {}

    def found(self, task: Task) -> list[FoundPair] | None:
        """Return what was found, None if the task was not done."""
        return self._done.get(task)

    def enter(self, task: Task, found: Sequence[FoundPair]) -> None:
        """Enter a finished task; the same task entered again changes nothing."""
        self._done.setdefault(task, list(found))

    def forget(self, task: Task) -> None:
        """Make room: what was found in this task has been passed on."""
        self._done.pop(task, None)

    def close(self) -> None:
        """Nothing is to be given back."""


class FileLedger:
    """A book on the disk, for one deduplication of one gallery at one threshold.

    Raises
    ------
    GalleryError
        If the file is another's, of another gallery or threshold, or cannot be used.
    GalleryDamaged
        If it is no ledger any more.
    """

    def __init__(self, path: str | os.PathLike[str], about: dict[str, str]) -> None:
        self._path = path
        self._guard = threading.Lock()
        try:
            self._connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
            try:
                self._connection.execute("PRAGMA journal_mode = WAL")
                self._connection.execute("PRAGMA synchronous = FULL")
                self._connection.executescript(_SCHEMA)
                self._connection.executemany(
                    "INSERT OR IGNORE INTO run VALUES (?, ?)", about.items()
                )
                said = dict(self._connection.execute("SELECT key, value FROM run"))
            except BaseException:
                self._connection.close()
                raise
        except sqlite3.Error as error:
            raise self._unusable(error) from error
        if said != about:
            self._connection.close()
            raise GalleryError(
                f"{path} is the ledger of another deduplication ({_differences(said, about)}); "
                "give a new file, or the same gallery, threshold and block size"
            )

    def found(self, task: Task) -> list[FoundPair] | None:
        """Return what was found, None if the task was not done in this state of its blocks."""
        a, b, since = task
        with self._guard:
            try:
                row = self._connection.execute(
                    "SELECT found FROM done WHERE a = ? AND b = ? AND a_last = ? AND a_people = ?"
                    " AND b_last = ? AND b_people = ? AND since = ?",
                    (a.number, b.number, a.last, a.people, b.last, b.people, since),
                ).fetchone()
                return None if row is None else _read(row[0])
            except (sqlite3.Error, ValueError, TypeError, KeyError) as error:
                raise self._unusable(error) from error

    def enter(self, task: Task, found: Sequence[FoundPair]) -> None:
        """Enter a finished task, in place of an earlier state's; then it is on the disk."""
        a, b, since = task
        written = _written(found)
        with self._guard:
            try:
                self._connection.execute(
                    "INSERT OR REPLACE INTO done VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                    (a.number, b.number, a.last, a.people, b.last, b.people, since, written),
                )
            except sqlite3.Error as error:
                raise self._unusable(error) from error

    def forget(self, task: Task) -> None:
        """Keep it all the same: another run may ask."""

    def close(self) -> None:
        """Give the file back."""
        with self._guard:
            self._connection.close()

    def _unusable(self, error: Exception) -> GalleryError:
        if isinstance(error, sqlite3.OperationalError):
            return GalleryError(
                f"{self._path} could not be used as a ledger ({error}); check the path, the "
                "permissions and the disk"
            )
        return GalleryDamaged(
            f"{self._path} is damaged or no ledger ({error}); give a new file, the work is done "
            "again"
        )


Ledger = MemoryLedger | FileLedger


def _differences(said: dict[str, str], about: dict[str, str]) -> str:
    return ", ".join(
        f"{key} {said.get(key, 'not given')} there and {about.get(key, 'not given')} here"
        for key in sorted(said.keys() | about.keys())
        if said.get(key) != about.get(key)
    )


def _written(found: Sequence[FoundPair]) -> str:
    """Return the pairs as JSON, whose numbers read back to the very same floats."""
    return json.dumps(
        [
            [
                *(pair.seq_a, pair.seq_b, pair.score),
                [[*_part(one.probe), *_part(one.reference), one.score] for one in pair.parts],
                [finding.name for finding in pair.findings],
            ]
            for pair in found
        ]
    )


def _read(text: str) -> list[FoundPair]:
    return [
        FoundPair(
            seq_a,
            seq_b,
            score,
            tuple(
                PartMatch(_PARTS[kind](probe), _PARTS[other](reference), each)
                for kind, probe, other, reference, each in parts
            ),
            tuple(Finding[name] for name in findings),
        )
        for seq_a, seq_b, score, parts, findings in json.loads(text)
    ]


def _part(part: Part) -> tuple[str, int]:
    return type(part).__name__, int(part)
