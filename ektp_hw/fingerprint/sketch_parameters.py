# SPDX-License-Identifier: Apache-2.0
"""Every constant of finding a finger among many, with its unit and its reason.

``benchmarks/cascade_loss.py`` measured them: mates lost against share of the gallery kept, on
FVC2002 and FVC2004 among strangers of `synthetic.Population`.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = [
    "GLANCE",
    "GLIMPSE",
    "SOFTNESS",
    "SURROUNDINGS",
    "UNIT",
    "GlanceParameters",
    "GlimpseParameters",
    "SurroundingsParameters",
]


@dataclass(frozen=True)
class SurroundingsParameters:
    """What is seen around a minutia; lengths in pixels at 500 ppi.

    The radius decides most: at 120 pixels the bits of two minutiae tell more about each other, but
    prints that overlap little are lost three times as often, because their minutiae lie near the
    rim; at 60 there are too few neighbours.
    """

    radius: float = 70.0
    """Reach of the surroundings, about eight ridge periods."""
    cells: int = 8
    """Cells along the diameter; the 52 of 64 whose middle lies in the disc are used."""
    bands: int = 6
    """Bands of direction difference."""
    position_spread: float = 9.0
    """Standard deviation of a minutia's place, one ridge period."""
    direction_spread: float = 0.5
    """Standard deviation of a direction difference, radians."""
    most_trust: float = 1.5
    """A minutia contributes as much as it is trusted (1 = the template's mean), at most this."""
    steps: int = 16
    """Of the square root of a contribution of 1: roots, because a second minutia in a cell says
    less than the first, and whole numbers, so that the bits are the same on every machine."""
    most_steps: int = 31
    """Products with weights of 7 bits, summed over all numbers, then stay below 2^24, which single
    precision counts exactly."""

    @property
    def numbers(self) -> int:
        """How many describe one minutia."""
        along = [(k + 0.5) * 2 / self.cells - 1 for k in range(self.cells)]
        return sum(x * x + y * y <= 1 for x in along for y in along) * self.bands


@dataclass(frozen=True)
class GlimpseParameters:
    """How half of each code is compared, without geometry (``native/src/glimpse.h``)."""

    minutiae: int = 32
    """Of the probe that count: all."""
    reach: int = 20
    """Bits that differ at which two minutiae are no more alike: of 64, another minutia has 32 on
    average, and the nearest of 32 others 22."""


@dataclass(frozen=True)
class GlanceParameters:
    """How two sketches are compared (``native/src/sketch.h``)."""

    reach: int = 50
    """Bits that differ at which two minutiae are no more alike: of 128, the same minutia has 27 on
    average, another 63. What is nearer than that by chance, the geometry sorts out."""
    turn: int = 12
    """1/256 of a turn: how far minutiae laid on each other may differ in direction, 17 degrees."""
    place_first: int = 12
    """Units: how far they may lie apart before the shift is known well, nearly three ridge periods
    ..."""
    place: int = 7
    """... and after, one and a half: skin stretches."""


SURROUNDINGS = SurroundingsParameters()
GLIMPSE = GlimpseParameters()
GLANCE = GlanceParameters()
UNIT = 2.0
"""Pixels at 500 ppi of a sketch's coordinates: 256 of them cover an inch."""
SOFTNESS = 0.3
"""How fast a word's share falls with half the squared distance from the minutia, where distances
are measured by how far the same minutia moves: two of three minutiae change their nearest word from
touch to touch, so that several must count."""
