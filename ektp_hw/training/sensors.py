# SPDX-License-Identifier: Apache-2.0
"""How a sensor shows the skin that touches it.

Kinds after D. Maltoni et al., Handbook of Fingerprint Recognition, chapter 2: frustrated total
reflection (dark ridges on an even bright ground), capacitive (hard contrast, grain, dead and
uneven pixels), thermal sweep (grey ground, lines that differ from row to row, steps where slices
were put together), and ink on paper (blotches and a dirty ground).
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import cv2
import numpy as np

from ektp_hw.synthetic.noise import smooth_noise, smoothed

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    Floats = npt.NDArray[np.float32]
    Sensor = Callable[[Floats, Floats, np.random.Generator], Floats]

__all__ = ["sensed"]


def sensed(height: Floats, contact: Floats, rng: np.random.Generator) -> npt.NDArray[np.uint8]:
    """Return the picture that a sensor drawn at random gives of a worn finger.

    Parameters
    ----------
    height
        Of the skin above the level that prints, in heights of a ridge; (rows, columns).
    contact
        Above 0 where the finger touches.
    """
    sensor: Sensor = _SENSORS[int(rng.choice(len(_SENSORS), p=_SHARES))]
    grey = sensor(height, contact, rng)
    grey = _softened(grey, rng)
    if rng.random() < 0.3:
        grey = _stretched(grey, rng)
    pixels = np.asarray(np.clip(np.rint(grey), 0, 255), np.uint8)
    if rng.random() < 0.15:
        pixels = _resampled(pixels, rng)
    if rng.random() < 0.3:
        quality = int(rng.uniform(25, 95))
        packed = cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
        pixels = np.asarray(cv2.imdecode(packed, cv2.IMREAD_GRAYSCALE), np.uint8)
    return pixels


def _touched(contact: Floats, sharpness: float) -> Floats:
    return np.asarray(1 / (1 + np.exp(-np.clip(contact * sharpness, -20, 20))), np.float32)


def _printed(height: Floats, steepness: float) -> Floats:
    return np.asarray(1 / (1 + np.exp(-np.clip(height * steepness, -20, 20))), np.float32)


def _fading(height: Floats, contact: Floats, rng: np.random.Generator) -> Floats:
    """Lower the skin towards the rim, where it is pressed less."""
    rim = np.exp(-np.maximum(contact, 0) / rng.uniform(0.03, 0.1))
    return np.asarray(height - rng.uniform(0.1, 1.0) * rim, np.float32)


def _optical(height: Floats, contact: Floats, rng: np.random.Generator) -> Floats:
    ink = _printed(_fading(height, contact, rng), rng.uniform(2.5, 7)) * _touched(contact, 60)
    ink = smoothed(ink, rng.uniform(0.4, 1.3))
    firm = np.clip(rng.uniform(0.6, 1) + rng.uniform(0, 0.6) * np.minimum(contact, 0.5), 0, 1)
    ground = rng.uniform(150, 255) + rng.uniform(0, 12) * smooth_noise(rng, ink.shape, 40.0)
    ghost = _latent(ink.shape, rng) if rng.random() < 0.25 else np.float32(0)
    shown = np.maximum(ink, ghost)
    grey = ground * (1 - rng.uniform(0.35, 0.97) * firm * shown)
    noise = rng.uniform(0.5, 9) * rng.standard_normal(ink.shape, dtype=np.float32)
    return np.asarray(grey + noise * (0.25 + 0.75 * ink), np.float32)


def _capacitive(height: Floats, contact: Floats, rng: np.random.Generator) -> Floats:
    ink = _printed(_fading(height, contact, rng), rng.uniform(3, 12)) * _touched(contact, 30)
    ink = smoothed(ink, rng.uniform(0.3, 1.0))
    grain = rng.uniform(0.02, 0.16) * smooth_noise(rng, ink.shape, rng.uniform(0.4, 1.0))
    shown = np.clip(ink * rng.uniform(0.7, 1.0) + grain * (0.3 + 0.7 * ink), 0, 1)
    low, high = rng.uniform(0, 70), rng.uniform(170, 255)
    grey = high - (high - low) * shown
    grey += rng.uniform(0, 6) * rng.standard_normal((1, ink.shape[1]), dtype=np.float32)
    grey += rng.uniform(0, 6) * rng.standard_normal((ink.shape[0], 1), dtype=np.float32)
    dead = rng.random(ink.shape) < rng.uniform(0, 0.02)
    return np.asarray(np.where(dead, rng.choice((low, high)), grey), np.float32)


def _thermal_sweep(height: Floats, contact: Floats, rng: np.random.Generator) -> Floats:
    rows = height.shape[0]
    ink = _printed(_fading(height, contact, rng), rng.uniform(2, 6)) * _touched(contact, 25)
    ink = smoothed(ink, rng.uniform(0.4, 1.1))
    middle = rng.uniform(110, 200)
    swing = rng.uniform(50, 140) * (1 + 0.25 * smooth_noise(rng, height.shape, 30.0))
    gain = 1 + rng.uniform(0, 0.25) * _by_row(rows, rng, rng.uniform(1, 5))
    offset = rng.uniform(0, 14) * _by_row(rows, rng, rng.uniform(0.3, 4))
    touched = _touched(contact, 25)
    grey = middle + offset + gain * swing * (0.5 - ink) * (0.2 + 0.8 * touched)
    grey += rng.uniform(2, 12) * smooth_noise(rng, height.shape, rng.uniform(0.4, 1.2))
    if rng.random() < 0.5:
        grey = _slices(grey, rng)
    return np.asarray(grey, np.float32)


def _by_row(rows: int, rng: np.random.Generator, sigma: float) -> Floats:
    line = smoothed(rng.standard_normal((rows, 1), dtype=np.float32), sigma)
    return np.asarray(line / max(float(line.std()), 1e-3), np.float32)


def _slices(grey: Floats, rng: np.random.Generator) -> Floats:
    """Move whole bands of rows sideways by a pixel or two, as wrong stitching does."""
    edges = np.cumsum(rng.integers(16, 60, 20))
    moved = grey.copy()
    for first, last in itertools.pairwise(edges):
        moved[first:last] = np.roll(grey[first:last], int(rng.integers(-1, 2)), axis=1)
    return moved


def _inked(height: Floats, contact: Floats, rng: np.random.Generator) -> Floats:
    blotchy = height + rng.uniform(0.1, 0.5) * smooth_noise(rng, height.shape, rng.uniform(1, 3))
    ink = _printed(_fading(blotchy, contact, rng), rng.uniform(3, 10)) * _touched(contact, 40)
    ink = smoothed(ink, rng.uniform(0.5, 1.4))
    paper = rng.uniform(170, 240) + rng.uniform(1, 10) * smooth_noise(rng, ink.shape, 1.5)
    paper += rng.uniform(0, 14) * smooth_noise(rng, ink.shape, 30.0)
    dark = rng.uniform(0.5, 0.95) * (1 + 0.12 * smooth_noise(rng, ink.shape, 12.0))
    return np.asarray(paper * (1 - np.clip(dark, 0, 1) * ink), np.float32)


def _latent(shape: tuple[int, int], rng: np.random.Generator) -> Floats:
    """Return what the finger before left on the platen: a faint print that runs otherwise."""
    rows, columns = np.mgrid[0 : shape[0], 0 : shape[1]].astype(np.float32)
    heading = rng.uniform(0, np.pi)
    bend = 26 * smooth_noise(rng, shape, 40.0)
    phase = (np.cos(heading) * columns + np.sin(heading) * rows + bend) * (
        2 * np.pi / rng.uniform(7.5, 10.5)
    )
    where = np.clip(smooth_noise(rng, shape, 30.0), 0, 1)
    return np.asarray(rng.uniform(0.1, 0.45) * where * (0.5 + 0.5 * np.sin(phase)), np.float32)


def _softened(grey: Floats, rng: np.random.Generator) -> Floats:
    """Blur or sharpen, as lenses and the sensors' own programs do."""
    choice = rng.random()
    if choice < 0.3:
        return smoothed(grey, rng.uniform(0.4, 1.5))
    if choice < 0.55:
        amount = rng.uniform(0.3, 1.6)
        return np.asarray(grey + amount * (grey - smoothed(grey, rng.uniform(0.8, 2))), np.float32)
    return grey


def _stretched(grey: Floats, rng: np.random.Generator) -> Floats:
    """Spread the grey values until dark and bright ones are cut off, as some sensors do."""
    low, high = np.quantile(grey[::4, ::4], (rng.uniform(0, 0.25), rng.uniform(0.6, 1)))
    return np.asarray((grey - low) * (255 / max(float(high - low), 20.0)), np.float32)


def _resampled(pixels: npt.NDArray[np.uint8], rng: np.random.Generator) -> npt.NDArray[np.uint8]:
    """Go to another resolution and back."""
    rows, columns = pixels.shape
    factor = rng.uniform(0.6, 1.4)
    other = cv2.resize(pixels, (round(columns * factor), round(rows * factor)))
    return np.asarray(cv2.resize(other, (columns, rows)), np.uint8)


_SENSORS: tuple[Sensor, ...] = (_optical, _capacitive, _thermal_sweep, _inked)
_SHARES = (0.45, 0.25, 0.18, 0.12)
