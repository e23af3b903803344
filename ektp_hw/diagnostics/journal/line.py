# SPDX-License-Identifier: Apache-2.0
"""One record, one line: a JSON array, a tabulator, and the link to the line before.

The link is the first 96 bits of SHA-256 over the link before and this line's array, in hexadecimal.
A changed, inserted or missing line breaks its own link or the next one's, and no other.

==== ==================================================================================
kind what it holds after the kind; times are whole seconds since 1970 by the wall clock
==== ==================================================================================
H    format, identity of the journal, when made, name, district and code of the station
I    when, name, district, code: the station's profile changed
B    when, seconds since power-on, mark of the boot, when a recorder was last alive
E    when: the recorder was ended properly
C    when (after the jump), seconds by which the wall clock jumped
S    number, probe, device, causes: a subject of looks, from now on named by its number
L    when, subject, state, and if it is not sound: cause, certainty in per cent
T    when, seconds watched up to then, looks, and a list of `[subject, changes, seconds not
     working, state]` for subjects that change too often to be told one by one
P    when, device, 1 plugged in or 0 taken out
N    when, mark of the batch, `{kind: [attempted, succeeded, failed]}`, `{reason: turned away}`
R    when, bytes of a torn record that were dropped
D    first second of a day (UTC) and its summary, see `compaction`
A    records in the summaries before this line, link of the last of them, damaged lines among them
Z    when, number of the seal, records up to here, link of the last H or A, authentication code
==== ==================================================================================
"""

from __future__ import annotations

import json
from hashlib import sha256
from typing import Any, TypeAlias

__all__ = ["FIRST_LINK", "LINK_LENGTH", "Record", "line_of", "link_of", "split"]

Record: TypeAlias = list[Any]
LINK_LENGTH = 24
FIRST_LINK = b"0" * LINK_LENGTH


def link_of(before: bytes, payload: bytes) -> bytes:
    """Return the link of a payload that follows the line with link ``before``."""
    return sha256(before + payload).hexdigest()[:LINK_LENGTH].encode()


def line_of(record: Record, before: bytes) -> tuple[bytes, bytes]:
    """Return the line with its end, and its link."""
    payload = json.dumps(record, separators=(",", ":"), ensure_ascii=True).encode()
    link = link_of(before, payload)
    return payload + b"\t" + link + b"\n", link


def split(line: bytes) -> tuple[bytes, bytes]:
    """Return payload and link of a line without its end, whatever it is."""
    return line[: -LINK_LENGTH - 1], line[-LINK_LENGTH:]
