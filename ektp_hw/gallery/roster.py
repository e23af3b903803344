# SPDX-License-Identifier: Apache-2.0
"""Everybody's finger codes in memory, position by position, and where the rest of a finger lies.

A code is 64 bytes, so ten million fingers take 640 MB; sketches and templates stay in the mapped
segments until somebody asks for a few of them.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ektp_hw.errors import GalleryDamaged
from ektp_hw.samples import FingerPosition

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy.typing as npt

    from ektp_hw.gallery.segment import Segment

__all__ = ["Rank", "Roster"]

_log = logging.getLogger(__name__)


class Rank(NamedTuple):
    """Every finger of one position.

    Parameters
    ----------
    people
        Whose, as places in `Roster.seqs`, rising; (n,).
    rows
        Where, as rows through all segments; (n,).
    codes
        (n, 8) uint64.
    """

    people: npt.NDArray[np.int64]
    rows: npt.NDArray[np.int64]
    codes: npt.NDArray[np.uint64]

    def of_people(self, first: int, stop: int) -> slice:
        """Return where the fingers of these people are."""
        ends = np.searchsorted(self.people, (first, stop))
        return slice(int(ends[0]), int(ends[1]))


class Roster:
    """People and their fingers, those of one unchanging state of the segments.

    Parameters
    ----------
    segments
        As `Store.segments` returns them.

    Attributes
    ----------
    seqs
        Enrolment numbers, rising; (people,).
    ranks
        The fingers of each position that anybody has.
    """

    def __init__(self, segments: Sequence[Segment]) -> None:
        self._segments = segments
        self._firsts = np.array([segment.first for segment in segments], np.int64)
        alive = [np.flatnonzero(segment.alive) for segment in segments]
        none = [np.zeros(0, np.int64)]
        owners = np.concatenate(
            [each.people[at] for each, at in zip(segments, alive, strict=True)] or none
        )
        positions = np.concatenate(
            [each.positions[at] for each, at in zip(segments, alive, strict=True)] or none
        )
        rows = np.concatenate(
            [each.first + at for each, at in zip(segments, alive, strict=True)] or none
        )
        self.seqs: npt.NDArray[np.int64]
        self.seqs, people = np.unique(owners, return_inverse=True)
        self._rows, self._people = rows, people.astype(np.int64)
        self.ranks: dict[FingerPosition, Rank] = {}
        for code in np.unique(positions):
            chosen = np.flatnonzero(positions == code)
            codes = np.concatenate(
                [
                    each.codes[at[each.positions[at] == code]]
                    for each, at in zip(segments, alive, strict=True)
                ]
            )
            self.ranks[FingerPosition(int(code))] = Rank(
                self._people[chosen], rows[chosen], np.ascontiguousarray(codes)
            )

    def __len__(self) -> int:
        return len(self.seqs)

    def owners(self, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Return whose fingers these rows are, as places in `seqs`."""
        return self._people[np.searchsorted(self._rows, rows)]

    def by_segment(
        self, rows: npt.NDArray[np.int64]
    ) -> Iterator[tuple[Segment, slice | npt.NDArray[np.bool_]]]:
        """Yield each segment that some of these rows lie in, and which of the rows do."""
        ends = np.searchsorted(
            self._firsts, (rows.min(initial=2**62), rows.max(initial=0)), "right"
        )
        low, high = (int(end) - 1 for end in ends)
        if low == high:
            yield self._segments[low], slice(None)
            return
        which = np.searchsorted(self._firsts, rows, "right") - 1
        for number in np.unique(which):
            yield self._segments[number], which == number

    def pieces(self, rows: npt.NDArray[np.int64]) -> Iterator[tuple[Segment, slice]]:
        """Yield likewise, of rows that rise, each segment and where its rows begin and end."""
        ends = [*np.searchsorted(rows, self._firsts).tolist(), len(rows)]
        for segment, first, stop in zip(self._segments, ends, ends[1:], strict=False):
            if stop > first:
                yield segment, slice(first, stop)

    def sketches(self, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.uint8]:
        """Return the sketches of rows through all segments, (n, sketch bytes)."""
        found = np.empty((len(rows), self._segments[0].sketches.shape[1]), np.uint8)
        for segment, places in self.by_segment(rows):
            found[places] = segment.sketches[rows[places] - segment.first]
        return found

    def stored(self, row: int) -> memoryview | None:
        """Return the stored template of a row through all segments, None if it is damaged."""
        segment = self._segments[int(np.searchsorted(self._firsts, row, "right")) - 1]
        try:
            return segment.template_bytes(row - segment.first)
        except GalleryDamaged as error:
            _log.warning("%s; it is left out of the deduplication", error)
            return None

    def fingers_of(self, person: int) -> dict[FingerPosition, int]:
        """Return the rows of one person's fingers."""
        found = {}
        for position, rank in self.ranks.items():
            at = int(np.searchsorted(rank.people, person))
            if at < len(rank.people) and rank.people[at] == person:
                found[position] = int(rank.rows[at])
        return found
