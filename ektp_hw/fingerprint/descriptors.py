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
    most_trust: float = 1.5
    """A minutia contributes as much as it is trusted (1 = the template's mean), at most this."""
    margin: float = 45.0
    """How far outside the hull of all minutiae the finger is still taken as seen."""


def cylinder_codes(
    x: Floats,
    y: Floats,
    direction: Floats,
    trust: Floats,
    corners: Floats,
    parameters: CylinderParameters,
) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.uint64]]:
    """Return codes and masks, both (n, 8) uint64.

    Parameters
    ----------
    x, y, direction
        Minutiae, y upwards, so that directions turn the mathematical way.
    trust
        How much each contributes, about 1.
    corners
        Their hull, as `hull` returns it.

    Raises
    ------
    ValueError
        If the parameters ask for more bits than a code has.
    """
    step = 2.0 * parameters.radius / parameters.cells
    along = (np.arange(parameters.cells) + 0.5) * step - parameters.radius
    cell_x, cell_y = (grid.ravel() for grid in np.meshgrid(along, along))
    inside = np.hypot(cell_x, cell_y) <= parameters.radius
    bits = int(inside.sum()) * parameters.bands
    if bits > 64 * CYLINDER_WORDS:
        raise ValueError(f"{bits} bits do not fit a code of {64 * CYLINDER_WORDS}; use fewer cells")
    return _codes(
        x,
        y,
        direction,
        trust,
        corners,
        cell_x[inside],
        cell_y[inside],
        CYLINDER_WORDS,
        parameters.radius,
        parameters.bands,
        parameters.position_spread,
        parameters.direction_spread,
        parameters.threshold,
        parameters.most_trust,
        parameters.margin,
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
def _contributions(
    x: Floats, y: Floats, direction: Floats, trust: Floats, m: int, cell_x: Floats, cell_y: Floats,
    radius: float, reach: float, position_spread: float, direction_spread: float, most: float,
    sums: Floats,
) -> None:  # fmt: skip
    """Add up what the neighbours of minutia m give to each cell and band of direction."""
    cells, bands = sums.shape
    weights = np.zeros(bands)
    cosine, sine = np.cos(direction[m]), np.sin(direction[m])
    for t in range(x.shape[0]):
        dx, dy = x[t] - x[m], y[t] - y[m]
        if t == m or dx * dx + dy * dy > (radius + reach) ** 2:
            continue
        along, across = cosine * dx + sine * dy, cosine * dy - sine * dx
        for b in range(bands):
            gap = (direction[t] - direction[m] - (b + 0.5) * 2.0 * np.pi / bands) % (2.0 * np.pi)
            gap = min(gap, 2.0 * np.pi - gap)
            weights[b] = min(trust[t], most) * np.exp(-0.5 * (gap / direction_spread) ** 2)
        for c in range(cells):
            squared = (cell_x[c] - along) ** 2 + (cell_y[c] - across) ** 2
            if squared < reach * reach:
                weight = np.exp(-0.5 * squared / position_spread**2)
                for b in range(bands):
                    sums[c, b] += weight * weights[b]


@kernel
def _codes(
    x: Floats, y: Floats, direction: Floats, trust: Floats, corners: Floats,
    cell_x: Floats, cell_y: Floats, words: int, radius: float, bands: int, position_spread: float,
    direction_spread: float, threshold: float, most_trust: float, margin: float,
) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.uint64]]:  # fmt: skip
    n, cells = x.shape[0], cell_x.shape[0]
    codes = np.zeros((n, words), np.uint64)
    masks = np.zeros((n, words), np.uint64)
    sums = np.zeros((cells, bands))
    for m in range(n):
        sums[:] = 0.0
        _contributions(
            x, y, direction, trust, m, cell_x, cell_y, radius, 3.0 * position_spread,
            position_spread, direction_spread, most_trust, sums,
        )  # fmt: skip
        cosine, sine = np.cos(direction[m]), np.sin(direction[m])
        for c in range(cells):
            px = x[m] + cosine * cell_x[c] - sine * cell_y[c]
            py = y[m] + sine * cell_x[c] + cosine * cell_y[c]
            if _outside(px, py, corners) > margin * margin:
                continue
            for b in range(bands):
                word, bit = divmod(c * bands + b, 64)
                one = np.uint64(1) << np.uint64(bit)
                masks[m, word] |= one
                if sums[c, b] > threshold:
                    codes[m, word] |= one
    return codes, masks
