# SPDX-License-Identifier: Apache-2.0
"""Templates of millions of people who do not exist, without drawing a picture.

`SyntheticPerson` grows ridges and takes pictures, a tenth of a second each; a `Population` makes
the templates directly, thousands a second, and any one without the others::

    population = Population(seed=1)
    population.template(person=7, position=FingerPosition.RIGHT_INDEX, impression=1)
    for people, fingers in population.stream(range(1_000_000), (FingerPosition.RIGHT_INDEX,)):
        ...

`skin` draws the fingers, `prints` strews their minutiae, `touch` draws how they are put down and
`pressing` what our best extractor finds of that. How near all this comes to real templates,
``benchmarks/population_statistics.py`` measures. On another processor the last digit of a number
may differ, and with it, seldom, a minutia: hold populations of one machine against each other.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ektp_hw.samples import FingerPosition
from ektp_hw.synthetic.chances import keys_of
from ektp_hw.synthetic.pressing import press_prints
from ektp_hw.synthetic.prints import grow_prints
from ektp_hw.synthetic.skin import draw_skins
from ektp_hw.synthetic.touch import COUNTER, Difficulty, draw_touches
from ektp_hw.templates import FingerprintTemplate, RidgeFlow, flow_shape

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy.typing as npt

    from ektp_hw.synthetic.pressing import Found

__all__ = ["Population"]

_STREWING, _PRESSING = range(100, 102)
"""Steps of a path that neither `skin` nor `touch` takes."""
_TOGETHER = 128
"""Templates made in one go: their tables fit the cache."""


class Population:
    """People whose fingers exist as templates only.

    Parameters
    ----------
    seed
        Any number from 0; the same seed is the same people.
    difficulty
        How far touches of one finger differ: `touch.COUNTER`, `touch.COMPETITION` or your own.
        Fingers are the same under all of them.
    """

    def __init__(self, seed: int = 0, difficulty: Difficulty = COUNTER) -> None:
        self.seed = seed
        self.difficulty = difficulty

    def template(
        self, person: int, position: FingerPosition, impression: int = 0
    ) -> FingerprintTemplate:
        """Return one touch of one finger."""
        return self.templates([person], [position], impression)[0]

    def templates(
        self,
        people: npt.ArrayLike,
        positions: npt.ArrayLike,
        impressions: npt.ArrayLike = 0,
    ) -> list[FingerprintTemplate]:
        """Return one template for each triple of person, position and impression.

        Parameters
        ----------
        people, positions, impressions
            Whole numbers from 0, or one-dimensional arrays of them, as long as each other.

        Raises
        ------
        ValueError
            If a number is negative, a position is not one finger, or the lengths differ.
        """
        columns = np.broadcast_arrays(
            *(
                np.atleast_1d(np.asarray(each, np.int64))
                for each in (people, positions, impressions)
            )
        )
        if columns[0].ndim != 1 or any(each.min(initial=0) < 0 for each in columns):
            raise ValueError("people, positions and impressions are columns of numbers from 0")
        if columns[1].max(initial=0) > FingerPosition.LEFT_LITTLE:
            raise ValueError("a position is none of the ten fingers; ask for each finger by itself")
        made: list[FingerprintTemplate] = []
        for start in range(0, len(columns[0]), _TOGETHER):
            made += self._made(*(each[start : start + _TOGETHER] for each in columns))
        return made

    def stream(
        self,
        people: Sequence[int],
        positions: Sequence[FingerPosition],
        impression: int = 0,
        *,
        batch: int = 1024,
    ) -> Iterator[tuple[Sequence[int], list[list[FingerprintTemplate]]]]:
        """Yield batches of people and, for each, templates of these positions in their order."""
        for start in range(0, len(people), batch):
            part = people[start : start + batch]
            made = self.templates(
                np.repeat(np.asarray(part, np.int64), len(positions)),
                np.tile(np.asarray(positions, np.int64), len(part)),
                impression,
            )
            width = len(positions)
            yield part, [made[k * width : (k + 1) * width] for k in range(len(part))]

    def _made(
        self,
        people: npt.NDArray[np.int64],
        positions: npt.NDArray[np.int64],
        impressions: npt.NDArray[np.int64],
    ) -> list[FingerprintTemplate]:
        skins = draw_skins(self.seed, people, positions)
        prints = grow_prints(skins, keys_of(self.seed, people, _STREWING, positions))
        touches = draw_touches(skins, self.seed, people, positions, impressions, self.difficulty)
        keys = keys_of(self.seed, people, _PRESSING, positions, impressions)
        found = press_prints(prints, touches, keys, self.difficulty)
        return [_template(found, touches.sizes, row) for row in range(len(people))]


def _template(found: Found, sizes: npt.NDArray[np.int64], row: int) -> FingerprintTemplate:
    width, height = (int(side) for side in sizes[row])
    rows, columns = flow_shape(width, height)
    count = int(found.counts[row])
    x, y, direction, reliability = found.minutiae[row, :count].T
    flow = found.flow[row, :rows, :columns]
    return FingerprintTemplate.from_minutiae(
        x,
        y,
        direction,
        kind=found.kinds[row, :count],
        reliability=reliability,
        width=width,
        height=height,
        flow=RidgeFlow.from_fields(flow[:, :, 0], flow[:, :, 1]),
    )
