# SPDX-License-Identifier: Apache-2.0
"""Master prints as tables: minutiae strewn on the flow of their finger's ridges.

No ridge is drawn. Candidates are thrown on the skin one after the other and kept by how thick
minutiae lie there and how near the ones already there are: a soft core process, as S. C. Dass,
Y. Zhu and A. K. Jain fitted to fingerprints ("Validating a biometric authentication system: sample
size requirements", IEEE TPAMI 28(12), 2006), with the distances of real templates. A minutia
points along its ridge, one way or the other; real ones lean one way, and neighbours the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ektp_hw.jit import kernel
from ektp_hw.synthetic.chances import uniforms
from ektp_hw.synthetic.pattern import HEIGHT, WIDTH
from ektp_hw.templates import FLOW_CELL, MinutiaKind

if TYPE_CHECKING:
    import numpy.typing as npt

    from ektp_hw.synthetic.chances import Keys
    from ektp_hw.synthetic.skin import Skins

    Floats = npt.NDArray[np.float64]
    Grid = npt.NDArray[np.float32]

__all__ = ["MOST_MINUTIAE", "Prints", "grow_prints", "orientation_at", "swell"]

MOST_MINUTIAE = 200
"""On one whole fingertip."""
_CANDIDATES = 1000
"""Thrown for each finger; about a quarter of them are kept."""
_AROUND_CORE, _CORE_REACH = 0.5, 45.0
"""How much thicker minutiae lie at a core or delta, and how far that reaches (pixels)."""
_USUAL_CHANCE = 0.5
"""That a candidate with room is kept where minutiae lie as thick as usual."""
_FREE, _TIGHT = 6.5, 13.0
"""Pixels: nearer to another than the first no minutia is kept, beyond the second every one; between
them the chance rises evenly."""
_LEANING, _DOWN = 0.85, -np.pi / 2
"""How strongly minutiae lean, 0 to 1, and which way they do as a rule."""
_ENDINGS = 0.6
"""Share of ridge endings among minutiae; the rest are bifurcations."""


@dataclass(frozen=True)
class Prints:
    """Master prints, one a row, in pixels at 500 ppi, y downwards.

    Parameters
    ----------
    counts
        Number of minutiae, (n,).
    minutiae
        x, y and direction (as in `FingerprintTemplate`), (n, MOST_MINUTIAE, 3).
    kinds
        `MinutiaKind` codes, (n, MOST_MINUTIAE).
    flow
        Cosine and sine of twice the orientation, and the ridge distance, at the corners of squares
        of `FLOW_CELL` pixels, (n, rows, columns, 3).
    """

    counts: npt.NDArray[np.int64]
    minutiae: Floats
    kinds: npt.NDArray[np.uint8]
    flow: Floats


def grow_prints(skins: Skins, keys: Keys) -> Prints:
    """Strew the minutiae of each finger and evaluate its flow."""
    n = len(skins)
    counts, minutiae = np.zeros(n, np.int64), np.zeros((n, MOST_MINUTIAE, 3))
    _strew(
        skins.points,
        skins.crowd_waves,
        skins.wanted,
        uniforms(keys, 3 * _CANDIDATES).reshape(n, _CANDIDATES, 3),
        skins.extent,
        np.array((_USUAL_CHANCE, _AROUND_CORE, _CORE_REACH, _FREE, _TIGHT)),
        counts,
        minutiae,
    )
    even = uniforms(keys ^ np.uint64(1), 2 * MOST_MINUTIAE).reshape(n, 2, MOST_MINUTIAE)
    used = int(counts.max(initial=0))
    minutiae[:, :used, 2] = _directions(skins, minutiae[:, :used], even[:, 0, :used])
    endings = even[:, 1] < _ENDINGS
    kinds = np.where(endings, MinutiaKind.ENDING, MinutiaKind.BIFURCATION).astype(np.uint8)
    return Prints(counts, minutiae, kinds, _flow(skins))


def _directions(skins: Skins, minutiae: Floats, even: Floats) -> Grid:
    x, y = minutiae[:, :, 0].astype(np.float32), minutiae[:, :, 1].astype(np.float32)
    along = orientation_at(skins, x, y)
    lean = _DOWN + swell(skins.lean_waves, x, y)
    forwards = even < 0.5 + 0.5 * _LEANING * np.cos(along - lean)
    return np.asarray(np.mod(np.where(forwards, along, along + np.pi), 2 * np.pi), np.float32)


def _flow(skins: Skins) -> Floats:
    rows, columns = HEIGHT // FLOW_CELL + 1, WIDTH // FLOW_CELL + 1
    steps = FLOW_CELL * np.arange(max(rows, columns), dtype=np.float32)
    x, y = (each.reshape(1, -1) for each in np.meshgrid(steps[:columns], steps[:rows]))
    twice = 2 * orientation_at(skins, x, y)
    # Ridges lie wider apart above the top core and below the lowest delta.
    top, bottom = skins.courses.astype(np.float32).T[:, :, None]
    course = 0.95 + 0.09 / (1 + np.exp((y - top + 50) / 20))
    course += 0.13 / (1 + np.exp((bottom - y + 10) / 20))
    period = skins.period[:, None] * course * np.exp(swell(skins.period_waves, x, y))
    table = np.stack((np.cos(twice), np.sin(twice), period), axis=2)
    return table.reshape(len(skins), rows, columns, 3)


def swell(waves: Floats, x: Grid, y: Grid) -> Grid:
    """Sum up the waves (`skin.waves`) of each row at the places of that row, (n, m)."""
    total = np.zeros(np.broadcast_shapes((len(waves), 1), x.shape), np.float32)
    for k in range(waves.shape[1]):
        right, down, phase, size = waves[:, k].astype(np.float32).T[:, :, None]
        total += size * np.sin(right * x + down * y + phase)
    return total


def orientation_at(skins: Skins, x: Grid, y: Grid) -> Grid:
    """Evaluate the fields of `pattern.orientation_field`; radians counter-clockwise, not wrapped.

    Parameters
    ----------
    x, y
        Places of the master prints, (n, m), or (1, m) for the same places of each.
    """
    up = np.float32(np.pi / 2)
    turns = np.zeros(np.broadcast_shapes((len(skins), 1), x.shape), np.float32)
    for k in range(skins.points.shape[1]):
        sign, at_x, at_y, crown, bow, *bend = skins.points[:, k].astype(np.float32).T[:, :, None]
        some = np.flatnonzero(sign)
        if not len(some):
            continue
        angle = np.arctan2(at_y - y, x - at_x)
        turns += bow * (np.sin(angle - crown) - np.sin(up - crown))
        turns += sign * (
            angle
            + bend[0] * (np.sin(angle + bend[2]) - np.sin(up + bend[2]))
            + bend[1] * (np.sin(2 * angle + bend[3]) - np.sin(2 * up + bend[3]))
        )
    bent = turns / 2 - _slope(skins, x, y) + swell(skins.sways, x, y)
    return np.asarray(bent, np.float32)


def _slope(skins: Skins, x: Grid, y: Grid) -> Grid:
    """Return how ridges rise to the middle and fall from it, as `pattern` arches its fields."""
    strength, middle, soft, height, centre, above, extent, width = skins.arches.astype(
        np.float32
    ).T[:, :, None]
    across, up = x / (WIDTH / 2) - 1, 1 - y / HEIGHT
    tip = strength / (1 + np.exp(-(up - middle) / soft))
    slope = tip * np.sin(np.clip(across, -1.2, 1.2) * np.float32(np.pi / 2.4))
    humped = np.flatnonzero(height)
    if len(humped):
        t = ((across - centre) / width)[humped]
        hump = np.exp(0.5 * (1 - t * t) - ((up - above) / extent)[humped] ** 2)
        slope[humped] += height[humped] * t * hump
    return np.asarray(slope, np.float32)


@kernel
def _thickness(
    points: Floats, waves: Floats, x: float, y: float, more: float, reach: float
) -> float:
    """Return how thick minutiae lie, 1 as usual."""
    thick = 1.0
    for k in range(points.shape[0]):
        if points[k, 0] != 0.0:
            squared = (x - points[k, 1]) ** 2 + (y - points[k, 2]) ** 2
            thick += more * np.exp(-0.5 * squared / reach**2)
    swell = 0.0
    for k in range(waves.shape[0]):
        swell += waves[k, 3] * np.sin(waves[k, 0] * x + waves[k, 1] * y + waves[k, 2])
    return float(thick * np.exp(swell))


@kernel
def _room(minutiae: Floats, count: int, x: float, y: float, free: float, tight: float) -> float:
    """Return the chance that a minutia arises so near to the others."""
    room = 1.0
    for k in range(count):
        dx, dy = minutiae[k, 0] - x, minutiae[k, 1] - y
        squared = dx * dx + dy * dy
        if squared < tight * tight:
            room *= max((np.sqrt(squared) - free) / (tight - free), 0.0)
    return room


@kernel
def _strew(
    points: Floats, waves: Floats, wanted: Floats, chance: Floats, extent: Floats, rule: Floats,
    counts: npt.NDArray[np.int64], minutiae: Floats,
) -> None:  # fmt: skip
    for i in range(counts.shape[0]):
        count = 0
        for j in range(chance.shape[1]):
            if count >= wanted[i] or count == minutiae.shape[1]:
                break
            u, v = 2 * chance[i, j, 0] - 1, 2 * chance[i, j, 1] - 1
            if u * u + v * v > 1:
                continue
            x, y = extent[0] + u * extent[2], extent[1] + v * extent[3]
            chances = rule[0] * _room(minutiae[i], count, x, y, rule[3], rule[4])
            chances *= _thickness(points[i], waves[i], x, y, rule[1], rule[2])
            if chance[i, j, 2] < chances:
                minutiae[i, count, 0], minutiae[i, count, 1] = x, y
                count += 1
        counts[i] = count
