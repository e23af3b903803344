# SPDX-License-Identifier: Apache-2.0
"""One person against many: every reference is compared, nothing is left out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ektp_hw.errors import OperationCancelled
from ektp_hw.gallery.fusion import PartMatch, person_score
from ektp_hw.samples import FingerPosition

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Mapping

    import numpy.typing as npt

    from ektp_hw.gallery.references import Comparison, View

__all__ = ["CHUNK", "Scores", "score_people"]

CHUNK = 256
"""Comparisons in one call: a few milliseconds, and their intermediate results fit the cache."""
_UNKNOWN = FingerPosition.UNKNOWN


class Column(NamedTuple):
    """The scores of one probe finger against the fingers of one position."""

    probe: FingerPosition
    reference: FingerPosition
    rows: npt.NDArray[np.int64]
    scores: npt.NDArray[np.float64]


class Scores:
    """What a probe scored against each row.

    Parameters
    ----------
    total
        Person scores, shape (rows,); -1 where nothing was comparable.
    """

    def __init__(self, rows: int, columns: list[Column]) -> None:
        self._columns = columns
        self._best = np.full(rows, -1.0)
        tries = np.zeros(rows, np.int64)
        summed = np.zeros(rows)
        fingers = np.zeros(rows, np.int64)
        for probe, reference, at, scores in columns:
            if _is_certain(probe, reference):
                summed[at] += scores
                fingers[at] += 1
            else:
                self._best[at] = np.maximum(self._best[at], scores)
                tries[at] += 1
        summed += np.maximum(self._best - np.log10(np.maximum(tries, 1)), 0.0)
        self.total = person_score(summed, fingers + (tries > 0))

    def parts(self, row: int) -> tuple[PartMatch, ...]:
        """Return the comparisons that counted for one row."""
        found = []
        guessed = False
        for probe, reference, rows, scores in self._columns:
            at = int(np.searchsorted(rows, row))
            if at == len(rows) or rows[at] != row:
                continue
            score = float(scores[at])
            if _is_certain(probe, reference):
                found.append(PartMatch(probe, reference, score))
            elif score == self._best[row] and not guessed:
                guessed = True
                found.append(PartMatch(probe, reference, score))
        return tuple(sorted(found))


def score_people(
    view: View,
    fingers: Mapping[FingerPosition, Any],
    comparison: Comparison,
    *,
    below: int | None = None,
    cancel: threading.Event | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Scores:
    """Compare prepared fingers with every row (below a row, if given) of the view.

    Raises
    ------
    OperationCancelled
        When the cancel event is set.
    """
    rows = len(view.ids) if below is None else below
    jobs = list(_jobs(view, fingers, rows))
    todo = sum(len(chosen) for _, _, _, chosen in jobs)
    done = 0
    columns = []
    for probe, reference, at, chosen in jobs:
        scores = np.empty(len(chosen))
        prepared = view.shelves[reference][1]
        for start in range(0, len(chosen), CHUNK):
            if cancel is not None and cancel.is_set():
                raise OperationCancelled("the search was cancelled before it had an answer")
            part = chosen[start : start + CHUNK]
            scores[start : start + CHUNK] = comparison.compare_many(
                fingers[probe], [prepared[i] for i in part]
            )
            done += len(part)
            if progress is not None:
                progress(done, todo)
        columns.append(Column(probe, reference, at, scores))
    return Scores(rows, columns)


def _is_certain(probe: FingerPosition, reference: FingerPosition) -> bool:
    return probe == reference != _UNKNOWN


def _jobs(
    view: View, fingers: Mapping[FingerPosition, Any], rows: int
) -> list[tuple[FingerPosition, FingerPosition, npt.NDArray[np.int64], npt.NDArray[np.int64]]]:
    """Return which probe finger meets which shelf: (probe, shelf, rows, places on the shelf)."""
    jobs = []
    present = {
        position: np.bincount(at[at < rows], minlength=rows).astype(bool)
        for position, (at, _) in view.shelves.items()
    }
    for probe in fingers:
        for reference, (at, _) in view.shelves.items():
            places = np.arange(int(np.searchsorted(at, rows)))
            if not _is_certain(probe, reference):
                if _UNKNOWN not in {probe, reference}:
                    continue
                if reference != _UNKNOWN and reference in fingers:
                    continue  # that finger has its counterpart
                if probe != _UNKNOWN and probe in present:
                    places = places[~present[probe][at[places]]]
            if len(places):
                jobs.append((probe, reference, at[places], places))
    return jobs
