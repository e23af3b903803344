# SPDX-License-Identifier: Apache-2.0
"""What an extractor finds of a touched print: minutiae moved, missed, mistaken and made up.

The reliability of a minutia says how probably it is true; the same number, from the clarity around,
the distance to the edge and chance, decides here how often true ones are missed and how many false
ones lie between them, so that the reliabilities hold what they say.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ektp_hw.jit import kernel
from ektp_hw.synthetic.chances import uniforms
from ektp_hw.synthetic.prints import MOST_MINUTIAE
from ektp_hw.synthetic.skin import DENSITY
from ektp_hw.templates import FLOW_CELL, MAX_MINUTIAE, flow_shape

if TYPE_CHECKING:
    import numpy.typing as npt

    from ektp_hw.synthetic.chances import Keys
    from ektp_hw.synthetic.prints import Prints
    from ektp_hw.synthetic.touch import Difficulty, Touches

    Floats = npt.NDArray[np.float64]

__all__ = ["Found", "press_prints"]

_FALSE = 160
"""Places looked at for false minutiae, strewn over the contact area and a little around it."""
_SPREAD = 1.1
"""Half sides of the rectangle they are strewn on, in half axes of the contact area."""
_BORDER, _FULL_BORDER = 10.0, 40.0
"""Pixels from the edge within which no minutia is told, and beyond which the edge is not felt."""
_SLOPE, _OFFSET, _VARIED = 4.0, 0.6, 1.25
"""Log-odds of a minutia's reliability: slope times clearness, offset, and the standard deviation of
what is its own; as the learned extractor tells them."""
_MOST_CLEAR = 0.86
_APART = 7.5
"""Pixels: a false minutia nearer than that to another is taken for a smear, and not told."""
_OTHER_KIND = 0.12
"""Share of minutiae told as of the other kind where the print is clear; more where it is not."""
_FLOW_JITTER, _PERIOD_JITTER = 0.035, 0.06
"""Errors of a flow cell's orientation (radians) and of the logarithm of its ridge distance."""


@dataclass(frozen=True)
class Found:
    """What is found on each touch; rows as in `Touches`.

    Parameters
    ----------
    counts
        Number of minutiae, (n,).
    minutiae
        x, y, direction and reliability, (n, MAX_MINUTIAE, 4).
    kinds
        (n, MAX_MINUTIAE).
    flow
        Orientation and period of each cell, NaN where nothing is seen, (n, rows, columns, 2); of
        the largest picture, the smaller ones' in the upper left.
    """

    counts: npt.NDArray[np.int64]
    minutiae: Floats
    kinds: npt.NDArray[np.uint8]
    flow: Floats


def press_prints(prints: Prints, touches: Touches, keys: Keys, difficulty: Difficulty) -> Found:
    """Find what an extractor would on each touch."""
    n = len(keys)
    widest, highest = np.max(difficulty.pictures, axis=0)
    rows, columns = flow_shape(int(widest), int(highest))
    found = Found(
        np.zeros(n, np.int64),
        np.zeros((n, MAX_MINUTIAE, 4)),
        np.zeros((n, MAX_MINUTIAE), np.uint8),
        np.full((n, rows, columns, 2), np.nan),
    )
    tried = MOST_MINUTIAE + _FALSE
    chance = uniforms(keys, 10 * tried).reshape(n, tried, 10)
    errors = uniforms(keys ^ np.uint64(1), 4 * rows * columns).reshape(n, rows, columns, 4)
    edge = np.array((_BORDER, _FULL_BORDER))
    trust = np.array((_SLOPE, _OFFSET, _MOST_CLEAR, _VARIED))
    knobs = np.array((*difficulty.missed, difficulty.spurious, *difficulty.jitter, _OTHER_KIND))
    falses = DENSITY * (2 * _SPREAD) ** 2 * touches.contacts[:, 2:].prod(axis=1) / _FALSE
    _press(prints.counts, prints.minutiae, prints.kinds, prints.flow, touches.sizes,
           touches.placements, touches.contacts, touches.rims, touches.clarity, touches.grime,
           chance, falses, edge, trust, knobs, float(FLOW_CELL), _SPREAD, _APART,
           found.counts, found.minutiae, found.kinds)  # fmt: skip
    _see(prints.flow, touches.sizes, touches.placements, touches.contacts, touches.rims,
         touches.clarity, touches.grime, errors, np.array((_FLOW_JITTER, _PERIOD_JITTER)),
         float(FLOW_CELL), found.flow)  # fmt: skip
    return found


@kernel
def _swell(waves: Floats, x: float, y: float) -> float:
    total = 0.0
    for k in range(waves.shape[0]):
        total += waves[k, 3] * np.sin(waves[k, 0] * x + waves[k, 1] * y + waves[k, 2])
    return total


@kernel
def _to_master(place: Floats, x: float, y: float) -> tuple[float, float]:
    """As `geometry.Placement.to_master`."""
    right, down = x - place[2], y - place[3]
    u, v = place[0] * right - place[1] * down, place[1] * right + place[0] * down
    reach = np.sqrt((u / place[6]) ** 2 + (v / place[7]) ** 2) - 1
    slip = 0.5 - 0.5 * np.cos(np.pi * min(max(reach / place[12], 0.0), 1.0))
    return (
        place[4] + u + slip * (place[10] * u - place[11] * v + place[8]),
        place[5] + v + slip * (place[11] * u + place[10] * v + place[9]),
    )


@kernel
def _to_picture(place: Floats, u: float, v: float) -> tuple[float, float]:
    """As `geometry.Placement.to_picture`, to a thirtieth of a pixel."""
    c, s = place[0], place[1]
    x, y = place[2], place[3]
    for _ in range(25):
        at_u, at_v = _to_master(place, x, y)
        du, dv = u - at_u, v - at_v
        x += c * du + s * dv
        y += c * dv - s * du
        if du * du + dv * dv < 1e-3:
            break
    return x, y


@kernel
def _turned(place: Floats, x: float, y: float, angle: float) -> float:
    """As `geometry.Placement.turn_direction`, radians, not wrapped."""
    u, v = _to_master(place, x, y)
    right_u, right_v = _to_master(place, x + 1, y)
    down_u, down_v = _to_master(place, x, y + 1)
    a, b, c, d = right_u - u, down_u - u, right_v - v, down_v - v
    along, below = np.cos(angle), -np.sin(angle)
    return float(np.arctan2(c * along - a * below, d * along - b * below))


@kernel
def _depth(contact: Floats, rim: Floats, x: float, y: float) -> float:
    """Return about how many pixels inside the contact area of `impression` a place of skin is."""
    u, v = (x - contact[0]) / contact[2], (y - contact[1]) / contact[3]
    reach = np.sqrt(u * u + v * v) if v < 0 else (abs(u) ** 3.2 + v**3.2) ** (1 / 3.2)
    return float((1 - reach + _swell(rim, x, y)) * min(contact[2], contact[3]))


@kernel
def _inside(depth: float, x: float, y: float, width: float, height: float) -> float:
    """Return how far inside both contact area and picture a place of the picture is."""
    return min(depth, x, y, width - x, height - y)


@kernel
def _normal(a: float, b: float) -> float:
    return float(min(np.sqrt(-2 * np.log(a)), 3.5) * np.cos(2 * np.pi * b))


@kernel
def _reliability(clear: float, depth: float, full: float, trust: Floats, off: float) -> float:
    clean = min(max(clear, 0.0), trust[2]) * (0.5 + 0.5 * min(depth / full, 1.0))
    return float(1 / (1 + np.exp(-(trust[0] * clean + trust[1] + trust[3] * off))))


@kernel
def _press(
    counts: npt.NDArray[np.int64], masters: Floats, kinds: npt.NDArray[np.uint8], flow: Floats,
    sizes: npt.NDArray[np.int64], places: Floats, contacts: Floats, rims: Floats, clarity: Floats,
    grime: Floats, chance: Floats, density: Floats, edge: Floats, trust: Floats, knobs: Floats,
    cell: float, spread: float, apart: float, found: npt.NDArray[np.int64], minutiae: Floats,
    told: npt.NDArray[np.uint8],
) -> None:  # fmt: skip
    for i in range(found.shape[0]):
        width, height = float(sizes[i, 0]), float(sizes[i, 1])
        at_x, at_y = _to_picture(places[i], contacts[i, 0], contacts[i, 1])
        count = 0
        for k in range(counts[i] + chance.shape[1] - masters.shape[1]):
            true = k < counts[i]
            dice = chance[i, k if true else k - counts[i] + masters.shape[1]]
            if true:
                u, v, angle = masters[i, k, 0], masters[i, k, 1], masters[i, k, 2]
                kind = kinds[i, k]
                depth = _depth(contacts[i], rims[i], u, v)
                if depth <= edge[0]:
                    continue
                x, y = _to_picture(places[i], u, v)
            else:
                kind = np.uint8(1)
                angle = 0.0
                right = contacts[i, 2] * spread * (2 * dice[0] - 1)
                down = contacts[i, 3] * spread * (2 * dice[1] - 1)
                x = at_x + places[i, 0] * right + places[i, 1] * down
                y = at_y + places[i, 0] * down - places[i, 1] * right
                u, v = _to_master(places[i], x, y)
                depth = _depth(contacts[i], rims[i], u, v)
            depth = _inside(depth, x, y, width, height)
            if depth <= edge[0]:
                continue
            clear = clarity[i] + _swell(grime[i], x, y)
            trusted = _reliability(clear, depth, edge[1], trust, _normal(dice[8], dice[9]))
            seen = 1 - knobs[0] - knobs[1] * (1 - trusted)
            if not true:
                seen *= density[i] * knobs[2] * (1 - trusted) / trusted
                angle = _along(flow[i], u, v, cell) + (np.pi if dice[7] < 0.5 else 0.0)
            if dice[2] > seen:
                continue
            rough = 1 + 3 * (1 - trusted) if true else 2.0
            x += knobs[3] * rough * _normal(dice[3], dice[4])
            y += knobs[3] * rough * _normal(dice[4], dice[3])
            if not true and _crowded(minutiae[i], count, x, y, apart):
                continue
            if x < 1 or y < 1 or x > width - 1 or y > height - 1 or count == minutiae.shape[1]:
                continue
            angle = _turned(places[i], x, y, angle) + knobs[4] * rough * _normal(dice[5], dice[6])
            minutiae[i, count, 0], minutiae[i, count, 1] = x, y
            minutiae[i, count, 2], minutiae[i, count, 3] = angle % (2 * np.pi), trusted
            other = knobs[5] + 0.5 * (1 - trusted) if true else 0.5
            told[i, count] = 3 - kind if dice[7] < other else kind
            count += 1
        found[i] = count


@kernel
def _crowded(minutiae: Floats, count: int, x: float, y: float, apart: float) -> bool:
    for k in range(count):
        if (minutiae[k, 0] - x) ** 2 + (minutiae[k, 1] - y) ** 2 < apart * apart:
            return True
    return False


@kernel
def _between(flow: Floats, x: float, y: float, cell: float, layer: int) -> float:
    """Interpolate a layer of the flow at a place of the master print."""
    rows, columns = flow.shape[0], flow.shape[1]
    right, down = min(max(x / cell, 0.0), columns - 1.001), min(max(y / cell, 0.0), rows - 1.001)
    column, row = int(right), int(down)
    a, b = right - column, down - row
    upper = (1 - a) * flow[row, column, layer] + a * flow[row, column + 1, layer]
    lower = (1 - a) * flow[row + 1, column, layer] + a * flow[row + 1, column + 1, layer]
    return float((1 - b) * upper + b * lower)


@kernel
def _along(flow: Floats, x: float, y: float, cell: float) -> float:
    return float(0.5 * np.arctan2(_between(flow, x, y, cell, 1), _between(flow, x, y, cell, 0)))


@kernel
def _see(
    flow: Floats, sizes: npt.NDArray[np.int64], places: Floats, contacts: Floats, rims: Floats,
    clarity: Floats, grime: Floats, errors: Floats, spread: Floats, cell: float, seen: Floats,
) -> None:  # fmt: skip
    for i in range(seen.shape[0]):
        for row in range(-(-sizes[i, 1] // int(cell))):
            for column in range(-(-sizes[i, 0] // int(cell))):
                x, y = (column + 0.5) * cell, (row + 0.5) * cell
                if x > sizes[i, 0] or y > sizes[i, 1]:
                    continue
                u, v = _to_master(places[i], x, y)
                if _depth(contacts[i], rims[i], u, v) <= 0:
                    continue
                clear = clarity[i] + _swell(grime[i], x, y)
                rough = 1 + 2 * max(0.7 - clear, 0.0)
                a, b, c, d = errors[i, row, column]
                angle = _turned(places[i], x, y, _along(flow[i], u, v, cell))
                seen[i, row, column, 0] = angle + spread[0] * rough * _normal(a, b)
                wave = np.exp(spread[1] * rough * _normal(c, d))
                seen[i, row, column, 1] = wave * _between(flow[i], u, v, cell, 2)
