# SPDX-License-Identifier: Apache-2.0
"""Block against block through the cascade, as `gallery.pair_sieve` holds block against all before.

Whether two fingers are worth comparing depends on those two alone, so the pairs of all blocks
together are those of the whole gallery.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from ektp_hw.gallery.cluster.merging import FoundPair
from ektp_hw.gallery.pair_sieve import PairSieve
from ektp_hw.gallery.roster import Rank, Roster

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ektp_hw.gallery.pair_sieve import Sieve, Task
    from ektp_hw.gallery.references import Comparison
    from ektp_hw.gallery.segment import Segment

__all__ = ["sieved_pairs"]


def sieved_pairs(
    segments: Sequence[Segment],
    comparison: Comparison,
    sieve: Sieve,
    *,
    before: int | None,
    since: int,
    threshold: float,
    tolerant: bool,
) -> list[FoundPair]:
    """Return the pairs of someone enrolled as number ``since`` or later and someone before.

    Parameters
    ----------
    segments
        Those who are looked at, and nobody else, alive.
    before
        The second one's enrolment number is lower than this; lower than the first one's if None.
    threshold, tolerant
        As in `Gallery.deduplicate`.
    """
    roster = Roster(segments)
    limit = len(roster) if before is None else int(np.searchsorted(roster.seqs, before))
    pairs = _BlockSieve(
        roster, comparison, sieve, threshold=threshold, tolerant=tolerant, threads=1
    )
    pairs.limit = limit
    first = int(np.searchsorted(roster.seqs, since))
    return [
        FoundPair(
            int(roster.seqs[each.a]),
            int(roster.seqs[each.b]),
            each.score,
            each.parts,
            each.findings,
        )
        for _, found in pairs.blocks(first, lambda _: None)
        for each in found
    ]


class _BlockSieve(PairSieve):
    """Holds people against those in places below ``limit`` only."""

    limit: int

    def tasks(self, start: int, stop: int) -> Iterator[Task]:
        for task in super().tasks(start, stop):
            if self.limit >= stop:
                yield task
            elif not task.same:
                known = _part(task.before, task.before.of_people(0, self.limit))
                if len(known.rows):
                    yield replace(task, before=known)


def _part(rank: Rank, where: slice) -> Rank:
    return Rank(rank.people[where], rank.rows[where], rank.codes[where])
