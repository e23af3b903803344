# SPDX-License-Identifier: Apache-2.0
"""What a life does to skin: wrinkles, scars, peeling, pores, and fingers too dry or too wet."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from ektp_hw.synthetic.noise import smooth_noise, smoothed

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["Wear", "draw_wear", "worn"]


@dataclass(frozen=True)
class Wear:
    """How a piece of skin is.

    Parameters
    ----------
    wrinkles, wrinkle_width
        Number of white lines, and their width in pixels.
    roughness
        Unevenness of the ridges, in heights of a ridge.
    pores
        Depth of the pores along the ridges.
    patches
        How much moisture differs from place to place.
    level
        Height from which skin prints: below 0 wet, above 0 dry.
    """

    wrinkles: int
    wrinkle_width: float
    roughness: float
    pores: float
    patches: float
    level: float


def draw_wear(rng: np.random.Generator) -> Wear:
    """Draw the state of a finger: most are in order, some are very old, wet or dry."""
    old = rng.random() < 0.25
    return Wear(
        wrinkles=int(rng.poisson(9 if old else 1.0)),
        wrinkle_width=float(rng.choice((rng.uniform(1.0, 3.2), rng.uniform(3, 8)), p=(0.8, 0.2))),
        roughness=float(0.08 + 0.7 * rng.random() ** 1.5),
        pores=float(rng.choice((0.0, rng.uniform(0.3, 2.2)), p=(0.35, 0.65))),
        patches=float(0.05 + 0.45 * rng.random() ** 2),
        level=float(np.clip(rng.normal(0.0, 0.38), -0.85, 0.8)),
    )


def worn(
    relief: npt.NDArray[np.float32],
    texture: npt.NDArray[np.float32],
    wear: Wear,
    rng: np.random.Generator,
) -> npt.NDArray[np.float32]:
    """Return the height above the level that prints, in heights of a ridge."""
    shape = relief.shape
    height = relief + wear.roughness * (
        0.6 * texture + 0.5 * smooth_noise(rng, shape, rng.uniform(0.8, 2.2))
    )
    if wear.pores:
        height -= wear.pores * _pores(relief, rng)
    if wear.wrinkles:
        height -= rng.uniform(0.8, 2.4) * _lines(shape, wear, rng)
    height -= wear.level
    height += wear.patches * smooth_noise(rng, shape, rng.uniform(12, 36))
    blots = smooth_noise(rng, shape, rng.uniform(6, 20))
    strength = rng.uniform(0, 1.6) * (rng.random() < 0.5)
    height += strength * (np.maximum(blots - 1.3, 0) - np.maximum(-blots - 1.3, 0))
    return np.asarray(height, np.float32)


def _pores(relief: npt.NDArray[np.float32], rng: np.random.Generator) -> npt.NDArray[np.float32]:
    """Return small round holes, 0 to 1, along the ridges; many of them make beads of a ridge."""
    open_here = (rng.random(relief.shape) < rng.uniform(0.005, 0.035)) & (relief > 0.3)
    holes = smoothed(open_here.astype(np.float32), rng.uniform(0.8, 1.5))
    return np.asarray(np.minimum(holes * 8, 1), np.float32)


def _lines(shape: tuple[int, int], wear: Wear, rng: np.random.Generator) -> npt.NDArray[np.float32]:
    """Return wrinkles, creases and scars, 0 to 1; many of them run the same way."""
    drawn = np.zeros(shape, np.uint8)
    main = rng.uniform(0, np.pi)
    for _ in range(wear.wrinkles):
        heading = rng.normal(main, 0.35) if rng.random() < 0.7 else rng.uniform(0, np.pi)
        length = rng.uniform(15, 170)
        t = np.linspace(-0.5, 0.5, 10)
        bow = rng.normal(0, 12) * (t * t - 0.08) + np.cumsum(rng.normal(0, 0.9, len(t)))
        centre = rng.uniform(0, shape[::-1])
        x = centre[0] + np.cos(heading) * length * t - np.sin(heading) * bow
        y = centre[1] + np.sin(heading) * length * t + np.cos(heading) * bow
        points = np.rint(np.column_stack((x, y)) * 16).astype(np.int32)
        thickness = max(1, round(wear.wrinkle_width * rng.uniform(0.5, 1.4)))
        grey = float(rng.uniform(110, 255))
        cv2.polylines(drawn, [points], False, grey, thickness, cv2.LINE_AA, shift=4)
    return smoothed((drawn / 255).astype(np.float32), 0.8)
