# SPDX-License-Identifier: Apache-2.0
"""What a letter tells of the days before: an excerpt of the journal's chronicle.

`chronicle.Chronicle` has every figure that a journal comes to; here is what the letter's picture,
table and sentences show of it. It holds sums only: nothing in it can be traced to a person.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from ektp_hw.errors import StationError

if TYPE_CHECKING:
    from datetime import date

    from ektp_hw.diagnostics.chronicle import Chronicle, Lane
    from ektp_hw.diagnostics.findings import Cause

__all__ = ["LetterHistory", "LetterPhase", "excerpt_of", "history_for_letter"]


@dataclass(frozen=True)
class LetterPhase:
    """Days in which faults of the same causes kept coming; no cause in a quiet time.

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
class LetterHistory:
    """Many days of a station, as far as a letter shows them.

    Parameters
    ----------
    first
        The first day.
    days
        How many days.
    lanes
        Classes of cause; each has as many days.
    turned_away
        Citizens who could not be recorded; None if that is not known.
    phases
        The whole time told in few parts, oldest first.
    """

    first: date
    days: int
    lanes: tuple[Lane, ...]
    turned_away: int | None = None
    phases: tuple[LetterPhase, ...] = ()

    def __post_init__(self) -> None:
        if any(len(lane.watched) != self.days for lane in self.lanes):
            raise ValueError(f"not every part has {self.days} days")

    @property
    def last(self) -> date:
        """The last day."""
        return self.first + timedelta(days=self.days - 1)


def history_for_letter(days: int) -> LetterHistory:
    """Return what a letter tells of the last days of the station's journal.

    Raises
    ------
    StationError
        If there is no journal, or it cannot be read.
    """
    from ektp_hw.diagnostics.journal import default_place, read_journal
    from ektp_hw.diagnostics.summing import chronicle_of

    place = default_place()
    if not place.exists():
        raise StationError(f"{place}: there is no journal yet; begin one with 'ektp-hw watch'")
    return excerpt_of(chronicle_of(read_journal(place), days=days))


def excerpt_of(chronicle: Chronicle) -> LetterHistory:
    """Return what a letter shows of a chronicle."""
    phases = tuple(
        LetterPhase(
            phase.first,
            phase.days,
            tuple(dict.fromkeys(chronicle.faults[at].cause for at in phase.faults)),
            phase.steady,
        )
        for phase in chronicle.phases
    )
    return LetterHistory(
        chronicle.first, chronicle.days, chronicle.lanes, chronicle.turned_away, phases
    )
