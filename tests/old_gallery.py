# SPDX-License-Identifier: Apache-2.0
"""A writer of galleries of version 1, from their description and not from their code."""

import json
import sqlite3
import struct
import zlib

from ektp_hw.gallery import folder, version1

IDENTITY = bytes(range(16))


def write_version_1(path, people, removed=()):
    """Write what the release of version 1 wrote, from its description."""
    path.mkdir()
    pack = bytearray(struct.pack("<4sHH16s", b"EKGP", 1, 0, IDENTITY))
    connection = sqlite3.connect(path / version1.TABLE)
    connection.executescript("""
        PRAGMA journal_mode = WAL; PRAGMA application_id = 1162561345;
        CREATE TABLE meta (key TEXT PRIMARY KEY, value) WITHOUT ROWID;
        CREATE TABLE people (seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE,
            name TEXT NOT NULL, enrolled_at TEXT NOT NULL);
        CREATE TABLE parts (seq INTEGER NOT NULL REFERENCES people (seq) ON DELETE CASCADE,
            modality INTEGER NOT NULL, position INTEGER NOT NULL, offset INTEGER NOT NULL,
            size INTEGER NOT NULL, PRIMARY KEY (seq, modality, position)) WITHOUT ROWID;
    """)
    for seq, person in enumerate(people, 1):
        row = (seq, person.id, person.name, "2026-01-02T03:04:05+00:00")
        connection.execute("INSERT INTO people VALUES (?, ?, ?, ?)", row)
        for position, template in person.fingers.items():
            stored = template.to_bytes()
            record = struct.pack("<IBBH", len(stored), 1, position, 0) + stored
            record += struct.pack("<I", zlib.crc32(record))
            part = (seq, 1, int(position), len(pack), len(record))
            connection.execute("INSERT INTO parts VALUES (?, ?, ?, ?, ?)", part)
            pack += record
    for name in removed:
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("DELETE FROM people WHERE id = ?", (name,))
    connection.execute("INSERT INTO meta VALUES ('identity', ?)", (IDENTITY.hex(),))
    connection.execute("INSERT INTO meta VALUES ('pack_end', ?)", (len(pack),))
    connection.commit()
    connection.close()
    (path / version1.PACK).write_bytes(pack)
    manifest = {"format": "ektp_hw gallery", "version": 1, "identity": IDENTITY.hex()}
    (path / folder.MANIFEST).write_text(json.dumps(manifest | {"created": "2026-01-01"}))
