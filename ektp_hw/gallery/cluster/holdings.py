# SPDX-License-Identifier: Apache-2.0
"""The fingers that a worker can read: the gallery's mapped segments, or blocks that were sent.

Mapped columns are the system's page cache, the same for all workers of a machine; beyond them a
worker has some bytes a finger. Blocks that were sent take what is stored of them. (Columns of an
encrypted gallery are deciphered into each worker's own memory.)
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Protocol

import numpy as np

from ektp_hw.errors import GalleryError
from ektp_hw.gallery.cluster.blocks import numbers_in
from ektp_hw.gallery.cluster.stored_people import BlockStore, segment_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ektp_hw.gallery.cluster.blocks import Block
    from ektp_hw.gallery.cluster.stored_people import StoredPerson
    from ektp_hw.gallery.segment import Segment

__all__ = ["GUESTS", "BlocksMissing", "Holdings", "Restriction", "SentBlocks", "opened"]

GUESTS = 4
"""Blocks of other workers that stay in memory after a comparison with them."""


class BlocksMissing(Exception):
    """A question back: the worker cannot see the folder; send it these blocks, then ask again."""

    def __init__(self, blocks: Sequence[Block]) -> None:
        super().__init__(tuple(blocks))
        self.blocks = tuple(blocks)


class Holdings(Protocol):
    """Where a worker's fingers come from."""

    def having(self, blocks: Iterable[Block]) -> tuple[Segment, ...]:
        """Return all that can be read, in the order of enrolment; the same until it changes.

        Raises
        ------
        BlocksMissing
            If these blocks are not among it, and must be sent first.
        """


class _Folder:
    """The gallery's own folder."""

    def __init__(self, store: BlockStore) -> None:
        self._store = store

    def having(self, blocks: Iterable[Block]) -> tuple[Segment, ...]:  # noqa: ARG002  # all are
        return self._store.segments()


class _Sent(NamedTuple):
    state: Block
    segment: Segment


class SentBlocks:
    """Blocks in memory; safe for several threads."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._kept: dict[int, _Sent] = {}
        self._guests: OrderedDict[int, _Sent] = OrderedDict()
        self._segments: tuple[Segment, ...] = ()

    def put(self, state: Block, people: Sequence[StoredPerson], *, keep: bool) -> None:
        """Take a block, for good or as a guest."""
        sent = _Sent(state, segment_of(people))
        with self._guard:
            if keep or state.number in self._kept:
                self._guests.pop(state.number, None)
                self._kept[state.number] = sent
            else:
                self._guests[state.number] = sent
                self._guests.move_to_end(state.number)
                while len(self._guests) > GUESTS:
                    self._guests.popitem(last=False)
            self._line_up()

    def drop(self, numbers: Iterable[int]) -> None:
        """Forget blocks."""
        with self._guard:
            for number in numbers:
                self._kept.pop(number, None)
                self._guests.pop(number, None)
            self._line_up()

    def having(self, blocks: Iterable[Block]) -> tuple[Segment, ...]:
        """Return all blocks, by number.

        Raises
        ------
        BlocksMissing
            If one of these is not here in this state.
        """
        with self._guard:
            here = {**self._guests, **self._kept}
            absent = [each for each in blocks if _state(here.get(each.number)) != each]
            if absent:
                raise BlocksMissing(absent)
            return self._segments

    def _line_up(self) -> None:
        here = {**self._guests, **self._kept}
        first, segments = 0, []
        for number in sorted(here):
            segment = here[number].segment
            if segment.first != first:
                segment = replace(segment, first=first)
                held = self._kept if number in self._kept else self._guests
                held[number] = _Sent(here[number].state, segment)
            segments.append(segment)
            first += len(segment)
        self._segments = tuple(segments)


def _state(sent: _Sent | None) -> Block | None:
    return None if sent is None else sent.state


class Restriction:
    """Makes of all that can be read the segments of some blocks, nobody else alive in them.

    What did not change since it was made last is the same object.
    """

    def __init__(self, block_size: int) -> None:
        self._size = block_size
        self._made: dict[Segment, tuple[bytes, Segment]] = {}

    def to(self, blocks: Sequence[Block], segments: Sequence[Segment]) -> list[Segment]:
        """Return the segments that people of these blocks are in."""
        blocks = sorted(blocks)
        firsts = np.array([numbers_in(each.number, self._size)[0] for each in blocks], np.int64)
        lasts = np.array([each.last for each in blocks], np.int64)
        made: dict[Segment, tuple[bytes, Segment]] = {}
        for segment in segments:
            starts = np.searchsorted(segment.people, firsts)
            stops = np.searchsorted(segment.people, lasts, "right")
            spans = np.stack([starts, stops])[:, stops > starts]
            if not spans.size:
                continue
            known = self._made.get(segment)
            if known is None or known[0] != spans.tobytes():
                alive = np.zeros(len(segment), np.bool_)
                for start, stop in spans.T.tolist():
                    alive[start:stop] = segment.alive[start:stop]
                known = spans.tobytes(), replace(segment, alive=alive)
            made[segment] = known
        self._made = made
        return [segment for _, segment in made.values()]

    def people(self, blocks: Sequence[Block], segments: Sequence[Segment]) -> dict[int, int]:
        """Return how many people of each of these blocks are alive in what `to` returned."""
        people = {block.number: 0 for block in blocks}
        for segment in segments:
            alive = np.unique(segment.people[segment.alive])
            numbers, counts = np.unique((alive - 1) // self._size, return_counts=True)
            for number, count in zip(numbers.tolist(), counts.tolist(), strict=True):
                people[number] += count
        return people


def opened(path: str, identity: bytes, secret: str | bytes | None) -> Holdings | None:
    """Return the gallery's folder, or None where it is not there, or another gallery is."""
    if not Path(path).is_dir():
        return None
    try:
        store = BlockStore.open(path, read_only=True, secret=secret)
    except GalleryError:
        return None
    if store.identity != identity:
        store.close()
        return None
    return _Folder(store)
