# SPDX-License-Identifier: Apache-2.0
"""Block against block through the cascade: which people may be one, without comparing everybody.

For a block of people, of each position: (a) their codes against those of everybody before and of
each other, tile by tile in the compiled core; (b) the sketches of what is near; (c) the full
comparison of the fingers left. Whoever has one finger left is compared as `score_people` does it,
all fingers, so that a pair that comes through has exactly the score that comparing everybody gives.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple, Protocol

import numpy as np

from ektp_hw import native
from ektp_hw.gallery.catalogue import stop_if
from ektp_hw.gallery.prepared_rows import PreparedRows
from ektp_hw.gallery.references import View
from ektp_hw.gallery.search import score_people
from ektp_hw.samples import FingerPosition

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Iterator

    import numpy.typing as npt

    from ektp_hw.gallery.fusion import Finding, PartMatch
    from ektp_hw.gallery.references import Comparison
    from ektp_hw.gallery.roster import Rank, Roster

    Rows = npt.NDArray[np.int64]

__all__ = ["FoundPair", "PairSieve", "Sieve", "Task"]

BLOCK = 2048
"""Most people in a block: what is done anew when work is taken up ..."""
_BLOCK_PAIRS = 1 << 31
"""... and most pairs of people, a few seconds' work, but for a block of `_LEAST_BLOCK`."""
_LEAST_BLOCK = 256
_TASK = 1 << 12
"""Fingers that one thread holds a block against at a time: their sketches stay in the cache."""
_ROOM = 1 << 20
"""Pairs of codes held between two steps of a scan, enough for each probe to meet many at once."""
_AT_ONCE = 4096
"""Pairs of fingers whose templates are prepared together: their memory is some ten megabytes."""
_UNKNOWN = FingerPosition.UNKNOWN


class Sieve(Protocol):
    """Which two fingers are worth comparing; chosen from measured losses."""

    @property
    def code_distance(self) -> int:
        """The largest distance of two codes that are looked at further."""

    @property
    def least_finger_score(self) -> float:
        """Somebody is compared with all fingers only if one finger reaches this score."""

    def keep(
        self,
        probes: npt.NDArray[np.uint8],
        sketches: npt.NDArray[np.uint8],
        rows: npt.NDArray[np.uint32],
        pairs: npt.NDArray[np.uint32],
        /,
    ) -> npt.NDArray[np.bool_]:
        """Return which pairs of a probe and one of these rows' sketches are alike enough; (k,).

        ``pairs`` (k, 2) are places in ``rows`` and in ``probes``. Called by several threads at
        once.
        """


class FoundPair(NamedTuple):
    """Two people, as places in the order of enrolment, and what `DuplicatePair` says of them."""

    b: int
    a: int
    score: float
    parts: tuple[PartMatch, ...]
    findings: tuple[Finding, ...]


@dataclass(frozen=True)
class Task:
    """Fingers before and fingers of the block; upper: both are the block's of one position."""

    before: Rank
    block: Rank
    upper: bool
    same: bool


class PairSieve:
    """Finds the pairs of people, block by block, whose score reaches a threshold.

    Parameters
    ----------
    threads
        How many work at once; as many as the machine has cores unless given.
    tolerant
        Hold fingers of every position against each other (`arrangement`).
    """

    def __init__(
        self,
        roster: Roster,
        comparison: Comparison,
        sieve: Sieve,
        *,
        threshold: float,
        tolerant: bool = False,
        cancel: threading.Event | None = None,
        threads: int | None = None,
    ) -> None:
        self._roster = roster
        self._comparison = comparison
        self._sieve = sieve
        self._threshold = threshold
        self._tolerant = tolerant
        self._cancel = cancel
        self._threads = threads or os.cpu_count() or 1

    def blocks(
        self, first: int, advance: Callable[[float], None]
    ) -> Iterator[tuple[int, list[FoundPair]]]:
        """Yield, from this person on, where each block ends and what was found, (b, a) rising.

        Parameters
        ----------
        advance
            Called with the person, and parts of one, that everything before is done with.

        Raises
        ------
        OperationCancelled
            When the cancel event is set.
        """
        with ThreadPoolExecutor(self._threads) as pool:
            stop = first
            while stop < len(self._roster):
                start, size = stop, max(_LEAST_BLOCK, _BLOCK_PAIRS // max(stop, 1))
                stop = min(start + min(size, BLOCK), len(self._roster))
                tasks = [*self.tasks(start, stop)]
                near = []
                for done, pairs in enumerate(pool.map(self._near, tasks), 1):
                    near.append(pairs)
                    advance(start + (stop - start) * 0.9 * done / len(tasks))
                fingers = np.unique(np.concatenate([np.zeros((0, 2), np.int64), *near]), axis=0)
                parts = np.split(fingers, range(_AT_ONCE, len(fingers), _AT_ONCE))
                found = [*pool.map(self._alike, parts)]
                people = np.unique(np.concatenate(found), axis=0)
                cuts = np.flatnonzero(np.diff(people[:, 0])) + 1
                yield (
                    stop,
                    [
                        pair
                        for pairs in pool.map(self._scored, np.split(people, cuts))
                        for pair in pairs
                    ],
                )

    def tasks(self, start: int, stop: int) -> Iterator[Task]:
        """Yield which fingers are held against which for the people in places start to stop."""
        ranks = self._roster.ranks
        for here, of_block in ranks.items():
            for there, others in ranks.items():
                if not (here == there or self._tolerant or _UNKNOWN in {here, there}):
                    continue
                block = _part(of_block, of_block.of_people(start, stop))
                if not len(block.rows):
                    continue
                before = others.of_people(0, start).stop
                for at in range(0, before, _TASK):
                    part = _part(others, slice(at, min(at + _TASK, before)))
                    yield Task(part, block, upper=False, same=False)
                within = _part(others, others.of_people(start, stop))
                if len(within.rows):
                    yield Task(within, block, upper=here == there, same=True)

    def _near(self, task: Task) -> Rows:
        """Return rows of block and before whose codes and sketches are alike, (k, 2)."""
        probes = self._roster.sketches(task.block.rows)
        found = [np.zeros((0, 2), np.int64)]
        for segment, where in self._roster.pieces(task.before.rows):
            before = _part(task.before, where)
            local = (before.rows - segment.first).astype(np.uint32)
            upper = task.upper and len(before.rows) == len(task.before.rows)
            for pairs in self._scanned(replace(task, before=before, upper=upper)):
                kept = pairs[self._sieve.keep(probes, segment.sketches, local, pairs)]
                found.append(
                    np.stack((task.block.rows[kept[:, 1]], before.rows[kept[:, 0]]), axis=1)
                )
        return np.concatenate(found)

    def _scanned(self, task: Task) -> Iterator[npt.NDArray[np.uint32]]:
        """Yield places in before and block whose codes are near, (k, 2)."""
        step, steps = 0, native.scan_steps(len(task.before.codes), len(task.block.codes))
        while step < steps:
            stop_if(self._cancel)
            found = native.scan_pairs(
                task.before.codes,
                task.block.codes,
                self._sieve.code_distance,
                upper=task.upper,
                start=step,
                room=max(_ROOM, native.PAIRS_AT_LEAST),
            )
            step, pairs = found.step, found.rows
            if task.same and not task.upper:
                before, block = pairs.T
                pairs = pairs[task.before.people[before] < task.block.people[block]]
            yield pairs

    def _alike(self, fingers: Rows) -> Rows:
        """Return the people (b, a) of those fingers (block, before) that score enough, (k, 2)."""
        stop_if(self._cancel)
        prepared = PreparedRows(self._roster, fingers, self._comparison)
        sound = np.isin(fingers, prepared.rows).all(axis=1)
        block, before = fingers[sound].T
        scores = np.empty(len(block))
        for probe in np.unique(block):
            here = block == probe
            scores[here] = prepared.compare(int(probe), before[here])
        enough = scores >= self._sieve.least_finger_score
        return np.stack(
            (self._roster.owners(block[enough]), self._roster.owners(before[enough])), axis=1
        )

    def _scored(self, people: Rows) -> list[FoundPair]:
        """Compare one person, all fingers, with those who come before and may be the same."""
        stop_if(self._cancel)
        if not len(people):
            return []
        b, others = int(people[0, 0]), people[:, 1]
        fingers = {int(each): self._roster.fingers_of(int(each)) for each in (b, *others)}
        rows = np.array([row for owned in fingers.values() for row in owned.values()], np.int64)
        prepared = PreparedRows(self._roster, rows, self._comparison)
        shelves: dict[FingerPosition, tuple[list[int], list[object]]] = {}
        for place, a in enumerate(others):
            for position, row in fingers[int(a)].items():
                if row in prepared:
                    at, templates = shelves.setdefault(position, ([], []))
                    at.append(place)
                    templates.append(prepared.one(row))
        view = View(
            others,
            tuple(map(str, others)),
            {
                position: (np.array(at, np.int64), tuple(templates))
                for position, (at, templates) in sorted(shelves.items())
            },
        )
        own = {
            position: prepared.one(row) for position, row in fingers[b].items() if row in prepared
        }
        scores = score_people(
            view, own, self._comparison, tolerant=self._tolerant, cancel=self._cancel
        )
        return [
            FoundPair(
                b,
                int(others[at]),
                float(scores.total[at]),
                scores.parts(int(at)),
                scores.findings(int(at)),
            )
            for at in np.flatnonzero(scores.total >= max(self._threshold, 0.0))
        ]


def _part(rank: Rank, where: slice) -> Rank:
    return type(rank)(rank.people[where], rank.rows[where], rank.codes[where])
