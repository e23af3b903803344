# SPDX-License-Identifier: Apache-2.0
"""Blocks prepared for comparing everybody in them, a few at a time."""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ektp_hw.errors import GalleryDamaged
from ektp_hw.gallery.catalogue import stop_if
from ektp_hw.gallery.cluster.blocks import Block, numbers_in
from ektp_hw.gallery.prepared_rows import PreparedRows
from ektp_hw.gallery.references import References
from ektp_hw.gallery.search import CHUNK
from ektp_hw.samples import FingerPosition

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ektp_hw.gallery.references import Comparison, View
    from ektp_hw.gallery.segment import Segment

__all__ = ["FEW", "PreparedBlocks"]

FEW = 4096
"""Prepared fingers that a worker keeps, 14 KB each, or `_AT_LEAST` blocks if they are larger."""
_AT_LEAST = 2
"""Blocks, since two are compared with each other."""

_log = logging.getLogger(__name__)


class _StoredIn:
    """The templates of one segment, for `PreparedRows`."""

    def __init__(self, segment: Segment) -> None:
        self._segment = segment

    def stored(self, row: int) -> memoryview | None:
        try:
            return self._segment.template_bytes(row)
        except GalleryDamaged as error:
            _log.warning("%s; it is left out of searches", error)
            return None


class _Prepared(NamedTuple):
    state: Block
    references: References
    fingers: int


class PreparedBlocks:
    """The blocks that were compared last; safe for several threads."""

    def __init__(self, comparison: Comparison, block_size: int) -> None:
        self._comparison = comparison
        self._size = block_size
        self._guard = threading.Lock()
        self._blocks: OrderedDict[int, _Prepared] = OrderedDict()

    def drop(self, numbers: Iterable[int]) -> None:
        """Forget blocks."""
        with self._guard:
            for number in numbers:
                self._blocks.pop(number, None)

    def load(
        self,
        block: Block,
        segments: Sequence[Segment],
        cancel: threading.Event | None = None,
    ) -> tuple[View, int, int]:
        """Bring a block up to date; return its view, rows up to its last, and people in those.

        Raises
        ------
        OperationCancelled
            When the cancel event is set.
        """
        with self._guard:
            known = self._blocks.get(block.number)
            if known is None or known.state != block:
                references = References() if known is None else known.references
                fingers = self._refresh(references, block, segments, cancel)
                known = _Prepared(block, references, fingers)
            self._blocks[block.number] = known
            self._blocks.move_to_end(block.number)
            while (
                len(self._blocks) > _AT_LEAST
                and sum(each.fingers for each in self._blocks.values()) > FEW
            ):
                self._blocks.popitem(last=False)
            view = known.references.view()
        rows = int(np.searchsorted(view.seqs, block.last, side="right"))
        present = np.zeros(rows, bool)
        for at, _ in view.shelves.values():
            present[at[at < rows]] = True
        return view, rows, int(present.sum())

    def _refresh(
        self,
        references: References,
        block: Block,
        segments: Sequence[Segment],
        cancel: threading.Event | None,
    ) -> int:
        """Add who is new and take out who is gone; return how many fingers there are."""
        span = numbers_in(block.number, self._size)
        known = max(references.last_seq, span[0] - 1)
        newcomers: dict[int, dict[FingerPosition, Any]] = {}
        enrolled: set[int] = set()
        fingers = 0
        for segment in segments:
            start, stop = np.searchsorted(segment.people, (span[0], span[-1] + 1))
            rows = start + np.flatnonzero(segment.alive[start:stop])
            owners = segment.people[rows]
            enrolled.update(owners.tolist())
            fingers += len(rows)
            new = rows[(owners > known) & (owners <= block.last)]
            for at in range(0, len(new), CHUNK):
                stop_if(cancel)
                prepared = PreparedRows(_StoredIn(segment), new[at : at + CHUNK], self._comparison)
                for row in prepared.rows.tolist():
                    owner = newcomers.setdefault(int(segment.people[row]), {})
                    owner[FingerPosition(int(segment.positions[row]))] = prepared.one(row)
        for seq, theirs in newcomers.items():
            references.add(seq, "", theirs)
        if len(references) != len(enrolled):
            references.keep_only(enrolled)
        return fingers
