# SPDX-License-Identifier: Apache-2.0
"""Was anything changed, and where; is anything missing at the end; and what cannot be known."""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ektp_hw.diagnostics.journal.line import FIRST_LINK, LINK_LENGTH
from ektp_hw.diagnostics.journal.reading import Damage, Journal, link_after, parse, read_bytes
from ektp_hw.diagnostics.journal.sealing import (
    code_of,
    kept_verification_key,
    key_number,
    sealed_so_far,
)

if TYPE_CHECKING:
    from pathlib import Path

    from ektp_hw.diagnostics.journal.line import Record

__all__ = ["Soundness", "verify"]


@dataclass(frozen=True)
class Soundness:
    """What verification found.

    Parameters
    ----------
    records, sealed
        Records in all, those that summaries replaced included, and how many are under a seal.
    damages
        Lines that were changed or do not follow the one before, the first one first.
    replaced_damages
        Damaged lines that were among the records that summaries replaced.
    torn
        Bytes of a record that was not written to its end.
    forged
        Number of the first seal that does not fit the key; None if all fit or there is no key.
    missing
        Whether seals that were made are no longer in the file: its end was removed, or an older
        copy put in its place. None if the files beside the journal, which tell, are absent.
    checked_seals
        Seals that were checked with the verification key; 0 without it.
    key_is_here
        Whether the verification key still lies beside the journal, where its owner can use it.
    """

    records: int
    sealed: int
    damages: tuple[Damage, ...]
    replaced_damages: int
    torn: int
    forged: int | None
    missing: bool | None
    checked_seals: int
    key_is_here: bool

    @property
    def is_whole(self) -> bool:
        """Whether nothing speaks for a change; a torn last record is none."""
        return not (self.damages or self.replaced_damages or self.missing) and self.forged is None


def verify(path: Path, key: str | None = None) -> Soundness:
    """Check every link, every seal that can be checked, and the end.

    Parameters
    ----------
    key
        The verification key in hexadecimal; None uses the one beside the journal, if it is there.

    Raises
    ------
    StationError
        If the file cannot be read or is no journal.
    ValueError
        If the key cannot be one.
    """
    content = read_bytes(path)
    journal = parse(path, content)
    lines = content[: len(content) - journal.torn].split(b"\n")[:-1]
    kept = kept_verification_key(path)
    first = kept if key is None else _key(key)
    seals, hidden, replaced = _seals(journal)
    forged, checked = _forged(seals, lines, first, hidden)
    last = seals[-1][1][2] if seals else -1
    so_far = sealed_so_far(path)
    return Soundness(
        records=len(lines) + hidden,
        sealed=seals[-1][1][3] if seals else 0,
        damages=journal.damages,
        replaced_damages=replaced,
        torn=journal.torn,
        forged=forged,
        missing=None if so_far is None else so_far.number > last,
        checked_seals=checked,
        key_is_here=kept is not None,
    )


def _key(text: str) -> bytes:
    try:
        key = bytes.fromhex(text.strip())
    except ValueError:
        key = b""
    if len(key) != 32:
        raise ValueError("a verification key has 64 hexadecimal digits")
    return key


def _seals(journal: Journal) -> tuple[list[tuple[int, Record]], int, int]:
    """Return the seals with their lines' numbers, records hidden, damages among those."""
    seals, hidden, replaced = [], 0, 0
    for record, number in zip(journal.records, journal.numbers, strict=True):
        if record[0] == "Z":
            seals.append((number, record))
        elif record[0] == "A":
            hidden, replaced = record[1] - number, record[3]
    return seals, hidden, replaced


def _forged(
    seals: list[tuple[int, Record]], lines: list[bytes], first: bytes | None, hidden: int
) -> tuple[int | None, int]:
    """Return the first seal that is not what the key makes, and how many were checked."""
    head = next(
        (_own_link(line) for line in reversed(lines) if line.startswith((b'["A",', b'["H",'))),
        "",
    )
    known, checked, expected = None, 0, None
    for number, record in seals:
        _, _, index, records, told_head, code = record
        if expected is not None and index != expected:
            return index, checked
        expected = index + 1
        if records != number - 1 + hidden:
            return index, checked
        if first is None:
            continue
        known = (index, key_number(first, index, known=known))
        before = link_after(lines[number - 2]) if number > 1 else FIRST_LINK
        if not hmac.compare_digest(code_of(known[1], index, records, told_head, before), code):
            return index, checked
        checked += 1
    if seals and first is not None and seals[-1][1][4] != head:
        return seals[-1][1][2], checked
    return None, checked


def _own_link(line: bytes) -> str:
    return line[-LINK_LENGTH:].decode("ascii", "replace")
