# SPDX-License-Identifier: Apache-2.0
"""Old days made small: one record a day, behind which the newer records stay as they were.

A day's summary holds the times watched, the subjects known, every span that was not sound (all of
a subject's in one if there are many), captures and citizens turned away, and how many recorders
began, ended uncleanly, saw the clock jump or dropped a torn record. Times count from the day's
beginning. The line A closes the summaries: it holds the link of the last line they replace, so
that the lines that stay keep their links, and how many damaged lines were among those replaced:
making a summary does not hide that something was changed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ektp_hw.diagnostics.journal.line import FIRST_LINK, line_of
from ektp_hw.diagnostics.journal.past import BROKEN, DAY, FOLDED, SOUND, past_of
from ektp_hw.diagnostics.journal.reading import Journal, link_after, parse

if TYPE_CHECKING:
    from pathlib import Path

    from ektp_hw.diagnostics.journal.line import Record
    from ektp_hw.diagnostics.journal.past import Past, Span

__all__ = ["compacted"]

_MOST_SPANS = 6
"""Spans of one subject that a day's summary tells one by one."""


def compacted(path: Path, content: bytes, before: int) -> bytes | None:
    """Return the journal with one summary for each day before a time; None if there is none.

    Parameters
    ----------
    content
        The file's bytes, without a torn end.
    before
        Seconds since 1970; days that end later stay whole.

    Raises
    ------
    StationError
        If the bytes are no journal.
    """
    journal = parse(path, content)
    cut = _first_kept(journal, before // DAY * DAY)
    if cut is None:
        return None
    old = [each for each, number in zip(journal.records, journal.numbers, strict=True)
           if number < cut]  # fmt: skip
    head = Journal(path, old, [], (), 0)
    moment = _time_of(journal, cut)
    records = [*_opening(journal, old), *_days(past_of(head), moment), *_going_on(old, moment)]
    lines = content.split(b"\n")[:-1]
    hidden, damaged = _replaced(journal, cut)
    records.append(["A", cut - 1 + hidden, link_after(lines[cut - 2]).decode("ascii", "replace"),
                    damaged])  # fmt: skip
    text, link = b"", FIRST_LINK
    for record in records:
        line, link = line_of(record, link)
        text += line
    return text + b"\n".join(lines[cut - 1 :]) + b"\n"


def _first_kept(journal: Journal, before: int) -> int | None:
    """Return the number of the first line to stay: a change, tally or beginning of a kept day."""
    begins_at, seen_old = None, False
    for record, number in zip(journal.records, journal.numbers, strict=True):
        if record[0] == "A":
            seen_old, begins_at = False, None
        elif record[0] in "LTBEN" and record[1] < before:
            seen_old, begins_at = True, None
        elif record[0] in "LTBEN" and begins_at is None:
            begins_at = number
    return begins_at if seen_old else None


def _time_of(journal: Journal, cut: int) -> int:
    return next(int(record[1]) for record, number
                in zip(journal.records, journal.numbers, strict=True) if number >= cut)  # fmt: skip


def _replaced(journal: Journal, cut: int) -> tuple[int, int]:
    """Return records that earlier summaries hide, and all damaged lines that are replaced."""
    hidden, damaged = 0, sum(each.line < cut for each in journal.damages)
    for record, number in zip(journal.records, journal.numbers, strict=True):
        if record[0] == "A" and number < cut:
            hidden, damaged = record[1] - number, damaged + record[3]
    return hidden, damaged


def _opening(journal: Journal, old: list[Record]) -> list[Record]:
    profiles = [each for each in old if each[0] == "I"]
    subjects = [each for each in old if each[0] == "S"]
    return [journal.records[0], *profiles[-1:], *subjects]


def _going_on(old: list[Record], moment: int) -> list[Record]:
    """Say what the kept records go on from: the recorder that runs, and the states."""
    last: dict[int, Record] = {}
    for record in old:
        if record[0] == "L":
            last[record[2]] = ["L", moment, *record[2:]]
        elif record[0] == "T":
            for number, _, _, state, *rest in record[4]:
                last[number] = ["L", moment, number, state, *rest]
    begun = [each for each in old if each[0] in "BE"]
    runs = bool(begun) and begun[-1][0] == "B"
    session: list[Record] = [["B", moment, *begun[-1][2:4], -1]] if runs else []
    return session + [last[number] for number in sorted(last)]


def _days(past: Past, moment: int) -> list[Record]:
    """Return the summaries of all days up to the moment, the day of the moment in part."""
    days = {day for begin, end in past.watched for day in range(begin // DAY, -(-end // DAY))}
    days |= {day // DAY for day in (*past.captures, *past.turned_away)}
    by_day: dict[int, dict[int, list[Span]]] = {}
    for number, spans in past.spans.items():
        for span in spans:
            for day in range(span.begin // DAY, -(-span.end // DAY)):
                part = span._replace(begin=max(span.begin, day * DAY),
                                     end=min(span.end, (day + 1) * DAY))  # fmt: skip
                by_day.setdefault(day, {}).setdefault(number, []).append(part)
    torn = past.torn
    records: list[Record] = []
    for day in sorted(days):
        begin, end = day * DAY, (day + 1) * DAY
        watched = [
            [max(one, begin) - begin, min(two, end, moment) - begin]
            for one, two in past.watched
            if one < min(end, moment) and two > begin
        ]
        known = by_day.get(day, {})
        told = [[number, each.begin - begin, each.end - begin, *each[2:]]
                for number, spans in sorted(known.items()) for each in _few(spans)]  # fmt: skip
        counts = [
            sum(begin <= each < end for each in events)
            for events in (past.starts, past.unclean, past.jumps)
        ]
        captures, away = past.captures.get(begin, {}), past.turned_away.get(begin, {})
        records.append(["D", begin, watched, sorted(known), told, captures, away, [*counts, torn]])
        torn = 0
    return records


def _few(spans: list[Span]) -> list[Span]:
    """Return what was not sound; as one sum if that was often."""
    told = [each for each in spans if each.state != SOUND]
    if len(told) <= _MOST_SPANS:
        return told
    down = sum(_down(each) for each in told)
    changes = sum(each.changes if each.state == FOLDED else each.state == BROKEN for each in told)
    causes = [each.cause for each in told if each.cause]
    cause = max(set(causes), key=causes.count) if causes else ""
    return [
        told[0]._replace(
            end=told[-1].end, state=FOLDED, cause=cause, changes=int(changes), down=down
        )
    ]


def _down(span: Span) -> int:
    if span.state == FOLDED:
        return span.down
    return span.end - span.begin if span.state == BROKEN else 0
