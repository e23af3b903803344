# SPDX-License-Identifier: Apache-2.0
"""The exact box of each fingertip on a slap: axis, sides, tip, and the joint where it ends."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from ektp_hw.fingerprint.slap_components import CELL

if TYPE_CHECKING:
    import numpy.typing as npt

    from ektp_hw.fingerprint.slap_components import Lobe

__all__ = ["FingertipBox", "boxed", "cut_out"]

_ROUNDS = 3
_ASIDE, _ABOVE, _BELOW = 216, 280, 480
"""Pixels of the window around a lobe's middle, whole cells."""
_MOST_TURN = 14.0
"""Degrees that a lobe's angle can be wrong."""
_SIDE = _END = 0.5
"""Energy at which a side or an end of the print stands."""
_SHORTEST, _LONGEST = 270, 560
"""Pixels from tip to joint, little fingers to thumbs; chosen by hand, no measured source."""
_PROPORTION = 1.45
"""Length by width where no joint shows."""


@dataclass(frozen=True)
class FingertipBox:
    """A distal phalanx: middle, whole width and length in pixels, degrees counter-clockwise."""

    x: float
    y: float
    width: float
    length: float
    angle: float

    def point(self, right: float, down: float) -> tuple[float, float]:
        """Return where the point that many pixels from the middle, in the finger's frame, lies."""
        c, s = np.cos(np.deg2rad(self.angle)), np.sin(np.deg2rad(self.angle))
        return float(self.x + c * right + s * down), float(self.y - s * right + c * down)

    @property
    def tip(self) -> tuple[float, float]:
        """Middle of the upper side."""
        return self.point(0, -self.length / 2)

    @property
    def corners(self) -> npt.NDArray[np.float64]:
        """Upper left, upper right, lower right, lower left as the finger points up; (4, 2)."""
        w, h = self.width / 2, self.length / 2
        return np.array([self.point(*p) for p in ((-w, -h), (w, -h), (w, h), (-w, h))])


def boxed(energy: npt.NDArray[np.float32], lobe: Lobe) -> FingertipBox:
    """Return the fingertip's box; the energy is `slap_components.ridge_energy`'s."""
    x, y, angle = lobe.x, lobe.y, lobe.angle
    box = FingertipBox(x, y, 2 * lobe.half_width, _PROPORTION * 2 * lobe.half_width, angle)
    for _ in range(_ROUNDS):
        window = _window(energy, x, y, angle)
        left, right = _sides(window)
        top, bottom = _ends(window, left, right)
        box = _framed(x, y, angle, (left, right, top, bottom))
        angle = _straightened(window, box.angle, (left, right, top, bottom), lobe.angle)
        x, y = box.x, box.y
    return FingertipBox(box.x, box.y, box.width, box.length, angle)


def _framed(
    x: float, y: float, angle: float, edges: tuple[float, float, float, float]
) -> FingertipBox:
    """Make edges of the window a box around their middle."""
    left, right, top, bottom = (CELL * edge for edge in edges)
    old = FingertipBox(x, y, 0, 0, angle)
    middle = old.point((left + right) / 2 - _ASIDE, (top + bottom) / 2 - _ABOVE)
    return FingertipBox(*middle, right - left, bottom - top, angle)


def _window(
    energy: npt.NDArray[np.float32], x: float, y: float, angle: float
) -> npt.NDArray[np.float32]:
    """Return the energy around a point in a frame where the finger stands upright."""
    c, s = np.cos(np.deg2rad(angle)), np.sin(np.deg2rad(angle))
    size = (2 * _ASIDE // CELL, (_ABOVE + _BELOW) // CELL)
    u, v = (0.5 - np.array((_ASIDE, _ABOVE)) / CELL).tolist()
    at = (x / CELL - 0.5 + c * u + s * v, y / CELL - 0.5 - s * u + c * v)
    move = np.array([[c, s, at[0]], [-s, c, at[1]]])
    return np.asarray(
        cv2.warpAffine(energy, move, size, flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP),
        np.float32,
    )


def _sides(window: npt.NDArray[np.float32]) -> tuple[float, float]:
    """Return the left and right edge in cells: where half of the rows have no more ridges."""
    middle = _ABOVE // CELL
    columns = window[middle - 10 : middle + 14].mean(axis=0)
    centre = _ASIDE // CELL
    right = _crossing(columns[centre:], _SIDE * float(columns[centre - 6 : centre + 6].mean()))
    left = _crossing(
        columns[centre - 1 :: -1], _SIDE * float(columns[centre - 6 : centre + 6].mean())
    )
    return centre - left, centre + right


def _ends(window: npt.NDArray[np.float32], left: float, right: float) -> tuple[float, float]:
    """Return the tip and the joint in cells."""
    quarter = (right - left) / 4
    rows = window[:, max(0, int(left + quarter)) : int(right - quarter) + 1].mean(axis=1)
    middle = _ABOVE // CELL
    full = float(np.median(rows[middle - 8 : middle + 8]))
    top = middle - _crossing(rows[middle - 1 :: -1], _END * full)
    first, last = int(top + _SHORTEST / CELL), int(top + _LONGEST / CELL)
    bottom = first + _crossing(rows[first:], 0.7 * full)
    if bottom > last:
        bottom = top + np.clip(_PROPORTION * (right - left), _SHORTEST / CELL, _LONGEST / CELL)
    return top, float(bottom)


def _crossing(profile: npt.NDArray[np.float32], level: float) -> float:
    """Return where a profile falls below a level, in cells from its outer start, parts counted."""
    below = np.flatnonzero(profile < level)
    if not len(below):
        return float(len(profile))
    k = int(below[0])
    if k == 0:
        return 0.0
    over, under = float(profile[k - 1]) - level, level - float(profile[k])
    return k - 0.5 + over / max(over + under, 1e-6)


def _straightened(
    window: npt.NDArray[np.float32],
    angle: float,
    edges: tuple[float, float, float, float],
    first_angle: float,
) -> float:
    """Return the angle of the line through the rows' middles, below the round head."""
    left, right, top, bottom = edges
    begin, end = int(top + 0.4 * (right - left)), int(bottom) - 1
    low, high = max(0, int(left) - 4), int(right) + 5
    rows = window[begin:end, low:high]
    weight = rows.sum(axis=1)
    if len(rows) < 8 or weight.min() <= 0:
        return angle
    middles = rows @ np.arange(rows.shape[1], dtype=np.float32) / weight
    slope = float(np.polyfit(np.arange(len(rows)), middles, 1)[0])
    turned = angle + float(np.rad2deg(np.arctan(slope)))
    return float(np.clip(turned, first_angle - _MOST_TURN, first_angle + _MOST_TURN))


def cut_out(
    picture: npt.NDArray[np.uint8], box: FingertipBox, margin: int, ground: int
) -> npt.NDArray[np.uint8]:
    """Return the box of the picture, upright, with a margin; ground where the picture ends."""
    size = (round(box.width) + 2 * margin, round(box.length) + 2 * margin)
    c, s = np.cos(np.deg2rad(box.angle)), np.sin(np.deg2rad(box.angle))
    x, y = box.point((1 - size[0]) / 2, (1 - size[1]) / 2)
    move = np.array([[c, s, x], [-s, c, y]])
    return np.asarray(
        cv2.warpAffine(
            picture,
            move,
            size,
            flags=cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_CONSTANT,
            borderValue=ground,
        ),
        np.uint8,
    )
