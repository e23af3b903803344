# SPDX-License-Identifier: Apache-2.0
"""A worker's part of a search by stages: its own people's scores, of which the head makes the cuts.

Everything that a stage needs is in its question, so that any worker can answer it, whoever answered
the one before. One that did has the scores still, and does not see everybody anew.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, NamedTuple, TypeAlias, TypeVar

from ektp_hw.gallery.cluster.holdings import people_in, spans_of
from ektp_hw.gallery.shortlist import Shortlist
from ektp_hw.gallery.worth_comparing import owners_of, seen_by
from ektp_hw.samples import FingerPosition
from ektp_hw.templates import FingerprintTemplate

if TYPE_CHECKING:
    import threading
    from collections.abc import Sequence

    import numpy as np
    import numpy.typing as npt

    from ektp_hw.gallery.cluster.blocks import Block
    from ektp_hw.gallery.cluster.holdings import Holdings
    from ektp_hw.gallery.references import Comparison, View
    from ektp_hw.gallery.segment import Segment
    from ektp_hw.gallery.shortlist import Sight

__all__ = ["Counts", "Probe", "Seen", "Stages", "fingers_of"]

Probe: TypeAlias = tuple[tuple[int, bytes], ...]
"""(Position code, stored template) of each finger searched for."""

Counts: TypeAlias = "tuple[npt.NDArray[np.int64], ...]"
"""For each finger of the probe how many others have each score, 0 first."""

_LINEUPS = 2
"""States of blocks, or sets of blocks, that stay in memory: some bytes a finger each."""
_SEARCHES = 8
"""Searches whose scores stay in memory: two bytes a finger and finger of the probe each."""
_Key = TypeVar("_Key")
_Kept = TypeVar("_Kept")


class Seen(NamedTuple):
    """Scores at first sight, and how many fingers there are of any position."""

    counts: Counts
    fingers: int


class _Lineup(NamedTuple):
    """The people of some blocks, of one unchanging state of the gallery."""

    of: tuple[Segment, ...]
    shortlist: Shortlist
    people: dict[int, int]


class _Search(NamedTuple):
    """A search under way: scores at first sight, or of sketches of those that reached ``least``."""

    lineup: _Lineup
    least: tuple[int, ...] | None
    sights: list[Sight]


class Stages:
    """The searches of one worker; wants one caller at a time."""

    def __init__(self, holdings: Holdings, comparison: Comparison, block_size: int) -> None:
        self._holdings = holdings
        self._comparison = comparison
        self._size = block_size
        self._lineups: OrderedDict[tuple[Block, ...], _Lineup] = OrderedDict()
        self._searches: OrderedDict[tuple[Probe, tuple[Block, ...], bool], _Search] = OrderedDict()

    def first_sights(
        self,
        probe: Probe,
        blocks: Sequence[Block],
        *,
        tolerant: bool,
        cancel: threading.Event | None = None,
    ) -> Seen:
        """Return how alike everybody in these blocks seems at first sight."""
        search = self._seen(probe, tuple(blocks), tolerant, cancel)
        return Seen(_counts(search.sights), len(search.lineup.shortlist))

    def sketches(
        self,
        probe: Probe,
        blocks: Sequence[Block],
        likely: tuple[int, ...],
        *,
        tolerant: bool,
        cancel: threading.Event | None = None,
    ) -> Counts:
        """Return how alike the sketches are of those that reach these first sights."""
        return _counts(self._sketched(probe, tuple(blocks), likely, tolerant, cancel).sights)

    def compared(
        self,
        probe: Probe,
        blocks: Sequence[Block],
        likely: tuple[int, ...],
        alike: tuple[int, ...],
        *,
        tolerant: bool,
        cancel: threading.Event | None = None,
    ) -> tuple[View, dict[int, int]]:
        """Return whom to compare with the probe, and how many people each block holds."""
        search = self._sketched(probe, tuple(blocks), likely, tolerant, cancel)
        found = [each.kept(least) for each, least in zip(search.sights, alike, strict=True)]
        view = owners_of(
            found,
            search.lineup.shortlist,
            fingers_of(probe),
            self._comparison,
            tolerant=tolerant,
            cancel=cancel,
        )
        self._searches.pop((probe, tuple(blocks), tolerant), None)
        return view, search.lineup.people

    def _seen(
        self,
        probe: Probe,
        blocks: tuple[Block, ...],
        tolerant: bool,
        cancel: threading.Event | None,
    ) -> _Search:
        lineup = self._lineup(blocks)
        sights = seen_by(lineup.shortlist, fingers_of(probe), tolerant=tolerant, cancel=cancel)
        search = _Search(lineup, None, [*sights])
        _keep(self._searches, (probe, blocks, tolerant), search, _SEARCHES)
        return search

    def _sketched(
        self,
        probe: Probe,
        blocks: tuple[Block, ...],
        likely: tuple[int, ...],
        tolerant: bool,
        cancel: threading.Event | None,
    ) -> _Search:
        key = (probe, blocks, tolerant)
        search = self._searches.get(key)
        if search is not None and search.least == likely:
            return search
        if search is None or search.least is not None:
            search = self._seen(probe, blocks, tolerant, cancel)
        sights = [
            each.kept(least).closer(cancel)
            for each, least in zip(search.sights, likely, strict=True)
        ]
        search = _Search(search.lineup, likely, sights)
        _keep(self._searches, key, search, _SEARCHES)
        return search

    def _lineup(self, blocks: tuple[Block, ...]) -> _Lineup:
        segments = self._holdings.having(blocks)
        known = self._lineups.get(blocks)
        if known is None or known.of is not segments:
            last = next(reversed(self._lineups.values()), None)
            spans = spans_of(blocks, self._size, segments)
            known = _Lineup(
                segments,
                Shortlist([*spans], None if last is None else last.shortlist, spans),
                people_in(spans, blocks, self._size),
            )
        _keep(self._lineups, blocks, known, _LINEUPS)
        return known


def fingers_of(probe: Probe) -> dict[FingerPosition, FingerprintTemplate]:
    """Return the fingers that were sent."""
    return {
        FingerPosition(position): FingerprintTemplate.from_bytes(stored)
        for position, stored in probe
    }


def _counts(sights: Sequence[Sight]) -> Counts:
    return tuple(each.counts() for each in sights)


def _keep(kept: OrderedDict[_Key, _Kept], key: _Key, value: _Kept, most: int) -> None:
    kept[key] = value
    kept.move_to_end(key)
    while len(kept) > most:
        kept.popitem(last=False)
