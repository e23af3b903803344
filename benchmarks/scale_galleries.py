# SPDX-License-Identifier: Apache-2.0
"""Galleries of synthetic people for `gallery_scale.py`: what is in one follows from its recipe.

Person k is enrolled as ``p<k>`` by touch 0. Where duplicates are planted, every so many people one
is enrolled once more, as ``d<k>`` by touch 1. Real fingers, where wanted, are hidden among them as
``r:<set>:<finger>`` by their first picture. Probes are touch 2 of people who are enrolled, touch 0
of people who are not, and the other pictures of the real fingers.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from time import perf_counter

import numpy as np
from population_statistics import real_sets

from ektp_hw.gallery import Gallery, Person
from ektp_hw.samples import FingerPosition
from ektp_hw.synthetic import COMPETITION, COUNTER, Population

DIFFICULTIES = {"counter": COUNTER, "competition": COMPETITION}
HANDS = {
    "one": (FingerPosition.RIGHT_INDEX,),
    "two": (FingerPosition.RIGHT_INDEX, FingerPosition.LEFT_INDEX),
    "ten": tuple(FingerPosition(code) for code in range(1, 11)),
}
STRANGERS_FROM = 1_000_000_000
"""People from this number on are never enrolled."""
BATCH = 1000
"""People enrolled in one go."""


@dataclass(frozen=True)
class Recipe:
    """What a gallery is made of; ``real`` is the folder of the FVC sets, or empty."""

    people: int
    hand: str = "one"
    difficulty: str = "counter"
    duplicate_every: int = 0
    real: str = ""
    seed: int = 20

    @property
    def fingers(self):
        return HANDS[self.hand]

    @property
    def planted(self):
        """How many people are enrolled twice."""
        return -(-self.people // self.duplicate_every) if self.duplicate_every else 0

    def persons(self, people, touch, letter):
        """Make those people one after the other, as the gallery takes them."""
        population = Population(self.seed, DIFFICULTIES[self.difficulty])
        for part, made in population.stream(people, self.fingers, touch, batch=128):
            for number, templates in zip(part, made, strict=True):
                yield Person(f"{letter}{number}", dict(zip(self.fingers, templates, strict=True)))

    def mates(self, count):
        """Return the identifiers and, one after the other, the probes of so many enrolled people.

        They are spread evenly over the gallery.
        """
        chosen = np.unique(np.linspace(0, self.people - 1, count).astype(np.int64))
        return [f"p{number}" for number in chosen], self.persons(chosen, 2, "probe of p")

    def strangers(self, count):
        """Make probes of people who are not enrolled, one after the other."""
        return self.persons(STRANGERS_FROM + np.arange(count), 0, "stranger ")


class ScaleFolder:
    """A folder with a gallery, the recipe that it was made by, and the real templates in it."""

    def __init__(self, path):
        self.path = Path(path)
        self.recipe_file = self.path / "recipe.json"

    @property
    def recipe(self):
        return Recipe(**json.loads(self.recipe_file.read_text(encoding="utf-8")))

    def open(self, *, read_only=True):
        return Gallery.open(self.path / "gallery", read_only=read_only)

    def real_fingers(self, recipe):
        """Return {identifier: templates of all pictures of a real finger, as persons}."""
        if not recipe.real:
            return {}
        if len(recipe.fingers) != 1:
            raise SystemExit("real fingers are hidden in galleries of one finger a person only")
        sets = real_sets(Path(recipe.real), self.path / "real_templates")
        return {
            f"r:{name}:{finger}": [
                Person(f"probe of {name} {finger} {k}", {recipe.fingers[0]: each})
                for k, each in enumerate(templates)
            ]
            for name, fingers in sets.items()
            for finger, templates in fingers.items()
        }

    def grow(self, recipe, tell=None):
        """Enrol what the recipe says and is not there yet; return figures of the enrolment."""
        self.path.mkdir(parents=True, exist_ok=True)
        made = enrolled = 0.0
        begun = self.recipe.people if self.recipe_file.exists() else 0
        if begun and replace(self.recipe, people=recipe.people) != recipe:
            raise SystemExit(f"{self.path} holds a gallery by another recipe; take another folder")
        with self.open(read_only=False) as gallery:
            if not begun:
                gallery.enrol_all(
                    Person(name, touches[0].fingers)
                    for name, touches in self.real_fingers(recipe).items()
                    if name not in gallery
                )
            for start in range(begun, recipe.people, BATCH):
                numbers = np.arange(start, min(start + BATCH, recipe.people))
                if f"p{start}" in gallery:  # broken off between enrolling and taking note
                    continue
                clock = perf_counter()
                people = list(recipe.persons(numbers, 0, "p"))
                if recipe.duplicate_every:
                    twice = numbers[numbers % recipe.duplicate_every == 0]
                    people += recipe.persons(twice, 1, "d")
                made, clock = made + perf_counter() - clock, perf_counter()
                gallery.enrol_all(people)
                enrolled += perf_counter() - clock
                done = replace(recipe, people=int(numbers[-1]) + 1)
                self.recipe_file.write_text(json.dumps(asdict(done)), encoding="utf-8")
                if tell:
                    tell(done.people, recipe.people)
        fingers = (recipe.people - begun) * len(recipe.fingers)
        size = sum(each.stat().st_size for each in self.path.rglob("*") if each.is_file())
        return {
            "people": recipe.people,
            "fingers a person": len(recipe.fingers),
            "planted duplicates": recipe.planted,
            "made, templates/s": fingers / max(made, 1e-9),
            "enrolled, fingers/s": fingers / max(enrolled, 1e-9),
            "bytes on disk a finger": size / max(recipe.people * len(recipe.fingers), 1),
        }
