# SPDX-License-Identifier: Apache-2.0
"""Everybody against everybody else: each pair of people is looked at once."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING

import numpy as np

from ektp_hw.errors import OperationCancelled
from ektp_hw.gallery.fusion import DuplicatePair
from ektp_hw.gallery.search import score_people

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Iterator

    from ektp_hw.gallery.references import Comparison, View

__all__ = ["LEAST_SCORE", "Deduplication"]

LEAST_SCORE = 4.0
"""Lowest score reported unless the caller says otherwise."""


class Deduplication:
    """Iterator over the `DuplicatePair` of a gallery, in the order of enrolment of ``b``.

    Iterating ends early when the cancel event is set. `position` then, or at any other moment,
    is a short text to keep: given back as ``resume`` it continues behind the last pair that was
    yielded, in another process and after more people were enrolled as well; people enrolled later
    are compared with everybody before them, so a finished run is continued the same way.
    """

    def __init__(
        self,
        view: View,
        comparison: Comparison,
        *,
        threshold: float | None,
        resume: str | None,
        progress: Callable[[int, int], None] | None,
        cancel: threading.Event | None,
    ) -> None:
        self._view = view
        self._comparison = comparison
        self._progress = progress
        self._cancel = cancel
        self._at = _parse(resume)
        self._finished = False
        people = len(view.ids)
        self._pairs = people * (people - 1) // 2
        self.threshold = (
            max(LEAST_SCORE, math.log10(max(self._pairs, 1))) if threshold is None else threshold
        )
        self._found = self._search()

    @property
    def position(self) -> str:
        """How far the work has come, to be given back as ``resume``."""
        return f"{self._at[0]}.{self._at[1]}"

    @property
    def finished(self) -> bool:
        """Whether every pair has been looked at."""
        return self._finished

    def __iter__(self) -> Iterator[DuplicatePair]:
        return self

    def __next__(self) -> DuplicatePair:
        return next(self._found)

    def _search(self) -> Iterator[DuplicatePair]:
        seqs = self._view.seqs
        first = int(np.searchsorted(seqs, self._at[0]))
        for b in range(first, len(seqs)):
            if self._cancel is not None and self._cancel.is_set():
                return
            try:
                yield from self._before(b)
            except OperationCancelled:
                return
            self._at = (int(seqs[b]), int(seqs[b]))
            if self._progress is not None:
                self._progress(b * (b + 1) // 2, self._pairs)
        self._finished = True

    def _before(self, b: int) -> Iterator[DuplicatePair]:
        """Yield the pairs of row b with the rows before it that are still to be yielded."""
        view = self._view
        fingers = view.fingers_of(b)
        scores = score_people(view, fingers, self._comparison, below=b, cancel=self._cancel)
        skip = self._at[1] if self._at[0] == view.seqs[b] else 0
        for a in np.flatnonzero(scores.total >= max(self.threshold, 0.0)):
            if view.seqs[a] <= skip:
                continue
            self._at = (int(view.seqs[b]), int(view.seqs[a]))
            yield DuplicatePair(
                view.ids[a], view.ids[b], float(scores.total[a]), scores.parts(int(a))
            )


def _parse(position: str | None) -> tuple[int, int]:
    if position is None:
        return 0, 0
    if not re.fullmatch(r"\d{1,18}\.\d{1,18}", position):
        raise ValueError(f"{position!r} is no position of a deduplication; leave it out")
    b, a = position.split(".")
    return int(b), int(a)
