# SPDX-License-Identifier: Apache-2.0
"""Every constant of finding a finger among many, with its unit and its reason.

``benchmarks/cascade_loss.py`` measured them: mates lost against share of the gallery kept, on
FVC2002 and FVC2004 among strangers of `synthetic.Population`.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["SURROUNDINGS", "SurroundingsParameters"]


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


SURROUNDINGS = SurroundingsParameters()
