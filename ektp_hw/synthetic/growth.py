# SPDX-License-Identifier: Apache-2.0
"""Ridges grown from seeds by filtering again and again along the orientation field.

The idea is SFinGe's (Cappelli, Maio and Maltoni, 2000): a filter tuned to the local orientation and
period turns any start into ridges, and where growing patches meet out of step, minutiae arise by
themselves. Here it runs at 250 ppi on whole numbers: weights and grey values are small integers, so
sums are exact and the same seed grows the same ridges on every machine.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from ektp_hw.jit import kernel

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["grow", "ridge_phase"]

_RADIUS = 5
_ORIENTATIONS = 64
_PERIODS = np.linspace(3.4, 6.2, 15)
"""In pixels at 250 ppi."""
_FULL = 127.0
_GAIN = 2.2
"""How much one pass strengthens ridges of the right period before they are clipped."""
_PASSES = 26


@cache
def _filters() -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Even and odd filters, shape (orientations * periods, side * side), whole numbers."""
    d = np.arange(-_RADIUS, _RADIUS + 1, dtype=np.float64)
    down, right = np.meshgrid(d, d, indexing="ij")
    even, odd = [], []
    for k in range(_ORIENTATIONS):
        theta = np.pi * k / _ORIENTATIONS
        along = right * np.cos(theta) - down * np.sin(theta)
        across = -right * np.sin(theta) - down * np.cos(theta)
        for period in _PERIODS:
            spread = np.exp(
                -0.5 * ((along / (0.48 * period)) ** 2 + (across / (0.42 * period)) ** 2)
            )
            wave = 2 * np.pi / period * across
            c = spread * np.cos(wave)
            c -= spread * (c.sum() / spread.sum())
            unit = _GAIN * 256 / (c * np.cos(wave)).sum()
            even.append(np.rint(c * unit).ravel())
            odd.append(np.rint(spread * np.sin(wave) * unit).ravel())
    return np.array(even, np.float32), np.array(odd, np.float32)


def _choose(
    orientation: npt.NDArray[np.float64], period: npt.NDArray[np.float64]
) -> npt.NDArray[np.int64]:
    k = np.rint(orientation * (_ORIENTATIONS / np.pi)).astype(np.int64) % _ORIENTATIONS
    p = np.rint((period - _PERIODS[0]) / (_PERIODS[1] - _PERIODS[0])).astype(np.int64)
    return np.asarray(k * len(_PERIODS) + np.clip(p, 0, len(_PERIODS) - 1), np.int64)


def grow(
    orientation: npt.NDArray[np.float64],
    period: npt.NDArray[np.float64],
    rng: np.random.Generator,
    *,
    seeds: int,
) -> npt.NDArray[np.float32]:
    """Grow ridges at 250 ppi.

    Parameters
    ----------
    orientation
        Radians modulo pi, counter-clockwise as seen, shape (height, width).
    period
        Distance of two ridges in pixels at 250 ppi, same shape.
    seeds
        Number of points from which ridges start to grow; more seeds give more minutiae.

    Returns
    -------
    ridges
        Whole numbers from -127 (middle of a valley) to 127 (middle of a ridge), same shape.
    """
    height, width = orientation.shape
    padded = np.zeros((height + 2 * _RADIUS, width + 2 * _RADIUS), np.float32)
    y = rng.integers(0, height, seeds) + _RADIUS
    x = rng.integers(0, width, seeds) + _RADIUS
    padded[y, x] = _FULL
    chosen = _choose(orientation, period)
    even, _ = _filters()
    following = padded.copy()
    for _ in range(_PASSES):
        _filter(padded, following, chosen, even, _RADIUS, 256.0, _FULL)
        padded, following = following, padded
    return np.ascontiguousarray(padded[_RADIUS:-_RADIUS, _RADIUS:-_RADIUS])


def ridge_phase(
    ridges: npt.NDArray[np.float32],
    orientation: npt.NDArray[np.float64],
    period: npt.NDArray[np.float64],
) -> npt.NDArray[np.complex64]:
    """Return the local wave, its angle being the phase along the ridge's left-hand normal."""
    padded = np.pad(ridges, _RADIUS)
    chosen = _choose(orientation, period)
    parts = []
    for bank in _filters():
        out = np.zeros_like(padded)
        _filter(padded, out, chosen, bank, _RADIUS, 256.0, 1e9)
        parts.append(out[_RADIUS:-_RADIUS, _RADIUS:-_RADIUS])
    # The last filter before pi is the first one turned around: there the phase runs backwards.
    turned = np.rint(orientation * (_ORIENTATIONS / np.pi)) >= _ORIENTATIONS
    wave = np.empty(ridges.shape, np.complex64)
    wave.real = parts[0]
    wave.imag = np.where(turned, parts[1], -parts[1])
    return wave


@kernel
def _filter(
    source: npt.NDArray[np.float32],
    target: npt.NDArray[np.float32],
    chosen: npt.NDArray[np.int64],
    bank: npt.NDArray[np.float32],
    radius: int,
    unit: float,
    limit: float,
) -> None:
    height, width = chosen.shape
    side = 2 * radius + 1
    for row in range(height):
        for column in range(width):
            which = chosen[row, column]
            a = b = c = np.float32(0)
            for i in range(side):
                for j in range(0, side - 2, 3):
                    a += source[row + i, column + j] * bank[which, i * side + j]
                    b += source[row + i, column + j + 1] * bank[which, i * side + j + 1]
                    c += source[row + i, column + j + 2] * bank[which, i * side + j + 2]
                for j in range(side - side % 3, side):
                    a += source[row + i, column + j] * bank[which, i * side + j]
            value = np.rint((a + b + c) / unit)
            target[row + radius, column + radius] = min(max(value, -limit), limit)
