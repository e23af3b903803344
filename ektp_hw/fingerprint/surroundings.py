# SPDX-License-Identifier: Apache-2.0
"""What lies around each of a finger's most reliable minutiae, as small whole numbers.

As in the Minutia Cylinder-Code (`prepared`), a disc around the minutia, turned by its direction,
is cut into cells and bands of direction difference, but smaller and coarser, and what neighbours
contribute is kept as a number: learned projections make bits of it (`sketch`, `finger_code`).
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ektp_hw.fingerprint.preparation_tables import trust_of
from ektp_hw.fingerprint.sketch_parameters import SURROUNDINGS
from ektp_hw.jit import kernel
from ektp_hw.native import SKETCH_MINUTIAE
from ektp_hw.templates import DIRECTION_STEPS

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from ektp_hw.fingerprint.sketch_parameters import SurroundingsParameters
    from ektp_hw.templates import FingerprintTemplate

    Floats = npt.NDArray[np.float32]

__all__ = ["Surroundings", "projected", "surroundings_of"]

_PER_PIXEL = 16.0
"""Entries of the bell's table for each pixel: positions are stored as finely."""
_DEVIATIONS = 3.0
"""Beyond so many standard deviations a minutia contributes nothing to a cell."""


@dataclass(frozen=True, eq=False)
class Surroundings:
    """The chosen minutiae of n fingers, one after the other, the most reliable first.

    Parameters
    ----------
    counts
        How many were chosen of each finger, at most `native.SKETCH_MINUTIAE`; (n,).
    x, y, steps
        Position in pixels at 500 ppi, y upwards, float32; direction in 1/256 of a turn, uint8.
    numbers
        What surrounds each, whole numbers 0 to 31; (minutiae, `SurroundingsParameters.numbers`)
        float32.
    chosen
        Index of each in its template.
    """

    counts: npt.NDArray[np.int64]
    x: Floats
    y: Floats
    steps: npt.NDArray[np.uint8]
    numbers: Floats
    chosen: npt.NDArray[np.int64]

    def part(self, first: int, stop: int) -> Surroundings:
        """Return some of the minutiae, as those of one finger."""
        some = slice(first, stop)
        return Surroundings(
            counts=np.array([len(self.x[some])]),
            x=self.x[some],
            y=self.y[some],
            steps=self.steps[some],
            numbers=self.numbers[some],
            chosen=self.chosen[some],
        )


def surroundings_of(
    templates: Sequence[FingerprintTemplate],
    parameters: SurroundingsParameters = SURROUNDINGS,
    most: int = SKETCH_MINUTIAE,
) -> Surroundings:
    """Describe the ``most`` most reliable minutiae of each template; of equal ones the first."""
    sizes = np.fromiter(map(len, templates), np.int64, len(templates))
    ends = np.cumsum(sizes)
    x, y, direction, reliability = (
        np.concatenate([np.zeros(0, np.float32), *(getattr(each, name) for each in templates)])
        for name in ("x", "y", "direction", "reliability")
    )
    steps = (np.rint(direction * (DIRECTION_STEPS / (2 * np.pi))) % DIRECTION_STEPS).astype(
        np.uint8
    )
    owner = np.repeat(np.arange(len(templates)), sizes)
    order = np.lexsort((-reliability, owner))
    rank = np.arange(len(order)) - np.repeat(ends - sizes, sizes)
    chosen = order[rank < most]
    trust = trust_of(reliability.astype(np.float64))
    means = np.bincount(owner, trust, len(templates)) / np.maximum(sizes, 1)
    weight = np.minimum(trust / means[owner], parameters.most_trust).astype(np.float32)
    bell, bands, cosines = _tables(parameters)
    numbers = _numbers(
        x,
        -y,
        steps,
        weight,
        chosen,
        (ends - sizes)[owner[chosen]],
        ends[owner[chosen]],
        bell,
        bands,
        cosines,
        parameters.radius,
        parameters.cells,
        parameters.numbers,
        parameters.steps,
        parameters.most_steps,
    )
    return Surroundings(
        counts=np.minimum(sizes, most),
        x=x[chosen],
        y=-y[chosen],
        steps=steps[chosen],
        numbers=numbers,
        chosen=chosen - (ends - sizes)[owner[chosen]],
    )


def projected(numbers: Floats, weights: npt.NDArray[np.int8]) -> Floats:
    """Return numbers @ weights, exactly: whole numbers below 2^24, (minutiae, columns) float32."""
    return _projected(numbers, np.ascontiguousarray(weights, np.float32))


@kernel
def _projected(numbers: Floats, weights: Floats) -> Floats:
    sums = np.zeros((numbers.shape[0], weights.shape[1]), np.float32)
    for m in range(numbers.shape[0]):
        for k in range(numbers.shape[1]):
            number = numbers[m, k]
            if number != 0.0:  # more than half of them are
                for d in range(weights.shape[1]):
                    sums[m, d] += number * weights[k, d]
    return sums


@functools.cache
def _tables(parameters: SurroundingsParameters) -> tuple[Floats, Floats, Floats]:
    """Return the bell by distance, the bands by direction difference, and cosines by direction."""
    entries = int(_DEVIATIONS * parameters.position_spread * _PER_PIXEL) + 1
    distance = np.arange(entries) / (_PER_PIXEL * parameters.position_spread)
    turn = np.arange(DIRECTION_STEPS) * 2 * np.pi / DIRECTION_STEPS
    middles = (np.arange(parameters.bands) + 0.5) * 2 * np.pi / parameters.bands
    gap = np.abs((turn[:, np.newaxis] - middles + np.pi) % (2 * np.pi) - np.pi)
    bands = np.exp(-0.5 * (gap / parameters.direction_spread) ** 2)
    tables = (np.exp(-0.5 * distance**2), bands, np.cos(turn))
    bell, bands, cosines = (np.asarray(table, np.float32) for table in tables)
    return bell, bands, cosines


@kernel
def _numbers(
    x: Floats, y: Floats, steps: npt.NDArray[np.uint8], weight: Floats,
    chosen: npt.NDArray[np.int64], first: npt.NDArray[np.int64], end: npt.NDArray[np.int64],
    bell: Floats, bands: Floats, cosines: Floats, radius: float, cells: int, numbers: int,
    scale: int, most: int,
) -> Floats:  # fmt: skip
    """Add up what neighbours give to each cell and band, and take roots."""
    found = np.zeros((len(chosen), numbers), np.float32)
    sums = np.zeros((cells, cells, bands.shape[1]), np.float32)
    across, down = np.zeros(cells, np.float32), np.zeros(cells, np.float32)
    step = 2.0 * radius / cells
    reach = (len(bell) - 1) / _PER_PIXEL
    for k in range(len(chosen)):
        m = chosen[k]
        cosine, sine = cosines[steps[m]], cosines[(np.int64(steps[m]) + 192) & 255]
        sums[:] = 0.0
        for t in range(first[k], end[k]):
            dx, dy = x[t] - x[m], y[t] - y[m]
            if t == m or dx * dx + dy * dy > (radius + reach) ** 2:
                continue
            _bell_along(cosine * dx + sine * dy, step, radius, bell, across)
            _bell_along(cosine * dy - sine * dx, step, radius, bell, down)
            band = bands[(np.int64(steps[t]) - np.int64(steps[m])) & 255]
            _give(across, down, band, weight[t], sums)
        _roots(sums, step, radius, scale, most, found[k])
    return found


@kernel
def _bell_along(at: float, step: float, radius: float, bell: Floats, out: Floats) -> None:
    """Write what a minutia at this place gives to each row (or column) of cells."""
    for c in range(len(out)):
        far = int(abs((c + 0.5) * step - radius - at) * _PER_PIXEL + 0.5)
        out[c] = bell[far] if far < len(bell) else 0.0


@kernel
def _give(across: Floats, down: Floats, band: Floats, weight: float, sums: Floats) -> None:
    for v in range(len(down)):
        if down[v] > 0.0:
            for u in range(len(across)):
                if across[u] > 0.0:
                    both = across[u] * down[v] * weight
                    for d in range(len(band)):
                        sums[v, u, d] += both * band[d]


@kernel
def _roots(sums: Floats, step: float, radius: float, scale: int, most: int, out: Floats) -> None:
    """Write the roots, in steps, of the cells whose middle lies in the disc."""
    at = 0
    for v in range(sums.shape[0]):
        for u in range(sums.shape[1]):
            px, py = (u + 0.5) * step - radius, (v + 0.5) * step - radius
            if px * px + py * py <= radius * radius:
                for d in range(sums.shape[2]):
                    out[at] = min(np.floor(np.sqrt(sums[v, u, d]) * scale + 0.5), float(most))
                    at += 1
