# SPDX-License-Identifier: Apache-2.0
"""Everybody's fingers by position, and how alike their sketches are to those of a probe."""

from __future__ import annotations

import logging
from bisect import bisect_right
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ektp_hw.errors import GalleryDamaged
from ektp_hw.gallery.catalogue import stop_if
from ektp_hw.samples import FingerPosition

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    import numpy.typing as npt

    from ektp_hw.gallery.segment import Segment

__all__ = ["Shortlist", "Sight", "alive_in"]

_log = logging.getLogger(__name__)
_AT_ONCE = 1 << 16
"""Sketches in one call, some 20 milliseconds at most: then a cancellation is heard."""


class _Row(NamedTuple):
    """The fingers of one position in one segment."""

    segment: Segment
    rows: npt.NDArray[np.uint32]


class Shortlist:
    """Everybody's fingers by position, of one unchanging state of the segments.

    Parameters
    ----------
    segments
        As `Store.segments` returns them.
    before
        That of an earlier state: only segments that changed since cost time.
    spans
        Of each segment the first row and the one behind the last, (n, 2), of those who are looked
        at, each person whole; everybody is unless given.
    """

    def __init__(
        self,
        segments: Sequence[Segment],
        before: Shortlist | None = None,
        spans: Mapping[Segment, npt.NDArray[np.int64]] | None = None,
    ) -> None:
        self._spans = spans or {}
        self._known: dict[Segment, dict[FingerPosition, _Row]] = {
            segment: (before and before._of_segment(segment, self._spans.get(segment)))  # noqa: SLF001
            or _by_position(segment, self._spans.get(segment))
            for segment in segments
        }
        self._segments = [*segments]
        self._firsts = [segment.first for segment in segments]

    def __len__(self) -> int:
        return sum(len(row.rows) for rows in self._known.values() for row in rows.values())

    def is_of(self, segments: Sequence[Segment]) -> bool:
        """Return whether this is the state of these segments."""
        return len(segments) == len(self._segments) and all(
            a is b for a, b in zip(segments, self._segments, strict=True)
        )

    def positions(self) -> set[FingerPosition]:
        """Return all positions that somebody has a finger of."""
        return {position for rows in self._known.values() for position in rows}

    def seen(
        self,
        sketches: npt.NDArray[np.uint8],
        positions: set[FingerPosition],
        cancel: threading.Event | None = None,
    ) -> Sight:
        """Return everybody's fingers of these positions, seen at first sight beside a probe's."""
        from ektp_hw.fingerprint.sketch import compare_at_first_sight

        among = self._of(positions)
        scores = _scored(compare_at_first_sight, sketches[0], among, cancel)
        return Sight(sketches, among, scores)

    def everything_of(self, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Return all rows of the people whom these rows belong to, rising."""
        found = [np.zeros(0, np.int64)]
        for segment, mine in self._split(rows):
            owners = np.unique(segment.people[mine])
            starts = np.searchsorted(segment.people, owners)
            sizes = np.searchsorted(segment.people, owners, "right") - starts
            ends = np.cumsum(sizes)
            theirs = np.arange(ends[-1]) - np.repeat(ends - sizes - starts, sizes)
            found.append(segment.first + theirs[segment.alive[theirs]])
        return np.concatenate(found)

    def parts(self, most: int) -> Iterator[npt.NDArray[np.int64]]:
        """Yield all rows, about so many at a time, each person whole."""
        for segment in self._segments:
            alive = alive_in(segment, self._spans.get(segment))
            people = segment.people[alive]
            start = 0
            while start < len(alive):
                last = people[min(start + most, len(alive)) - 1]
                stop = int(np.searchsorted(people, last, "right"))
                yield segment.first + alive[start:stop]
                start = stop

    def of_whom(
        self, rows: npt.NDArray[np.int64]
    ) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.uint8]]:
        """Return enrolment number and position of each row; rows rising."""
        parts = list(self._split(rows))
        return (
            np.concatenate([np.zeros(0, np.int64), *(each.people[at] for each, at in parts)]),
            np.concatenate([np.zeros(0, np.uint8), *(each.positions[at] for each, at in parts)]),
        )

    def stored(self, row: int) -> memoryview | None:
        """Return the stored template of a row, None if it is damaged."""
        segment = self._segments[bisect_right(self._firsts, row) - 1]
        try:
            return segment.template_bytes(row - segment.first)
        except GalleryDamaged as error:
            _log.warning("%s; it is left out of the search", error)
            return None

    def _of_segment(
        self, segment: Segment, spans: npt.NDArray[np.int64] | None
    ) -> dict[FingerPosition, _Row] | None:
        """Return the fingers of a segment if those of the same rows were looked at."""
        mine = self._spans.get(segment)
        same = mine is spans if mine is None or spans is None else np.array_equal(mine, spans)
        return self._known.get(segment) if same else None

    def _of(self, positions: set[FingerPosition]) -> list[_Row]:
        return [
            row
            for by_position in self._known.values()
            for position, row in by_position.items()
            if position in positions
        ]

    def _split(
        self, rows: npt.NDArray[np.int64]
    ) -> Iterable[tuple[Segment, npt.NDArray[np.int64]]]:
        which = np.searchsorted(self._firsts, rows, "right") - 1
        for number, segment in enumerate(self._segments):
            mine = rows[which == number]
            if len(mine):
                yield segment, mine - segment.first


class Sight(NamedTuple):
    """One finger of a probe, those that it may be, and how alike they seem so far.

    Parameters
    ----------
    sketches
        Of the probe's finger (`sketch.sketches_of_probe`).
    among, scores
        Segment by segment.
    """

    sketches: npt.NDArray[np.uint8]
    among: list[_Row]
    scores: list[npt.NDArray[np.uint16]]

    def counts(self) -> npt.NDArray[np.int64]:
        """Return how many have each score, 0 first."""
        return np.bincount(np.concatenate([np.zeros(0, np.uint16), *self.scores]))

    def kept(self, least: int) -> Sight:
        """Return those alone that reach a score."""
        among = [
            _Row(each.segment, each.rows[scores >= least])
            for each, scores in zip(self.among, self.scores, strict=True)
        ]
        return Sight(self.sketches, among, [each[each >= least] for each in self.scores])

    def closer(self, cancel: threading.Event | None = None) -> Sight:
        """Return the same fingers, their whole sketches compared with all of the probe's.

        What they seemed to be before still counts, half as much: it sees minutiae that lie
        where geometry does not expect them.
        """
        from ektp_hw.fingerprint.sketch import compare_sketches

        scores = self.scores
        for sketch in self.sketches:
            alike = _scored(compare_sketches, sketch, self.among, cancel)
            scores = [2 * now + before for now, before in zip(alike, scores, strict=True)]
        return Sight(self.sketches, self.among, scores)

    def rows(self) -> npt.NDArray[np.int64]:
        """Return them as rows through all segments."""
        rows = [each.segment.first + each.rows.astype(np.int64) for each in self.among]
        return np.concatenate([np.zeros(0, np.int64), *rows])


def _scored(
    compare: Callable[..., npt.NDArray[np.uint16]],
    sketch: npt.NDArray[np.uint8],
    among: Sequence[_Row],
    cancel: threading.Event | None,
) -> list[npt.NDArray[np.uint16]]:
    """Return how alike each of these is to the probe's sketch."""
    found = []
    for one in among:
        scores = np.empty(len(one.rows), np.uint16)
        for start in range(0, len(one.rows), _AT_ONCE):
            stop_if(cancel)
            part = slice(start, start + _AT_ONCE)
            scores[part] = compare(sketch, one.segment.sketches, one.rows[part])
        found.append(scores)
    return found


def _by_position(
    segment: Segment, spans: npt.NDArray[np.int64] | None
) -> dict[FingerPosition, _Row]:
    rows: dict[FingerPosition, _Row] = {}
    alive = alive_in(segment, spans)
    positions = segment.positions[alive]
    for position in np.unique(positions).tolist():
        chosen = alive[positions == position].astype(np.uint32)
        rows[FingerPosition(position)] = _Row(segment, chosen)
    return rows


def alive_in(segment: Segment, spans: npt.NDArray[np.int64] | None = None) -> npt.NDArray[np.int64]:
    """Return the rows that are alive, of all or of these spans; rising."""
    if spans is None:
        return np.flatnonzero(segment.alive)
    parts = (start + np.flatnonzero(segment.alive[start:stop]) for start, stop in spans.tolist())
    return np.concatenate([np.zeros(0, np.int64), *parts])
