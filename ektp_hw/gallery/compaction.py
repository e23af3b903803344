# SPDX-License-Identifier: Apache-2.0
"""Rewrite segments without the rows of removed people, and join small ones.

Each group of neighbouring segments is one transaction: the new file is written and on the disk,
the ledger is told in one commit where everybody is now, and then the old files go. A crash before
the commit leaves the new file to be cleared away by the next writer, one after it the old files;
nobody is ever in two places or in none. The order of enrolment is kept.

Codes and sketches that are damaged, or of another release's making, are made anew from the
templates. A segment with other damage among living people's rows is left as it is, since rewriting
would put new checks on damaged bytes.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ektp_hw.gallery.layout import COLUMNS, DERIVED, MOST_ROWS, TEMPLATE_ROOM
from ektp_hw.gallery.segment_file import Rows
from ektp_hw.templates import FingerprintTemplate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    import numpy.typing as npt

    from ektp_hw.gallery.columns import Description
    from ektp_hw.gallery.ledger import Ledger, Place, SegmentRow
    from ektp_hw.gallery.segment import BadBlock, Segment
    from ektp_hw.gallery.shelves import Shelves

__all__ = ["DEAD_SHARE", "Compaction", "compact"]

DEAD_SHARE = 0.25
"""Share of dead rows from which a segment is rewritten without being asked to."""
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Compaction:
    """What a compaction did: segments read and written, rows dropped and kept."""

    segments_before: int = 0
    segments_after: int = 0
    rows_dropped: int = 0
    rows_kept: int = 0

    def __add__(self, other: Compaction) -> Compaction:
        return Compaction(
            self.segments_before + other.segments_before,
            self.segments_after + other.segments_after,
            self.rows_dropped + other.rows_dropped,
            self.rows_kept + other.rows_kept,
        )


class _Candidate(NamedTuple):
    """A segment that may be rewritten: its people, what is damaged, whether there is reason to."""

    row: SegmentRow
    people: list[Place]
    bad: list[BadBlock]
    urgent: bool

    @property
    def living(self) -> int:
        return sum(each.rows for each in self.people)


def compact(
    ledger: Ledger,
    shelves: Shelves,
    *,
    only: Sequence[int] | None,
    at: str,
    actor: str,
    progress: Callable[[int, int], None],
) -> Compaction:
    """Rewrite what wants it, or just the segments ``only``; ``progress`` may raise to stop.

    Raises
    ------
    OSError, GalleryFull
        If there is no room for a new file; what was rewritten before that stays so.
    """
    state = ledger.segments()
    total = sum(each.rows for each in state)
    done, sum_of_all = 0, Compaction()
    for group in _groups(ledger, shelves, state, only):
        sum_of_all += _rewrite(ledger, shelves, group, at, actor, last=state[-1])
        done += sum(each.row.rows for each in group)
        progress(done, total)
    return sum_of_all


def _groups(
    ledger: Ledger, shelves: Shelves, state: list[SegmentRow], only: Sequence[int] | None
) -> Iterator[list[_Candidate]]:
    """Yield neighbours to be written into one new segment."""
    group: list[_Candidate] = []
    living = room = 0
    for row in state:
        one = _candidate(ledger, shelves, row, only)
        if (
            one is None
            or living + one.living > MOST_ROWS
            or (room + row.template_bytes > MOST_ROWS * TEMPLATE_ROOM and group)
        ):
            if _worth_it(group):
                yield group
            group, living, room = [], 0, 0
        if one is not None:
            group.append(one)
            living += one.living
            room += row.template_bytes
    if _worth_it(group):
        yield group


def _worth_it(group: list[_Candidate]) -> bool:
    return len(group) > 1 or any(each.urgent for each in group)


def _candidate(
    ledger: Ledger, shelves: Shelves, row: SegmentRow, only: Sequence[int] | None
) -> _Candidate | None:
    if only is not None and row.number not in only:
        return None
    dead = ledger.count_dead(row.number)
    stale = row.description != shelves.description.version
    small = row.rows - dead < MOST_ROWS // 2
    blocks = ledger.blocks(row.number)
    shelves.reader(row).look_at(blocks)
    bad = shelves.reader(row).check(blocks, COLUMNS)
    urgent = dead > 0 or stale or bool(bad) or only is not None
    if not (urgent or small):
        return None
    people = ledger.people_in(row.number)
    for block in bad:
        lost = [p.id for p in people if p.row < block.stop and p.row + p.rows > block.first]
        if lost and not DERIVED.issuperset(block.columns):
            _log.warning(
                "%s; the segment is not compacted before it is restored or %s removed",
                block, ", ".join(lost[:5]) + (" and others are" if len(lost) > 5 else " are"),
            )  # fmt: skip
            return None
    return _Candidate(row, people, bad, urgent)


def _rewrite(
    ledger: Ledger, shelves: Shelves, group: list[_Candidate], at: str, actor: str,
    *, last: SegmentRow,
) -> Compaction:  # fmt: skip
    old = [each.row for each in group]
    people = [one for each in group for one in each.people]
    rows_before = sum(each.rows for each in old)
    if not people:
        ledger.replace(old, None, {}, [], at, actor)
        shelves.drop(old)
        return Compaction(len(old), 0, rows_before, 0)
    rows = _joined([_living_rows(shelves, each) for each in group])
    laid = shelves.lay_down_apart(rows, old[0].first_seq, to_be_continued=last in old)
    ((segment, row),) = laid.places
    many = np.array([each.rows for each in people])
    places = row + np.cumsum(many) - many
    moves = [
        (segment, int(to), _name(shelves, one, segment), one.seq)
        for to, one in zip(places, people, strict=True)
    ]
    try:
        ledger.replace(old, laid.segments[0], laid.blocks[segment], moves, at, actor)
    except BaseException:
        shelves.abandon(laid)
        raise
    shelves.settle(laid)
    shelves.drop(old)
    return Compaction(len(old), 1, rows_before - len(rows), len(rows))


def _name(shelves: Shelves, one: Place, segment: int) -> str | bytes:
    """Return a name under the seal of the segment that its person moves to."""
    name = shelves.seals.of(one.segment).reveal(one.seq, one.name)
    return shelves.seals.of(segment).hide(one.seq, name)


def _living_rows(shelves: Shelves, one: _Candidate) -> Rows:
    segment = shelves.reader(one.row).view(0, one.row.rows, ())
    kept = np.zeros(one.row.rows, np.bool_)
    for person in one.people:
        kept[person.row : person.row + person.rows] = True
    at = np.flatnonzero(kept)
    templates = [segment.template_bytes(int(row)).tobytes() for row in at]
    anew = np.zeros(one.row.rows, np.bool_)
    for block in one.bad:
        anew[block.first : block.stop] = True
    if one.row.description != shelves.description.version:
        anew[:] = True
    codes, sketches = _columns(segment, at, templates, anew[at], shelves.description)
    return Rows(segment.people[at], segment.positions[at], codes, sketches, templates)


def _columns(
    segment: Segment,
    at: npt.NDArray[np.int64],
    templates: list[bytes],
    anew: npt.NDArray[np.bool_],
    description: Description,
) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.uint8]]:
    if not anew.any():
        return segment.codes[at], segment.sketches[at]
    read = [FingerprintTemplate.from_bytes(templates[i]) for i in np.flatnonzero(anew)]
    codes = np.array(segment.codes[at])
    sketches = np.zeros((len(at), description.sketch_bytes), np.uint8)
    if not anew.all():
        sketches[~anew] = segment.sketches[at[~anew]]
    codes[anew] = description.codes(read)
    sketches[anew] = description.sketches(read)
    return codes, sketches


def _joined(parts: list[Rows]) -> Rows:
    return Rows(
        np.concatenate([each.people for each in parts]),
        np.concatenate([each.positions for each in parts]),
        np.concatenate([each.codes for each in parts]),
        np.concatenate([each.sketches for each in parts]),
        [each for part in parts for each in part.templates],
    )
