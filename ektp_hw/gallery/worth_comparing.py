# SPDX-License-Identifier: Apache-2.0
"""Whom a search compares fully: those who come through the stages, or everybody part by part.

For each finger of the probe, against the fingers it is to be compared with: (a) those whose
sketches are most alike at first sight, (b) of those the most alike by whole sketches. Whoever one
of these fingers belongs to is compared fully, all fingers, so that candidates who come through have
exactly the score that comparing everybody gives them (`search.score_people`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

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
    from ektp_hw.gallery.shortlist import Shortlist, Sight
    from ektp_hw.templates import FingerprintTemplate

__all__ = [
    "everybody",
    "least_alike",
    "least_likely",
    "owners_of",
    "people_worth_comparing",
    "seen_by",
]

_UNKNOWN = FingerPosition.UNKNOWN
_PREPARED_AT_ONCE = 4096
"""Templates, 14 kilobytes each when they are prepared."""


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


def _least_of_best(counts: npt.NDArray[np.int64], keep: int) -> int:
    """Return the score that this many reach, and whoever is as good as the last of them."""
    return max(len(counts) - 1 - int(np.searchsorted(np.cumsum(counts[::-1]), keep)), 0)
