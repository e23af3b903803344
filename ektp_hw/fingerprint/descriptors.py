# SPDX-License-Identifier: Apache-2.0
"""Describe the neighbourhood of each minutia by 480 bits that do not change when the finger turns.

After the Minutia Cylinder-Code (R. Cappelli, M. Ferrara, D. Maltoni, "Minutia Cylinder-Code: a new
representation and matching technique for fingerprint recognition", IEEE TPAMI 32(12), 2010), in its
bit form: a disc around the minutia, turned by its direction, is cut into cells; a cell has one bit
for each band of direction difference, set where neighbouring minutiae contribute enough. A mask
tells which cells lie where the sensor saw the finger.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ektp_hw.jit import kernel
from ektp_hw.native import CYLINDER_WORDS

if TYPE_CHECKING:
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]

__all__ = ["CylinderParameters", "cylinder_codes", "hull"]


@dataclass(frozen=True)
class CylinderParameters:
    """Shape of the cylinders; lengths in pixels at 500 ppi."""

    radius: float = 85.0
    """Reach of a neighbourhood, about nine ridge periods."""
    cells: int = 10
    """Cells along the diameter; the 80 of 100 whose centre lies in the disc are used."""
    bands: int = 6
    """Bands of direction difference: 80 x 6 bits fit the 512 of a code."""
    position_spread: float = 9.0
    """Standard deviation of a minutia's place, one ridge period."""
    direction_spread: float = 0.5
    """Standard deviation of a direction difference, radians."""
    threshold: float = 0.15
    """Contribution (1 = a minutia in the cell's very centre) that sets a bit."""
    margin: float = 45.0
    """How far outside the hull of all minutiae the finger is still taken as seen."""


def cylinder_codes(
    x: Floats, y: Floats, direction: Floats, trust: Floats, corners: Floats, parameters: CylinderParameters
) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.uint64]]:
    """Return codes and masks, both (n, 8) uint64.

    Parameters
    ----------
    x, y, direction
        Minutiae, y upwards, so that directions turn the mathematical way.
    corners
        Their hull, as `hull` returns it.
    """
    step = 2.0 * parameters.radius / parameters.cells
    along = (np.arange(parameters.cells) + 0.5) * step - parameters.radius
    cell_x, cell_y = (grid.ravel() for grid in np.meshgrid(along, along))
    inside = np.hypot(cell_x, cell_y) <= parameters.radius
    return _codes(
        x,
        y,
        direction,
        trust,
        corners,
        cell_x[inside],
        cell_y[inside],
        parameters.radius,
        parameters.bands,
        parameters.position_spread,
        parameters.direction_spread,
        parameters.threshold,
        parameters.margin,
        CYLINDER_WORDS,
    )


def hull(x: Floats, y: Floats) -> Floats:
    """Return the corners of the convex hull, (k, 2), counter-clockwise with y upwards.

    By A. M. Andrew's monotone chain. Fewer than three corners mean that all points lie on a line.
    """
    points = sorted(set(zip(x.tolist(), y.tolist(), strict=True)))
    if len(points) < 3:
        return np.array(points, np.float64).reshape(-1, 2)
    chains: list[list[tuple[float, float]]] = []
    for ordered in (points, points[::-1]):
        chain: list[tuple[float, float]] = []
        for point in ordered:
            while len(chain) >= 2 and _turn(chain[-2], chain[-1], point) <= 0:
                chain.pop()
            chain.append(point)
        chains.append(chain[:-1])
    return np.array(chains[0] + chains[1], np.float64)


def _turn(a: tuple[float, float], b: tuple[float, float], c: tuple[float, float]) -> float:
    return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])


@kernel
def _outside(px: float, py: float, corners: Floats) -> float:
    """Squared distance from a point to the hull, 0 inside."""
    count = corners.shape[0]
    nearest = np.inf
    inside = count > 2
    for k in range(count):
        ax, ay = corners[k, 0], corners[k, 1]
        ex, ey = corners[(k + 1) % count, 0] - ax, corners[(k + 1) % count, 1] - ay
        rx, ry = px - ax, py - ay
        if ex * ry - ey * rx < 0:
            inside = False
        length = ex * ex + ey * ey
        along = min(1.0, max(0.0, (rx * ex + ry * ey) / length)) if length > 0 else 0.0
        nearest = min(nearest, (rx - along * ex) ** 2 + (ry - along * ey) ** 2)
    return 0.0 if inside else nearest


@kernel
def _codes(
    x: Floats,
    y: Floats,
    direction: Floats,
    trust: Floats,
    corners: Floats,
    cell_x: Floats,
    cell_y: Floats,
    radius: float,
    bands: int,
    position_spread: float,
    direction_spread: float,
    threshold: float,
    margin: float,
    words: int,
) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.uint64]]:
    n, cells = x.shape[0], cell_x.shape[0]
    codes = np.zeros((n, words), np.uint64)
    masks = np.zeros((n, words), np.uint64)
    turn = 2.0 * np.pi
    reach = 3.0 * position_spread
    sums = np.zeros((cells, bands))
    weights = np.zeros(bands)
    for m in range(n):
        sums[:] = 0.0
        cosine, sine = np.cos(direction[m]), np.sin(direction[m])
        for t in range(n):
            dx, dy = x[t] - x[m], y[t] - y[m]
            if t == m or dx * dx + dy * dy > (radius + reach) ** 2:
                continue
            along, across = cosine * dx + sine * dy, cosine * dy - sine * dx
            difference = direction[t] - direction[m]
            for b in range(bands):
                gap = (difference - (b + 0.5) * turn / bands) % turn
                gap = min(gap, turn - gap)
                weights[b] = np.exp(-0.5 * (gap / direction_spread) ** 2)
            for c in range(cells):
                squared = (cell_x[c] - along) ** 2 + (cell_y[c] - across) ** 2
                if squared > reach * reach:
                    continue
                weight = min(trust[t], 1.5) * np.exp(-0.5 * squared / position_spread**2)
                for b in range(bands):
                    sums[c, b] += weight * weights[b]
        for c in range(cells):
            px = x[m] + cosine * cell_x[c] - sine * cell_y[c]
            py = y[m] + sine * cell_x[c] + cosine * cell_y[c]
            if _outside(px, py, corners) > margin * margin:
                continue
            for b in range(bands):
                bit = c * bands + b
                one = np.uint64(1) << np.uint64(bit % 64)
                masks[m, bit // 64] |= one
                if sums[c, b] > threshold:
                    codes[m, bit // 64] |= one
    return codes, masks
