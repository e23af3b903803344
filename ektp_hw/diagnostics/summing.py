# SPDX-License-Identifier: Apache-2.0
"""From a journal to the figures of many days: see `chronicle` for what they mean."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from ektp_hw.diagnostics.chronicle import Chronicle, Lane, LongFault, Outage, Overlap, Part
from ektp_hw.diagnostics.findings import Cause
from ektp_hw.diagnostics.intervals import clipped, known, length, share, union, within
from ektp_hw.diagnostics.journal.past import (
    BROKEN,
    DAY,
    EXPLAINED,
    FOLDED,
    SOUND,
    SUSPECT,
    UNTESTED,
    past_of,
)
from ektp_hw.diagnostics.phases import phases_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import tzinfo

    from ektp_hw.diagnostics.journal.past import Past, Span, Subject
    from ektp_hw.diagnostics.journal.reading import Journal

__all__ = ["chronicle_of"]

_SAME_FAILURE = 130
"""Seconds between two failures of one cause that are one failure: two looks."""
_CAUSES = {cause.value: cause for cause in Cause}

Interval = tuple[int, int]


def chronicle_of(
    journal: Journal,
    *,
    days: int = 150,
    until: datetime | None = None,
    zone: tzinfo | None = None,
) -> Chronicle:
    """Sum up the last days of a journal.

    Parameters
    ----------
    days
        How many, today included.
    until
        The end, with its time zone; None for the journal's last look.
    zone
        Where a day begins and ends; None for this machine's zone.

    Raises
    ------
    ValueError
        If there are less than 1 or more than 3660 days.
    """
    if not 1 <= days <= 3660:
        raise ValueError(f"a history of {days} days cannot be; give 1 to 3660")
    past = past_of(journal, until=None if until is None else int(until.timestamp()))
    seen = past.watched[-1][1] if past.watched else int(journal.records[0][3])
    end = int(until.timestamp()) if until is not None else seen
    return _Sums(journal, past, _midnights(end - 1, days, zone), end, zone).chronicle()


class _Sums:
    """The sums of one period."""

    def __init__(
        self, journal: Journal, past: Past, midnights: list[int], end: int, zone: tzinfo | None
    ) -> None:
        self.journal, self.past, self.midnights = journal, past, midnights
        self.begin, self.end, self.zone = midnights[0], end, zone
        self.spans = {
            number: clipped(spans, self.begin, end) for number, spans in past.spans.items()
        }
        self.watched = within(past.watched, self.begin, end)

    def chronicle(self) -> Chronicle:
        faults = self._faults()
        seen = self.past.watched[-1][1] if self.past.watched else None
        return Chronicle(
            station=self.journal.station,
            first=self._when(self.begin).date(),
            days=len(self.midnights) - 1,
            lanes=self._lanes(),
            parts=tuple(
                _part(self.past.subjects[number], spans)
                for number, spans in sorted(self.spans.items())
                if spans and number in self.past.subjects
            ),
            faults=faults,
            overlaps=_overlaps(faults),
            phases=phases_of(faults, self._when(self.begin).date(), len(self.midnights) - 1),
            turned_away_by_reason=self._turned_away(),
            captures=self._captures(),
            watched_seconds=length(self.watched),
            last_look=None if seen is None else self._when(seen),
            unclean=self._count(self.past.unclean),
            jumps=self._count(self.past.jumps),
            doubtful=self.past.doubtful,
        )

    def _when(self, seconds: int) -> datetime:
        return _local(seconds, self.zone)

    def _count(self, events: Iterable[int]) -> int:
        return sum(self.begin <= each <= self.end for each in events)

    def _counted_days(self, days: Iterable[int]) -> list[int]:
        return [day for day in days if self.begin - DAY < day <= self.end]

    def _turned_away(self) -> dict[str, int]:
        sums: Counter[str] = Counter()
        for day in self._counted_days(self.past.turned_away):
            sums.update(self.past.turned_away[day])
        return dict(sums.most_common())

    def _captures(self) -> dict[str, tuple[int, int, int]]:
        sums: dict[str, tuple[int, int, int]] = {}
        for day in self._counted_days(self.past.captures):
            for kind, counts in self.past.captures[day].items():
                attempted, succeeded, failed = sums.get(kind, (0, 0, 0))
                sums[kind] = (attempted + counts[0], succeeded + counts[1], failed + counts[2])
        return sums

    def _faults(self) -> tuple[LongFault, ...]:
        found: dict[tuple[str, str], list[tuple[str, list[Span]]]] = {}
        for number, spans in self.spans.items():
            subject = self.past.subjects.get(number)
            if subject is None:
                continue
            for cause, runs in _runs(spans).items():
                if cause in _CAUSES:
                    key = (cause, subject.device)
                    found.setdefault(key, []).append((subject.probe, runs))
        faults = []
        for (cause, device), told in found.items():
            runs = [run for _, each in told for run in each]
            knowing = [
                known(self.spans[number])
                for number, subject in self.past.subjects.items()
                if subject.device == device and cause in subject.causes and number in self.spans
            ]
            faults.append(
                LongFault(
                    _CAUSES[cause],
                    device,
                    tuple(sorted({probe for probe, _ in told})),
                    self._outages(runs),
                    length(union(knowing)),
                )
            )
        return tuple(sorted(faults, key=lambda each: (-each.down_seconds, each.first)))

    def _outages(self, runs: list[Span]) -> tuple[Outage, ...]:
        """Join what touches; a run's ``down`` is its watched time, ``changes`` its number."""
        joined: list[Span] = []
        for run in sorted(runs):
            last = joined[-1] if joined else None
            if last is not None and run.begin <= last.end + _SAME_FAILURE:
                together = run.begin < last.end
                down = max(last.down, run.down) if together else last.down + run.down
                times = max(last.changes, run.changes)
                joined[-1] = last._replace(
                    end=max(last.end, run.end), down=down, changes=max(1, times)
                )
            else:
                joined.append(run)
        seen = self.past.watched[-1][1] if self.past.watched else 0
        return tuple(
            Outage(
                self._when(each.begin),
                each.end - each.begin,
                ended=each.end < min(seen, self.end),
                times=each.changes,
                watched_seconds=each.down,
            )
            for each in joined
        )

    def _lanes(self) -> tuple[Lane, ...]:
        lanes = []
        for cause in Cause:
            bearing = [
                number
                for number, subject in self.past.subjects.items()
                if cause.value in subject.causes and number in self.spans
            ]
            knowing = union(known(self.spans[number]) for number in bearing)
            if not knowing:
                continue
            down = union(
                [(each.begin, each.end) for each in self.spans[number]
                 if each.state == BROKEN and each.cause == cause.value]
                for number in bearing
            )  # fmt: skip
            folded = [each for number in bearing for each in self.spans[number]
                      if each.state == FOLDED and each.cause == cause.value]  # fmt: skip
            watched = [length(within(knowing, *day)) for day in self._days()]
            lost = [
                length(within(down, *day)) + sum(share(each, *day) for each in folded)
                for day in self._days()
            ]
            working = [max(0.0, one - two) for one, two in zip(watched, lost, strict=True)]
            runs = [run for number in bearing for run in _runs(self.spans[number]).get(cause, [])]
            lanes.append(Lane(cause, tuple(watched), tuple(working), self._outages(runs)))
        return tuple(lanes)

    def _days(self) -> list[Interval]:
        return list(zip(self.midnights, self.midnights[1:], strict=False))


def _midnights(end: int, days: int, zone: tzinfo | None) -> list[int]:
    """Return where each day begins and the last one ends."""
    today = _local(end, zone).date()
    dates = [today + timedelta(days=each) for each in range(1 - days, 2)]
    return [int(datetime(each.year, each.month, each.day, tzinfo=zone).timestamp())
            for each in dates]  # fmt: skip


def _local(seconds: int, zone: tzinfo | None) -> datetime:
    return datetime.fromtimestamp(seconds, zone).astimezone(zone)


def _part(subject: Subject, spans: Sequence[Span]) -> Part:
    watched = sum(each.end - each.begin for each in spans if each.state != UNTESTED)
    down = sum(
        each.down if each.state == FOLDED else each.end - each.begin
        for each in spans
        if each.state in {BROKEN, EXPLAINED, FOLDED}
    )
    return Part(subject.probe, subject.device, watched, min(watched, down))


def _runs(spans: Sequence[Span]) -> dict[str, list[Span]]:
    """Return the failures of one subject by cause; what is unknown in between does not end one.

    In what is returned ``down`` is the watched time and ``changes`` the number of failures.
    """
    runs: dict[str, list[Span]] = {}
    going_on: Span | None = None
    for span in spans:
        if span.state in {BROKEN, FOLDED} and span.cause:
            down = span.down if span.state == FOLDED else span.end - span.begin
            times = max(1, span.changes) if span.state == FOLDED else 1
            kept = runs.setdefault(span.cause, [])
            if going_on is not None and going_on.cause == span.cause and span.state == BROKEN:
                kept[-1] = going_on._replace(end=span.end, down=going_on.down + down)
            else:
                kept.append(span._replace(down=down, changes=times))
            going_on = kept[-1]
            if span.state == FOLDED:
                going_on = None
        elif span.state in {SOUND, SUSPECT}:
            going_on = None
    return runs


def _overlaps(faults: Sequence[LongFault]) -> tuple[Overlap, ...]:
    found = []
    for at, one in enumerate(faults):
        for two in faults[at + 1 :]:
            pairs = [
                (max(left.since, right.since), min(left.until, right.until))
                for left in one.outages
                for right in two.outages
                if left.since < right.until and right.since < left.until
            ]
            if pairs:
                seconds = sum((end - begin).total_seconds() for begin, end in pairs)
                found.append(Overlap(one, two, len(pairs), seconds, min(pairs)[0]))
    return tuple(sorted(found, key=lambda each: -each.seconds))
