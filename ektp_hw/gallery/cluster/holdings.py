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
from typing import TYPE_CHECKING, NamedTuple, Protocol, TypeAlias

import numpy as np

from ektp_hw.errors import GalleryError
from ektp_hw.gallery.cluster.blocks import numbers_in
from ektp_hw.gallery.cluster.stored_people import BlockStore, segment_of
from ektp_hw.gallery.shortlist import alive_in

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import numpy.typing as npt

    from ektp_hw.gallery.cluster.blocks import Block
    from ektp_hw.gallery.cluster.stored_people import StoredPerson
    from ektp_hw.gallery.segment import Segment

__all__ = [
    "GUESTS",
    "BlocksMissing",
    "Holdings",
    "SentBlocks",
    "Spans",
    "alone",
    "opened",
    "people_in",
    "spans_of",
]

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
        self._segments: tuple[Segment, ...] | None = None

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
            self._segments = None

    def drop(self, numbers: Iterable[int]) -> None:
        """Forget blocks."""
        with self._guard:
            for number in numbers:
                self._kept.pop(number, None)
                self._guests.pop(number, None)
            self._segments = None

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
            if self._segments is None:
                self._segments = self._lined_up()
            return self._segments

    def _lined_up(self) -> tuple[Segment, ...]:
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
        return tuple(segments)


def _state(sent: _Sent | None) -> Block | None:
    return None if sent is None else sent.state


Spans: TypeAlias = "dict[Segment, npt.NDArray[np.int64]]"
"""Of each segment the first row and the one behind the last, (n, 2), of each block in it."""


def spans_of(blocks: Sequence[Block], block_size: int, segments: Sequence[Segment]) -> Spans:
    """Return where people of these blocks are, up to each block's newest."""
    blocks = sorted(blocks)
    firsts = np.array([numbers_in(each.number, block_size)[0] for each in blocks], np.int64)
    lasts = np.array([each.last for each in blocks], np.int64)
    spans = {}
    for segment in segments:
        starts = np.searchsorted(segment.people, firsts)
        stops = np.searchsorted(segment.people, lasts, "right")
        within = np.stack([starts, stops], axis=1)[stops > starts]
        if len(within):
            spans[segment] = within
    return spans


def alone(spans: Spans) -> list[Segment]:
    """Return the segments that these people are in, nobody else alive in them."""
    found = []
    for segment, within in spans.items():
        alive = np.zeros(len(segment), np.bool_)
        alive[alive_in(segment, within)] = True
        found.append(replace(segment, alive=alive))
    return found


def people_in(spans: Spans, blocks: Sequence[Block], block_size: int) -> dict[int, int]:
    """Return how many people of each of these blocks have a finger that is alive."""
    people = {block.number: 0 for block in blocks}
    for segment, within in spans.items():
        owners = segment.people[alive_in(segment, within)]
        numbers = (owners[np.diff(owners, prepend=0) > 0] - 1) // block_size
        counts = np.bincount(numbers)
        for number in np.flatnonzero(counts).tolist():
            people[number] += int(counts[number])
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
