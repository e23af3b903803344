# SPDX-License-Identifier: Apache-2.0
"""The people that ``ektp-hw bench search`` and ``dedup`` measure with."""

from __future__ import annotations

import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ektp_hw.cli import console

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ektp_hw.gallery import Gallery, Person
    from ektp_hw.samples import FingerPosition
    from ektp_hw.templates import FingerprintTemplate

__all__ = ["People", "enrol", "people_at"]

_BATCH = 1000
"""People enrolled in one go."""


class People:
    """Synthetic people in a fixed order, the last of them duplicates of the first.

    Parameters
    ----------
    size
        How many are enrolled.
    fingers
        How many of each, 1 to 10.
    templates
        Repeated instead of synthetic ones, if there are any.
    again
        How many of the people are a second enrolment of one before, at most half.
    """

    def __init__(
        self,
        size: int,
        fingers: int,
        templates: Sequence[FingerprintTemplate] = (),
        again: int = 0,
    ) -> None:
        from ektp_hw.samples import FingerPosition as Finger
        from ektp_hw.synthetic import Population

        first = [Finger.RIGHT_INDEX, Finger.LEFT_INDEX]
        others = [each for each in Finger if 1 <= each <= 10 and each not in first]
        self.positions: list[FingerPosition] = [*first, *others][:fingers]
        self.size = size
        self._once = size - again
        self._templates = templates
        self._population = Population(seed=1)

    def name(self, at: int) -> str:
        """Return the identifier of a person, which tells a second enrolment from the first."""
        return f"{at:08}" if at < self._once else f"{at - self._once:08} again"

    def last(self) -> tuple[str, str]:
        """Return the identifiers of the last first enrolment and of the last of all."""
        return self.name(self._once - 1), self.name(self.size - 1)

    def people(self, ats: range) -> list[Person]:
        """Return these of the people as they are enrolled."""
        origin = [at % self._once for at in ats]
        return self._made([self.name(at) for at in ats], origin, [at // self._once for at in ats])

    def probe(self, at: int) -> Person:
        """Return an enrolled person as he comes another time."""
        return self._made(["probe"], [at % self._once], [2])[0]

    def planted(self) -> set[frozenset[str]]:
        """Return the pairs of identifiers that are one person."""
        again = range(self._once, self.size)
        return {frozenset({self.name(at - self._once), self.name(at)}) for at in again}

    def _made(self, names: list[str], origin: list[int], touch: list[int]) -> list[Person]:
        from ektp_hw.gallery import Person

        width = len(self.positions)
        if self._templates:
            repeated = self._templates
            made = [repeated[(at + k) % len(repeated)] for at in origin for k in range(width)]
        else:
            made = self._population.templates(
                [at for at in origin for _ in range(width)],
                self.positions * len(origin),
                [each for each in touch for _ in range(width)],
            )
        return [
            Person(name, dict(zip(self.positions, made[k * width :], strict=False)))
            for k, name in enumerate(names)
        ]


@contextmanager
def people_at(folder: Path | None) -> Iterator[Gallery]:
    """Open the gallery in a folder, or one that is gone afterwards."""
    from ektp_hw.gallery import Gallery

    if folder is not None:
        with Gallery.open(folder) as gallery:
            yield gallery
        return
    with (
        tempfile.TemporaryDirectory(prefix="ektp-hw-bench-") as passing,
        Gallery.open(Path(passing) / "gallery") as gallery,
    ):
        yield gallery


def enrol(gallery: Gallery, people: People) -> None:
    """Enrol the people, unless the gallery holds them already.

    Raises
    ------
    click.UsageError
        If it holds others.
    """
    info = gallery.info()
    fingers = people.size * len(people.positions)
    if info.people and (info.people, info.templates) != (people.size, fingers):
        raise click.UsageError(
            f"the gallery in {info.path} has {info.people} people with {info.templates} fingers, "
            f"not {people.size} with {fingers}; name another folder"
        )
    if info.people and any(each not in gallery for each in people.last()):
        raise click.UsageError(
            f"the gallery in {info.path} has other duplicates; name another folder"
        )
    if info.people:
        return
    with console.progress("enrolling", people.size) as advance:
        for start in range(0, people.size, _BATCH):
            ats = range(start, min(start + _BATCH, people.size))
            gallery.enrol_all(people.people(ats))
            advance(len(ats))
