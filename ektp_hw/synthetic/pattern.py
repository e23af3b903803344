# SPDX-License-Identifier: Apache-2.0
"""Pattern classes and their orientation fields.

The field is the zero-pole model of Sherlock and Monro (1993), half the angles seen from the cores
minus half those seen from the deltas, with two continuous additions that leave the singularities
where they are: each angle is bent by a short Fourier series (the smooth cousin of the piecewise
linear correction of Vizcaya and Gerhardt, 1996), and the whole field is arched, because ridges
fall off to both sides of a fingertip and lie flat at the joint.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING

import numpy as np

from ektp_hw.samples import FingerPosition

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = [
    "ARCHES",
    "BOW",
    "CROWNS",
    "HEIGHT",
    "LOOPS",
    "TENTED_ARCHES",
    "ULNAR",
    "WIDTH",
    "Pattern",
    "Singularities",
    "draw_pattern",
    "draw_singularities",
    "orientation_field",
]

WIDTH, HEIGHT = 352, 448
"""Size of a master print in pixels at 500 ppi: 17.9 mm by 22.8 mm of skin."""


class Pattern(IntEnum):
    """The five classes of Henry's system as automatic systems use them."""

    ARCH = 0
    TENTED_ARCH = 1
    LEFT_LOOP = 2
    RIGHT_LOOP = 3
    WHORL = 4


ARCHES, TENTED_ARCHES, LOOPS = 0.037, 0.029, 0.655
"""Natural shares of the classes; whorls are the rest (Wilson, Candela and Watson, 1994)."""
ULNAR = 0.94
"""Share of loops that open to the little finger (Cummins and Midlo, 1943)."""


def draw_pattern(position: FingerPosition, rng: np.random.Generator) -> Pattern:
    """Draw a class at its natural frequency; loops open to the little finger as a rule."""
    chance, side = rng.random(2)
    if chance < ARCHES:
        return Pattern.ARCH
    if chance < ARCHES + TENTED_ARCHES:
        return Pattern.TENTED_ARCH
    if chance >= ARCHES + TENTED_ARCHES + LOOPS:
        return Pattern.WHORL
    if FingerPosition.RIGHT_THUMB <= position <= FingerPosition.RIGHT_LITTLE:
        left = 1 - ULNAR
    elif FingerPosition.LEFT_THUMB <= position <= FingerPosition.LEFT_LITTLE:
        left = ULNAR
    else:
        left = 0.5
    return Pattern.LEFT_LOOP if side < left else Pattern.RIGHT_LOOP


CROWNS = {
    Pattern.ARCH: (),
    Pattern.TENTED_ARCH: (np.pi / 2,),
    Pattern.LEFT_LOOP: (0.27 * np.pi,),
    Pattern.RIGHT_LOOP: (0.73 * np.pi,),
    Pattern.WHORL: (np.pi / 2, -np.pi / 2),
}
"""Where each core's ridges turn around, in radians; opposite to it they leave side by side."""
BOW = 0.6
"""How much tighter than a pure pole the crown turns (0: ridges leave the core like a fan)."""


@dataclass(frozen=True)
class Singularities:
    """Cores and deltas as complex numbers x + i y, in pixels, y upwards from the lower edge."""

    cores: tuple[complex, ...]
    deltas: tuple[complex, ...]


def draw_singularities(pattern: Pattern, rng: np.random.Generator) -> Singularities:
    """Place the cores and deltas of one finger of the class."""
    core = complex(WIDTH / 2 + rng.normal(0, 12), 0.56 * HEIGHT + rng.normal(0, 18))
    wide, low = rng.uniform(60, 145), rng.uniform(70, 150)
    sway, drop, other = rng.normal(0, 9), rng.uniform(0, 1), rng.uniform(0.8, 1.2)
    if pattern is Pattern.ARCH:
        return Singularities((), ())
    if pattern is Pattern.TENTED_ARCH:
        return Singularities((core,), (core + complex(sway / 2, -0.75 * low),))
    if pattern is Pattern.LEFT_LOOP:
        return Singularities((core,), (core + complex(wide, -low),))
    if pattern is Pattern.RIGHT_LOOP:
        return Singularities((core,), (core + complex(-wide, -low),))
    lower = core + complex(sway, -(12 + 45 * drop))
    return Singularities(
        (core, lower),
        (core + complex(-wide, -low), core + complex(wide * other, -low * (0.7 + 0.3 * other))),
    )


def orientation_field(
    pattern: Pattern,
    singularities: Singularities,
    rng: np.random.Generator,
    *,
    step: int = 1,
) -> npt.NDArray[np.float64]:
    """Return the ridges' orientation in radians modulo pi, counter-clockwise as seen.

    Parameters
    ----------
    step
        Pixels at 500 ppi between two points of the field; its shape is the master's divided by it.
    """
    y, x = np.mgrid[0:HEIGHT:step, 0:WIDTH:step].astype(np.float64)
    z = x + 1j * (HEIGHT - y)
    turns = np.zeros(x.shape)
    for sign, points in ((1.0, singularities.cores), (-1.0, singularities.deltas)):
        for k, point in enumerate(points):
            angle = np.angle(z - point)
            if sign > 0:
                crown, bow = CROWNS[pattern][k], rng.uniform(0.5, 1.1) * BOW
                turns += bow * (np.sin(angle - crown) - np.sin(np.pi / 2 - crown))
            bend, phase = rng.normal(0, (0.24, 0.15)), rng.uniform(0, 2 * np.pi, 2)
            turns += sign * (
                angle
                + bend[0] * (np.sin(angle + phase[0]) - np.sin(np.pi / 2 + phase[0]))
                + bend[1] * (np.sin(2 * angle + phase[1]) - np.sin(np.pi + phase[1]))
            )
    across = (x - WIDTH / 2) / (WIDTH / 2)
    up = 1 - y / HEIGHT
    return np.mod(turns / 2 + _arching(pattern, across, up, rng) + _sway(x, y, rng), np.pi)


def _arching(
    pattern: Pattern,
    across: npt.NDArray[np.float64],
    up: npt.NDArray[np.float64],
    rng: np.random.Generator,
) -> npt.NDArray[np.float64]:
    """Ridges rise from the left edge and fall to the right one, more so nearer to the tip."""
    strength = rng.uniform(0.6, 1.1)
    tip = 1 / (1 + np.exp(-(up - rng.uniform(0.38, 0.52)) / rng.uniform(0.09, 0.16)))
    slope = strength * tip * np.sin(np.clip(across, -1.2, 1.2) * np.pi / 2.4)
    if pattern is Pattern.ARCH:
        centre, height = rng.normal(0, 0.1), rng.uniform(0.6, 1.2)
        hump = np.exp(-(((up - rng.uniform(0.3, 0.54)) / rng.uniform(0.17, 0.28)) ** 2))
        t = (across - centre) / rng.uniform(0.22, 0.45)
        slope = slope + height * hump * t * np.exp(0.5 * (1 - t * t))
    return -slope


def _sway(
    x: npt.NDArray[np.float64], y: npt.NDArray[np.float64], rng: np.random.Generator
) -> npt.NDArray[np.float64]:
    """Give each finger its own slow waviness, a few degrees."""
    total = np.zeros(x.shape)
    for _ in range(10):
        heading, phase = rng.uniform(0, 2 * np.pi, 2)
        length = rng.uniform(70, 320)
        wave = 2 * np.pi / length
        total += rng.normal(0, 0.0005 * length) * np.sin(
            wave * (np.cos(heading) * x + np.sin(heading) * y) + phase
        )
    return total
