# SPDX-License-Identifier: Apache-2.0
"""Everybody against everybody else, block against block, by whoever is free.

Which pairs of blocks there are follows from the blocks alone; each is handed out until an answer
has come, the first answer is entered in the ledger and any later one is dropped. So it does not
matter who dies when: no pair of people is lost, none is counted twice.
"""

from __future__ import annotations

import math
import time
import weakref
from collections import Counter
from concurrent.futures import FIRST_COMPLETED, Future, wait
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ektp_hw.errors import GalleryError, WorkerLost
from ektp_hw.gallery import pair_sieve as gallery_pairs
from ektp_hw.gallery.catalogue import stop_if
from ektp_hw.gallery.cluster.blocks import numbers_in
from ektp_hw.gallery.cluster.holdings import BlocksMissing
from ektp_hw.gallery.cluster.ledger import Task

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Iterator, Sequence

    import numpy.typing as npt

    from ektp_hw.gallery.cluster.assignment import Assignment
    from ektp_hw.gallery.cluster.blocks import Block
    from ektp_hw.gallery.cluster.executor import Executor
    from ektp_hw.gallery.cluster.ledger import Ledger
    from ektp_hw.gallery.cluster.merging import FoundPair
    from ektp_hw.gallery.cluster.stored_people import StoredPerson
    from ektp_hw.gallery.pair_sieve import Sieve

__all__ = ["BlockPairs"]

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


class BlockPairs:
    """Looks at all pairs of people, block against block; a `gallery.deduplication.PairSource`.

    Parameters
    ----------
    executor, assignment
        Who works, and who holds which block; both may change meanwhile.
    blocks, block_size
        The gallery's state.
    seqs
        Everybody's enrolment numbers, rising; (people,).
    threshold, tolerant
        As in `Gallery.deduplicate`.
    sieve
        Which fingers are worth comparing; all of them if None.
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
        seqs: npt.NDArray[np.int64],
        *,
        threshold: float,
        sieve: Sieve | None,
        tolerant: bool,
        ledger: Ledger,
        supply: Callable[[Block], Sequence[StoredPerson]],
        cancel: threading.Event | None = None,
        patience: float = 600.0,
    ) -> None:
        self._executor = executor
        self._assignment = assignment
        self._blocks = sorted(blocks)
        self._size = block_size
        self._seqs = seqs
        self._how = (threshold, sieve, tolerant)
        self._ledger = ledger
        self._supply = supply
        self._cancel = cancel
        self._patience = patience
        self._start = 0
        self._looked_at = 0
        self._coming: Iterator[Task] = iter(())
        self._waiting: list[Task] = []
        self._given: dict[Future[Any], _Given] = {}
        self._losses: Counter[Task] = Counter()
        self._done: set[Task] = set()
        self._resting: dict[str, float] = {}
        self._lost_in_a_row: Counter[str] = Counter()
        weakref.finalize(self, ledger.close)

    def blocks(
        self, first: int, advance: Callable[[float], None]
    ) -> Iterator[tuple[int, list[gallery_pairs.FoundPair]]]:
        """Yield, from this person on, where each block ends and what was found, (b, a) rising.

        Raises
        ------
        OperationCancelled
            When the cancel event is set.
        GalleryError
            If workers end again and again, or one cannot do what it is asked.
        """
        if first == len(self._seqs):
            return
        self._start = int(self._seqs[first])
        self._looked_at = first * (first - 1) // 2
        self._advance = advance
        rows = [*self._rows()]
        self._coming = (task for row in rows for task in row)
        for row in rows:
            self._complete(row)
            found = [pair for task in row for pair in self._ledger.found(task) or ()]
            yield (
                int(np.searchsorted(self._seqs, row[-1].b.last, side="right")),
                [*self._placed(found)],
            )
            for task in row:
                self._ledger.forget(task)

    def _placed(self, found: list[FoundPair]) -> Iterator[gallery_pairs.FoundPair]:
        """Turn enrolment numbers into places, in the order of b and a."""
        for pair in sorted(found, key=lambda each: (each.seq_b, each.seq_a)):
            a, b = (int(at) for at in np.searchsorted(self._seqs, (pair.seq_a, pair.seq_b)))
            yield gallery_pairs.FoundPair(b, a, pair.score, pair.parts, pair.findings)

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

    def _complete(self, row: list[Task]) -> None:
        """Wait until every task of a row is in the ledger."""
        left = {task for task in row if not self._is_done(task)}
        while left:
            stop_if(self._cancel)
            self._hand_out()
            done, _ = wait(self._given, _TICK, FIRST_COMPLETED)
            if not self._given:
                time.sleep(_TICK)  # every worker rests
            for answer in done:
                self._take(answer, self._given.pop(answer))
            left -= self._done
        stop_if(self._cancel)

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
        call = self._executor.submit(worker, "pairs", *task, *self._how)
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
        # As many people would have that many pairs.
        self._advance(min((1 + math.sqrt(1 + 8 * self._looked_at)) / 2, len(self._seqs)))
