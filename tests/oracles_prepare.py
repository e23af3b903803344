# SPDX-License-Identifier: Apache-2.0
"""What `native.prepare` makes of one template, column by column and in double precision."""

from __future__ import annotations

import hashlib

import numpy as np

from ektp_hw import native
from ektp_hw.fingerprint.cylinder_parameters import CylinderParameters
from ektp_hw.jit import kernel

DOUBTFUL, CERTAIN = -1.66, 5.04


def packed(template):
    order = np.argsort(-template.y, kind="stable")
    x = template.x[order].astype(np.float64)
    y = -template.y[order].astype(np.float64)
    direction = template.direction[order].astype(np.float64)
    trust = relative_trust(template.reliability[order].astype(np.float64))
    corners = hull(x, y)
    codes, masks = cylinder_codes(x, y, direction, trust, corners, CylinderParameters())
    steps = np.rint(direction * (256 / (2 * np.pi))) % 256
    return native.pack(
        columns=np.stack((x, y, np.cos(direction), np.sin(direction), trust)).astype(np.float32),
        steps=steps.astype(np.int32),
        codes=codes,
        masks=masks,
        corners=corners.astype(np.float32),
        flow=flow_table(template.flow),
        digest=hashlib.blake2b(template.to_bytes(), digest_size=16).digest(),
    )


def relative_trust(reliability):
    least, most = (1.0 / (1.0 + np.exp(-odds)) for odds in (DOUBTFUL, CERTAIN))
    inside = np.clip(reliability, least, most)
    odds = np.log(inside / (1.0 - inside))
    trust = (odds - DOUBTFUL) / (CERTAIN - DOUBTFUL) + 0.2
    return trust / trust.mean() if len(trust) else trust


def flow_table(flow):
    """Cosine and sine of twice the orientation, logarithm of the period: (3, rows, columns)."""
    if flow is None:
        return np.zeros((3, 0, 0), np.float32)
    twice = 2 * flow.orientation
    return np.stack((np.cos(twice), np.sin(twice), np.log(flow.period))).astype(np.float32)


def cylinder_codes(x, y, direction, trust, corners, parameters):
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
    if bits > 64 * native.CYLINDER_WORDS:
        raise ValueError(
            f"{bits} bits do not fit a code of {64 * native.CYLINDER_WORDS}; use fewer cells"
        )
    return _codes(
        x,
        y,
        direction,
        trust,
        corners,
        cell_x[inside],
        cell_y[inside],
        native.CYLINDER_WORDS,
        parameters.radius,
        parameters.bands,
        parameters.position_spread,
        parameters.direction_spread,
        parameters.threshold,
        parameters.most_trust,
        parameters.margin,
    )


def hull(x, y):
    """Return the corners of the convex hull, (k, 2), counter-clockwise with y upwards.

    By A. M. Andrew's monotone chain. Fewer than three corners mean that all points lie on a line.
    """
    points = sorted(set(zip(x.tolist(), y.tolist(), strict=True)))
    if len(points) < 3:
        return np.array(points, np.float64).reshape(-1, 2)
    chains = []
    for ordered in (points, points[::-1]):
        chain = []
        for point in ordered:
            while len(chain) >= 2 and _turn(chain[-2], chain[-1], point) <= 0:
                chain.pop()
            chain.append(point)
        chains.append(chain[:-1])
    return np.array(chains[0] + chains[1], np.float64)


def _turn(a, b, c):
    return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])


@kernel
def _outside(px, py, corners):
    """Squared distance from a point to the hull, 0 inside."""
    count = corners.shape[0]
    nearest = np.inf
    inside = count > 2
    for k in range(count):
        ax, ay = (corners[k, 0], corners[k, 1])
        ex, ey = (corners[(k + 1) % count, 0] - ax, corners[(k + 1) % count, 1] - ay)
        rx, ry = (px - ax, py - ay)
        if ex * ry - ey * rx < 0:
            inside = False
        length = ex * ex + ey * ey
        along = min(1.0, max(0.0, (rx * ex + ry * ey) / length)) if length > 0 else 0.0
        nearest = min(nearest, (rx - along * ex) ** 2 + (ry - along * ey) ** 2)
    return 0.0 if inside else nearest


@kernel
def _contributions(
    x,
    y,
    direction,
    trust,
    m,
    cell_x,
    cell_y,
    radius,
    reach,
    position_spread,
    direction_spread,
    most,
    sums,
):
    """Add up what the neighbours of minutia m give to each cell and band of direction."""
    cells, bands = sums.shape
    weights = np.zeros(bands)
    cosine, sine = (np.cos(direction[m]), np.sin(direction[m]))
    for t in range(x.shape[0]):
        dx, dy = (x[t] - x[m], y[t] - y[m])
        if t == m or dx * dx + dy * dy > (radius + reach) ** 2:
            continue
        along, across = (cosine * dx + sine * dy, cosine * dy - sine * dx)
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
    x,
    y,
    direction,
    trust,
    corners,
    cell_x,
    cell_y,
    words,
    radius,
    bands,
    position_spread,
    direction_spread,
    threshold,
    most_trust,
    margin,
):
    n, cells = (x.shape[0], cell_x.shape[0])
    codes = np.zeros((n, words), np.uint64)
    masks = np.zeros((n, words), np.uint64)
    sums = np.zeros((cells, bands))
    for m in range(n):
        sums[:] = 0.0
        _contributions(
            x,
            y,
            direction,
            trust,
            m,
            cell_x,
            cell_y,
            radius,
            3.0 * position_spread,
            position_spread,
            direction_spread,
            most_trust,
            sums,
        )
        cosine, sine = (np.cos(direction[m]), np.sin(direction[m]))
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
    return (codes, masks)
