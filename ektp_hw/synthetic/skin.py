# SPDX-License-Identifier: Apache-2.0
"""Fingers as tables of numbers: what `population` knows of each before anything touches a sensor.

The orientation fields are made as in `pattern` (zero-pole model, bent angles, arching, sway), for
many fingers at once. How far they differ, how thick minutiae lie and which of a ridge's two ways
they point was fitted to real templates by ``benchmarks/population_statistics.py``.
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist
from typing import TYPE_CHECKING

import numpy as np

from ektp_hw.samples import FingerPosition
from ektp_hw.synthetic import pattern as shape
from ektp_hw.synthetic.chances import keys_of, normals, uniforms
from ektp_hw.synthetic.pattern import HEIGHT, WIDTH, Pattern
from ektp_hw.templates import FLOW_CELL

if TYPE_CHECKING:
    import numpy.typing as npt

    from ektp_hw.synthetic.chances import Keys

    Floats = npt.NDArray[np.float64]

__all__ = ["DENSITY", "Skins", "draw_skins", "waves"]

_BODY, _FINGER, _CLASS, _NORMAL, _UNIFORM, _SWAY, _PERIOD, _CROWDING, _LEANING = range(9)
_KIN = 0.5
"""Correlation of the inclination to arches, loops or whorls among the fingers of one person: ridge
counts correlate by 0.4 to 0.7 (S. B. Holt, "The genetics of dermal ridges", 1968)."""
_THUMBS = (FingerPosition.RIGHT_THUMB, FingerPosition.LEFT_THUMB)
_BROADER = 1.06
"""Ridges of a thumb against those of other fingers."""
_USUAL_PERIOD, _PERIOD_OF_BODY, _PERIOD_OF_FINGER = 8.9, 0.45, 0.3
"""Mean ridge distance in pixels at 500 ppi; its spread from person to person and from finger to
finger of one person."""
_PERIOD_WAVES = 0.05
"""Spread of the logarithm of the ridge distance within one finger, beside its usual course."""
_EXTENT = (WIDTH / 2, HEIGHT / 2, 170.0, 221.0)
"""Centre and half axes, in pixels, of the skin that any touch may show."""
DENSITY = 0.8 / FLOW_CELL**2
"""Usual number of minutiae on a square pixel of skin."""
_CROWD_OF_BODY, _CROWD_OF_FINGER = 0.2, 0.2
"""Spread of the logarithm of how many minutiae there are, between people and between fingers."""
_SWAYS = 5
_CORE_HEIGHT, _WIDE, _LOW = 0.48, 140.0, 200.0
"""Usual height of the core on the print (0 is its lower edge, 1 the upper), and how far beside and
below it the deltas lie: lower than in `pattern`, since real touches rarely show the flat ridges
below the deltas."""
_CORE_SPREAD = (42.0, 60.0)
"""Standard deviation of the core's place: which part of the fingertip people put down."""
_CALM = 0.2
"""Spread of deltas, bends and sways against that of `pattern`, whose fields differ more from each
other than those of real fingers: two of these agree about as far as two real strangers' do."""


@dataclass(frozen=True)
class Skins:
    """Fingers, one a row; positions in pixels of the master print, x to the right, y downwards.

    Parameters
    ----------
    pattern
        `Pattern` codes, (n,).
    points
        Cores and deltas, (n, 4, 9): 1 core, -1 delta or 0 none, x, y, where a core's ridges turn
        around, how much tighter than a pure pole, two amplitudes and two phases of the bend.
    arches
        How ridges fall off to both sides, (n, 8), see `_arches`.
    extent
        Centre (2) and half axes (2) of the skin that any touch may show, (4,).
    sways, period_waves, crowd_waves, lean_waves
        Slow waves, (n, k, 4), see `waves`: of the orientation, of the logarithm of the ridge
        distance, of the logarithm of the density, and of the way minutiae lean.
    period, courses
        Mean ridge distance, (n,), and the heights where it changes, (n, 2).
    wanted
        How many minutiae the whole fingertip has, (n,).
    clarity
        How well the skin prints, a standard normal deviate, (n,).
    """

    pattern: npt.NDArray[np.int64]
    points: Floats
    arches: Floats
    sways: Floats
    period: Floats
    courses: Floats
    period_waves: Floats
    wanted: Floats
    crowd_waves: Floats
    lean_waves: Floats
    clarity: Floats
    extent: Floats

    def __len__(self) -> int:
        return len(self.pattern)


def draw_skins(seed: int, people: npt.NDArray[np.int64], positions: npt.NDArray[np.int64]) -> Skins:
    """Draw the fingers of those people at those positions, (n,) each."""
    body = normals(keys_of(seed, people, _BODY), 4).T

    def part(which: int) -> Keys:
        return keys_of(seed, people, _FINGER, positions, which)

    own = normals(part(_CLASS) ^ np.uint64(1), 1)[:, 0]
    inclined = np.sqrt(_KIN) * body[3] + np.sqrt(1 - _KIN) * own
    drawn = _patterns(positions, inclined, uniforms(part(_CLASS), 1)[:, 0])
    normal, even = normals(part(_NORMAL), 24).T, uniforms(part(_UNIFORM), 36).T
    points = _points(drawn, normal[:16], even[:16])
    period = _USUAL_PERIOD + _PERIOD_OF_BODY * body[0] + _PERIOD_OF_FINGER * normal[16]
    crowd = _CROWD_OF_BODY * body[1] + _CROWD_OF_FINGER * normal[17]
    return Skins(
        pattern=drawn,
        points=points,
        arches=_arches(drawn, normal[18], even[16:24]),
        sways=waves(part(_SWAY), _SWAYS, (70.0, 320.0), 0.0007 * _CALM, by_length=True),
        period=period * np.where(np.isin(positions, _THUMBS), _BROADER, 1.0),
        courses=_courses(points),
        period_waves=waves(part(_PERIOD), 3, (60.0, 250.0), _PERIOD_WAVES * np.sqrt(2 / 3)),
        wanted=DENSITY * np.pi * _EXTENT[2] * _EXTENT[3] * np.exp(crowd),
        crowd_waves=waves(part(_CROWDING), 3, (80.0, 300.0), 0.2),
        lean_waves=waves(part(_LEANING), 3, (150.0, 600.0), 0.35),
        clarity=np.sqrt(0.5) * (body[2] + normal[19]),
        extent=np.array(_EXTENT),
    )


def waves(
    keys: Keys,
    count: int,
    lengths: tuple[float, float],
    amplitude: float,
    *,
    by_length: bool = False,
) -> Floats:
    """Draw slow waves: (n, count, 4), waves a pixel right and down (times 2 pi), phase, amplitude.

    Parameters
    ----------
    lengths
        Shortest and longest, in pixels.
    amplitude
        Standard deviation of the amplitudes; of amplitude to length, where ``by_length``.
    """
    even = uniforms(keys, 3 * count).reshape(-1, 3, count)
    heading, phase = 2 * np.pi * even[:, 0], 2 * np.pi * even[:, 1]
    length = lengths[0] + (lengths[1] - lengths[0]) * even[:, 2]
    size = amplitude * normals(keys ^ np.uint64(1), count) * (length if by_length else 1.0)
    turn = 2 * np.pi / length
    return np.stack((turn * np.cos(heading), turn * np.sin(heading), phase, size), axis=2)


def _patterns(
    positions: npt.NDArray[np.int64], inclined: Floats, side: Floats
) -> npt.NDArray[np.int64]:
    """Draw classes as often as `pattern.draw_pattern`, whorls where the inclination is highest."""
    right = (positions >= FingerPosition.RIGHT_THUMB) & (positions <= FingerPosition.RIGHT_LITTLE)
    left = (positions >= FingerPosition.LEFT_THUMB) & (positions <= FingerPosition.LEFT_LITTLE)
    to_left = side < np.where(right, 1 - shape.ULNAR, np.where(left, shape.ULNAR, 0.5))
    loops = np.where(to_left, Pattern.LEFT_LOOP, Pattern.RIGHT_LOOP)
    shares = np.cumsum((shape.ARCHES, shape.TENTED_ARCHES, shape.LOOPS))
    ends = [NormalDist().inv_cdf(float(share)) for share in shares]
    return np.select(
        [inclined < end for end in ends],
        [np.full(len(side), Pattern.ARCH), np.full(len(side), Pattern.TENTED_ARCH), loops],
        Pattern.WHORL,
    ).astype(np.int64)


def _points(drawn: npt.NDArray[np.int64], normal: Floats, even: Floats) -> Floats:
    """Place cores and deltas as `pattern.draw_singularities` does."""
    n = len(drawn)
    x = WIDTH / 2 + _CORE_SPREAD[0] * normal[0]
    up = _CORE_HEIGHT * HEIGHT + _CORE_SPREAD[1] * normal[1]
    normal = _CALM * normal
    wide, low, drop, other = 0.5 + _CALM * (even[:4] - 0.5)
    wide, low = _WIDE + 85 * (wide - 0.5), _LOW + 80 * (low - 0.5)
    other = 0.8 + 0.4 * other
    sway = 9 * normal[2]
    is_of = {each: drawn == each for each in Pattern}
    whorl, tented = is_of[Pattern.WHORL], is_of[Pattern.TENTED_ARCH]
    table = np.zeros((n, 4, 9))
    table[:, 0, 0] = np.where(is_of[Pattern.ARCH], 0, 1)
    table[:, 1, 0] = np.where(is_of[Pattern.ARCH], 0, -1)
    table[whorl, 2, 0], table[whorl, 3, 0] = 1, -1
    side = np.where(is_of[Pattern.LEFT_LOOP], wide, -wide)
    places = (
        (x, up),
        (x + np.where(tented, sway / 2, side), up - np.where(tented, 0.75 * low, low)),
        (x + sway, up - 12 - 45 * drop),
        (x + wide * other, up - low * (0.7 + 0.3 * other)),
    )
    crowns = np.zeros((n, 4))
    for each, crown in shape.CROWNS.items():
        crowns[is_of[each], 0 : 2 * len(crown) : 2] = crown
    for k, (across, height) in enumerate(places):
        table[:, k, 1], table[:, k, 2] = across, HEIGHT - height
        table[:, k, 3] = crowns[:, k]
        table[:, k, 4] = shape.BOW * (0.5 + 0.6 * even[4 + k]) * (table[:, k, 0] > 0)
        table[:, k, 5], table[:, k, 6] = 0.24 * normal[4 + 2 * k], 0.15 * normal[5 + 2 * k]
        table[:, k, 7:] = 2 * np.pi * even[8 + 2 * k : 10 + 2 * k].T
    return table


def _arches(drawn: npt.NDArray[np.int64], off: Floats, even: Floats) -> Floats:
    """Draw how ridges are arched, as `pattern` does.

    Strength, middle and softness of the tip, and for the class arch height, middle across, middle
    above, extent and width of the hump.
    """
    return np.stack(
        (
            0.6 + 0.5 * even[0],
            0.38 + 0.14 * even[1],
            0.09 + 0.07 * even[2],
            np.where(drawn == Pattern.ARCH, 0.6 + 0.6 * even[3], 0.0),
            0.1 * off,
            0.3 + 0.24 * even[4],
            0.17 + 0.11 * even[5],
            0.22 + 0.23 * even[6],
        ),
        axis=1,
    )


def _courses(points: Floats) -> Floats:
    """Return the heights (y) of the top core and the lowest delta, the usual ones for an arch."""
    cores = np.where(points[:, :, 0] > 0, points[:, :, 2], np.inf).min(axis=1)
    deltas = np.where(points[:, :, 0] < 0, points[:, :, 2], -np.inf).max(axis=1)
    return np.stack(
        (
            np.where(np.isfinite(cores), cores, 0.44 * HEIGHT),
            np.where(np.isfinite(deltas), deltas, 0.7 * HEIGHT),
        ),
        axis=1,
    )
