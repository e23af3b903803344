# SPDX-License-Identifier: Apache-2.0
"""What a journal tells of many days: for each device and network layer, how long it worked.

A history is made of a journal and holds sums only: nothing in it can be traced to a person.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from importlib import import_module
from typing import TYPE_CHECKING, Any

from ektp_hw.errors import StationError

if TYPE_CHECKING:
    from datetime import date

    from ektp_hw.diagnostics.findings import Cause

__all__ = [
    "DayState",
    "History",
    "Lane",
    "Outage",
    "Phase",
    "history_of",
    "history_of_journal",
    "state_of_day",
]

DayState = str
"""``works``, ``partly``, ``down`` or ``unknown``."""
_DOWN_BELOW = 0.5
"""A day on which less than this share of the watched time worked counts as down."""
_WORKS_FROM = 0.995
"""A day with fewer than seven minutes of fault in 24 hours counts as working."""


@dataclass(frozen=True)
class Outage:
    """One time without service.

    Parameters
    ----------
    since
        When it began, with its time zone.
    seconds
        How long it lasted.
    ended
        False if it lasts still.
    times
        How many failures it stands for, where they came too fast to be told apart.
    """

    since: datetime
    seconds: float
    ended: bool = True
    times: int = 1

    @property
    def until(self) -> datetime:
        """When it ended, or was last seen."""
        return self.since + timedelta(seconds=self.seconds)


@dataclass(frozen=True)
class Lane:
    """One device or network layer, day by day.

    Parameters
    ----------
    cause
        The class of cause it stands for: a fault of this lane is this cause.
    watched, working
        Seconds that were watched and that worked, for each day.
    outages
        When it did not work, oldest first.
    """

    cause: Cause
    watched: tuple[float, ...]
    working: tuple[float, ...]
    outages: tuple[Outage, ...] = ()

    def __post_init__(self) -> None:
        if len(self.watched) != len(self.working):
            raise ValueError(f"{self.cause}: {len(self.watched)} days watched, "
                             f"{len(self.working)} days of working")  # fmt: skip

    @property
    def availability(self) -> float | None:
        """Share of the watched time in which it worked; None if it was never watched."""
        total = sum(self.watched)
        return sum(self.working) / total if total > 0 else None

    @property
    def states(self) -> tuple[DayState, ...]:
        """How each day went."""
        pairs = zip(self.watched, self.working, strict=True)
        return tuple(state_of_day(watched, working) for watched, working in pairs)


@dataclass(frozen=True)
class Phase:
    """Days in which the same faults kept coming; no cause in a quiet time.

    Parameters
    ----------
    steady
        Whether they were there on most days, and not only now and then.
    """

    first: date
    days: int
    causes: tuple[Cause, ...]
    steady: bool

    @property
    def last(self) -> date:
        """The last day."""
        return self.first + timedelta(days=self.days - 1)


@dataclass(frozen=True)
class History:
    """Many days of a station.

    Parameters
    ----------
    first
        The first day.
    days
        How many days.
    lanes
        Devices and network layers; each has as many days.
    turned_away
        Citizens who could not be recorded; None if that is not known.
    phases
        The whole time told in few parts, oldest first.
    """

    first: date
    days: int
    lanes: tuple[Lane, ...]
    turned_away: int | None = None
    phases: tuple[Phase, ...] = ()

    def __post_init__(self) -> None:
        if any(len(lane.watched) != self.days for lane in self.lanes):
            raise ValueError(f"not every part has {self.days} days")

    @property
    def last(self) -> date:
        """The last day."""
        return self.first + timedelta(days=self.days - 1)


def state_of_day(watched: float, working: float) -> DayState:
    """Return how a day went from the seconds watched and the seconds of them that worked."""
    if watched <= 0:
        return "unknown"
    share = working / watched
    if share >= _WORKS_FROM:
        return "works"
    return "partly" if share >= _DOWN_BELOW else "down"


def history_of_journal(days: int) -> History:
    """Return the last days of the station's journal.

    Raises
    ------
    StationError
        If there is no journal, or it cannot be read.
    """
    try:
        journal = import_module("ektp_hw.diagnostics.journal")
        summing = import_module("ektp_hw.diagnostics.summing")
    except ModuleNotFoundError as error:
        raise StationError(
            "this version of ektp_hw keeps no journal; leave --history out"
        ) from error
    place = journal.default_place()
    if not place.exists():
        raise StationError(f"{place}: there is no journal yet; begin one with 'ektp-hw watch'")
    return history_of(summing.chronicle_of(journal.read_journal(place), days=days))


def history_of(chronicle: Any) -> History:  # noqa: ANN401  # the journal's room is not known here
    """Return the history that a journal's chronicle tells (`ektp_hw.diagnostics.chronicle`)."""
    return History(
        chronicle.first,
        chronicle.days,
        tuple(
            Lane(
                lane.cause,
                tuple(lane.watched),
                tuple(lane.working),
                tuple(
                    Outage(each.since, each.seconds, each.ended, each.times)
                    for each in lane.outages
                ),
            )
            for lane in chronicle.lanes
        ),
        chronicle.turned_away,
        tuple(
            Phase(
                phase.first,
                phase.days,
                tuple(dict.fromkeys(chronicle.faults[at].cause for at in phase.faults)),
                phase.steady,
            )
            for phase in chronicle.phases
        ),
    )
