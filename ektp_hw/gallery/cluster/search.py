# SPDX-License-Identifier: Apache-2.0
"""One search over all workers: everybody compared, or by the stages of one gallery.

By stages there are three rounds. Workers tell how many of their fingers have each score at first
sight; of all of them together the head reads what a finger must reach
(`worth_comparing.least_likely`). Of those that reach it, workers tell how many have each score by
sketches, and again the head makes the cut. Whoever reaches both is compared. Who comes through so
depends on everybody's scores alone and not on who holds whom, and is exactly whom one gallery would
compare.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ektp_hw.gallery.cluster.merging import Ranked, merge
from ektp_hw.gallery.cluster.scatter import Answer, Scatter, Unanswered
from ektp_hw.gallery.fusion import Candidate
from ektp_hw.gallery.worth_comparing import least_alike, least_likely

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Iterable, Sequence

    from ektp_hw.gallery.cascade_parameters import CascadeParameters
    from ektp_hw.gallery.cluster.assignment import Assignment
    from ektp_hw.gallery.cluster.blocks import Block
    from ektp_hw.gallery.cluster.executor import Executor
    from ektp_hw.gallery.cluster.stages import Counts, Probe
    from ektp_hw.gallery.cluster.stored_people import StoredPerson

__all__ = ["ClusterSearch", "Gathered", "SearchAnswer"]

_ROUNDS = ("first_sights", "sketches", "search")
_SHARES = (0.6, 0.8, 1.0)
"""Of a partial answer's time, when each round ends without those that have not answered."""
_PATIENCE = (1 / 3, 1 / 6, 1 / 6)
"""Share of the time after which a round asks the other holders too."""


class SearchAnswer(list[Candidate]):
    """The candidates, best first, and how much of the gallery they were chosen from.

    Parameters
    ----------
    people, enrolled
        People looked at and people there were.
    unanswered
        Blocks of people that were not looked at, whose they were, how many people, and why.
    """

    def __init__(
        self,
        candidates: Iterable[Candidate],
        people: int,
        enrolled: int,
        unanswered: tuple[Unanswered, ...],
    ) -> None:
        super().__init__(candidates)
        self.people = people
        self.enrolled = enrolled
        self.unanswered = unanswered

    @property
    def complete(self) -> bool:
        """Whether everybody was looked at."""
        return not self.unanswered

    @property
    def share(self) -> float:
        """Share of the people that was looked at, 0 to 1; 1 of nobody."""
        return self.people / self.enrolled if self.enrolled else 1.0


class Gathered(NamedTuple):
    """What came back: the best, people looked at in each answered block, and what is missing."""

    best: list[Ranked]
    people: dict[int, int]
    unanswered: tuple[Unanswered, ...]


@dataclass
class ClusterSearch:
    """The search of one probe.

    Parameters
    ----------
    executor, assignment, supply, cancel
        As `Scatter` takes them.
    probe, limit, tolerant
        As `Shard.search` takes them.
    deadline
        Seconds in all.
    partial
        Whether blocks that nobody answers for, in time or for an error, are left out.
    progress
        Called with (people looked at, all people); by stages, a round is a third of a look.
    """

    executor: Executor
    assignment: Callable[[], Assignment]
    supply: Callable[[Block], Sequence[StoredPerson]]
    probe: Probe
    limit: int
    tolerant: bool
    deadline: float
    partial: bool
    cancel: threading.Event | None = None
    progress: Callable[[int, int], None] | None = None

    def of_everybody(self, blocks: Sequence[Block]) -> Gathered:
        """Compare everybody.

        Raises
        ------
        OperationCancelled, EktpError
            As `Scatter.run`.
        """
        return self._compared(_Rounds(self, blocks, 1))

    def by_stages(self, blocks: Sequence[Block], parameters: CascadeParameters) -> Gathered:
        """Compare those alone whom `Gallery.search` would.

        Raises
        ------
        OperationCancelled, EktpError
            As `Scatter.run`.
        """
        rounds = _Rounds(self, blocks, 3)
        answers = rounds.ask("first_sights", self.probe, self.tolerant)
        if rounds.unanswered and not self.partial:
            return rounds.given_up()
        if sum(each.found.fingers for each in answers) <= parameters.everybody:
            rounds.count = 2
            return self._compared(rounds)
        fingers = len(self.probe)
        seen = _summed([each.found.counts for each in answers], fingers)
        likely = tuple(least_likely(each, parameters, fingers) for each in seen)
        answers = rounds.ask("sketches", self.probe, self.tolerant, likely)
        if rounds.unanswered and not self.partial:
            return rounds.given_up()
        alike = _summed([each.found for each in answers], fingers)
        least = tuple(
            least_alike(some, everybody, parameters, fingers)
            for some, everybody in zip(alike, seen, strict=True)
        )
        return self._compared(rounds, (likely, least))

    def _compared(self, rounds: _Rounds, reach: Any = None) -> Gathered:  # noqa: ANN401
        answers = rounds.ask("search", self.probe, self.tolerant, self.limit, reach)
        people: dict[int, int] = {}
        for each in answers:
            people |= each.found.people
        best = merge((each.found.best for each in answers), self.limit)
        return Gathered(best, people, rounds.unanswered)


class _Rounds:
    """Questions one after the other, each to the blocks that the one before was answered for."""

    def __init__(self, search: ClusterSearch, blocks: Sequence[Block], count: int) -> None:
        self._search = search
        self._blocks = blocks
        self.count = count
        self._total = sum(block.people for block in blocks)
        self._begun = time.monotonic()
        self._done = 0
        self._answered_by: dict[int, str] = {}
        self.unanswered: tuple[Unanswered, ...] = ()

    def ask(self, method: str, *arguments: Any) -> list[Answer]:  # noqa: ANN401
        """Ask everybody who is left, first of all whoever answered before."""
        search, at = self._search, _ROUNDS.index(method)
        share = _SHARES[at] if search.partial else 1.0
        answers, missing = Scatter(
            search.executor,
            search.assignment,
            method,
            arguments,
            search.supply,
            end=self._begun + share * search.deadline,
            patience=(_PATIENCE[at] if self._done else _PATIENCE[0]) * search.deadline,
            partial=search.partial,
            cancel=search.cancel,
            first=self._answered_by,
            progress=self._progress,
        ).run(self._blocks)
        self._done += 1
        self.unanswered += missing
        self._answered_by = {
            number: answer.worker for answer in answers for number in answer.numbers
        }
        self._blocks = [block for block in self._blocks if block.number in self._answered_by]
        return answers

    def given_up(self) -> Gathered:
        """Return how far the search came."""
        people = {block.number: block.people for block in self._blocks}
        return Gathered([], people, self.unanswered)

    def _progress(self, people: int) -> None:
        if self._search.progress is not None:
            looks = self._done * self._total + people
            self._search.progress(looks // self.count, self._total)


def _summed(parts: Iterable[Counts], fingers: int) -> Counts:
    """Return how many fingers of all workers have each score, for each finger of the probe."""
    parts = [*parts]
    longest = [max((len(each[at]) for each in parts), default=0) for at in range(fingers)]
    return tuple(
        sum(
            (np.pad(each[at], (0, longest[at] - len(each[at]))) for each in parts),
            np.zeros(longest[at], np.int64),
        )
        for at in range(fingers)
    )
