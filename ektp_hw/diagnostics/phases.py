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
    steady
        Whether they were there on most days, and not only now and then.
    """

    first: date
    days: int
    faults: tuple[int, ...]
    steady: bool

    @property
    def last(self) -> date:
        """The last day."""
        return self.first + timedelta(days=self.days - 1)


def phases_of(faults: Sequence[LongFault], first: date, days: int) -> tuple[Phase, ...]:
    """Cut a period into phases; a quiet time of less than 15 days within a phase belongs to it."""
    bad = [_bad_days(fault, first, days) for fault in faults]
    active = [_filled(each) for each in bad]
    phases: list[Phase] = []
    for day in range(days):
        here = tuple(at for at, fault in enumerate(active) if day in fault)
        if phases and phases[-1].faults == here:
            phases[-1] = _longer(phases[-1])
        else:
            phases.append(Phase(first + timedelta(days=day), 1, here, steady=False))
    return tuple(_judged(phase, bad, (phase.first - first).days) for phase in phases)


def _longer(phase: Phase) -> Phase:
    return Phase(phase.first, phase.days + 1, phase.faults, phase.steady)


def _judged(phase: Phase, bad: list[set[int]], begin: int) -> Phase:
    days = set(range(begin, begin + phase.days))
    steady = bool(phase.faults) and all(len(days & bad[at]) * 2 > phase.days for at in phase.faults)
    return Phase(phase.first, phase.days, phase.faults, steady)


def _bad_days(fault: LongFault, first: date, days: int) -> set[int]:
    """Return the days on which a fault was there for long enough to be felt."""
    seconds: dict[int, float] = {}
    for outage in fault.outages:
        begin, end = outage.since, outage.until
        span = (end.date() - begin.date()).days + 1
        for each in range(span):
            day = (begin.date() - first).days + each
            seconds[day] = seconds.get(day, 0.0) + outage.watched_seconds / span
    return {day for day, lost in seconds.items() if lost >= _TOO_SHORT and 0 <= day < days}


def _filled(bad: set[int]) -> set[int]:
    filled: set[int] = set()
    last: int | None = None
    for day in sorted(bad):
        if last is not None and day - last <= _SAME_PHASE:
            filled |= set(range(last, day))
        filled.add(day)
        last = day
    return filled
