# SPDX-License-Identifier: Apache-2.0
"""One person against many: every reference is compared, nothing is left out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ektp_hw.errors import OperationCancelled
from ektp_hw.gallery.arrangement import Column, Scores, is_certain
from ektp_hw.native import PackedBatch
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


def score_people(
    view: View,
    fingers: Mapping[FingerPosition, Any],
    comparison: Comparison,
    *,
    below: int | None = None,
    tolerant: bool = False,
    cancel: threading.Event | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Scores:
    """Compare prepared fingers with every row (below a row, if given) of the view.

    If tolerant, every finger is compared with those of all positions (`arrangement`).

    Raises
    ------
    OperationCancelled
        When the cancel event is set.
    """
    rows = len(view.seqs) if below is None else below
    jobs = list(_jobs(view, fingers, rows, tolerant=tolerant))
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
            some = (
                prepared[part] if isinstance(prepared, PackedBatch) else [prepared[i] for i in part]
            )
            scores[start : start + CHUNK] = comparison.compare_many(fingers[probe], some)
            done += len(part)
            if progress is not None:
                progress(done, todo)
        columns.append(Column(probe, reference, at, scores))
    return Scores(rows, columns, tolerant=tolerant)


def _jobs(
    view: View, fingers: Mapping[FingerPosition, Any], rows: int, *, tolerant: bool
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
            if not is_certain(probe, reference) and not (
                tolerant and _UNKNOWN not in {probe, reference}
            ):
                if _UNKNOWN not in {probe, reference}:
                    continue
                if reference != _UNKNOWN and reference in fingers:
                    continue  # that finger has its counterpart
                if probe != _UNKNOWN and probe in present:
                    places = places[~present[probe][at[places]]]
            if len(places):
                jobs.append((probe, reference, at[places], places))
    return jobs
