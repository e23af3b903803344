# SPDX-License-Identifier: Apache-2.0
"""Prints to learn from: pieces of synthetic fingers on sensors as various as the world's.

A network learns what it is shown. The impressions of `ektp_hw.synthetic` are those of one good
optical scanner; here the same fingers are worn, scarred, wet, dry, dirty and stretched, and met by
sensors that answer in quite different ways. What is known of each piece: its minutiae, and how the
ridges run.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from ektp_hw.fingerprint.evening import evened
from ektp_hw.synthetic.geometry import Placement
from ektp_hw.synthetic.impression import fingertip_reach
from ektp_hw.synthetic.noise import smooth_noise, smoothed
from ektp_hw.synthetic.pattern import HEIGHT, WIDTH
from ektp_hw.training.sensors import sensed
from ektp_hw.training.skin import draw_wear, worn

if TYPE_CHECKING:
    import numpy.typing as npt

    from ektp_hw.training.fingers import Finger

__all__ = ["FLOW_STEP", "SIDE", "TrainingPrint", "training_print"]

SIDE = 256
"""Of a piece in pixels at 500 ppi."""
FLOW_STEP = 8
"""Pixels between two points of the flow."""
_SIGMA_FLOW = 5.0
_AT_LEAST = 0.02
"""Contact from which a minutia can be seen."""


@dataclass(frozen=True)
class TrainingPrint:
    """A piece of a print and the truth about it.

    Parameters
    ----------
    pixels
        As the sensor gave it, (SIDE, SIDE) uint8.
    even
        The same after `evened`.
    minutiae
        x, y, direction, 1 for a bifurcation; (n, 4) float32.
    flow
        Cosine and sine of twice the ridge orientation, log(period / 9), 1 on the finger and 0
        off it; (4, SIDE / 8, SIDE / 8) float32.
    """

    pixels: npt.NDArray[np.uint8]
    even: npt.NDArray[np.uint8]
    minutiae: npt.NDArray[np.float32]
    flow: npt.NDArray[np.float32]


def training_print(finger: Finger, rng: np.random.Generator) -> TrainingPrint:
    """Make one piece of one finger."""
    placement, scale, at = _placed(rng)
    rows, columns = np.mgrid[0:SIDE, 0:SIDE].astype(np.float64)
    right = placement.picture_centre[0] + (columns - at[0]) / scale
    down = placement.picture_centre[1] + (rows - at[1]) / scale
    skin_x, skin_y = placement.to_master(right, down)
    map_x, map_y = skin_x.astype(np.float32), skin_y.astype(np.float32)
    relief = _remapped((finger.relief / 127).astype(np.float32), map_x, map_y)
    texture = smooth_noise(rng, relief.shape, rng.uniform(0.8, 1.6))

    contact = _contact(skin_x, skin_y, rng)
    wear = draw_wear(rng)
    height = worn(relief, texture, wear, rng)
    pixels = sensed(height, contact, rng)

    x, y = placement.to_picture(finger.x.astype(np.float64), finger.y.astype(np.float64))
    direction = placement.turn_direction(x, y, finger.direction.astype(np.float64))
    x = (x - placement.picture_centre[0]) * scale + at[0]
    y = (y - placement.picture_centre[1]) * scale + at[1]
    inside = (x >= 0) & (x <= SIDE - 1) & (y >= 0) & (y <= SIDE - 1)
    x, y, direction, kind = (each[inside] for each in (x, y, direction, finger.kind == 2))
    shown = contact[np.rint(y).astype(int), np.rint(x).astype(int)] > _AT_LEAST
    minutiae = np.column_stack((x, y, np.mod(direction, 2 * np.pi), kind))[shown]
    return TrainingPrint(
        pixels, evened(pixels), minutiae.astype(np.float32), _flow(relief, contact)
    )


def _placed(rng: np.random.Generator) -> tuple[Placement, float, tuple[float, float]]:
    """Return the placement, the scale of the picture and where its middle lies on the piece."""
    heading = rng.uniform(0, 2 * np.pi)
    slip = abs(rng.normal(0, 0.8))
    drag = 13.0 * slip * rng.uniform(0.5, 1.2)
    turn = rng.normal(0, 0.25) if rng.random() < 0.8 else rng.uniform(-np.pi, np.pi)
    placement = Placement(
        turn=float(turn),
        picture_centre=(0.0, 0.0),
        skin_centre=(WIDTH / 2, HEIGHT / 2 + 5),
        sticking=(float(rng.uniform(35, 60)), float(rng.uniform(45, 75))),
        drag=(float(drag * np.cos(heading)), float(drag * np.sin(heading))),
        twist=float(np.deg2rad(np.clip(rng.normal(0, 5.0) * slip, -14, 14))),
        softness=2.2,
    )
    scale = float(np.exp(np.clip(rng.normal(0, 0.07), -0.2, 0.18)))
    at = (float(SIDE / 2 + rng.normal(0, 60)), float(SIDE / 2 + rng.normal(0, 80)))
    return placement, scale, at


def _remapped(
    layer: npt.NDArray[np.float32], x: npt.NDArray[np.float32], y: npt.NDArray[np.float32]
) -> npt.NDArray[np.float32]:
    return np.asarray(cv2.remap(layer, x, y, cv2.INTER_LINEAR), np.float32)


def _contact(
    x: npt.NDArray[np.float64], y: npt.NDArray[np.float64], rng: np.random.Generator
) -> npt.NDArray[np.float32]:
    """How firmly each point touches: above 0 inside the contact area, about 1 in its middle."""
    grown = rng.uniform(0.7, 1.05)
    u = (x - WIDTH / 2 - rng.normal(0, 20)) / (0.44 * WIDTH * grown)
    v = (y - 0.5 * HEIGHT - rng.normal(0, 25)) / (0.47 * HEIGHT * grown)
    ragged = np.float32(rng.uniform(0.01, 0.06)) * smooth_noise(rng, x.shape, rng.uniform(4, 14))
    off_skin = (x < 6) | (x > WIDTH - 7) | (y < 6) | (y > HEIGHT - 7)
    contact = (1 - fingertip_reach(u, v)).astype(np.float32) + ragged
    return np.where(off_skin, np.minimum(contact, np.float32(-0.1)), contact)


def _flow(
    relief: npt.NDArray[np.float32], contact: npt.NDArray[np.float32]
) -> npt.NDArray[np.float32]:
    """Return how the ridges run, from the relief that nothing has spoilt yet.

    For a wave sin(k u) the mean square of its slope is k^2 times that of itself, and its slope
    points across the ridges.
    """
    smooth = smoothed(relief, 1.2)
    slope_x = cv2.Sobel(smooth, cv2.CV_32F, 1, 0, ksize=3, scale=1 / 8)
    slope_y = cv2.Sobel(smooth, cv2.CV_32F, 0, 1, ksize=3, scale=1 / 8)
    parts = (
        slope_x * slope_x - slope_y * slope_y,
        2 * slope_x * slope_y,
        slope_x * slope_x + slope_y * slope_y,
        smooth * smooth,
        (contact > 0).astype(np.float32),
    )
    sigmas = (_SIGMA_FLOW, _SIGMA_FLOW, 9.0, 9.0, 3.0)
    half = FLOW_STEP // 2
    across, skew, steep, power, seen = (
        smoothed(each, sigma)[half::FLOW_STEP, half::FLOW_STEP]
        for each, sigma in zip(parts, sigmas, strict=True)
    )
    twice = np.arctan2(-skew, across) + np.pi  # the ridge runs across the slope; y points down
    period = 2 * np.pi * np.sqrt(np.maximum(power, 1e-6) / np.maximum(steep, 1e-6))
    tall = np.log(np.clip(period, 4, 20) / 9)
    return np.stack((np.cos(twice), np.sin(twice), tall, seen > 0.5)).astype(np.float32)
