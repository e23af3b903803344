# SPDX-License-Identifier: Apache-2.0
"""One question to all workers: scatter, gather, ask another when one is lost or late.

Every block is answered for once, or it is said that it was not.
"""

from __future__ import annotations

import time
from collections import defaultdict
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from ektp_hw.errors import EktpError, OperationCancelled, WorkerLost
from ektp_hw.gallery.cluster.holdings import BlocksMissing

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Iterable, Sequence

    from ektp_hw.gallery.cluster.assignment import Assignment
    from ektp_hw.gallery.cluster.blocks import Block
    from ektp_hw.gallery.cluster.executor import Executor
    from ektp_hw.gallery.cluster.stored_people import StoredPerson

__all__ = ["Answer", "Scatter", "Unanswered"]

_TICK = 0.1
"""Seconds between looks at the cancel event."""
_PAUSE = 0.2
"""Seconds until a worker that was lost is asked again, when there is no other."""


class Unanswered(NamedTuple):
    """Blocks that nobody answered for, the worker that should have, how many people, and why."""

    worker: str
    blocks: tuple[int, ...]
    people: int
    reason: str


class Answer(NamedTuple):
    """What one worker answered for some blocks."""

    worker: str
    numbers: frozenset[int]
    found: Any


class _Question(NamedTuple):
    worker: str
    blocks: tuple[Block, ...]
    since: float


@dataclass
class Scatter:
    """One question.

    Parameters
    ----------
    executor, assignment
        Whom to ask, and in which order for each block; both may change meanwhile.
    method, arguments
        What to call of a `Shard`, and with what behind the blocks and the seconds left.
    supply
        Returns the people of a block, for workers that do not see the gallery's folder.
    end
        When an answer is of no use any more, as `time.monotonic` tells the time; None for never.
    patience
        Seconds after which the other holders of a block are asked too.
    partial
        Whether a worker's error costs its blocks and not the whole search.
    first
        Workers by block that are asked before those of the assignment.
    progress
        Called with the number of people answered for.
    """

    executor: Executor
    assignment: Callable[[], Assignment]
    method: str
    arguments: tuple[Any, ...]
    supply: Callable[[Block], Sequence[StoredPerson]]
    end: float | None = None
    patience: float | None = None
    partial: bool = False
    cancel: threading.Event | None = None
    first: dict[int, str] = field(default_factory=dict)
    progress: Callable[[int], None] | None = None
    _people: dict[int, int] = field(default_factory=dict)
    _left: dict[int, Block] = field(default_factory=dict)
    _tried: dict[int, set[str]] = field(default_factory=lambda: defaultdict(set))
    _reasons: dict[int, str] = field(default_factory=dict)
    _open: dict[Future[Any], _Question] = field(default_factory=dict)
    _again: list[tuple[float, Block]] = field(default_factory=list)
    _answers: list[Answer] = field(default_factory=list)

    def run(self, blocks: Iterable[Block]) -> tuple[list[Answer], tuple[Unanswered, ...]]:
        """Ask for these blocks and wait; return answers no two of which are for one block.

        Raises
        ------
        OperationCancelled
            If the cancel event was set.
        EktpError
            What a worker could not do, unless ``partial``.
        """
        self._left = {block.number: block for block in blocks}
        self._people = {block.number: block.people for block in self._left.values()}
        self._ask(self._left.values())
        while self._left and (self.end is None or time.monotonic() < self.end):
            if self.cancel is not None and self.cancel.is_set():
                raise OperationCancelled("the search was cancelled before it had an answer")
            if not self._open and not self._again:
                break
            done, _ = wait(self._open, self._wait_for(), FIRST_COMPLETED)
            for answer in done:
                self._take(answer, self._open.pop(answer))
                if self.progress is not None:
                    left = sum(self._people[number] for number in self._left)
                    self.progress(sum(self._people.values()) - left)
            self._ask_again()
            self._ask_replicas()
        return self._answers, self._missing()

    def _wait_for(self) -> float:
        times = [_TICK]
        now = time.monotonic()
        if self.end is not None:
            times.append(self.end - now)
        times += [due - now for due, _ in self._again]
        return max(min(times), 0.0)

    def _ask(self, blocks: Iterable[Block]) -> None:
        """Send each block's question to the first of its workers that was not asked yet."""
        questions: dict[str, list[Block]] = defaultdict(list)
        for block in blocks:
            worker = self._next(block)
            if worker is None:
                self._tried[block.number].clear()
                self._again.append((time.monotonic() + _PAUSE, block))
            else:
                questions[worker].append(block)
        for worker, some in questions.items():
            self._send(worker, tuple(some))

    def _next(self, block: Block) -> str | None:
        tried, assignment = self._tried[block.number], self.assignment()
        first = self.first.get(block.number)
        if first is not None and first not in tried and first in assignment.workers:
            return first
        ranked = assignment.ranked(block.number)
        return next((worker for worker in ranked if worker not in tried), None)

    def _send(self, worker: str, blocks: tuple[Block, ...]) -> None:
        now = time.monotonic()
        for block in blocks:
            self._tried[block.number].add(worker)
        seconds = None if self.end is None else max(self.end - now, 0.0)
        future = self.executor.submit(worker, self.method, blocks, seconds, *self.arguments)
        self._open[future] = _Question(worker, blocks, now)

    def _take(self, answer: Future[Any], question: _Question) -> None:
        error = answer.exception()
        waiting = tuple(block for block in question.blocks if block.number in self._left)
        match error:
            case None:
                self._accept(question, answer.result(), waiting)
            case BlocksMissing():
                for block in error.blocks:
                    sent = self.supply(block)
                    self.executor.submit(question.worker, "receive", block, sent, True)
                if waiting:
                    self._send(question.worker, waiting)
            case WorkerLost():
                self._note(waiting, str(error))
                self._ask(waiting)
            case OperationCancelled():
                self._note(waiting, "it was not done in time")
            case EktpError() if self.partial:
                self._note(waiting, str(error))
                self._ask(self._untried(waiting))
            case _:
                raise error

    def _accept(self, question: _Question, found: Any, waiting: tuple[Block, ...]) -> None:  # noqa: ANN401
        """Take an answer if no block of it was answered for, or all of what was is in it.

        Answers are added up, and an answer cannot be taken in part.
        """
        if not waiting:
            return
        numbers = frozenset(block.number for block in question.blocks)
        others = [each for each in self._answers if not each.numbers & numbers]
        same = [each for each in self._answers if each.numbers & numbers]
        if all(each.numbers <= numbers for each in same):
            self._answers = [*others, Answer(question.worker, numbers, found)]
            for number in numbers:
                self._left.pop(number, None)
            return
        asked = {block.number for each in self._open.values() for block in each.blocks}
        asked |= {block.number for _, block in self._again}
        rest = tuple(block for block in waiting if block.number not in asked)
        if rest:
            self._send(question.worker, rest)

    def _untried(self, blocks: Iterable[Block]) -> list[Block]:
        return [block for block in blocks if self._next(block) is not None]

    def _note(self, blocks: Iterable[Block], reason: str) -> None:
        self._reasons.update((block.number, reason) for block in blocks)

    def _ask_again(self) -> None:
        now = time.monotonic()
        due = [block for when, block in self._again if when <= now]
        self._again = [(when, block) for when, block in self._again if when > now]
        self._ask(block for block in due if block.number in self._left)

    def _ask_replicas(self) -> None:
        """Ask the other holders of what has not come for too long."""
        if self.patience is None or self.assignment().replicas < 2:
            return
        late = time.monotonic() - self.patience
        for question in list(self._open.values()):
            if question.since <= late:
                self._ask(
                    block
                    for block in question.blocks
                    if block.number in self._left
                    and self._next(block) in self.assignment().holders(block.number)
                )

    def _missing(self) -> tuple[Unanswered, ...]:
        lacking: dict[tuple[str, str], list[Block]] = defaultdict(list)
        for block in self._left.values():
            worker = self.assignment().ranked(block.number)[0]
            reason = self._reasons.get(block.number, "no answer in time")
            lacking[worker, reason].append(block)
        return tuple(
            Unanswered(
                worker,
                tuple(block.number for block in blocks),
                sum(block.people for block in blocks),
                reason,
            )
            for (worker, reason), blocks in sorted(lacking.items())
        )
