# SPDX-License-Identifier: Apache-2.0
"""Touches as tables of numbers: how each finger of `skin` is put down.

Placement and stretch are those of `geometry`, the contact area is that of `impression`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ektp_hw.synthetic.chances import keys_of, normals, uniforms
from ektp_hw.synthetic.pattern import HEIGHT, WIDTH
from ektp_hw.synthetic.skin import waves

if TYPE_CHECKING:
    import numpy.typing as npt

    from ektp_hw.synthetic.skin import Skins

    Floats = npt.NDArray[np.float64]

__all__ = ["COMPETITION", "COUNTER", "Difficulty", "Touches", "draw_touches"]

_SESSION, _TOUCH = range(50, 52)
"""Steps of a path that `skin` does not take."""


@dataclass(frozen=True)
class Difficulty:
    """How far touches of one finger differ, and how well they print.

    Parameters
    ----------
    rotation, shift, part
        Standard deviations: degrees; pixels on the picture (right, down); pixels of skin by which
        another part of the fingertip touches (right, down).
    careless, more
        Share of touches whose rotation, shift and part are ``more`` times as far from the usual.
    distortion
        How far skin slips: 1 is a usual careless touch.
    pressure
        Least and most: 0 is a light touch of small area, 1 a firm one.
    clarity
        Usual clarity of the ridges, 0 to 1.
    clarity_of_skin, clarity_of_touch
        Its standard deviations from finger to finger and from touch to touch of one finger.
    patchiness
        Standard deviation of the clarity within one touch.
    missed
        How often even a clear minutia is not found; how much more often one of no clarity.
    spurious
        False minutiae against those that the reliabilities say.
    jitter
        Standard deviation of a clear minutia's place in pixels, and of its direction in radians.
    pictures
        Widths and heights at 500 ppi of the sensors in use.
    """

    rotation: float
    shift: tuple[float, float]
    part: tuple[float, float]
    careless: float
    more: float
    distortion: float
    pressure: tuple[float, float]
    clarity: float
    clarity_of_skin: float
    clarity_of_touch: float
    patchiness: float
    missed: tuple[float, float]
    spurious: float
    jitter: tuple[float, float]
    pictures: tuple[tuple[int, int], ...]


COUNTER = Difficulty(
    rotation=7.0,
    shift=(14.0, 18.0),
    part=(17.0, 25.0),
    careless=0.2,
    more=2.6,
    distortion=0.6,
    pressure=(0.1, 1.0),
    clarity=0.66,
    clarity_of_skin=0.08,
    clarity_of_touch=0.08,
    patchiness=0.08,
    missed=(0.0, 0.25),
    spurious=1.0,
    jitter=(0.7, 0.045),
    pictures=((400, 500), (388, 374), (296, 560)),
)
"""A clerk helps: as in the better optical sets, FVC2002 DB1 and DB2."""

COMPETITION = Difficulty(
    rotation=11.0,
    shift=(20.0, 26.0),
    part=(22.0, 30.0),
    careless=0.35,
    more=2.4,
    distortion=0.7,
    pressure=(0.0, 1.0),
    clarity=0.62,
    clarity_of_skin=0.1,
    clarity_of_touch=0.12,
    patchiness=0.1,
    missed=(0.0, 0.25),
    spurious=1.0,
    jitter=(0.75, 0.05),
    pictures=((388, 374), (260, 492), (300, 300), (288, 384), (640, 480), (320, 355), (293, 469)),
)
"""People try to be difficult, on all kinds of sensors: as all of FVC2002 and FVC2004 together."""


@dataclass(frozen=True)
class Touches:
    """Touches, one a row.

    Parameters
    ----------
    sizes
        Width and height of the picture, (n, 2).
    placements
        As `geometry.Placement`, (n, 13): cosine and sine of the turn, picture centre (2), skin
        centre (2), sticking (2), drag (2), cosine of the twist less 1 and its sine, softness.
    contacts
        Centre (2) and half axes (2) of the skin that touches, (n, 4), and the waves of its rim,
        (n, k, 4).
    clarity, grime
        Clarity, (n,), and its waves over the picture, (n, k, 4).
    """

    sizes: npt.NDArray[np.int64]
    placements: Floats
    contacts: Floats
    rims: Floats
    clarity: Floats
    grime: Floats


def draw_touches(
    skins: Skins,
    seed: int,
    people: npt.NDArray[np.int64],
    positions: npt.NDArray[np.int64],
    impressions: npt.NDArray[np.int64],
    difficulty: Difficulty,
) -> Touches:
    """Draw how each finger is put down for that impression; all (n,)."""
    session = keys_of(seed, people, _SESSION, impressions)
    touch = keys_of(seed, people, _TOUCH, impressions, positions)
    same_day = normals(session, 1)[:, 0]
    of_sensor = uniforms(session ^ np.uint64(1), 1)[:, 0]
    normal, even = normals(touch, 10).T, uniforms(touch ^ np.uint64(2), 8).T
    sizes = np.array(difficulty.pictures)[(of_sensor * len(difficulty.pictures)).astype(np.int64)]
    far = np.where(even[0] < difficulty.careless, difficulty.more, 1.0)
    drag = 13 * difficulty.distortion * np.abs(normal[5]) * (0.5 + 0.7 * even[1])
    twist = np.deg2rad(np.clip(5 * normal[6], -11, 11)) * difficulty.distortion
    turn = np.deg2rad(difficulty.rotation) * far * normal[0]
    heading = 2 * np.pi * even[2]
    placements = (
        np.cos(turn),
        np.sin(turn),
        sizes[:, 0] / 2 + difficulty.shift[0] * far * normal[1],
        sizes[:, 1] / 2 + difficulty.shift[1] * far * normal[2],
        np.full(len(far), WIDTH / 2),
        np.full(len(far), HEIGHT / 2 + 5),
        35 + 25 * even[3],
        45 + 30 * even[4],
        drag * np.cos(heading),
        drag * np.sin(heading),
        np.cos(twist) - 1,
        np.sin(twist),
        np.full(len(far), 2.2),
    )
    least, most = difficulty.pressure
    grown = 0.68 + 0.32 * (least + (most - least) * even[5])
    contacts = (
        WIDTH / 2 + difficulty.part[0] * far * normal[3],
        HEIGHT / 2 + difficulty.part[1] * far * normal[4],
        0.415 * WIDTH * grown,
        0.44 * HEIGHT * grown,
    )
    of_touch = np.sqrt(0.5) * (same_day + normal[7])
    return Touches(
        sizes=sizes,
        placements=np.stack(placements, axis=1),
        contacts=np.stack(contacts, axis=1),
        rims=waves(touch ^ np.uint64(3), 3, (25.0, 90.0), 0.03),
        clarity=difficulty.clarity
        + difficulty.clarity_of_skin * skins.clarity
        + difficulty.clarity_of_touch * of_touch,
        grime=waves(touch ^ np.uint64(4), 5, (50.0, 200.0), difficulty.patchiness * np.sqrt(2 / 5)),
    )
