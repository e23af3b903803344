# SPDX-License-Identifier: Apache-2.0
"""The ledger: who is enrolled, in which rows of which segment, and how far each segment is valid.

What is committed here is what the gallery holds (SQLite, see `ektp_hw.gallery.database`). An
enrolment, removal or compaction is one transaction, its entry in the audit trail included.
"""

from __future__ import annotations

import sqlite3
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from ektp_hw.errors import GalleryDamaged
from ektp_hw.gallery import audit
from ektp_hw.gallery.database import SpeakingOf, connect
from ektp_hw.gallery.segment import BlockChecks

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

__all__ = ["Ledger", "Place", "SegmentRow", "create_ledger"]

_APPLICATION_ID = 0x454B4742  # "EKGB"
_PATIENCE, _PATIENCE_WITH_READERS = 5000, 200
"""Milliseconds to wait for another process: for a lock, and for emptying SQLite's log."""
_SCHEMA = f"""
    CREATE TABLE meta (key TEXT PRIMARY KEY, value) WITHOUT ROWID;
    CREATE TABLE segments (
        number INTEGER PRIMARY KEY AUTOINCREMENT,
        first_seq INTEGER NOT NULL,
        rows INTEGER NOT NULL,
        template_bytes INTEGER NOT NULL,
        capacity INTEGER NOT NULL,
        room INTEGER NOT NULL,
        sketch_bytes INTEGER NOT NULL,
        description INTEGER NOT NULL
    );
    CREATE TABLE blocks (
        segment INTEGER NOT NULL REFERENCES segments (number) ON DELETE CASCADE,
        block INTEGER NOT NULL,
        rows INTEGER NOT NULL,
        template_start INTEGER NOT NULL,
        template_stop INTEGER NOT NULL,
        checks BLOB NOT NULL,
        PRIMARY KEY (segment, block)
    ) WITHOUT ROWID;
    CREATE TABLE people (
        seq INTEGER PRIMARY KEY AUTOINCREMENT,
        id TEXT NOT NULL UNIQUE,
        name NOT NULL,
        enrolled_at TEXT NOT NULL,
        segment INTEGER NOT NULL REFERENCES segments (number),
        row INTEGER NOT NULL,
        rows INTEGER NOT NULL
    );
    CREATE INDEX people_of_segment ON people (segment);
    CREATE TABLE dead (
        segment INTEGER NOT NULL REFERENCES segments (number) ON DELETE CASCADE,
        row INTEGER NOT NULL,
        rows INTEGER NOT NULL,
        PRIMARY KEY (segment, row)
    ) WITHOUT ROWID;
    {audit.SCHEMA}
"""


class SegmentRow(NamedTuple):
    """One segment: its number, its first person, how far it is valid, and its `Layout`."""

    number: int
    first_seq: int
    rows: int
    template_bytes: int
    capacity: int
    room: int
    sketch_bytes: int
    description: int


@dataclass(frozen=True)
class Place:
    """One enrolled person: number of enrolment, id, name, and where the fingers lie."""

    seq: int
    id: str
    name: str | bytes
    enrolled_at: str
    segment: int
    row: int
    rows: int


def create_ledger(path: Path, identity: bytes) -> None:
    """Write an empty ledger."""
    with SpeakingOf(path):
        connection = sqlite3.connect(path, isolation_level=None)
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute(f"PRAGMA application_id = {_APPLICATION_ID}")
            connection.executescript(f"BEGIN; {_SCHEMA} COMMIT;")
            connection.execute("INSERT INTO meta VALUES ('identity', ?)", (identity.hex(),))
        finally:
            connection.close()


class Ledger:
    """The open ledger. Its methods want one caller at a time; `Store` sees to that.

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
        self._connection = connect(path, writable=writable)
        self._changes = 0
        try:
            with self._errors():
                self._check(identity)
        except BaseException:
            self._connection.close()
            raise

    def _check(self, identity: bytes) -> None:
        application = self._connection.execute("PRAGMA application_id").fetchone()[0]
        if application != _APPLICATION_ID:
            raise GalleryDamaged(f"{self._path} is no ledger of a gallery; restore it from a copy")
        owner = self._connection.execute("SELECT value FROM meta WHERE key = 'identity'").fetchone()
        if owner != (identity.hex(),):
            raise GalleryDamaged(
                f"{self._path} belongs to another gallery; restore this gallery's own file"
            )

    def _errors(self) -> SpeakingOf:
        return SpeakingOf(self._path)

    @property
    def is_steady(self) -> bool:
        """Whether this is asked inside `reading`."""
        return self._connection.in_transaction

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Show one unchanging state of the ledger to everything asked inside."""
        with self._errors():
            if self._connection.in_transaction:  # inside another of these
                yield
                return
            self._connection.execute("BEGIN")
            try:
                yield
            finally:
                self._connection.execute("COMMIT")

    @contextmanager
    def _changing(self) -> Iterator[None]:
        with self._errors():
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise
            finally:
                self._changes += 1

    def version(self) -> tuple[int, int]:
        """Return something that is another after each change, whoever made it."""
        with self._errors():
            others = self._connection.execute("PRAGMA data_version").fetchone()[0]
            return int(others), self._changes

    # --- what is there

    def segments(self) -> list[SegmentRow]:
        """Return the segments in the order of enrolment."""
        query = f"SELECT {', '.join(SegmentRow._fields)} FROM segments ORDER BY first_seq"  # noqa: S608
        return [SegmentRow(*row) for row in self._rows(query, (), *[int] * 8)]

    def dead(self) -> dict[int, list[tuple[int, int]]]:
        """Return (row, rows) of what was removed from each segment that anything was."""
        found: dict[int, list[tuple[int, int]]] = {}
        query = "SELECT segment, row, rows FROM dead ORDER BY segment, row"
        for segment, *where in self._rows(query, (), int, int, int):
            found.setdefault(segment, []).append((where[0], where[1]))
        return found

    def blocks(self, segment: int, first: int = 0) -> dict[int, BlockChecks]:
        """Return the checks of a segment's blocks, from block ``first`` on."""
        query = (
            "SELECT block, rows, template_start, template_stop, checks FROM blocks"
            " WHERE segment = ? AND block >= ?"
        )
        rows = self._rows(query, (segment, first), int, int, int, int, bytes)
        return {block: BlockChecks(*rest) for block, *rest in rows}

    def next_numbers(self) -> tuple[int, int]:
        """Return the numbers that the next person and the next segment get; none comes twice."""
        query = "SELECT coalesce(max(seq), 0) + 1 FROM sqlite_sequence WHERE name = ?"
        person, segment = (self._rows(query, (name,), int)[0][0] for name in ("people", "segments"))
        return person, segment

    def count(self) -> int:
        """Return how many people are enrolled."""
        return self._one("SELECT count(*) FROM people")

    def count_rows(self, after: int = 0) -> int:
        """Return how many fingers those enrolled after this one have together."""
        return self._one("SELECT coalesce(sum(rows), 0) FROM people WHERE seq > ?", after)

    def count_dead(self, segment: int | None = None) -> int:
        """Return how many fingers of removed people still take room (in one segment)."""
        query = "SELECT coalesce(sum(rows), 0) FROM dead WHERE ? IS NULL OR segment = ?"
        return self._one(query, segment, segment)

    def find(self, identifier: str) -> Place | None:
        """Return where a person is, or None."""
        found = self._places("WHERE id = ?", (identifier,))
        return found[0] if found else None

    def people_in(self, segment: int, first: int = 0, stop: int = 1 << 40) -> list[Place]:
        """Return whose fingers lie in these rows of a segment, in their order."""
        return self._places(
            "WHERE segment = ? AND row < ? AND row + rows > ? ORDER BY row", (segment, stop, first)
        )

    def people_after(self, seq: int, at_most: int = -1) -> list[tuple[int, str]]:
        """Return (seq, id) of those enrolled after ``seq``, in the order of enrolment."""
        query = "SELECT seq, id FROM people WHERE seq > ? ORDER BY seq LIMIT ?"
        return self._rows(query, (seq, at_most), int, str)

    def identifiers(self, seqs: Iterable[int]) -> dict[int, str]:
        """Return the ids of those of these people who are enrolled."""
        query = "SELECT id FROM people WHERE seq = ?"
        return {seq: row[0] for seq in seqs for row in self._rows(query, (int(seq),), str)}

    # --- what changes it

    def add(
        self,
        places: Sequence[Place],
        segments: Sequence[SegmentRow],
        blocks: Mapping[int, Mapping[int, BlockChecks]],
        trail: Iterable[tuple[str, str, str, str]],
    ) -> None:
        """Commit people together with the state of the segments that their fingers went into.

        Parameters
        ----------
        trail
            Entries for the audit trail: (at, actor, action, id).
        """
        with self._changing():
            self._put_segments(segments, blocks)
            self._put_people(places)
            audit.append(self._connection, trail)

    def remove(self, place: Place, at: str, actor: str, action: str = "remove") -> None:
        """Commit that this person is gone."""
        with self._changing():
            self._connection.execute("DELETE FROM people WHERE seq = ?", (place.seq,))
            self._connection.execute(
                "INSERT INTO dead VALUES (?, ?, ?)", (place.segment, place.row, place.rows)
            )
            audit.append(self._connection, [(at, actor, action, place.id)])

    def replace(
        self,
        old: Sequence[SegmentRow],
        new: SegmentRow | None,
        blocks: Mapping[int, BlockChecks],
        moves: Iterable[tuple[int, int, str | bytes, int]],
        at: str,
        actor: str,
    ) -> None:
        """Commit that a segment took the place of others; ``moves``: (segment, row, name, seq)."""
        with self._changing():
            if new is not None:
                self._put_segments([new], {new.number: blocks})
            self._connection.executemany(
                "UPDATE people SET segment = ?, row = ?, name = ? WHERE seq = ?", moves
            )
            self._connection.executemany(
                "DELETE FROM segments WHERE number = ?", [(each.number,) for each in old]
            )
            audit.append(self._connection, [(at, actor, "compact", "")])

    def go_on_behind(self, seq: int) -> None:
        """Commit that no number of enrolment up to this one is given (again)."""
        with self._changing():
            self._connection.execute("DELETE FROM sqlite_sequence WHERE name = 'people'")
            self._connection.execute("INSERT INTO sqlite_sequence VALUES ('people', ?)", (seq,))

    def forget(self) -> None:
        """See that nothing deleted is left in SQLite's log, as far as readers let go of it."""
        with self._errors():
            self._connection.execute(f"PRAGMA busy_timeout = {_PATIENCE_WITH_READERS}")
            try:
                self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
            finally:
                self._connection.execute(f"PRAGMA busy_timeout = {_PATIENCE}")

    def _put_segments(
        self, segments: Sequence[SegmentRow], blocks: Mapping[int, Mapping[int, BlockChecks]]
    ) -> None:
        self._connection.executemany(
            "INSERT INTO segments VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (number)"
            " DO UPDATE SET rows = excluded.rows, template_bytes = excluded.template_bytes",
            segments,
        )
        self._connection.executemany(
            "INSERT OR REPLACE INTO blocks VALUES (?, ?, ?, ?, ?, ?)",
            (
                (segment, block, one.rows, one.template_start, one.template_stop, one.checks)
                for segment, several in blocks.items()
                for block, one in several.items()
            ),
        )

    def _put_people(self, places: Iterable[Place]) -> None:
        self._connection.executemany(
            "INSERT INTO people VALUES (?, ?, ?, ?, ?, ?, ?)",
            (
                (one.seq, one.id, one.name, one.enrolled_at, one.segment, one.row, one.rows)
                for one in places
            ),
        )

    # --- how it is asked

    def _places(self, where: str, values: tuple[Any, ...]) -> list[Place]:
        query = f"SELECT seq, id, name, enrolled_at, segment, row, rows FROM people {where}"  # noqa: S608
        with self._errors():
            rows = self._connection.execute(query, values).fetchall()
        places = []
        for row in rows:
            name = bytes if isinstance(row[2], bytes) else str
            places.append(Place(*self._typed(row, int, str, name, str, int, int, int)))
        if any(min(each.row, each.rows - 1) < 0 for each in places):
            raise self._damaged()
        return places

    def _one(self, query: str, *values: object) -> int:
        return int(self._rows(query, values, int)[0][0])

    def _rows(self, query: str, values: Sequence[object], *types: type) -> list[Any]:
        with self._errors():
            rows = self._connection.execute(query, values).fetchall()
        return [self._typed(row, *types) for row in rows]

    def _typed(self, row: Sequence[Any], *types: type) -> Any:  # noqa: ANN401  # the row itself
        """Return the row if it holds what was once written; damage may change types as well."""
        if [type(value) for value in row] != [*types]:
            raise self._damaged()
        return row

    def _damaged(self) -> GalleryDamaged:
        return GalleryDamaged(f"{self._path} holds impossible values; restore it from a copy")

    def findings(self) -> list[str]:
        """Return what SQLite's own check and that of the audit trail complain about."""
        with self._errors():
            found = [row[0] for row in self._connection.execute("PRAGMA integrity_check")]
            found += [
                f"row {row[1]} of {row[0]} belongs to nobody"
                for row in self._connection.execute("PRAGMA foreign_key_check")
            ]
            found += audit.findings(self._connection)
        return [f"{self._path}: {each}" for each in found if each != "ok"]

    def trail(self) -> Iterator[audit.Entry]:
        """Yield the audit trail from its beginning."""
        with self._errors():
            yield from audit.entries(self._connection)

    def close(self) -> None:
        """Give the file back."""
        self._connection.close()
