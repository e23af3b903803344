# SPDX-License-Identifier: Apache-2.0
"""From records to what was when: times put right, states as spans, what nobody watched left out.

The clock is put right backwards: when it jumps, what that recorder wrote before the jump is moved
by the jump, since a clock is set to be right. What a session wrote while the clock stood before
the journal's own beginning (an empty battery) is put behind what was written before it. Sessions
that overlap still are moved apart, the earlier one back. All of this is counted as doubtful.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from ektp_hw.errors import StationError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ektp_hw.diagnostics.journal.line import Record
    from ektp_hw.diagnostics.journal.reading import Journal

__all__ = [
    "DAY",
    "Past",
    "Span",
    "Subject",
    "last_states",
    "past_of",
]

DAY = 86400
SOUND, SUSPECT, BROKEN, EXPLAINED, UNTESTED, FOLDED = "S?BbUF"
"""States of a subject: BROKEN is a fault that no other one explains, EXPLAINED one that another
fault explains, FOLDED a time with so many changes that only their sum was kept."""


class Subject(NamedTuple):
    """What looks are about: a probe's name, a device's mark, and the causes it can find."""

    probe: str
    device: str
    causes: tuple[str, ...]


class Span(NamedTuple):
    """A time in one state; for a FOLDED one, how often it broke in it, and for how long in all."""

    begin: int
    end: int
    state: str
    cause: str = ""
    certainty: int = 100
    changes: int = 0
    down: int = 0


@dataclass
class Past:
    """What a journal tells; times are seconds since 1970.

    Parameters
    ----------
    subjects, spans
        By the subject's number; spans in order, without overlap, only of watched times.
    watched
        When a recorder looked, in order.
    captures
        For each day (seconds of its beginning, UTC) and kind: attempted, succeeded, failed.
    turned_away
        For each day and reason, how many.
    plugged
        When, device, and whether it came.
    starts, unclean, jumps, doubtful, torn
        Recorders begun; those that had ended without saying so; clock jumps; sessions whose time
        had to be moved; torn records dropped.
    """

    subjects: dict[int, Subject] = field(default_factory=dict)
    spans: dict[int, list[Span]] = field(default_factory=dict)
    watched: list[tuple[int, int]] = field(default_factory=list)
    captures: dict[int, dict[str, list[int]]] = field(default_factory=dict)
    turned_away: dict[int, dict[str, int]] = field(default_factory=dict)
    plugged: list[tuple[int, str, bool]] = field(default_factory=list)
    starts: list[int] = field(default_factory=list)
    unclean: list[int] = field(default_factory=list)
    jumps: list[int] = field(default_factory=list)
    doubtful: int = 0
    torn: int = 0


def past_of(journal: Journal, *, until: int | None = None) -> Past:
    """Return what the journal tells, up to the time ``until`` if that is given.

    Raises
    ------
    StationError
        If records have their links and are none of ours nevertheless.
    """
    try:
        past = _told(journal)
    except (TypeError, ValueError, LookupError, AttributeError) as error:
        raise StationError(
            f"{journal.path}: holds records that no recorder of this version writes; read it with "
            "the version that wrote it"
        ) from error
    return past if until is None else _cut(past, until)


def _told(journal: Journal) -> Past:
    past = Past()
    created = int(journal.records[0][3])
    sessions: list[_Session] = [_Session()]
    for record in journal.records:
        match record[0]:
            case "S":
                past.subjects[record[1]] = Subject(record[2], record[3], tuple(record[4]))
            case "D":
                _take_day(past, record)
            case "B":
                sessions[-1].alive_until = record[4]
                sessions.append(_Session(is_continued=record[4] < 0))
                sessions[-1].records.append(record)
            case "I" | "H" | "A" | "Z":
                pass
            case _:
                sessions[-1].records.append(record)
    sessions = [each for each in sessions if each.records]
    for session in sessions:
        session.put_right()
    earliest = max((end for _, end in past.watched), default=0)
    past.doubtful += _put_in_order(sessions, created, earliest)
    states: dict[int, list[Span]] = {}
    before: _Session | None = None
    for session in sessions:
        _take_session(past, states, session, before)
        before = session
    past.watched = _joined(past.watched)
    last = past.watched[-1][1] if past.watched else 0
    for number, changes in states.items():
        known = past.spans.setdefault(number, [])
        known += _watched_parts(_between(changes, last), past.watched)
    return past


def last_states(records: Iterable[Record]) -> dict[int, tuple[str, str, int]]:
    """Return the last state of each subject: state, cause, certainty in per cent."""
    states = {}
    for record in records:
        if record[0] == "L":
            states[record[2]] = _state(record)
        elif record[0] == "T":
            for number, _, _, state, *rest in record[4]:
                states[number] = (state, *(rest or ("", 100)))
    return states


def _state(record: Record) -> tuple[str, str, int]:
    return (record[3], record[4], record[5]) if len(record) == 6 else (record[3], "", 100)


class _Session:
    """The records of one recorder from its beginning to its end, with the times put right."""

    def __init__(self, *, is_continued: bool = False) -> None:
        self.records: list[Record] = []
        self.times: list[int] = []
        self.is_continued = is_continued
        self.alive_until = 0
        """When it was last alive as the next one found it."""

    def put_right(self) -> None:
        """Undo the jumps of the clock: the time after a jump is the right one."""
        shift = 0
        for record in reversed(self.records):
            self.times.append(record[1] + shift)
            if record[0] == "C":
                shift += record[2]
        self.times.reverse()
        raw_last = self.records[-1][1]
        alive = self.alive_until
        end = alive if raw_last <= alive <= raw_last + 2 * DAY else self.times[-1]
        self.end = max(end, *self.times)
        self.begin = min(self.times)

    def move(self, seconds: int) -> None:
        self.times = [each + seconds for each in self.times]
        self.begin, self.end = self.begin + seconds, self.end + seconds

    @property
    def ended_properly(self) -> bool:
        return bool(self.records[-1][0] == "E")


def _put_in_order(sessions: Sequence[_Session], created: int, earliest: int) -> int:
    moved, end = set(), max(created, earliest)
    for session in sessions:
        if session.begin < created - DAY:
            session.move(end - session.begin)
            moved.add(id(session))
        end = max(end, session.end) if id(session) in moved else session.end
    following = None
    for session in reversed(sessions):
        if following is not None and session.end > following.begin:
            session.move(following.begin - session.end)
            moved.add(id(session))
        following = session
    return len(moved)


def _take_session(
    past: Past, states: dict[int, list[Span]], session: _Session, before: _Session | None
) -> None:
    watched_from = session.begin
    for when, record in zip(session.times, session.records, strict=True):
        match record[0]:
            case "B" if not session.is_continued:
                past.starts.append(when)
                if before is not None and not before.ended_properly:
                    past.unclean.append(before.end)
            case "C":
                past.jumps.append(when)
            case "R":
                past.torn += 1
            case "P":
                past.plugged.append((when, record[2], bool(record[3])))
            case "N":
                _add_counts(past, when // DAY * DAY, record[3], record[4])
            case "T":
                past.watched.append((when - max(0, record[2]), when))
                watched_from = when
                _take_sums(states, when, record)
            case "L":
                states.setdefault(record[2], []).append(Span(when, when, *_state(record)))
    past.watched.append((watched_from, session.end))


def _take_sums(states: dict[int, list[Span]], when: int, record: Record) -> None:
    for number, changes, down, state, *rest in record[4]:
        cause, certainty = rest or ("", 100)
        kept = states.setdefault(number, [])
        kept.append(Span(when - record[2], when, FOLDED, cause, certainty, changes, down))
        kept.append(Span(when, when, state, cause, certainty))


def _add_counts(
    past: Past, day: int, captures: dict[str, list[int]], turned_away: dict[str, int]
) -> None:
    of_day = past.captures.setdefault(day, {})
    for kind, counts in captures.items():
        sums = of_day.setdefault(kind, [0, 0, 0])
        of_day[kind] = [one + int(two) for one, two in zip(sums, counts, strict=False)]
    away = past.turned_away.setdefault(day, {})
    for reason, count in turned_away.items():
        away[reason] = away.get(reason, 0) + int(count)


def _joined(intervals: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    joined: list[tuple[int, int]] = []
    for begin, end in sorted(intervals):
        if end <= begin:
            continue
        if joined and begin <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((begin, end))
    return joined


def _between(changes: list[Span], last: int) -> list[Span]:
    """Let each state last until the next change."""
    lasting: list[Span] = []
    for at, span in enumerate(changes):
        if span.state == FOLDED:
            while lasting and lasting[-1].end > span.begin:  # what was told one by one before
                cut = lasting.pop()
                if cut.begin < span.begin:
                    lasting.append(cut._replace(end=span.begin))
            lasting.append(span)
            continue
        following = changes[at + 1] if at + 1 < len(changes) else None
        end = last if following is None else max(span.begin, following.begin)
        if end > span.begin:
            lasting.append(span._replace(end=end))
    return lasting


def _watched_parts(spans: list[Span], watched: list[tuple[int, int]]) -> list[Span]:
    parts, at = [], 0
    for span in spans:
        while at and watched[at - 1][1] > span.begin:
            at -= 1
        while at < len(watched) and watched[at][1] <= span.begin:
            at += 1
        there = at
        while there < len(watched) and watched[there][0] < span.end:
            begin, end = max(span.begin, watched[there][0]), min(span.end, watched[there][1])
            parts.append(span._replace(begin=begin, end=end))
            there += 1
            if span.state == FOLDED:
                break
    return parts


def _take_day(past: Past, record: Record) -> None:
    """Take in a summary, see `compaction`: what it does not name was sound."""
    _, day, watched, known, spans, captures, turned_away, counts = record
    intervals = [(day + begin, day + end) for begin, end in watched]
    if not all(day <= begin <= end <= day + DAY for begin, end in intervals):
        raise ValueError("a day has 86400 seconds")
    past.watched += intervals
    for number in known:
        told = [
            Span(day + begin, day + end, state, cause, certainty, changes, down)
            for each, begin, end, state, cause, certainty, changes, down in spans
            if each == number
        ]
        filled, at = [], day
        for span in told:
            filled += [Span(at, span.begin, SOUND)] if span.begin > at else []
            filled.append(span)
            at = max(at, span.end)
        filled.append(Span(at, day + DAY, SOUND))
        past.spans.setdefault(number, []).extend(_watched_parts(filled, intervals))
    _add_counts(past, day, captures, turned_away)
    starts, unclean, jumps, torn = counts
    past.starts += [day] * starts
    past.unclean += [day] * unclean
    past.jumps += [day] * jumps
    past.torn += torn


def _cut(past: Past, until: int) -> Past:
    """Leave out what came after a time."""
    past.watched = [(begin, min(end, until)) for begin, end in past.watched if begin < until]
    past.spans = {
        number: [each._replace(end=min(each.end, until)) for each in spans if each.begin < until]
        for number, spans in past.spans.items()
    }
    return past
