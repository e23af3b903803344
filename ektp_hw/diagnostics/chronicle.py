# SPDX-License-Identifier: Apache-2.0
"""All that a journal comes to: which faults, since when, how often, for how long.

`summing.chronicle_of` makes a `Chronicle` from a journal; what a letter shows of it is in
`letter_history`. Only watched times count: an availability is the share of the watched time in
which it worked. Two failures with no sound look between them are one failure, also over a night in
which the station was off; its `seconds` are from its first look to its last, its `watched_seconds`
the time in which somebody looked.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import date, datetime

    from ektp_hw.diagnostics.findings import Cause
    from ektp_hw.diagnostics.phases import Phase

__all__ = [
    "Chronicle",
    "DayState",
    "Lane",
    "LongFault",
    "Outage",
    "Overlap",
    "Part",
    "state_of_day",
]

DayState = str
"""``works``, ``partly``, ``down`` or ``unknown``."""
_DOWN_BELOW = 0.5
"""A day on which less than this share of the watched time worked counts as down."""
_WORKS_FROM = 0.995
"""A day with fewer than seven minutes of fault in 24 hours counts as working."""


def state_of_day(watched: float, working: float) -> DayState:
    """Return how a day went from the seconds watched and the seconds of them that worked."""
    if watched <= 0:
        return "unknown"
    share = working / watched
    if share >= _WORKS_FROM:
        return "works"
    return "partly" if share >= _DOWN_BELOW else "down"


@dataclass(frozen=True)
class Outage:
    """One time without service, or several too near together to be told apart.

    Parameters
    ----------
    since
        When it began, with its time zone.
    seconds
        How long it lasted, from first to last.
    ended
        False if it lasts still.
    times
        How many failures it stands for.
    watched_seconds
        Seconds of it that were watched and did not work.
    """

    since: datetime
    seconds: float
    ended: bool = True
    times: int = 1
    watched_seconds: float = 0.0

    @property
    def until(self) -> datetime:
        """When it ended, or was last seen."""
        return self.since + timedelta(seconds=self.seconds)


@dataclass(frozen=True)
class Lane:
    """One class of cause, day by day: seconds watched and seconds that worked."""

    cause: Cause
    watched: tuple[float, ...]
    working: tuple[float, ...]
    outages: tuple[Outage, ...] = ()

    def __post_init__(self) -> None:
        if len(self.watched) != len(self.working):
            raise ValueError(
                f"{self.cause}: {len(self.watched)} days watched, {len(self.working)} of working"
            )

    @property
    def availability(self) -> float | None:
        """Share of the watched time in which it worked; None if it was never watched."""
        total = sum(self.watched)
        return sum(self.working) / total if total > 0 else None

    @property
    def states(self) -> tuple[DayState, ...]:
        """How each day went."""
        return tuple(map(state_of_day, self.watched, self.working))


@dataclass(frozen=True)
class Part:
    """One probe of one device or layer: how much of the watched time it found all well."""

    probe: str
    device: str
    watched_seconds: float
    down_seconds: float

    @property
    def availability(self) -> float | None:
        """Share of the watched time; None if it was never watched."""
        if self.watched_seconds <= 0:
            return None
        return 1 - self.down_seconds / self.watched_seconds


@dataclass(frozen=True)
class LongFault:
    """One fault over the whole period: a cause at a device, or of the station.

    Parameters
    ----------
    outages
        Oldest first.
    watched_seconds
        Seconds in which it could have been seen.
    """

    cause: Cause
    device: str
    probes: tuple[str, ...]
    outages: tuple[Outage, ...]
    watched_seconds: float

    @property
    def first(self) -> datetime:
        """When it was first seen."""
        return self.outages[0].since

    @property
    def last(self) -> datetime:
        """When it was last seen."""
        return max(each.until for each in self.outages)

    @property
    def lasts(self) -> bool:
        """Whether it is there still."""
        return not self.outages[-1].ended

    @property
    def times(self) -> int:
        """How often it came."""
        return sum(each.times for each in self.outages)

    @property
    def down_seconds(self) -> float:
        """Watched seconds in which it was there."""
        return sum(each.watched_seconds for each in self.outages)

    @property
    def between_failures(self) -> float:
        """Mean watched seconds of work between two failures."""
        return max(0.0, self.watched_seconds - self.down_seconds) / max(1, self.times)


@dataclass(frozen=True)
class Overlap:
    """Two faults that were there at the same time: how often, for how long, and since when."""

    one: LongFault
    two: LongFault
    times: int
    seconds: float
    first: datetime


@dataclass(frozen=True)
class Chronicle:
    """Every figure of many days of a station.

    Parameters
    ----------
    station
        Name, district and code.
    first, days
        The first day and how many.
    lanes
        Every class of cause that was watched, each with as many days.
    parts
        Every probe of every device and layer.
    faults
        The one that cost most time first.
    overlaps
        Pairs of faults that were there together, the longest first.
    phases
        The timeline: which faults came again and again from which day to which.
    turned_away, captures
        By reason; by kind: attempted, succeeded, failed. ``turned_away`` (a number) is their sum.
    watched_seconds
        In all.
    last_look
        When a recorder last looked; None if never.
    unclean, jumps, doubtful
        Ends of the recorder without a word (power loss, crash); clock jumps; times of unsure date.
    """

    station: tuple[str, str, str]
    first: date
    days: int
    lanes: tuple[Lane, ...]
    parts: tuple[Part, ...]
    faults: tuple[LongFault, ...]
    overlaps: tuple[Overlap, ...]
    phases: tuple[Phase, ...]
    turned_away_by_reason: dict[str, int]
    captures: dict[str, tuple[int, int, int]]
    watched_seconds: float
    last_look: datetime | None
    unclean: int
    jumps: int
    doubtful: int

    @property
    def last(self) -> date:
        """The last day."""
        return self.first + timedelta(days=self.days - 1)

    @property
    def turned_away(self) -> int | None:
        """Citizens turned away; None if station software never told the journal anything."""
        if not self.turned_away_by_reason and not self.captures:
            return None
        return sum(self.turned_away_by_reason.values())
