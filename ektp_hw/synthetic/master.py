# SPDX-License-Identifier: Apache-2.0
"""The master print: a finger's whole skin relief before anything touches a scanner.

Its minutiae are found where the phase of the ridges winds once around a point, which is what a
minutia is (Larkin and Fletcher, 2007), so the truth comes from no skeleton and no extractor.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from ektp_hw.synthetic.growth import grow, ridge_phase
from ektp_hw.synthetic.noise import smooth_noise, smoothed
from ektp_hw.synthetic.pattern import HEIGHT, WIDTH, Pattern, draw_singularities, orientation_field
from ektp_hw.templates import MinutiaKind

if TYPE_CHECKING:
    import numpy.typing as npt

    from ektp_hw.synthetic.pattern import Singularities

__all__ = ["Master", "make_master"]

_STEP = 2
"""Ridges grow at 250 ppi, every second pixel of the master."""
_SEEDS = 50
_RESTLESS = 0.04
"""How much the period varies over a few ridges; it makes minutiae where the flow needs none."""
_BORDER = 6
"""Points at 250 ppi along the rim where the filter sees no more skin."""
_KIND_SIGMA = 0.8
_APART = 3.3
"""Points at 250 ppi; nearer together than this, at a core or delta, nobody can tell them apart."""


@dataclass(frozen=True)
class Master:
    """One finger's relief and its true minutiae, in pixels at 500 ppi.

    Parameters
    ----------
    relief
        -1 (middle of a valley) to 1 (middle of a ridge), shape (HEIGHT, WIDTH), float32.
    texture
        Small unevenness of the skin that stays with the finger: pores and rough edges; same shape.
    creases
        0 to 1, where a white line crosses the ridges; same shape.
    x, y, direction, kind
        Minutiae; directions as in `FingerprintTemplate`.
    period
        Mean distance of two ridges in pixels.
    """

    pattern: Pattern
    singularities: Singularities
    relief: npt.NDArray[np.float32]
    texture: npt.NDArray[np.float32]
    creases: npt.NDArray[np.float32]
    x: npt.NDArray[np.float64]
    y: npt.NDArray[np.float64]
    direction: npt.NDArray[np.float64]
    kind: npt.NDArray[np.uint8]
    period: float


def make_master(pattern: Pattern, rng: np.random.Generator, *, broader: float = 1.0) -> Master:
    """Grow one finger; ``broader`` scales its ridge period (thumbs have broader ridges)."""
    places, field_rng, growth_rng, skin_rng = rng.spawn(4)
    singularities = draw_singularities(pattern, places)
    orientation = orientation_field(pattern, singularities, field_rng, step=_STEP)
    mean = float(np.clip(field_rng.normal(8.7, 0.5), 7.6, 9.9)) * broader
    period = mean * _period_map(singularities, field_rng) / _STEP
    grown = grow(orientation, period, growth_rng, seeds=_SEEDS)
    wave = ridge_phase(grown, orientation, period)
    size = np.abs(wave)
    smooth = wave.real / (size + 0.2 * float(np.median(size)))
    relief = 0.7 * smooth + 0.3 * grown / 127
    x, y, direction, kind = _minutiae(wave, orientation, relief.astype(np.float32))
    return Master(
        pattern,
        singularities,
        np.clip(_enlarge(relief.astype(np.float32)), -1, 1),
        smooth_noise(skin_rng, (HEIGHT, WIDTH), 1.3),
        _creases(skin_rng),
        x,
        y,
        direction,
        kind,
        float(period.mean()) * _STEP,
    )


def _enlarge(picture: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Go from 250 to 500 ppi so that point (i, j) becomes pixel (2 i, 2 j)."""
    move = np.array([[_STEP, 0, 0], [0, _STEP, 0]], np.float64)
    large = cv2.warpAffine(
        picture, move, (WIDTH, HEIGHT), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE
    )
    return np.asarray(large, np.float32)


def _period_map(singularities: Singularities, rng: np.random.Generator) -> npt.NDArray[np.float64]:
    """Ridges lie wider apart above the top core and below the lowest delta."""
    y, x = np.mgrid[0:HEIGHT:_STEP, 0:WIDTH:_STEP].astype(np.float64)
    up = HEIGHT - y
    top = max((c.imag for c in singularities.cores), default=0.56 * HEIGHT)
    bottom = min((d.imag for d in singularities.deltas), default=0.3 * HEIGHT)
    factor = (
        0.95
        + 0.09 / (1 + np.exp(-(up - top - 50) / 20))
        + 0.13 / (1 + np.exp((up - bottom + 10) / 20))
    )
    factor += 0.025 * smooth_noise(rng, x.shape, 24.0) + _RESTLESS * smooth_noise(rng, x.shape, 7.0)
    return np.asarray(factor, np.float64)


def _minutiae(
    wave: npt.NDArray[np.complex64],
    orientation: npt.NDArray[np.float64],
    relief: npt.NDArray[np.float32],
) -> tuple[
    npt.NDArray[np.float64],
    npt.NDArray[np.float64],
    npt.NDArray[np.float64],
    npt.NDArray[np.uint8],
]:
    """Find where the phase winds around a square of four points, counter-clockwise as seen."""
    corners = (np.s_[:-1, :-1], np.s_[1:, :-1], np.s_[1:, 1:], np.s_[:-1, 1:])
    first = orientation[corners[0]]
    phases = []
    for corner in corners:
        same_way = np.cos(orientation[corner] - first) >= 0
        phases.append(np.angle(np.where(same_way, wave[corner], np.conj(wave[corner]))))
    turns = sum(
        np.mod(phases[(k + 1) % 4] - phases[k] + np.pi, 2 * np.pi) - np.pi for k in range(4)
    )
    winding = np.rint(turns / (2 * np.pi)).astype(np.int64)
    winding[:_BORDER] = winding[-_BORDER:] = 0
    winding[:, :_BORDER] = winding[:, -_BORDER:] = 0
    row, column = np.nonzero(winding)
    distance = np.hypot(row[:, None] - row, column[:, None] - column) + 99 * np.eye(len(row))
    alone = distance.min(axis=1, initial=99) >= _APART
    row, column = row[alone], column[alone]
    ridge = smoothed(relief, _KIND_SIGMA)
    dark = ridge[:-1, :-1] + ridge[1:, :-1] + ridge[1:, 1:] + ridge[:-1, 1:] > 0
    kind = np.where(dark[row, column], MinutiaKind.BIFURCATION, MinutiaKind.ENDING)
    direction = orientation[row, column] + np.where(winding[row, column] > 0, 0, np.pi)
    return (
        (column + 0.5) * _STEP,
        (row + 0.5) * _STEP,
        np.mod(direction, 2 * np.pi),
        kind.astype(np.uint8),
    )


def _creases(rng: np.random.Generator) -> npt.NDArray[np.float32]:
    """Draw the few white lines that most fingers have."""
    lines = np.zeros((HEIGHT, WIDTH), np.uint8)
    for _ in range(int(rng.poisson(1.2))):
        centre = rng.uniform((0.2 * WIDTH, 0.25 * HEIGHT), (0.8 * WIDTH, 0.95 * HEIGHT))
        heading, length = rng.normal(0.2, 0.5), rng.uniform(40, 160)
        t = np.linspace(-0.5, 0.5, 12)
        bow = rng.normal(0, 10) * (t * t - 0.08) + np.cumsum(rng.normal(0, 0.8, len(t)))
        points = centre + np.stack(
            (
                np.cos(heading) * length * t - np.sin(heading) * bow,
                np.sin(heading) * length * t + np.cos(heading) * bow,
            ),
            axis=1,
        )
        depth = 255 * np.sin(np.pi * np.linspace(0.08, 0.92, len(t)))
        for k in range(len(t) - 1):
            cv2.line(
                lines,
                np.rint(points[k] * 16).astype(int).tolist(),
                np.rint(points[k + 1] * 16).astype(int).tolist(),
                float(depth[k]),
                thickness=2,
                lineType=cv2.LINE_AA,
                shift=4,
            )
    return smoothed((lines / 255).astype(np.float32), 0.9)
