# SPDX-License-Identifier: Apache-2.0
"""What a journal says from before to after its last change of verdict, as plain data.

The verdict of a journal at a time is the set of causes that some subject is broken for. Somebody
who helps from afar wants to see what led up to its last change, and not five months of sums.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from ektp_hw.diagnostics.journal.past import BROKEN, EXPLAINED, FOLDED, SOUND, SUSPECT, UNTESTED

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ektp_hw.diagnostics.journal.line import Record
    from ektp_hw.diagnostics.journal.reading import Journal

__all__ = ["excerpt_around_change"]

_BEFORE, _AFTER = 120, 80
"""Entries at most on either side of the change."""
_SPAN = 86400
"""Seconds at most on either side of it."""
_STATES = {
    SOUND: "sound",
    SUSPECT: "suspect",
    BROKEN: "broken",
    EXPLAINED: "broken, explained by another",
    UNTESTED: "untested",
    FOLDED: "changed too often",
}


def excerpt_around_change(journal: Journal) -> dict[str, Any] | None:
    """Return the entries around the last change of verdict; None if it never changed.

    Returns
    -------
    dict
        ``changed`` (when), ``before`` and ``after`` (causes), and ``entries``, each with its line
        in the journal, its time as it was written (UTC) and what it says.
    """
    told = [
        (line, record)
        for line, record in zip(journal.numbers, journal.records, strict=True)
        if record[0] in _KINDS
    ]
    change = None
    for at, before, after in _verdicts([record for _, record in told]):
        if before != after:
            change = at, before, after
    if change is None:
        return None
    at, before, after = change
    when = told[at][1][1]
    subjects = {record[1]: record[2:4] for record in journal.records if record[0] == "S"}
    kept = told[max(0, at - _BEFORE) : at + _AFTER + 1]
    return {
        "changed": _time(when),
        "before": sorted(before),
        "after": sorted(after),
        "entries": [
            {"line": line, "when": _time(record[1]), **_words(record, subjects)}
            for line, record in kept
            if abs(record[1] - when) <= _SPAN
        ],
    }


def _verdicts(records: list[Record]) -> Iterator[tuple[int, frozenset[str], frozenset[str]]]:
    """Yield for each record the causes that were broken before it and after it."""
    broken: dict[int, str] = {}
    now: frozenset[str] = frozenset()
    for at, record in enumerate(records):
        states = [record[2:]] if record[0] == "L" else []
        if record[0] == "T":
            states = [[number, *state] for number, _, _, *state in record[4]]
        for number, state, *rest in states:
            broken.pop(number, None)
            if state == BROKEN and rest:
                broken[number] = str(rest[0])
        before, now = now, frozenset(broken.values())
        yield at, before, now


def _words(record: Record, subjects: dict[int, Record]) -> dict[str, Any]:
    """Say what a record holds."""
    return {"kind": _KINDS[record[0]], **_CONTENTS[record[0]](record, subjects)}


def _look(record: Record, subjects: dict[int, Record]) -> dict[str, Any]:
    return _state(record[2], record[3:], subjects)


def _sums(record: Record, subjects: dict[int, Record]) -> dict[str, Any]:
    sums = [
        {"changes": changes, "seconds_down": down, **_state(number, state, subjects)}
        for number, changes, down, *state in record[4]
    ]
    return {"seconds": record[2], "looks": record[3], "sums": sums}


def _fields(*names: str) -> Callable[[Record, dict[int, Record]], dict[str, Any]]:
    """Return what names a record's fields, from the third on."""
    return lambda record, _subjects: dict(zip(names, record[2:], strict=False))


def _state(number: int, state: Record, subjects: dict[int, Record]) -> dict[str, Any]:
    probe, device = subjects.get(number, ["?", ""])
    told = {"probe": probe, "device": device, "state": _STATES.get(state[0], state[0])}
    if len(state) > 2:
        told |= {"cause": state[1], "certainty": state[2]}
    return told


def _time(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat().replace("+00:00", "Z")


_KINDS = {
    "L": "look",
    "T": "watched",
    "P": "device",
    "N": "captures",
    "C": "clock set",
    "B": "recorder begins",
    "E": "recorder ends",
    "R": "torn record dropped",
}
"""Kinds of record that tell what happened, see `line`, and how they are called here."""
_CONTENTS: dict[str, Callable[[Record, dict[int, Record]], dict[str, Any]]] = {
    "L": _look,
    "T": _sums,
    "P": _fields("device", "is_there"),
    "N": _fields("batch", "captures", "turned_away"),
    "C": _fields("seconds"),
    "B": _fields("seconds_since_power_on"),
    "E": _fields(),
    "R": _fields("bytes"),
}
