# SPDX-License-Identifier: Apache-2.0
"""Who is worth a full comparison: a cascade over fingers, then their people.

For each finger of the probe, against the fingers it is to be compared with: (a) the nearest by code
(`native.scan_nearest`), (b) of those the most alike by sketch. Whoever one of these fingers belongs
to is compared fully, all fingers, so that candidates who come through have exactly the score that
comparing everybody gives them (`search.score_people`).
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ektp_hw import native
from ektp_hw.errors import GalleryDamaged
from ektp_hw.gallery.catalogue import stop_if
from ektp_hw.gallery.prepared_rows import PreparedRows
from ektp_hw.gallery.references import View
from ektp_hw.samples import FingerPosition

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Iterable, Mapping, Sequence

    import numpy.typing as npt

    from ektp_hw.gallery.cascade_parameters import CascadeParameters
    from ektp_hw.gallery.references import Comparison
    from ektp_hw.gallery.segment import Segment
    from ektp_hw.templates import FingerprintTemplate

__all__ = ["Shortlist", "people_worth_comparing"]

_log = logging.getLogger(__name__)
_UNKNOWN = FingerPosition.UNKNOWN
_AT_ONCE = 1 << 16
"""Sketches in one call, some 20 milliseconds: then a cancellation is heard."""


class _Row(NamedTuple):
    """The fingers of one position in one segment."""

    segment: Segment
    rows: npt.NDArray[np.uint32]
    codes: npt.NDArray[np.uint64]


class Shortlist:
    """Codes of everybody, by position; kept from one state of the segments to the next."""

    def __init__(self) -> None:
        self._known: dict[Segment, dict[FingerPosition, _Row]] = {}
        self._firsts = np.zeros(0, np.int64)

    def see(self, segments: Sequence[Segment]) -> None:
        """Take the present state of the segments; only those that changed cost time."""
        self._known = {
            segment: self._known.get(segment) or _by_position(segment) for segment in segments
        }
        self._firsts = np.array([segment.first for segment in self._known], np.int64)

    def positions(self) -> set[FingerPosition]:
        """Return all positions that somebody has a finger of."""
        return {position for rows in self._known.values() for position in rows}

    def likely(
        self,
        code: npt.NDArray[np.uint64],
        sketch: npt.NDArray[np.uint8],
        positions: set[FingerPosition],
        parameters: CascadeParameters,
        cancel: threading.Event | None = None,
    ) -> npt.NDArray[np.int64]:
        """Return the rows, through all segments, of the fingers most like one of the probe."""
        from ektp_hw.fingerprint.sketch import compare_sketches

        among = self._of(positions)
        total = sum(len(each.rows) for each in among)
        found: list[npt.NDArray[np.int64]] = [np.zeros(0, np.int64)]
        scores: list[npt.NDArray[np.uint16]] = [np.zeros(0, np.uint16)]
        for one, near in zip(among, _nearest(code, among, parameters.near_of(total)), strict=True):
            for start in range(0, len(near), _AT_ONCE):
                stop_if(cancel)
                rows = one.rows[near[start : start + _AT_ONCE]]
                scores.append(compare_sketches(sketch, one.segment.sketches, rows))
                found.append(one.segment.first + rows.astype(np.int64))
        likely, alike = np.concatenate(found), np.concatenate(scores)
        keep = parameters.alike_of(total)
        if len(likely) <= keep:
            return likely
        return likely[np.argpartition(alike, len(alike) - keep)[-keep:]]

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
        ((segment, at),) = self._split(np.array([row], np.int64))
        try:
            return segment.template_bytes(int(at[0]))
        except GalleryDamaged as error:
            _log.warning("%s; it is left out of the search", error)
            return None

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
        for number, segment in enumerate(self._known):
            mine = rows[which == number]
            if len(mine):
                yield segment, mine - segment.first


def people_worth_comparing(
    shortlist: Shortlist,
    fingers: Mapping[FingerPosition, FingerprintTemplate],
    comparison: Comparison,
    name: Callable[[Iterable[int]], Mapping[int, str]],
    parameters: CascadeParameters,
    *,
    tolerant: bool = False,
    cancel: threading.Event | None = None,
) -> View:
    """Return those who are to be compared with the probe, their fingers prepared.

    Raises
    ------
    OperationCancelled
        When the cancel event is set.
    """
    from ektp_hw.fingerprint.finger_code import codes_and_sketches

    codes, sketches = codes_and_sketches([*fingers.values()])
    there = shortlist.positions()
    likely = [
        shortlist.likely(code, sketch, _held_against(probe, there, tolerant), parameters, cancel)
        for probe, code, sketch in zip(fingers, codes, sketches, strict=True)
    ]
    rows = shortlist.everything_of(np.unique(np.concatenate(likely)))
    owners, positions = shortlist.of_whom(rows)
    wanted = set().union(*(_held_against(probe, there, tolerant) for probe in fingers))
    needed = np.isin(positions, [int(each) for each in wanted])
    stop_if(cancel)
    prepared = PreparedRows(shortlist, rows[needed], comparison)
    sound = np.isin(rows, prepared.rows)
    seqs, places = np.unique(owners[sound], return_inverse=True)
    shelves = {}
    for position in map(FingerPosition, np.unique(positions[sound]).tolist()):
        here = positions[sound] == position
        templates = tuple(prepared.one(int(row)) for row in rows[sound][here])
        shelves[position] = (places[here].astype(np.int64), templates)
    ids = name(seqs.tolist())
    return View(seqs, tuple(ids[seq] for seq in seqs.tolist()), shelves)


def _held_against(
    probe: FingerPosition, there: set[FingerPosition], tolerant: bool
) -> set[FingerPosition]:
    return there if tolerant or probe == _UNKNOWN else there & {probe, _UNKNOWN}


def _nearest(
    code: npt.NDArray[np.uint64], among: Sequence[_Row], keep: int
) -> list[npt.NDArray[np.uint32]]:
    """Return the places, in each of these, of the `keep` codes nearest in all of them."""
    found = [native.scan_nearest(code, each.codes, keep) for each in among]
    if sum(len(rows) for rows, _ in found) <= keep:
        return [rows for rows, _ in found]
    counts = np.bincount(np.concatenate([far for _, far in found]), minlength=native.CODE_BITS + 1)
    most = int(np.searchsorted(np.cumsum(counts), keep))
    return [rows[far <= most] for rows, far in found]


def _by_position(segment: Segment) -> dict[FingerPosition, _Row]:
    rows: dict[FingerPosition, _Row] = {}
    alive = np.flatnonzero(segment.alive)
    positions = segment.positions[alive]
    for position in np.unique(positions).tolist():
        chosen = alive[positions == position].astype(np.uint32)
        whole = len(chosen) == len(segment)
        codes = segment.codes if whole else np.ascontiguousarray(segment.codes[chosen])
        rows[FingerPosition(position)] = _Row(segment, chosen, codes)
    return rows
