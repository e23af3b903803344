# SPDX-License-Identifier: Apache-2.0
"""One touch of the scanner: what the same finger looks like this time.

Skin is placed and stretched, wetness and pressure move the level at which a ridge prints, the
contact area has its own rim, and the sensor adds blur, noise and its ground.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from ektp_hw.samples import FingerPosition, FingerprintImage
from ektp_hw.synthetic.conditions import PICTURE_HEIGHT, PICTURE_WIDTH
from ektp_hw.synthetic.geometry import Placement
from ektp_hw.synthetic.noise import smooth_noise, smoothed
from ektp_hw.synthetic.pattern import HEIGHT, WIDTH
from ektp_hw.templates import FingerprintTemplate

if TYPE_CHECKING:
    import numpy.typing as npt

    from ektp_hw.synthetic.conditions import Conditions
    from ektp_hw.synthetic.master import Master

__all__ = ["SyntheticImpression", "fingertip_reach", "press"]


@dataclass(frozen=True)
class SyntheticImpression:
    """A picture of a finger, the minutiae that are truly in it, and how it came to be."""

    image: FingerprintImage
    truth: FingerprintTemplate
    conditions: Conditions
    placement: Placement


def press(
    master: Master,
    conditions: Conditions,
    rng: np.random.Generator,
    *,
    position: FingerPosition = FingerPosition.UNKNOWN,
    source: str = "",
) -> SyntheticImpression:
    """Make one impression of a master print, at 500 ppi."""
    how, rim, grain = rng.spawn(3)
    placement = _place(conditions, how)
    rows, columns = np.mgrid[0:PICTURE_HEIGHT, 0:PICTURE_WIDTH].astype(np.float64)
    at_x, at_y = placement.to_master(columns, rows)
    contact = _contact(at_x, at_y, conditions, rim)
    map_x, map_y = at_x.astype(np.float32), at_y.astype(np.float32)
    relief, texture, creases = (
        np.asarray(cv2.remap(layer, map_x, map_y, cv2.INTER_LINEAR), np.float32)
        for layer in (master.relief, master.texture, master.creases)
    )
    ink = _ink(relief, texture, creases, contact, conditions, grain)
    pixels = _sense(ink, contact, conditions, grain)
    image = FingerprintImage(pixels, 500.0, position=position, source=source)
    return SyntheticImpression(image, _truth(master, placement, contact), conditions, placement)


def _place(conditions: Conditions, rng: np.random.Generator) -> Placement:
    heading = rng.uniform(0, 2 * np.pi)
    drag = 13.0 * conditions.distortion * rng.uniform(0.5, 1.2)
    return Placement(
        turn=float(np.deg2rad(conditions.rotation)),
        picture_centre=(
            PICTURE_WIDTH / 2 + conditions.shift_x,
            PICTURE_HEIGHT / 2 + conditions.shift_y,
        ),
        skin_centre=(WIDTH / 2, HEIGHT / 2 + 5),
        sticking=(float(rng.uniform(35, 60)), float(rng.uniform(45, 75))),
        drag=(float(drag * np.cos(heading)), float(drag * np.sin(heading))),
        twist=float(np.deg2rad(np.clip(rng.normal(0, 5.0), -11, 11) * conditions.distortion)),
        softness=2.2,
    )


def _contact(
    x: npt.NDArray[np.float64],
    y: npt.NDArray[np.float64],
    conditions: Conditions,
    rng: np.random.Generator,
) -> npt.NDArray[np.float32]:
    """How firmly each point touches: above 0 inside the contact area, about 1 in its middle."""
    grown = 0.68 + 0.32 * conditions.pressure
    u = (x - WIDTH / 2 - conditions.part_x) / (0.415 * WIDTH * grown)
    v = (y - 0.5 * HEIGHT - conditions.part_y) / (0.44 * HEIGHT * grown)
    return (1 - fingertip_reach(u, v)).astype(np.float32) + np.float32(0.035) * smooth_noise(
        rng, x.shape, 5.0
    )


def fingertip_reach(
    u: npt.NDArray[np.float64], v: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """Return how far out points lie: 0 in the middle of a fingertip, 1 on its rim.

    It is round above and straight-sided below, where the joint cuts it off.

    Parameters
    ----------
    u, v
        Right and down from its middle, in half widths and half heights, of any one shape.
    """
    return np.where(
        v < 0, (u * u + v * v) ** 0.5, (np.abs(u) ** 3.2 + np.abs(v) ** 3.2) ** (1 / 3.2)
    )


def _ink(
    relief: npt.NDArray[np.float32],
    texture: npt.NDArray[np.float32],
    creases: npt.NDArray[np.float32],
    contact: npt.NDArray[np.float32],
    conditions: Conditions,
    rng: np.random.Generator,
) -> npt.NDArray[np.float32]:
    """Return 0 (bare platen) to 1 (full ridge)."""
    shape = relief.shape
    patches = smooth_noise(rng, shape, 24.0)
    bad = smooth_noise(rng, shape, 16.0)
    bad = 1.6 * np.maximum(bad - 0.9, 0) - 0.9 * np.maximum(-bad - 1.2, 0)  # bare spots and blots
    grit = smooth_noise(rng, shape, 1.1)
    level = (
        0.05
        - 0.62 * conditions.moisture
        - 0.25 * (conditions.pressure - 0.6)
        - 0.14 * patches
        + conditions.noise * bad
        + 0.7 * np.exp(-np.maximum(contact, 0) / 0.07)
    )
    roughness = 0.13 + 0.5 * conditions.noise + 0.25 * max(-conditions.moisture, 0.0)
    height = relief + roughness * (0.5 * grit + 0.6 * texture) - 1.6 * creases
    ink = 1 / (1 + np.exp(-np.clip((height - level) * 5.5, -20, 20)))
    ink *= 1 / (1 + np.exp(-np.clip(contact * 60, -20, 20)))
    return np.asarray(ink, np.float32)


def _sense(
    ink: npt.NDArray[np.float32],
    contact: npt.NDArray[np.float32],
    conditions: Conditions,
    rng: np.random.Generator,
) -> npt.NDArray[np.uint8]:
    ink = smoothed(ink, conditions.blur)
    firm = np.clip(0.75 + 0.5 * np.minimum(contact, 0.5), 0, 1)
    grey = conditions.ground * (1 - conditions.contrast * firm * ink)
    grey += (
        (2 + 14 * conditions.noise)
        * rng.standard_normal(ink.shape, dtype=np.float32)
        * (0.25 + 0.75 * ink)
    )
    return np.clip(np.rint(grey), 0, 255).astype(np.uint8)


def _truth(
    master: Master, placement: Placement, contact: npt.NDArray[np.float32]
) -> FingerprintTemplate:
    """Keep the minutiae that lie inside the contact area and the picture."""
    x, y = placement.to_picture(master.x, master.y)
    inside = (x >= 0) & (x < PICTURE_WIDTH - 1) & (y >= 0) & (y < PICTURE_HEIGHT - 1)
    column = np.rint(np.where(inside, x, 0)).astype(np.int64)
    row = np.rint(np.where(inside, y, 0)).astype(np.int64)
    shown = inside & (contact[row, column] > 0.03)
    return FingerprintTemplate.from_minutiae(
        x[shown],
        y[shown],
        placement.turn_direction(x, y, master.direction)[shown],
        kind=master.kind[shown],
        width=PICTURE_WIDTH,
        height=PICTURE_HEIGHT,
    )
