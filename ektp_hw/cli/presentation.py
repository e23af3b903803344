# SPDX-License-Identifier: Apache-2.0
"""Identification of real prints through the virtual scanner.

The first impression of each identity is enrolled, every other one is searched. Nothing of the
prints is kept outside the gallery's folder that the caller names.
"""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ektp_hw.cli.virtual_counter import Stopwatch, VirtualCounter
from ektp_hw.errors import SampleError
from ektp_hw.evaluation.protocol import identity_of
from ektp_hw.gallery import Gallery, Person
from ektp_hw.records.picture import read_fingerprint_image
from ektp_hw.samples import FingerPosition

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from ektp_hw.gallery import Candidate
    from ektp_hw.station.report import Print

__all__ = ["Presentation", "Search", "firsts_and_rest", "present"]

LIMIT = 10
"""Candidates asked for at each search."""


@dataclass(frozen=True)
class Search:
    """One probe and whom the gallery named, best first."""

    probe: Print
    identity: str
    candidates: list[Candidate]

    @property
    def identified(self) -> bool:
        """Whether the first candidate is the right one."""
        return bool(self.candidates) and self.candidates[0].id == self.identity

    def outcome(self) -> str:
        """Say who came first, and what the right finger scored."""
        if not self.candidates:
            return "The gallery named nobody."
        first = self.candidates[0]
        if self.identified:
            return f"Its own finger, {first.id}, came first with {first.score:.2f}."
        own = self.score_of(self.identity)
        own_words = "was not among the candidates" if own is None else f"scored {own:.2f}"
        return (
            f"The gallery put {first.id} first, with {first.score:.2f}; "
            f"its own finger, {self.identity}, {own_words}."
        )

    def score_of(self, identity: str) -> float | None:
        """Return the score an identity got, or None where it is not among the candidates."""
        return next((each.score for each in self.candidates if each.id == identity), None)


@dataclass(frozen=True)
class Presentation:
    """Who was enrolled, every search, and the time that it took."""

    enrolled: dict[str, Print]
    searches: list[Search]
    stopwatch: Stopwatch

    @property
    def missed(self) -> list[Search]:
        """Searches whose first candidate is somebody else or nobody."""
        return [search for search in self.searches if not search.identified]

    @property
    def rank1_rate(self) -> float:
        """Share of searches whose first candidate is the right one."""
        return statistics.fmean(search.identified for search in self.searches)


def firsts_and_rest(files: Sequence[Path]) -> tuple[dict[str, Path], list[Path]]:
    """Return the first picture of each identity and all the others.

    A file's identity is its stem up to the last underscore.

    Raises
    ------
    SampleError
        If no identity has a second picture.
    """
    firsts: dict[str, Path] = {}
    rest = [path for path in files if firsts.setdefault(identity_of(path), path) is not path]
    if not rest:
        raise SampleError(
            f"{files[0].parent}: no finger has a second picture to search with; name the "
            "impressions of one finger NAME_1, NAME_2 and so on"
        )
    return firsts, rest


def present(
    firsts: Mapping[str, Path],
    rest: Sequence[Path],
    gallery_path: Path,
    advance: Callable[..., None],
) -> Presentation:
    """Enrol the first impression of each identity and search the others.

    Raises
    ------
    SampleError
        If a file is no picture of a print.
    """
    stopwatch = Stopwatch()
    with VirtualCounter(stopwatch) as counter, Gallery.open(gallery_path) as gallery:

        def recorded(path: Path) -> Print:
            print_ = counter.record(read_fingerprint_image(path), path.stem)
            advance(doing=f"presenting {path.name}")
            return print_

        enrolled = {}
        for identity, path in firsts.items():
            enrolled[identity] = recorded(path)
            with stopwatch.part("enrolment in the gallery"):
                template = enrolled[identity].template
                gallery.enrol(Person(identity, {FingerPosition.UNKNOWN: template}))
        searches = []
        for path in rest:
            probe = recorded(path)
            with stopwatch.part("search in the gallery"):
                candidates = gallery.search(probe.template, limit=LIMIT)
            searches.append(Search(probe, identity_of(path), candidates))
    return Presentation(enrolled, searches, stopwatch)
