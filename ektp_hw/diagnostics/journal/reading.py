# SPDX-License-Identifier: Apache-2.0
"""Reads a journal, also while it is written and also when it is damaged: what is whole counts."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING

from ektp_hw.diagnostics.journal.line import FIRST_LINK, LINK_LENGTH, split
from ektp_hw.diagnostics.journal.place import refused
from ektp_hw.errors import StationError

if TYPE_CHECKING:
    from pathlib import Path

    from ektp_hw.diagnostics.journal.line import Record

__all__ = [
    "FORMAT",
    "LARGEST",
    "Damage",
    "Journal",
    "link_after",
    "parse",
    "read_journal",
    "torn_from",
]

FORMAT = 1
LARGEST = 64 * 2**20
"""Bytes of a journal at most; ours stay below 5 MB, more is not ours."""
_LATEST = 2**33
"""Seconds since 1970, in the year 2242: later is no time."""
_SHAPES: dict[str, set[tuple[type, ...]]] = {
    "H": {(str, int, str, int, str, str, str)},
    "I": {(str, int, str, str, str)},
    "B": {(str, int, int, str, int)},
    "E": {(str, int)},
    "C": {(str, int, int)},
    "S": {(str, int, str, str, list)},
    "L": {(str, int, int, str), (str, int, int, str, str, int)},
    "T": {(str, int, int, int, list)},
    "P": {(str, int, str, int)},
    "N": {(str, int, str, dict, dict)},
    "R": {(str, int, int)},
    "D": {(str, int, list, list, list, dict, dict, list)},
    "A": {(str, int, str, int)},
    "Z": {(str, int, int, int, str, str)},
}
"""The types of each kind of record, its kind first, see `line`."""


@dataclass(frozen=True)
class Damage:
    """A line that is not what was written there, or that does not follow the one before it.

    Parameters
    ----------
    line
        Its number, from 1.
    offset
        Bytes of the file before it.
    readable
        Whether it still is a record: then it was changed, moved, or stands behind a gap.
    """

    line: int
    offset: int
    readable: bool


@dataclass(frozen=True)
class Journal:
    """What a file holds.

    Parameters
    ----------
    path
        The file.
    records
        All records that follow the one before them, the header first.
    numbers
        For each of them, the number of its line.
    damages
        Lines that do not, in order; their records are left out.
    torn
        Bytes at the end that are no whole record: a write was cut short, or is going on.
    """

    path: Path
    records: list[Record]
    numbers: list[int]
    damages: tuple[Damage, ...]
    torn: int

    @property
    def identity(self) -> str:
        """The journal's own name, random."""
        return str(self.records[0][2])

    @property
    def station(self) -> tuple[str, str, str]:
        """Name, district and code as the profile said last."""
        name, district, code = self.records[0][4:7]
        for record in self.records:
            if record[0] == "I":
                name, district, code = record[2:5]
        return str(name), str(district), str(code)


def read_journal(path: Path) -> Journal:
    """Read a journal.

    Raises
    ------
    StationError
        If it cannot be read or is no journal of ours.
    """
    return parse(path, read_bytes(path))


def read_bytes(path: Path) -> bytes:
    """Return the file's bytes.

    Raises
    ------
    StationError
        If it cannot be read, or is far too large to be a journal.
    """
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST + 1)
    except OSError as error:
        raise refused(path, error, doing="read") from error
    if len(content) > LARGEST:
        raise StationError(f"{path}: is too large to be a journal; name a file that the "
                           "recorder 'ektp-hw watch' wrote")  # fmt: skip
    return content


def parse(path: Path, content: bytes) -> Journal:
    """Read the bytes of a journal; ``path`` is for messages.

    Raises
    ------
    StationError
        If they are no journal of ours.
    """
    end = torn_from(content)
    lines = content[:end].split(b"\n")[:-1]
    broken = _broken(lines)
    numbers = [number for number in range(1, len(lines) + 1) if number not in broken]
    records = _records([lines[number - 1][: -LINK_LENGTH - 1] for number in numbers])
    if None in records:
        numbers = [number for number, each in zip(numbers, records, strict=True) if each]
    whole = [each for each in records if each is not None]
    if not whole or numbers[0] != 1 or not _is_header(whole[0]):
        raise StationError(
            f"{path}: is not a journal, or its beginning is destroyed; name a file that the "
            "recorder 'ektp-hw watch' wrote"
        )
    damages = () if len(numbers) == len(lines) else _damages(lines, set(numbers))
    return Journal(path, whole, numbers, damages, len(content) - end)


def _damages(lines: list[bytes], sound: set[int]) -> tuple[Damage, ...]:
    damages, offset = [], 0
    for number, line in enumerate(lines, 1):
        if number not in sound:
            damages.append(Damage(number, offset, _record(split(line)[0]) is not None))
        offset += len(line) + 1
    return tuple(damages)


def torn_from(content: bytes) -> int:
    """Return where the last whole line ends: after it a write was cut short.

    A disk that loses power may leave zero bytes where the last record was to be; they count as
    torn even if a part of the record, and its end, follow them.
    """
    end = content.rfind(b"\n") + 1
    while end:
        begin = content.rfind(b"\n", 0, end - 1) + 1
        if b"\0" not in content[begin:end]:
            break
        end = begin
    return end


def link_after(line: bytes) -> bytes:
    """Return what the line after this one is linked to.

    It is this line's own link; after an A it is that of the last line that the summaries replace.
    """
    if line.startswith(b'["A",'):
        with suppress(ValueError, LookupError, AttributeError):
            told = json.loads(split(line)[0])[2]
            return str(told).encode("ascii", "replace")
    return line[-LINK_LENGTH:]


def _broken(lines: list[bytes]) -> set[int]:
    """Return the numbers of the lines whose link does not hold."""
    before = FIRST_LINK
    broken = set()
    for number, line in enumerate(lines, 1):
        link = line[-LINK_LENGTH:]
        told = sha256(before + line[: -LINK_LENGTH - 1]).hexdigest()[:LINK_LENGTH].encode()
        if told != link or line[-LINK_LENGTH - 1 : -LINK_LENGTH] != b"\t":
            broken.add(number)
        before = link_after(line) if line.startswith(b'["A",') else link
    return broken


def _records(payloads: list[bytes]) -> list[Record | None]:
    """Parse all at once, which is much faster; one by one if any is none of ours."""
    try:
        together: list[Record] = json.loads(b"[" + b",".join(payloads) + b"]")
        if len(together) == len(payloads) and all(map(_is_record, together)):
            return list(together)
    except (ValueError, RecursionError):
        pass
    return [_record(payload) for payload in payloads]


def _record(payload: bytes) -> Record | None:
    try:
        record = json.loads(payload)
    except (ValueError, RecursionError):
        return None
    return record if _is_record(record) else None


def _is_record(record: object) -> bool:
    if not isinstance(record, list) or not record or not isinstance(record[0], str):
        return False
    if tuple(map(type, record)) not in _SHAPES.get(record[0], ()):
        return False
    return bool(0 <= record[3 if record[0] == "H" else 1] < _LATEST)


def _is_header(record: Record) -> bool:
    return bool(record[0] == "H" and record[1] == FORMAT)
