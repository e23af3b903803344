# SPDX-License-Identifier: Apache-2.0
"""The audit trail: who did what to whom and when, appended to and never changed.

Each entry carries a digest of itself and of the digest before it, so that an entry that was
changed, taken out or put in between is found. Of a person it holds the id and nothing else, and it
keeps that after the person's removal: that somebody was removed is what it is there to tell.
"""

from __future__ import annotations

import getpass
import hashlib
import json
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Iterator

__all__ = ["SCHEMA", "Entry", "append", "entries", "findings", "whoever_runs_this"]

SCHEMA = """
    CREATE TABLE audit (
        number INTEGER PRIMARY KEY AUTOINCREMENT,
        at TEXT NOT NULL,
        actor TEXT NOT NULL,
        action TEXT NOT NULL,
        id TEXT NOT NULL,
        digest BLOB NOT NULL
    );
    CREATE TRIGGER audit_is_not_changed BEFORE UPDATE ON audit
        BEGIN SELECT RAISE(ABORT, 'the audit trail is only appended to'); END;
    CREATE TRIGGER audit_is_not_cut BEFORE DELETE ON audit
        BEGIN SELECT RAISE(ABORT, 'the audit trail is only appended to'); END;
"""
_FIRST = bytes(16)


class Entry(NamedTuple):
    """One entry; ``action`` is enrol, remove, erase, compact or migrate."""

    number: int
    at: str
    actor: str
    action: str
    id: str


def append(connection: sqlite3.Connection, trail: Iterable[tuple[str, str, str, str]]) -> None:
    """Append entries (at, actor, action, id) within the transaction that is open."""
    last = connection.execute("SELECT number, digest FROM audit ORDER BY number DESC LIMIT 1")
    number, digest = last.fetchone() or (0, _FIRST)

    def chained() -> Iterator[tuple[int, str, str, str, str, bytes]]:
        nonlocal number, digest
        for words in trail:
            number += 1
            digest = _digest(digest, Entry(number, *words))
            yield (number, *words, digest)

    connection.executemany("INSERT INTO audit VALUES (?, ?, ?, ?, ?, ?)", chained())


def entries(connection: sqlite3.Connection) -> Iterator[Entry]:
    """Yield every entry, the oldest first."""
    query = "SELECT number, at, actor, action, id FROM audit ORDER BY number"
    for row in connection.execute(query):
        yield Entry(*row)


def findings(connection: sqlite3.Connection) -> list[str]:
    """Return one sentence for the first entry that does not follow from those before it."""
    before, expected = _FIRST, 1
    query = "SELECT number, at, actor, action, id, digest FROM audit ORDER BY number"
    for *words, digest in connection.execute(query):
        entry = Entry(*words)
        if entry.number != expected or digest != _digest(before, entry):
            return [
                f"entry {entry.number} of the audit trail was changed, or one before it is gone"
            ]
        before, expected = digest, expected + 1
    return []


def whoever_runs_this() -> str:
    """Return the operating system's name of the user."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a user number that nobody gave a name
        return "unknown"


def _digest(before: bytes, entry: Entry) -> bytes:
    return hashlib.blake2b(before + json.dumps(entry).encode(), digest_size=16).digest()
