# SPDX-License-Identifier: Apache-2.0
"""The fingertips of a slap: round-headed lobes of ridges, found at every tilt a hand can have.

A picture of how much ridge there is in each cell is compared with the outline of a fingertip,
ridges within and ground around its head and sides. What answers below another answer on the same
finger's axis is the skin behind a joint and no fingertip.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["CELL", "Lobe", "fingertips", "ridge_energy"]

CELL = 8
"""Pixels at 500 ppi a cell of the energy picture."""
_COARSE = 2
"""Cells a point of the search picture."""
_POINT = CELL * _COARSE
_FINE_SIGMA, _COARSE_SIGMA = 0.8, 2.5
"""Pixels at 250 ppi; their difference passes ridges and stops pressure, dirt and grain."""
_LEAST_AMPLITUDE = 5.0
"""Grey levels (standard deviation) below which nothing is a ridge."""
_PALE, _FULL = 0.28, 0.55
"""Shares of the picture's strong ridges where a cell begins to count, and where it counts fully."""
_ANGLES = tuple(range(-48, 49, 8))
_HALF_WIDTHS = (110.0, 145.0)
_LENGTH = 330.0
_AROUND = 44.0
"""Pixels of ground expected around the head and the sides."""
_LEAST_FIT = 0.42
_LEAST_OF_BEST = 0.5
_SAME_FINGER = 0.75
"""Finger widths between two axes below which they are one finger's."""
_BACK_AT_MOST = 760.0
"""Pixels that a little fingertip can lie behind the foremost one, the tilt being uncertain."""
_MOST = 8


@dataclass(frozen=True)
class Lobe:
    """A fingertip's rough place: middle (pixels), degrees counter-clockwise from upright, fit 0..1.

    The middle lies on the finger's axis, half of 330 pixels below the tip.
    """

    x: float
    y: float
    angle: float
    half_width: float
    fit: float


def ridge_energy(picture: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    """Return 0 (none) to 1 (clear ridges) for each cell of a picture at 500 ppi."""
    height, width = picture.shape
    half = cv2.resize(
        picture, (max(1, width // 2), max(1, height // 2)), interpolation=cv2.INTER_AREA
    ).astype(np.float32)
    band = cv2.GaussianBlur(half, (5, 5), _FINE_SIGMA)
    band = band - cv2.GaussianBlur(half, (11, 11), _COARSE_SIGMA)
    size = (-(-width // CELL), -(-height // CELL))
    power = cv2.resize(band * band, size, interpolation=cv2.INTER_AREA)
    amplitude = np.sqrt(cv2.GaussianBlur(power, (0, 0), 0.8))
    strong = float(np.percentile(amplitude, 96))
    if strong < _LEAST_AMPLITUDE:
        return np.zeros(amplitude.shape, np.float32)
    return np.asarray(np.clip((amplitude / strong - _PALE) / (_FULL - _PALE), 0, 1), np.float32)


def fingertips(energy: npt.NDArray[np.float32]) -> list[Lobe]:
    """Return the fingertips, the surest first; none where nothing looks like one."""
    candidates = _candidates(energy)
    if not candidates:
        return []
    best = candidates[0].fit
    candidates = [c for c in candidates if c.fit > max(_LEAST_FIT, _LEAST_OF_BEST * best)]
    weights = np.array([c.fit**2 for c in candidates])
    tilt = float(np.average([c.angle for c in candidates], weights=weights)) if candidates else 0.0
    fore = sorted(candidates, key=lambda c: _along(c, tilt))
    kept: list[Lobe] = []
    for lobe in fore:
        behind = kept and _along(lobe, tilt) - _along(kept[0], tilt) > _BACK_AT_MOST
        if not behind and not any(_same_finger(lobe, other) for other in kept):
            kept.append(lobe)
    return sorted(kept, key=lambda c: -c.fit)[:_MOST]


def _along(lobe: Lobe, tilt: float) -> float:
    turn = np.deg2rad(tilt)
    return float(lobe.x * np.sin(turn) + lobe.y * np.cos(turn))


def _same_finger(lower: Lobe, upper: Lobe) -> bool:
    """Whether one lies on the other's axis, seen from either."""
    aside = []
    for lobe in (lower, upper):
        turn = np.deg2rad(lobe.angle)
        x, y = lower.x - upper.x, lower.y - upper.y
        aside.append(abs(float(x * np.cos(turn) - y * np.sin(turn))))
    return min(aside) < _SAME_FINGER * (lower.half_width + upper.half_width)


def _candidates(energy: npt.NDArray[np.float32]) -> list[Lobe]:
    """Return each local best answer of all outlines, the best first."""
    height, width = energy.shape
    size = (max(1, width // _COARSE), max(1, height // _COARSE))
    pad = round(0.5 * _LENGTH / _POINT)
    coarse = cv2.resize(energy, size, interpolation=cv2.INTER_AREA)
    coarse = cv2.copyMakeBorder(coarse, pad, pad, pad, pad, cv2.BORDER_CONSTANT, value=0)
    outlines = _outlines()
    answers = np.stack(
        [cv2.filter2D(coarse, -1, o, borderType=cv2.BORDER_CONSTANT) for _, _, o in outlines]
    )
    which = answers.argmax(axis=0)
    best = answers.max(axis=0)
    peak = best >= cv2.dilate(best, np.ones((7, 7), np.uint8))
    rows, columns = np.nonzero(peak & (best > _LEAST_FIT))
    found = []
    for row, column in zip(rows.tolist(), columns.tolist(), strict=True):
        angle, half, _ = outlines[which[row, column]]
        x, y = (column - pad + 0.5) * _POINT, (row - pad + 0.5) * _POINT
        found.append(Lobe(x, y, angle, half, float(best[row, column])))
    return sorted(found, key=lambda lobe: -lobe.fit)[:60]


@cache
def _outlines() -> list[tuple[float, float, npt.NDArray[np.float32]]]:
    """Return (angle, half width, weights): mean inside minus mean of the ground around."""
    reach = int((0.75 * _LENGTH + _AROUND) / _POINT) + 1
    y, x = np.mgrid[-reach : reach + 1, -reach : reach + 1] * float(_POINT)
    made = []
    for half in _HALF_WIDTHS:
        for angle in _ANGLES:
            c, s = np.cos(np.deg2rad(angle)), np.sin(np.deg2rad(angle))
            u, v = c * x - s * y, s * x + c * y
            inside = _outside_by(u, v, half) < 0
            around = (_outside_by(u, v, half + _AROUND) < 0) & ~inside & (v < 0.5 * _LENGTH)
            around &= _outside_by(u, v, half + 0.25 * _AROUND) >= 0
            inside &= v < 0.5 * _LENGTH
            weights = inside / inside.sum() - around / around.sum()
            made.append((float(angle), half, weights.astype(np.float32)))
    return made


def _outside_by(
    u: npt.NDArray[np.float64], v: npt.NDArray[np.float64], half: float
) -> npt.NDArray[np.float64]:
    """Return how far a point lies outside a round head with straight sides."""
    head = -0.5 * _LENGTH + _HALF_WIDTHS[0]
    return np.asarray(np.where(v < head, np.hypot(u, v - head), np.abs(u)) - half)
