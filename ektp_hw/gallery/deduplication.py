# SPDX-License-Identifier: Apache-2.0
"""Everybody against everybody else: each pair of people is looked at once."""

from __future__ import annotations

import math
import re
import time
from typing import TYPE_CHECKING, Protocol

import numpy as np

from ektp_hw.errors import OperationCancelled
from ektp_hw.gallery.fusion import DuplicatePair
from ektp_hw.gallery.pair_sieve import FoundPair
from ektp_hw.gallery.search import score_people

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Iterable, Iterator, Mapping

    import numpy.typing as npt

    from ektp_hw.gallery.pair_journal import PairJournal
    from ektp_hw.gallery.references import Comparison, View

__all__ = ["LEAST_SCORE", "Deduplication", "EveryPair", "PairSource", "least_score"]

LEAST_SCORE = 4.0
"""Lowest score reported unless the caller says otherwise."""


class PairSource(Protocol):
    """Who looks at the pairs: `EveryPair`, or `pair_sieve.PairSieve` through the cascade."""

    def blocks(
        self, first: int, advance: Callable[[float], None], /
    ) -> Iterator[tuple[int, list[FoundPair]]]:
        """Yield where each block of people ends and the pairs in it, in the order of b and a.

        Raises `OperationCancelled` when the cancel event is set.
        """


class EveryPair:
    """Compares everybody, nothing left out; slow, and what the cascade is measured by."""

    def __init__(
        self,
        view: View,
        comparison: Comparison,
        *,
        threshold: float,
        tolerant: bool = False,
        cancel: threading.Event | None = None,
    ) -> None:
        self._view = view
        self._comparison = comparison
        self._threshold = threshold
        self._tolerant = tolerant
        self._cancel = cancel

    def blocks(
        self, first: int, advance: Callable[[float], None]
    ) -> Iterator[tuple[int, list[FoundPair]]]:
        """Yield one person after the other."""
        for b in range(first, len(self._view.seqs)):
            advance(b)
            if self._cancel is not None and self._cancel.is_set():
                raise OperationCancelled("the deduplication was cancelled")
            fingers = self._view.fingers_of(b)
            scores = score_people(
                self._view, fingers, self._comparison,
                below=b, tolerant=self._tolerant, cancel=self._cancel,
            )  # fmt: skip
            yield (
                b + 1,
                [
                    FoundPair(
                        b,
                        int(a),
                        float(scores.total[a]),
                        scores.parts(int(a)),
                        scores.findings(int(a)),
                    )
                    for a in np.flatnonzero(scores.total >= max(self._threshold, 0.0))
                ],
            )


class Deduplication:
    """Iterator over the `DuplicatePair` of a gallery, in the order of enrolment of ``b``.

    Iterating ends early when the cancel event is set. `position` then, or at any other moment,
    is a short text to keep: given back as ``resume`` it continues behind the last pair that was
    yielded, in another process and after more people were enrolled as well; people enrolled later
    are compared with everybody before them, so a finished run is continued the same way. A
    journal keeps position and pairs by itself, whenever the process dies.

    Parameters
    ----------
    seqs
        Enrolment numbers, rising; (people,).
    identify
        Returns the ids of people given by these numbers.
    source
        Who looks at the pairs.
    threshold
        What the source reports from; said by `threshold`.
    """

    def __init__(
        self,
        seqs: npt.NDArray[np.int64],
        identify: Callable[[Iterable[int]], Mapping[int, str]],
        source: PairSource,
        *,
        threshold: float,
        resume: str | None = None,
        journal: PairJournal | None = None,
        progress: Callable[[int, int], None] | None = None,
        cancel: threading.Event | None = None,
    ) -> None:
        self._seqs = seqs
        self._identify = identify
        self._source = source
        self._journal = journal
        self._progress = progress
        self._cancel = cancel
        self._at = max(parsed(resume), parsed(journal.position if journal else None))
        self._finished = False
        self._pairs = len(seqs) * (len(seqs) - 1) // 2
        self._began: tuple[float, int] | None = None
        self._done = 0
        self.threshold = threshold
        self._found = self._search()

    @property
    def position(self) -> str:
        """How far the work has come, to be given back as ``resume``."""
        return f"{self._at[0]}.{self._at[1]}"

    @property
    def finished(self) -> bool:
        """Whether every pair has been looked at."""
        return self._finished

    @property
    def seconds_left(self) -> float | None:
        """How long it will take yet at the speed of this run; None before anything is done."""
        if self._finished:
            return 0.0
        if self._began is None or self._done <= self._began[1]:
            return None
        then, before = self._began
        return (time.monotonic() - then) / (self._done - before) * (self._pairs - self._done)

    def __iter__(self) -> Iterator[DuplicatePair]:
        return self

    def __next__(self) -> DuplicatePair:
        return next(self._found)

    def _search(self) -> Iterator[DuplicatePair]:
        if self._journal is not None:
            yield from self._journal.pairs
        skip = self._at
        first = int(np.searchsorted(self._seqs, skip[0] + (skip[0] == skip[1])))
        self._began = time.monotonic(), first * (first - 1) // 2
        try:
            for stop, found in self._source.blocks(first, self._advance):
                for pair in self._named(found, skip):
                    yield pair
                    if self._cancel is not None and self._cancel.is_set():
                        return
                last = int(self._seqs[stop - 1])
                self._at = max(self._at, (last, last))
                if self._journal is not None:
                    self._journal.advance(self.position)
                self._advance(stop)
        except OperationCancelled:
            return
        self._finished = True

    def _named(self, found: list[FoundPair], skip: tuple[int, int]) -> Iterator[DuplicatePair]:
        """Yield the pairs behind a position, each first entered in the journal."""
        both = {int(self._seqs[place]) for pair in found for place in (pair.a, pair.b)}
        ids = self._identify(both) if both else {}
        for each in found:
            a, b = int(self._seqs[each.a]), int(self._seqs[each.b])
            if (b, a) <= skip or not {a, b} <= ids.keys():  # removed meanwhile
                continue
            pair = DuplicatePair(ids[a], ids[b], each.score, each.parts, each.findings)
            self._at = (b, a)
            if self._journal is not None:
                self._journal.enter(self.position, pair)
            yield pair

    def _advance(self, people: float) -> None:
        done = int(people * (people - 1) / 2)
        if done > self._done:
            self._done = done
            if self._progress is not None:
                self._progress(done, self._pairs)


def least_score(people: int) -> float:
    """Return the score at which one false pair is expected among so many people; 4 at least."""
    return max(LEAST_SCORE, math.log10(max(people * (people - 1) // 2, 1)))


def parsed(position: str | None) -> tuple[int, int]:
    """Return enrolment numbers of b and a of a position.

    Raises
    ------
    ValueError
        If it is none.
    """
    if position is None:
        return 0, 0
    if not re.fullmatch(r"\d{1,18}\.\d{1,18}", position):
        raise ValueError(f"{position!r} is no position of a deduplication; leave it out")
    b, a = position.split(".")
    return int(b), int(a)
