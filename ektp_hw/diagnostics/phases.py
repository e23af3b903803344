# SPDX-License-Identifier: Apache-2.0
"""A long period told in few sentences: from which day to which day which faults kept coming."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ektp_hw.diagnostics.chronicle import LongFault

__all__ = ["Phase", "phases_of"]

_SAME_PHASE = 14
"""Days without a fault after which it has stopped coming."""
_TOO_SHORT = 300.0
"""Seconds of a day below which a fault makes no phase."""


@dataclass(frozen=True)
class Phase:
    """Days in which the same faults kept coming.

    Parameters
    ----------
    first, days
        The first day and how many.
    faults
        Positions in the list of faults; none in a quiet time.
    often
        For each of them whether it was there on most days, and not only now and then.
    """

    first: date
    days: int
    faults: tuple[int, ...]
    often: tuple[bool, ...] = ()

    @property
    def steady(self) -> bool:
        """Whether all of them were there on most days."""
        return bool(self.often) and all(self.often)

    @property
    def last(self) -> date:
        """The last day."""
        return self.first + timedelta(days=self.days - 1)


def phases_of(faults: Sequence[LongFault], first: date, days: int) -> tuple[Phase, ...]:
    """Cut a period into phases; a quiet time of less than 15 days within a phase belongs to it."""
    bad = [_bad_days(fault, first, days) for fault in faults]
    active = [_filled(each, days) for each in bad]
    phases: list[Phase] = []
    begin = 0
    for day in range(1, days + 1):
        here = _those(active, begin)
        if day == days or _those(active, day) != here:
            of_phase = set(range(begin, day))
            often = tuple(len(of_phase & bad[at]) * 2 > len(of_phase) for at in here)
            phases.append(Phase(first + timedelta(days=begin), day - begin, here, often))
            begin = day
    return tuple(phases)


def _those(active: list[set[int]], day: int) -> tuple[int, ...]:
    return tuple(at for at, days in enumerate(active) if day in days)


def _bad_days(fault: LongFault, first: date, days: int) -> set[int]:
    """Return the days on which a fault was there for long enough to be felt."""
    seconds: dict[int, float] = {}
    for outage in fault.outages:
        begin, end = outage.since.date(), outage.until.date()
        span = (end - begin).days + 1
        for each in range(span):
            day = (begin - first).days + each
            seconds[day] = seconds.get(day, 0.0) + outage.watched_seconds / span
    return {day for day, lost in seconds.items() if lost >= _TOO_SHORT and 0 <= day < days}


def _filled(bad: set[int], days: int) -> set[int]:
    """Fill the gaps; the gap at the end too, if it is no longer than the one before it."""
    filled: set[int] = set()
    last, gap = None, 1
    for day in sorted(bad):
        gap = 1
        if last is not None and day - last <= _SAME_PHASE:
            gap = day - last
            filled |= set(range(last, day))
        filled.add(day)
        last = day
    if last is not None and days - last <= gap:
        filled |= set(range(last, days))
    return filled
