# SPDX-License-Identifier: Apache-2.0
"""The main job without hardware: a station records people who do not exist, one of them twice.

Every print goes the whole road: drawn by `synthetic`, laid on the virtual scanner, read back over
its wire protocol, made a template, enrolled. Then the gallery is asked who is in it twice.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ektp_hw.cli.virtual_counter import Stopwatch, VirtualCounter
from ektp_hw.gallery import Gallery, Person
from ektp_hw.samples import FingerPosition
from ektp_hw.synthetic import SyntheticPerson

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from ektp_hw.gallery import DuplicatePair
    from ektp_hw.station.report import Print

__all__ = ["DUPLICATE_SCORE", "FINGERS", "Recording", "Rehearsal", "rehearse"]

FINGERS = (FingerPosition.RIGHT_INDEX, FingerPosition.LEFT_INDEX)
"""What the rehearsal records of each person."""
DUPLICATE_SCORE = 6.0
"""Score of two people from which they are reported: 4, and 1 more for each of the two fingers,
which is about how far the calibration may be off on a sensor that it was not fitted to."""


@dataclass(frozen=True)
class Recording:
    """One visit to the counter: the name given, and the prints taken."""

    id: str
    name: str
    prints: dict[FingerPosition, Print]
    true_identity: int


@dataclass(frozen=True)
class Rehearsal:
    """What was recorded, what the gallery found, and what it should have found."""

    recordings: list[Recording]
    found: list[DuplicatePair]
    expected: set[frozenset[str]]
    stopwatch: Stopwatch

    @property
    def wrong(self) -> int:
        """Duplicates missed plus duplicates made up."""
        return len({frozenset((pair.a, pair.b)) for pair in self.found} ^ self.expected)


def rehearse(people: int, seed: int, gallery_path: Path, advance: Callable[..., None]) -> Rehearsal:
    """Record ``people`` and one of them again under another name, then look for duplicates.

    Parameters
    ----------
    seed
        Decides who the people are; the same seed gives the same people.
    advance
        Called after each print with ``doing`` = what comes next.
    """
    stopwatch = Stopwatch()
    visits = _visits(people, seed)
    with VirtualCounter(stopwatch) as counter, Gallery.open(gallery_path) as gallery:
        recordings = []
        for visit in visits:
            prints = {}
            for position in FINGERS:
                with stopwatch.part("drawing of synthetic prints"):
                    finger = visit.person.finger(position)
                    image = finger.impression(visit.impression).image
                caption = position.name.replace("_", " ").lower()
                prints[position] = counter.record(image, caption, position)
                advance(doing=f"recording {visit.name}")
            templates = {position: print_.template for position, print_ in prints.items()}
            with stopwatch.part("enrolment in the gallery"):
                gallery.enrol(Person(visit.id, templates, name=visit.name))
            recordings.append(Recording(visit.id, visit.name, prints, visit.identity))
        with stopwatch.part("search for duplicates"):
            found = list(gallery.deduplicate(DUPLICATE_SCORE))
    twice = [visit.id for visit in visits if visit.identity == visits[-1].identity]
    return Rehearsal(recordings, found, {frozenset(twice)}, stopwatch)


@dataclass(frozen=True)
class _Visit:
    id: str
    name: str
    person: SyntheticPerson
    identity: int
    impression: int


def _visits(people: int, seed: int) -> list[_Visit]:
    """Return who comes to the counter; the last comes again, under a name of nobody else."""
    present = [SyntheticPerson(seed + at) for at in range(people)]
    visits = [_Visit(each.id_number, each.name, each, at, 0) for at, each in enumerate(present)]
    twice = people // 3
    alias = SyntheticPerson(seed + people)
    return [*visits, _Visit(alias.id_number, alias.name, present[twice], twice, 1)]
