# SPDX-License-Identifier: Apache-2.0
"""What a worker does: hold blocks prepared in memory, search them, compare one with another.

A shard keeps nothing that cannot be made again from the gallery's files, so a lost one is
replaced by an empty one.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ektp_hw.errors import GalleryError
from ektp_hw.gallery.cluster.blocks import Block, numbers_in
from ektp_hw.gallery.cluster.merging import FoundPair, Ranked, merge
from ektp_hw.gallery.cluster.sieved_pairs import sieved_pairs
from ektp_hw.gallery.cluster.stored_people import BlockStore, StoredPerson, segment_of
from ektp_hw.gallery.fusion import Candidate
from ektp_hw.gallery.references import References
from ektp_hw.gallery.search import score_people
from ektp_hw.samples import FingerPosition
from ektp_hw.templates import FingerprintTemplate

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ektp_hw.gallery.pair_sieve import Sieve
    from ektp_hw.gallery.references import Comparison, View
    from ektp_hw.gallery.segment import Segment

__all__ = ["BlocksMissing", "Probe", "Shard", "ShardAnswer"]

GUESTS = 4
"""Blocks of other workers that stay in memory after a comparison with them."""

Probe = tuple[tuple[int, bytes], ...]
"""(Position code, stored template) of each finger searched for."""


class BlocksMissing(Exception):
    """A question back: the worker cannot see the folder; send it these blocks, then ask again."""

    def __init__(self, blocks: Sequence[Block]) -> None:
        super().__init__(tuple(blocks))
        self.blocks = tuple(blocks)


class ShardAnswer(NamedTuple):
    """The best of some blocks, and how many people were looked at in each of them."""

    best: list[Ranked]
    people: dict[int, int]


class _Held(NamedTuple):
    state: Block
    references: References
    sent: Sequence[StoredPerson] = ()


class _Until:
    """An event that is set by the clock."""

    def __init__(self, seconds: float | None) -> None:
        self._end = None if seconds is None else time.monotonic() + seconds

    def is_set(self) -> bool:
        return self._end is not None and time.monotonic() >= self._end


class Shard:
    """Blocks of one gallery; its methods may be called from two threads at a time.

    Parameters
    ----------
    path
        The gallery's folder, as this worker sees it. Where it is not there, or another gallery
        is, blocks must be sent by `receive`.
    identity
        The gallery's identity.
    block_size
        Enrolment numbers in a block.
    comparison, secret, sieve
        As in `Gallery.open`.
    """

    def __init__(
        self,
        path: str,
        identity: bytes,
        block_size: int,
        comparison: Comparison | None = None,
        secret: str | bytes | None = None,
        sieve: Sieve | None = None,
    ) -> None:
        if comparison is None:
            from ektp_hw.fingerprint import comparison as default

            comparison = default
        self._comparison: Comparison = comparison
        self._sieve = sieve
        self._size = block_size
        self._store = _opened(path, identity, secret)
        self._loading = threading.Lock()
        self._kept: dict[int, _Held] = {}
        self._guests: OrderedDict[int, _Held] = OrderedDict()

    @property
    def sees_folder(self) -> bool:
        """Whether this worker reads the gallery's files itself."""
        return self._store is not None

    def holding(self) -> list[int]:
        """Return the numbers of the blocks kept in memory."""
        return sorted(self._kept)

    def hold(self, blocks: Sequence[Block]) -> list[int]:
        """Make these blocks ready for searches; return the numbers of all that are kept.

        Raises
        ------
        BlocksMissing
            If they must be sent first.
        """
        self._want(blocks)
        for block in blocks:
            self._load(block, keep=True)
        return self.holding()

    def drop(self, numbers: Sequence[int]) -> list[int]:
        """Forget blocks that another worker holds now; return the numbers of those kept."""
        with self._loading:
            for number in numbers:
                self._kept.pop(number, None)
                self._guests.pop(number, None)
        return self.holding()

    def receive(self, state: Block, people: Sequence[StoredPerson], keep: bool) -> None:
        """Take a block that was sent, for good or as a guest."""
        references = References()
        self._add(references, people)
        with self._loading:
            self._put(_Held(state, references, people), keep=keep)

    def search(
        self,
        probe: Probe,
        limit: int,
        blocks: Sequence[Block],
        seconds: float | None = None,
        tolerant: bool = False,
    ) -> ShardAnswer:
        """Return the people of these blocks most like the probe, as `Gallery.search` does.

        The blocks stay in memory: whoever had to answer once may have to again.

        Raises
        ------
        BlocksMissing
            If blocks must be sent first.
        OperationCancelled
            If it takes longer than ``seconds``: nobody waits for the answer any more.
        """
        self._want(blocks)
        until: Any = _Until(seconds)
        views = [(block, *self._load(block, keep=True)) for block in blocks]
        fingers = {
            FingerPosition(position): self._comparison.prepare(
                FingerprintTemplate.from_bytes(stored)
            )
            for position, stored in probe
        }
        best: list[Ranked] = []
        people = {}
        for block, view, rows, present in views:
            scores = score_people(
                view, fingers, self._comparison, below=rows, tolerant=tolerant, cancel=until
            )
            order = np.argsort(-scores.total, kind="stable")[:limit]
            found = [
                Ranked(
                    int(view.seqs[row]),
                    Candidate(
                        view.ids[row],
                        float(scores.total[row]),
                        scores.parts(int(row)),
                        scores.findings(int(row)),
                    ),
                )
                for row in order
                if scores.total[row] >= 0
            ]
            best = merge([best, found], limit)
            people[block.number] = present
        return ShardAnswer(best, people)

    def pairs(
        self,
        a: Block,
        b: Block,
        since: int,
        threshold: float,
        exact: bool = False,
        tolerant: bool = False,
    ) -> list[FoundPair]:
        """Return the pairs of someone of ``a`` and someone of ``b`` enrolled later who are alike.

        Parameters
        ----------
        a, b
            Blocks; ``a`` is not behind ``b``, and may be ``b``.
        since
            Enrolment number from which people of ``b`` are looked at.
        threshold, exact, tolerant
            As in `Gallery.deduplicate`.
        """
        self._want(sorted({a, b}))
        if self._sieve is None or exact:
            return self._every_pair(a, b, since, threshold, tolerant=tolerant)
        segments = self._segments(sorted({a, b}))
        first = numbers_in(b.number, self._size)[0]
        return sieved_pairs(
            segments,
            self._comparison,
            self._sieve,
            before=None if a.number == b.number else first,
            since=max(since, first),
            threshold=threshold,
            tolerant=tolerant,
        )

    def _every_pair(
        self, a: Block, b: Block, since: int, threshold: float, *, tolerant: bool
    ) -> list[FoundPair]:
        view_b, rows_b, _ = self._load(b, keep=False)
        view_a, rows_a, _ = self._load(a, keep=False)
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

    def _segments(self, blocks: Sequence[Block]) -> list[Segment]:
        """Return the segments of these blocks, nobody else alive in them."""
        if self._store is not None:
            return [*self._store.segments_of(blocks, self._size)]
        with self._loading:
            found, first = [], 0
            for block in blocks:
                if self._must_be_sent(block):
                    raise BlocksMissing([block])
                segment = segment_of(self._held(block).sent)
                found.append(replace(segment, first=first))
                first += len(segment)
            return found

    def _want(self, blocks: Sequence[Block]) -> None:
        absent = [each for each in blocks if self._must_be_sent(each)]
        if absent:
            raise BlocksMissing(absent)

    def _must_be_sent(self, block: Block) -> bool:
        return self._store is None and self._held(block).state != block

    def _load(self, block: Block, *, keep: bool) -> tuple[View, int, int]:
        """Bring a block up to date; return its view, rows up to its last, and people in those."""
        with self._loading:
            held = self._held(block)
            if self._must_be_sent(block):
                raise BlocksMissing([block])
            if self._store is not None and held.state != block:
                held = self._refreshed(self._store, held, block)
            self._put(held, keep=keep)
            view = held.references.view()
            rows = int(np.searchsorted(view.seqs, block.last, side="right"))
            return view, rows, _present(view, rows)

    def _held(self, block: Block) -> _Held:
        """Return what is known of a block, perhaps nothing or of an earlier state."""
        held = self._kept.get(block.number) or self._guests.get(block.number)
        return held or _Held(Block(block.number, 0, 0), References())

    def _refreshed(self, store: BlockStore, held: _Held, block: Block) -> _Held:
        span = numbers_in(block.number, self._size)
        references = held.references
        newest = max(references.last_seq, span[0] - 1)
        self._add(references, store.people_between(newest + 1, block.last))
        if len(references) != block.people:
            references.keep_only(store.still_enrolled(span[0], span[-1]))
        return _Held(block, references)

    def _put(self, held: _Held, *, keep: bool) -> None:
        number = held.state.number
        if keep or number in self._kept:
            self._guests.pop(number, None)
            self._kept[number] = held
            return
        self._guests[number] = held
        self._guests.move_to_end(number)
        while len(self._guests) > GUESTS:
            self._guests.popitem(last=False)

    def _add(self, references: References, people: Sequence[StoredPerson]) -> None:
        for person in people:
            fingers = {
                FingerPosition(finger.position): self._comparison.prepare(
                    FingerprintTemplate.from_bytes(finger.template)
                )
                for finger in person.fingers
            }
            references.add(person.seq, person.id, fingers)


def _present(view: View, rows: int) -> int:
    """Return how many people among the first rows have not been removed."""
    present = np.zeros(rows, bool)
    for at, _ in view.shelves.values():
        present[at[at < rows]] = True
    return int(present.sum())


def _opened(path: str, identity: bytes, secret: str | bytes | None) -> BlockStore | None:
    if not Path(path).is_dir():
        return None
    try:
        store = BlockStore.open(path, read_only=True, secret=secret)
    except GalleryError:
        return None
    if store.identity != identity:
        store.close()
        return None
    return store
