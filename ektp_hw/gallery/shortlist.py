# SPDX-License-Identifier: Apache-2.0
"""Who is worth a full comparison: a cascade over fingers, then their people.

For each finger of the probe, against the fingers it is to be compared with: (a) those whose
sketches are most alike at first sight, (b) of those the most alike by whole sketches. Whoever one
of these fingers belongs to is compared fully, all fingers, so that candidates who come through have
exactly the score that comparing everybody gives them (`search.score_people`).
"""

from __future__ import annotations

import logging
from bisect import bisect_right
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ektp_hw.errors import GalleryDamaged
from ektp_hw.gallery.catalogue import stop_if
from ektp_hw.gallery.prepared_rows import PreparedRows
from ektp_hw.gallery.references import View
from ektp_hw.samples import FingerPosition

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    import numpy.typing as npt

    from ektp_hw.gallery.cascade_parameters import CascadeParameters
    from ektp_hw.gallery.references import Comparison
    from ektp_hw.gallery.segment import Segment
    from ektp_hw.templates import FingerprintTemplate

__all__ = [
    "Shortlist",
    "Sight",
    "alive_in",
    "everybody",
    "least_alike",
    "least_likely",
    "owners_of",
    "people_worth_comparing",
    "seen_by",
]

_log = logging.getLogger(__name__)
_UNKNOWN = FingerPosition.UNKNOWN
_AT_ONCE = 1 << 16
"""Sketches in one call, some 20 milliseconds at most: then a cancellation is heard."""

_PREPARED_AT_ONCE = 4096
"""Templates, 14 kilobytes each when they are prepared."""


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


def least_likely(
    seen: npt.NDArray[np.int64], parameters: CascadeParameters, fingers: int = 1
) -> int:
    """Return what a finger must reach at first sight, from how many have each score."""
    return _least_of_best(seen, parameters.likely_of(int(seen.sum()), fingers))


def least_alike(
    alike: npt.NDArray[np.int64],
    seen: npt.NDArray[np.int64],
    parameters: CascadeParameters,
    fingers: int = 1,
) -> int:
    """Return what the sketch of a likely finger must reach to be compared fully.

    All who are as good as the last of the wanted number do, unless they make it more than twice
    that number and somebody is better, or they are not alike at all: nothing speaks for them.
    """
    keep = parameters.alike_of(int(seen.sum()), fingers)
    if alike.sum() <= keep:
        return 0
    least = max(_least_of_best(alike, keep), 1)
    return least + 1 if alike[least:].sum() > 2 * keep and alike[least + 1 :].any() else least


def people_worth_comparing(
    shortlist: Shortlist,
    fingers: Mapping[FingerPosition, FingerprintTemplate],
    comparison: Comparison,
    parameters: CascadeParameters,
    *,
    tolerant: bool = False,
    cancel: threading.Event | None = None,
) -> View:
    """Return those who are to be compared with the probe, without names, their fingers prepared.

    Raises
    ------
    OperationCancelled
        When the cancel event is set.
    """
    alike = []
    for sight in seen_by(shortlist, fingers, tolerant=tolerant, cancel=cancel):
        seen = sight.counts()
        likely = sight.kept(least_likely(seen, parameters, len(fingers))).closer(cancel)
        alike.append(likely.kept(least_alike(likely.counts(), seen, parameters, len(fingers))))
    return owners_of(alike, shortlist, fingers, comparison, tolerant=tolerant, cancel=cancel)


def seen_by(
    shortlist: Shortlist,
    fingers: Mapping[FingerPosition, FingerprintTemplate],
    *,
    tolerant: bool = False,
    cancel: threading.Event | None = None,
) -> Iterator[Sight]:
    """Yield for each finger of the probe those that it is to be compared with, at first sight."""
    from ektp_hw.fingerprint.sketch import sketches_of_probe

    there = shortlist.positions()
    for position, template in fingers.items():
        against = _held_against(position, there, tolerant=tolerant)
        yield shortlist.seen(sketches_of_probe(template), against, cancel)


def owners_of(
    alike: Sequence[Sight],
    shortlist: Shortlist,
    fingers: Iterable[FingerPosition],
    comparison: Comparison,
    *,
    tolerant: bool = False,
    cancel: threading.Event | None = None,
) -> View:
    """Return the people whom these fingers belong to, all their fingers prepared that count."""
    rows = shortlist.everything_of(np.unique(np.concatenate([each.rows() for each in alike])))
    stop_if(cancel)
    return _view_of(rows, shortlist, fingers, comparison, tolerant=tolerant)


def everybody(
    shortlist: Shortlist,
    fingers: Iterable[FingerPosition],
    comparison: Comparison,
    *,
    tolerant: bool = False,
    cancel: threading.Event | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Iterator[View]:
    """Yield everybody, some thousand fingers at a time, so that few are in memory at once."""
    fingers, done = [*fingers], 0
    for rows in shortlist.parts(_PREPARED_AT_ONCE):
        stop_if(cancel)
        yield _view_of(rows, shortlist, fingers, comparison, tolerant=tolerant)
        done += len(rows)
        if progress is not None:
            progress(done, len(shortlist))


def _view_of(
    rows: npt.NDArray[np.int64],
    shortlist: Shortlist,
    fingers: Iterable[FingerPosition],
    comparison: Comparison,
    *,
    tolerant: bool,
) -> View:
    there = shortlist.positions()
    owners, positions = shortlist.of_whom(rows)
    wanted = set().union(*(_held_against(probe, there, tolerant=tolerant) for probe in fingers))
    needed = np.isin(positions, [int(each) for each in wanted])
    prepared = PreparedRows(shortlist, rows[needed], comparison)
    sound = np.isin(rows, prepared.rows)
    seqs, places = np.unique(owners[sound], return_inverse=True)
    shelves = {}
    for position in map(FingerPosition, np.unique(positions[sound]).tolist()):
        here = positions[sound] == position
        shelves[position] = (places[here].astype(np.int64), prepared.some(rows[sound][here]))
    return View(seqs, (), shelves)


def _held_against(
    probe: FingerPosition, there: set[FingerPosition], *, tolerant: bool
) -> set[FingerPosition]:
    return there if tolerant or probe == _UNKNOWN else there & {probe, _UNKNOWN}


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


def _least_of_best(counts: npt.NDArray[np.int64], keep: int) -> int:
    """Return the score that this many reach, and whoever is as good as the last of them."""
    return max(len(counts) - 1 - int(np.searchsorted(np.cumsum(counts[::-1]), keep)), 0)


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
