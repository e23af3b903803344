# SPDX-License-Identifier: Apache-2.0
"""Where skin lands on the platen: a rigid placement, and the stretch of skin that was dragged.

The stretch follows Cappelli, Maio and Maltoni (2001): the middle of the contact area sticks, the
skin outside was moved and turned as a whole, and between them the movement fades in smoothly.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["Placement"]

_ROUNDS = 25
"""Fixed-point rounds to turn the map around; each at least halves the error."""


@dataclass(frozen=True)
class Placement:
    """The map between a picture and the master print, in pixels at 500 ppi, y downwards.

    Parameters
    ----------
    turn
        Rotation of the print in radians, counter-clockwise as seen.
    picture_centre, skin_centre
        The point of the picture on which the point of the master print lies.
    sticking
        Half axes of the ellipse around ``skin_centre`` where the skin does not slip.
    drag, twist
        How far and through what angle the skin outside was moved.
    softness
        Width of the zone between both, in units of the sticking ellipse.
    """

    turn: float
    picture_centre: tuple[float, float]
    skin_centre: tuple[float, float]
    sticking: tuple[float, float]
    drag: tuple[float, float]
    twist: float
    softness: float

    def to_master(
        self, x: npt.NDArray[np.float64], y: npt.NDArray[np.float64]
    ) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        """Return the points of the master print that the points of the picture show."""
        c, s = np.cos(self.turn), np.sin(self.turn)
        right, down = x - self.picture_centre[0], y - self.picture_centre[1]
        u, v = c * right - s * down, s * right + c * down
        reach = np.sqrt((u / self.sticking[0]) ** 2 + (v / self.sticking[1]) ** 2) - 1
        slip = 0.5 - 0.5 * np.cos(np.pi * np.clip(reach / self.softness, 0, 1))
        c, s = np.cos(self.twist) - 1, np.sin(self.twist)
        return (
            self.skin_centre[0] + u + slip * (c * u - s * v + self.drag[0]),
            self.skin_centre[1] + v + slip * (s * u + c * v + self.drag[1]),
        )

    def to_picture(
        self, u: npt.NDArray[np.float64], v: npt.NDArray[np.float64]
    ) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        """Return where points of the master print land on the picture."""
        c, s = np.cos(self.turn), np.sin(self.turn)
        x = np.full(u.shape, self.picture_centre[0])
        y = np.full(v.shape, self.picture_centre[1])
        for _ in range(_ROUNDS):
            at_u, at_v = self.to_master(x, y)
            x = x + c * (u - at_u) + s * (v - at_v)
            y = y - s * (u - at_u) + c * (v - at_v)
        return x, y

    def turn_direction(
        self,
        x: npt.NDArray[np.float64],
        y: npt.NDArray[np.float64],
        direction: npt.NDArray[np.float64],
    ) -> npt.NDArray[np.float64]:
        """Return directions on the picture from those on the master, at points of the picture."""
        half = 0.5
        right = np.subtract(self.to_master(x + half, y), self.to_master(x - half, y))
        down = np.subtract(self.to_master(x, y + half), self.to_master(x, y - half))
        along, below = np.cos(direction), -np.sin(direction)
        det = right[0] * down[1] - down[0] * right[1]
        dx = (down[1] * along - down[0] * below) / det
        dy = (right[0] * below - right[1] * along) / det
        return np.asarray(np.arctan2(-dy, dx), np.float64)
