# SPDX-License-Identifier: Apache-2.0
"""A signature that belongs to nobody, as a pen pad reports it.

Each stroke is a lognormal pulse of speed along an arc and strokes overlap in time, as in the
kinematic theory of rapid human movements (Plamondon, 1995). A person owns the strokes; each signing
changes their timing, length and heading a little.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ektp_hw.samples import SignatureTrace

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["RATE", "sign"]

RATE = 200.0
"""Reports a second."""
_PAD_WIDTH, _PAD_HEIGHT = 96.0, 60.0
"""Writing area in millimetres."""
_MARGIN = 3.0


def sign(own: np.random.Generator, now: np.random.Generator) -> SignatureTrace:
    """Write once.

    Parameters
    ----------
    own
        What belongs to the person; the same for each signing.
    now
        What belongs to this signing.
    """
    count = int(own.integers(14, 24))
    size = own.uniform(7, 13)
    start = np.cumsum(own.uniform(0.08, 0.15, count))
    spread = own.uniform(0.14, 0.26, count)
    middle = own.uniform(-2.3, -1.9, count)
    # Down and up by turns while the hand moves on to the right.
    up = np.where(np.arange(count) % 2 == 0, 1.0, -1.0)
    heading = up * own.uniform(1.0, 1.7, count) + own.normal(0, 0.25, count)
    bend = up * own.uniform(0.2, 2.2, count) * np.where(own.random(count) < 0.75, -1, 1)
    length = size * own.uniform(0.5, 1.9, count)
    length[0] *= 1.6
    lifted = own.random(count) < 0.12
    lifted[:3] = lifted[-1] = False
    force = own.uniform(0.45, 0.75)

    start = start * now.normal(1, 0.04) + now.normal(0, 0.004, count)
    length = length * now.normal(1, 0.03) * now.normal(1, 0.05, count)
    heading = heading + now.normal(0, 0.03) + now.normal(0, 0.05, count)
    bend = bend * now.normal(1, 0.08, count)
    force = force * now.normal(1, 0.06)

    seconds = np.arange(0, float(start.max()) + 0.6, 1 / RATE)
    x, y = np.zeros(len(seconds)), np.zeros(len(seconds))
    hover = np.zeros(len(seconds), dtype=bool)
    for k in range(count):
        speed, progress = _pulse(seconds - start[k], middle[k], spread[k])
        angle = heading[k] + bend[k] * (progress - 0.5)
        x += length[k] * speed * np.cos(angle) / RATE
        y -= length[k] * speed * np.sin(angle) / RATE
        if lifted[k]:
            hover |= (progress > 0.15) & (progress < 0.85)
    x, y = np.cumsum(x) + 0.9 * seconds * size, np.cumsum(y)
    pace = np.hypot(np.gradient(x), np.gradient(y)) * RATE
    pressure = force * (1.15 - 0.5 * pace / (pace + 60)) * _ramp(seconds)
    pressure += 0.012 * now.standard_normal(len(seconds))
    pressure = np.where(hover, 0.0, np.clip(pressure, 0.02, 1.0))
    x, y = _onto_pad(x, y, now)
    # The pad reports hundredths of a millimetre and 1024 levels.
    return SignatureTrace(seconds, np.round(x, 2), np.round(y, 2), np.round(pressure * 1023) / 1023)


def _pulse(
    t: npt.NDArray[np.float64], middle: float, spread: float
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return the lognormal speed (area 1 over t in seconds) and the share of the way done."""
    after = np.maximum(t, 1e-4)
    z = (np.log(after) - middle) / spread
    speed = np.exp(-0.5 * z * z) / (after * spread * np.sqrt(2 * np.pi)) * (t > 1e-4)
    return speed, np.clip(np.cumsum(speed) / RATE, 0, 1)


def _ramp(seconds: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return how firmly the pen stands: it lands and lifts within hundredths of a second."""
    left = seconds[-1] - seconds
    return np.asarray((1 - np.exp(-seconds / 0.02)) * (1 - np.exp(-left / 0.02)), np.float64)


def _onto_pad(
    x: npt.NDArray[np.float64], y: npt.NDArray[np.float64], now: np.random.Generator
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Centre the signature with some carelessness; shrink it if the pad is too small for it."""
    scale = min(
        1.0,
        (_PAD_WIDTH - 2 * _MARGIN) / max(float(np.ptp(x)), 1.0),
        (_PAD_HEIGHT - 2 * _MARGIN) / max(float(np.ptp(y)), 1.0),
    )
    placed = []
    for column, side in ((x * scale, _PAD_WIDTH), (y * scale, _PAD_HEIGHT)):
        room = (side - float(np.ptp(column))) / 2 - _MARGIN / 2
        offset = float(np.clip(now.normal(0, 2.0), -room, room))
        placed.append(column - (column.max() + column.min()) / 2 + side / 2 + offset)
    return placed[0], placed[1]
