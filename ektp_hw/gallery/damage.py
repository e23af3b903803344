# SPDX-License-Identifier: Apache-2.0
"""Prove that a gallery is as it was written, block by block, or say where it is not and whose."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ektp_hw.gallery.layout import BLOCK_ROWS, COLUMNS, DERIVED

if TYPE_CHECKING:
    from collections.abc import Callable

    from ektp_hw.gallery.ledger import Ledger, Place, SegmentRow
    from ektp_hw.gallery.open_segment import OpenSegment
    from ektp_hw.gallery.shelves import Shelves

__all__ = ["Damage", "search_for_damage"]


@dataclass(frozen=True)
class Damage:
    """One thing wrong with a gallery.

    Parameters
    ----------
    sentence
        What it is and what to do.
    segment, block, rows, columns
        Where: number of the segment, block in it, (first, behind the last) row, what of them;
        None and empty where it is not in a block of a segment.
    people
        Whose fingers lie there.
    """

    sentence: str
    segment: int | None = None
    block: int | None = None
    rows: tuple[int, int] | None = None
    columns: tuple[str, ...] = ()
    people: tuple[str, ...] = ()

    def __str__(self) -> str:
        return self.sentence


def search_for_damage(
    ledger: Ledger, shelves: Shelves, progress: Callable[[int], None]
) -> list[Damage]:
    """Read everything back; ``progress`` is told how many more fingers were looked at.

    Call it with the ledger in one unchanging state.
    """
    found = [Damage(each) for each in ledger.findings()]
    for row in ledger.segments():
        reader = shelves.reader(row)
        if reader.file.problem is not None:
            found.append(Damage(reader.file.problem, segment=row.number))
        blocks = ledger.blocks(row.number)
        if sum(each.rows for each in blocks.values()) != row.rows:
            sentence = f"{reader.file.path}: the ledger lacks checks of it; restore it from a copy"
            found.append(Damage(sentence, segment=row.number))
        whole = True
        for number, block in sorted(blocks.items()):
            for bad in reader.check({number: block}, COLUMNS):
                whole = False
                people = tuple(
                    each.id for each in ledger.people_in(row.number, bad.first, bad.stop)
                )
                sentence = f"{bad}: {_whose(people)}; {_what_to_do(bad.columns)}"
                rows = (bad.first, bad.stop)
                found.append(Damage(sentence, row.number, number, rows, bad.columns, people))
            progress(block.rows)
        if whole and reader.file.problem is None:
            found += _misplaced(reader, row, ledger.people_in(row.number))
    return found


def _whose(people: tuple[str, ...]) -> str:
    if not people:
        return "nobody's fingers any more"
    named = ", ".join(people[:5])
    return f"fingers of {named}" + (f" and {len(people) - 5} more" if len(people) > 5 else "")


def _what_to_do(columns: tuple[str, ...]) -> str:
    if DERIVED.issuperset(columns):
        return "compact the gallery, which makes them anew from the templates"
    return "restore the file from a copy, or remove and enrol these people anew"


def _misplaced(reader: OpenSegment, row: SegmentRow, people: list[Place]) -> list[Damage]:
    """Return who is not where the ledger says."""
    if not people:
        return []
    owners = reader.view(0, row.rows, ()).people
    found = []
    for one in people:
        if (owners[one.row : one.row + one.rows] != one.seq).any() or one.row + one.rows > row.rows:
            sentence = (
                f"{reader.file.path}: rows {one.row} to {one.row + one.rows - 1} are not those of "
                f"{one.id}, as the ledger says; enrol this person anew"
            )
            rows = (one.row, one.row + one.rows)
            block = one.row // BLOCK_ROWS
            found.append(Damage(sentence, row.number, block, rows, ("people",), (one.id,)))
    return found
