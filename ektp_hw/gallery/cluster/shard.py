# SPDX-License-Identifier: Apache-2.0
"""What a worker does: search the blocks it holds, all of them or by stages, and compare two blocks.

A shard keeps nothing that cannot be made again from the gallery's files, so a lost one is
replaced by an empty one.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ektp_hw.gallery.cluster.blocks import numbers_in
from ektp_hw.gallery.cluster.holdings import SentBlocks, alone, opened, spans_of
from ektp_hw.gallery.cluster.merging import FoundPair, Ranked, merge
from ektp_hw.gallery.cluster.prepared_blocks import FEW, PreparedBlocks
from ektp_hw.gallery.cluster.sieved_pairs import sieved_pairs
from ektp_hw.gallery.cluster.stages import Stages, fingers_of
from ektp_hw.gallery.search import score_people
from ektp_hw.gallery.shortlist import alive_in

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ektp_hw.gallery.cluster.blocks import Block
    from ektp_hw.gallery.cluster.holdings import Holdings
    from ektp_hw.gallery.cluster.stages import Counts, Probe, Seen
    from ektp_hw.gallery.cluster.stored_people import StoredPerson
    from ektp_hw.gallery.pair_sieve import Sieve
    from ektp_hw.gallery.references import Comparison, View
    from ektp_hw.gallery.search import Scores

__all__ = ["Shard", "ShardAnswer"]


class ShardAnswer(NamedTuple):
    """The best of some blocks, and how many people were looked at in each of them."""

    best: list[Ranked]
    people: dict[int, int]


class _Until:
    """An event that is set by the clock."""

    def __init__(self, seconds: float | None) -> None:
        self._end = None if seconds is None else time.monotonic() + seconds

    def is_set(self) -> bool:
        return self._end is not None and time.monotonic() >= self._end


class Shard:
    """Blocks of one gallery.

    Searches may be asked for from one thread, and everything else from another at the same time.

    Parameters
    ----------
    path
        The gallery's folder, as this worker sees it. Where it is not there, or another gallery
        is, blocks must be sent by `receive`.
    identity
        The gallery's identity.
    block_size
        Enrolment numbers in a block.
    comparison, secret
        As in `Gallery.open`.
    """

    def __init__(
        self,
        path: str,
        identity: bytes,
        block_size: int,
        comparison: Comparison | None = None,
        secret: str | bytes | None = None,
    ) -> None:
        if comparison is None:
            from ektp_hw.fingerprint import comparison as default

            comparison = default
        self._comparison: Comparison = comparison
        self._size = block_size
        self._sent = SentBlocks()
        folder = opened(path, identity, secret)
        self.sees_folder = folder is not None
        self._holdings: Holdings = self._sent if folder is None else folder
        self._own: set[int] = set()
        self._prepared = PreparedBlocks(comparison, block_size)
        self._stages = Stages(self._holdings, comparison, block_size)

    def holding(self) -> list[int]:
        """Return the numbers of the blocks that this worker answers for."""
        return sorted(self._own)

    def hold(self, blocks: Sequence[Block]) -> list[int]:
        """Make these blocks ready for searches; return the numbers of all that are held.

        Raises
        ------
        BlocksMissing
            If they must be sent first.
        """
        segments = self._holdings.having(blocks)
        self._own.update(block.number for block in blocks)
        spans = spans_of(blocks, self._size, segments)
        if sum(len(alive_in(segment, its)) for segment, its in spans.items()) <= FEW:
            for block in blocks:
                self._prepared.load(block, segments)
        return self.holding()

    def drop(self, numbers: Sequence[int]) -> list[int]:
        """Forget blocks that another worker holds now; return the numbers of those held."""
        self._own.difference_update(numbers)
        self._sent.drop(numbers)
        self._prepared.drop(numbers)
        return self.holding()

    def receive(self, state: Block, people: Sequence[StoredPerson], keep: bool) -> None:
        """Take a block that was sent, for good or as a guest."""
        self._sent.put(state, people, keep=keep)
        if keep:
            self._own.add(state.number)

    def first_sights(
        self, blocks: Sequence[Block], seconds: float | None, probe: Probe, tolerant: bool = False
    ) -> Seen:
        """Return how alike everybody in these blocks seems at first sight (`Stages`).

        Raises
        ------
        BlocksMissing, OperationCancelled
            As `search`.
        """
        until: Any = _Until(seconds)
        return self._stages.first_sights(probe, blocks, tolerant=tolerant, cancel=until)

    def sketches(
        self,
        blocks: Sequence[Block],
        seconds: float | None,
        probe: Probe,
        tolerant: bool,
        likely: tuple[int, ...],
    ) -> Counts:
        """Return how alike the sketches are of those that reach these first sights.

        Raises
        ------
        BlocksMissing, OperationCancelled
            As `search`.
        """
        until: Any = _Until(seconds)
        return self._stages.sketches(probe, blocks, likely, tolerant=tolerant, cancel=until)

    def search(
        self,
        blocks: Sequence[Block],
        seconds: float | None,
        probe: Probe,
        tolerant: bool,
        limit: int,
        reach: tuple[tuple[int, ...], tuple[int, ...]] | None = None,
    ) -> ShardAnswer:
        """Return the people of these blocks most like the probe, as `Gallery.search` does.

        Parameters
        ----------
        seconds
            After which nobody waits for the answer any more.
        reach
            What each finger must reach at first sight, and its sketch, to be compared; everybody
            is if None.

        Raises
        ------
        BlocksMissing
            If blocks must be sent first.
        OperationCancelled
            If it takes longer than ``seconds``.
        """
        until: Any = _Until(seconds)
        fingers = {
            position: self._comparison.prepare(template)
            for position, template in fingers_of(probe).items()
        }
        if reach is not None:
            view, people = self._stages.compared(
                probe, blocks, *reach, tolerant=tolerant, cancel=until
            )
            scores = score_people(view, fingers, self._comparison, tolerant=tolerant, cancel=until)
            return ShardAnswer(_best(scores, view, limit), people)
        segments = self._holdings.having(blocks)
        best: list[Ranked] = []
        people = {}
        for block in blocks:
            view, rows, present = self._prepared.load(block, segments, until)
            scores = score_people(
                view, fingers, self._comparison, below=rows, tolerant=tolerant, cancel=until
            )
            best = merge([best, _best(scores, view, limit)], limit)
            people[block.number] = present
        return ShardAnswer(best, people)

    def pairs(
        self,
        a: Block,
        b: Block,
        since: int,
        threshold: float,
        sieve: Sieve | None = None,
        tolerant: bool = False,
    ) -> list[FoundPair]:
        """Return the pairs of someone of ``a`` and someone of ``b`` enrolled later who are alike.

        Parameters
        ----------
        a, b
            Blocks; ``a`` is not behind ``b``, and may be ``b``.
        since
            Enrolment number from which people of ``b`` are looked at.
        threshold, tolerant
            As in `Gallery.deduplicate`.
        sieve
            Which fingers are worth comparing; all of them if None.
        """
        if sieve is None:
            return self._every_pair(a, b, since, threshold, tolerant=tolerant)
        blocks = sorted({a, b})
        segments = alone(spans_of(blocks, self._size, self._holdings.having(blocks)))
        first = numbers_in(b.number, self._size)[0]
        return sieved_pairs(
            segments,
            self._comparison,
            sieve,
            before=None if a.number == b.number else first,
            since=max(since, first),
            threshold=threshold,
            tolerant=tolerant,
        )

    def _every_pair(
        self, a: Block, b: Block, since: int, threshold: float, *, tolerant: bool
    ) -> list[FoundPair]:
        segments = self._holdings.having([a, b])
        view_b, rows_b, _ = self._prepared.load(b, segments)
        view_a, rows_a, _ = self._prepared.load(a, segments)
        found = []
        for row in range(int(np.searchsorted(view_b.seqs, since)), rows_b):
            fingers = view_b.fingers_of(row)
            below = row if a.number == b.number else rows_a
            if not fingers or not below:
                continue
            scores = score_people(view_a, fingers, self._comparison, below=below, tolerant=tolerant)
            found += [
                FoundPair(
                    int(view_a.seqs[at]),
                    int(view_b.seqs[row]),
                    float(scores.total[at]),
                    scores.parts(int(at)),
                    scores.findings(int(at)),
                )
                for at in np.flatnonzero(scores.total >= max(threshold, 0.0))
            ]
        return found


def _best(scores: Scores, view: View, limit: int) -> list[Ranked]:
    """Return the best people of a view."""
    order = np.argsort(-scores.total, kind="stable")[:limit]
    return [
        Ranked(
            int(view.seqs[row]), float(scores.total[row]), scores.parts(row), scores.findings(row)
        )
        for row in map(int, order)
        if scores.total[row] >= 0
    ]
