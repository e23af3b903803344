# SPDX-License-Identifier: Apache-2.0
"""The station's memory: an append-only file that survives any crash and shows what was changed.

`Writer` is the recorder's (one at a time), `read_journal` and `verify` anybody's, and
`note_turned_away`, `note_capture` and `noting_capture` are for station software: they need no
recorder to be running and never wait for one.

What cannot be detected: somebody who may write the file can change or cut what was not sealed yet
(at most the last `writer.SEAL_EVERY` seconds), and somebody who puts back an older copy of every
file of the journal, its key included, has a journal that is only too old. What is older than a
seal cannot be changed unseen by anyone who had not the verification key, see `sealing`.
"""

from __future__ import annotations

from ektp_hw.diagnostics.journal.excerpt import excerpt_around_change
from ektp_hw.diagnostics.journal.notes import (
    CaptureOutcome,
    TurnedAway,
    note_capture,
    note_turned_away,
    noting_capture,
)
from ektp_hw.diagnostics.journal.place import default_place
from ektp_hw.diagnostics.journal.reading import Damage, Journal, read_journal
from ektp_hw.diagnostics.journal.verification import Soundness, verify
from ektp_hw.diagnostics.journal.writer import Writer

__all__ = [
    "CaptureOutcome",
    "Damage",
    "Journal",
    "Soundness",
    "TurnedAway",
    "Writer",
    "default_place",
    "excerpt_around_change",
    "note_capture",
    "note_turned_away",
    "noting_capture",
    "read_journal",
    "verify",
]
