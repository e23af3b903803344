# SPDX-License-Identifier: Apache-2.0
"""Everybody against everybody else, block against block, by whoever is free.

Which pairs of blocks there are follows from the blocks alone; each is handed out until an answer
has come, the first answer is entered in the ledger and any later one is dropped. So it does not
matter who dies when: no pair of people is lost, none is counted twice.
"""

from __future__ import annotations

import re
import time
import weakref
from collections import Counter
from concurrent.futures import FIRST_COMPLETED, Future, wait
from typing import TYPE_CHECKING, Any, NamedTuple

from ektp_hw.errors import GalleryError, WorkerLost
from ektp_hw.gallery.cluster.blocks import numbers_in
from ektp_hw.gallery.cluster.ledger import Task
from ektp_hw.gallery.cluster.shard import BlocksMissing

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Iterator, Sequence

    from ektp_hw.gallery.cluster.assignment import Assignment
    from ektp_hw.gallery.cluster.blocks import Block
    from ektp_hw.gallery.cluster.executor import Executor
    from ektp_hw.gallery.cluster.ledger import Ledger
    from ektp_hw.gallery.cluster.merging import FoundPair
    from ektp_hw.gallery.cluster.stored_people import StoredPerson
    from ektp_hw.gallery.fusion import DuplicatePair

__all__ = ["BlockDeduplication"]

_TICK = 0.1
_PAUSE, _LONGEST_PAUSE = 0.2, 5.0
"""Seconds for which a worker that was lost gets no work, twice as long each time in a row."""
_IN_HAND = 2
"""Tasks at one worker: one being done, one waiting."""
_AHEAD = 64
"""Tasks among which one is looked for whose block the free worker holds."""
_LOSSES = 20
"""How often a worker may be lost with one task in hand before it is given up."""


class _Given(NamedTuple):
    task: Task
    worker: str
    since: float


class BlockDeduplication:
    """Iterator over the `DuplicatePair` of a gallery, as `Deduplication` of one process.

    Same pairs, same scores, same order, same positions to resume from.

    Parameters
    ----------
    executor, assignment
        Who works, and who holds which block; both may change meanwhile.
    blocks, block_size
        The gallery's state.
    threshold
        Least score reported.
    ledger
        Where finished work is entered.
    supply
        As in `Scatter`.
    patience
        Seconds after which a task that has not come back is given to a second worker as well.
    """

    def __init__(
        self,
        executor: Executor,
        assignment: Callable[[], Assignment],
        blocks: Sequence[Block],
        block_size: int,
        *,
        threshold: float,
        ledger: Ledger,
        supply: Callable[[Block], Sequence[StoredPerson]],
        resume: str | None = None,
        progress: Callable[[int, int], None] | None = None,
        cancel: threading.Event | None = None,
        patience: float = 600.0,
    ) -> None:
        self._executor = executor
        self._assignment = assignment
        self._blocks = sorted(blocks)
        self._size = block_size
        self._ledger = ledger
        self._supply = supply
        self._progress = progress
        self._cancel = cancel
        self._patience = patience
        self._at = b, a = _parse(resume)
        self._start = b + (a == b)  # the first person who has not met everybody before
        self._finished = False
        people = sum(block.people for block in blocks)
        self._pairs = people * (people - 1) // 2
        self._looked_at = 0
        self.threshold = threshold
        self._coming = self._tasks()
        self._waiting: list[Task] = []
        self._given: dict[Future[Any], _Given] = {}
        self._losses: Counter[Task] = Counter()
        self._done: set[Task] = set()
        self._resting: dict[str, float] = {}
        self._lost_in_a_row: Counter[str] = Counter()
        self._found = self._search()
        weakref.finalize(self, ledger.close)

    @property
    def position(self) -> str:
        """How far the work has come, to be given back as ``resume``."""
        return f"{self._at[0]}.{self._at[1]}"

    @property
    def finished(self) -> bool:
        """Whether every pair has been looked at."""
        return self._finished

    def __iter__(self) -> Iterator[DuplicatePair]:
        return self

    def __next__(self) -> DuplicatePair:
        return next(self._found)

    def _rows(self) -> Iterator[list[Task]]:
        """Yield for each block that is not done the tasks with itself and every block before."""
        for at, b in enumerate(self._blocks):
            if b.last >= self._start:
                yield [self._task(a, b) for a in self._blocks[: at + 1]]

    def _task(self, a: Block, b: Block) -> Task:
        whole = Task(a, b, numbers_in(b.number, self._size)[0])
        if self._start <= whole.since or self._ledger.found(whole) is not None:
            return whole
        return Task(a, b, self._start)

    def _tasks(self) -> Iterator[Task]:
        for row in self._rows():
            yield from row

    def _search(self) -> Iterator[DuplicatePair]:
        before = sum(block.people for block in self._blocks if block.last < self._start)
        self._looked_at = before * (before - 1) // 2
        for row in [*self._rows()]:
            if not self._complete(row):
                return
            found = [pair for task in row for pair in self._ledger.found(task) or ()]
            for seq_a, seq_b, pair in sorted(found, key=lambda each: (each.seq_b, each.seq_a)):
                if (seq_b, seq_a) > self._at:
                    self._at = (seq_b, seq_a)
                    yield pair
            last = row[-1].b.last
            self._at = max(self._at, (last, last))
            for task in row:
                self._ledger.forget(task)
        self._finished = True

    def _complete(self, row: list[Task]) -> bool:
        """Wait until every task of a row is in the ledger; False if cancelled before."""
        left = {task for task in row if not self._is_done(task)}
        while left:
            if self._cancel is not None and self._cancel.is_set():
                return False
            self._hand_out()
            done, _ = wait(self._given, _TICK, FIRST_COMPLETED)
            if not self._given:
                time.sleep(_TICK)  # every worker rests
            for answer in done:
                self._take(answer, self._given.pop(answer))
            left -= self._done
        return not (self._cancel is not None and self._cancel.is_set())

    def _hand_out(self) -> None:
        now = time.monotonic()
        busy = Counter(given.worker for given in self._given.values())
        for worker in self._executor.workers:
            if self._resting.get(worker, 0.0) > now:
                continue
            while busy[worker] < _IN_HAND and (task := self._choose(worker)) is not None:
                busy[worker] += 1
                self._give(task, worker)
            if not busy[worker] and (late := self._late(worker, now)) is not None:
                self._give(late, worker)

    def _choose(self, worker: str) -> Task | None:
        while len(self._waiting) < _AHEAD:
            task = next(self._coming, None)
            if task is None:
                break
            if self._is_done(task):
                self._count(task)
            else:
                self._waiting.append(task)
        holders = self._assignment().holders
        self._waiting = [task for task in self._waiting if task not in self._done]
        near = (
            at
            for at, task in enumerate(self._waiting)
            if worker in holders(task.a.number) or worker in holders(task.b.number)
        )
        return self._waiting.pop(next(near, 0)) if self._waiting else None

    def _is_done(self, task: Task) -> bool:
        if task not in self._done and self._ledger.found(task) is not None:
            self._done.add(task)
        return task in self._done

    def _late(self, worker: str, now: float) -> Task | None:
        """Return a task that somebody else has had for too long."""
        at_work = Counter(given.task for given in self._given.values())
        return next(
            (
                given.task
                for given in self._given.values()
                if now - given.since > self._patience
                and given.worker != worker
                and at_work[given.task] == 1
            ),
            None,
        )

    def _give(self, task: Task, worker: str) -> None:
        call = self._executor.submit(worker, "pairs", *task, self.threshold)
        self._given[call] = _Given(task, worker, time.monotonic())

    def _take(self, answer: Future[Any], given: _Given) -> None:
        error = answer.exception()
        if error is None:
            del self._lost_in_a_row[given.worker]
        if given.task in self._done:
            return  # somebody else was faster
        match error:
            case None:
                found: list[FoundPair] = answer.result()
                self._ledger.enter(given.task, found)
                self._done.add(given.task)
                self._count(given.task)
            case BlocksMissing():
                for block in error.blocks:
                    people = self._supply(block)
                    self._executor.submit(given.worker, "receive", block, people, False)
                self._give(given.task, given.worker)
            case WorkerLost():
                self._lose(given)
            case _:
                raise error

    def _lose(self, given: _Given) -> None:
        pause = min(_PAUSE * 2 ** self._lost_in_a_row[given.worker], _LONGEST_PAUSE)
        self._resting[given.worker] = time.monotonic() + pause
        self._lost_in_a_row[given.worker] += 1
        self._losses[given.task] += 1
        if self._losses[given.task] > _LOSSES:
            raise GalleryError(
                f"{_LOSSES + 1} times a worker ended when it was to compare blocks "
                f"{given.task.a.number} and {given.task.b.number} of the gallery; look into the "
                "workers' logs and their machines' memory"
            )
        self._waiting.insert(0, given.task)

    def _count(self, task: Task) -> None:
        a, b = task.a.people, task.b.people
        self._looked_at += a * (a - 1) // 2 if task.a == task.b else a * b
        if self._progress is not None:
            self._progress(min(self._looked_at, self._pairs), self._pairs)


def _parse(position: str | None) -> tuple[int, int]:
    if position is None:
        return 0, 0
    if not re.fullmatch(r"\d{1,18}\.\d{1,18}", position):
        raise ValueError(f"{position!r} is no position of a deduplication; leave it out")
    b, a = position.split(".")
    return int(b), int(a)
