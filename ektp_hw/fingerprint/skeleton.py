# SPDX-License-Identifier: Apache-2.0
"""Step 8: a skeleton rid of what the sensor and the skin added to the ridges.

Broken ridges are joined, links across a valley cut, and short side branches and fragments taken
away, shortest first, so that the longer arm of a rough fork stays (the usual list of false
structures; Maltoni et al., Handbook of Fingerprint Recognition, 3.7).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ektp_hw.fingerprint.parameters import (
    BRIDGE_ANGLE,
    CELL,
    GAP_ANGLE,
    MAX_BRIDGE,
    MAX_GAP,
    MAX_ISLAND,
    MAX_SPUR,
    MIN_TRACE,
    TRACE_STEPS,
)
from ektp_hw.fingerprint.thinning import NEIGHBOURS, REMOVABLE, peel, pixels_of
from ektp_hw.jit import kernel

if TYPE_CHECKING:
    import numpy.typing as npt

    from ektp_hw.fingerprint.orientation import OrientationField

__all__ = [
    "branches",
    "cleaned",
    "cut_bridges",
    "ends_and_forks",
    "join_gaps",
    "prune",
    "read_lines",
    "walk",
]


def cleaned(skeleton: npt.NDArray[np.uint8], field: OrientationField) -> npt.NDArray[np.uint8]:
    """Return the skeleton without spurs, bridges, islands and gaps; its frame must be 0."""
    clean = skeleton.copy()
    pixels = pixels_of(clean)
    for spur in (MAX_SPUR // 2, MAX_SPUR):
        prune(clean, pixels, NEIGHBOURS, spur, 0)
        peel(clean, pixels, REMOVABLE, NEIGHBOURS)
    join_gaps(clean, pixels, NEIGHBOURS, TRACE_STEPS, MIN_TRACE, MAX_GAP, np.cos(GAP_ANGLE))
    pixels = pixels_of(clean)
    cut_bridges(
        clean,
        pixels,
        NEIGHBOURS,
        field.cosine,
        field.sine,
        CELL,
        MAX_BRIDGE,
        np.cos(2 * BRIDGE_ANGLE),
    )
    peel(clean, pixels, REMOVABLE, NEIGHBOURS)
    prune(clean, pixels, NEIGHBOURS, MAX_SPUR, MAX_ISLAND)
    peel(clean, pixels, REMOVABLE, NEIGHBOURS)
    return clean


def ends_and_forks(skeleton: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    """Return one row an end or fork: y, x, unit vector down and across, lines that leave (1, 3).

    The vector points along the line of an end, and between the two closest lines of a fork.
    """
    return read_lines(skeleton, pixels_of(skeleton), NEIGHBOURS, TRACE_STEPS, MIN_TRACE)


@kernel
def walk(
    skeleton: npt.NDArray[np.uint8],
    neighbours: npt.NDArray[np.int64],
    y: int,
    x: int,
    heading: int,
    limit: int,
    path: npt.NDArray[np.int64],
) -> tuple[int, int]:
    """Follow the line from (y, x), first step to neighbour ``heading``; write every pixel.

    Returns the number of steps, at most ``limit``, and why the walk stopped: 0 the limit, 1 the
    line ends, 2 it forks. ``path`` has room for limit + 1 pixels; path[0] is the start.
    """
    path[0, 0], path[0, 1] = y, x
    for step in range(1, limit + 1):
        y += neighbours[heading, 0]
        x += neighbours[heading, 1]
        path[step, 0], path[step, 1] = y, x
        runs = 0
        for k in range(8):
            this = skeleton[y + neighbours[k, 0], x + neighbours[k, 1]]
            after = skeleton[y + neighbours[(k + 1) % 8, 0], x + neighbours[(k + 1) % 8, 1]]
            runs += after > this
        if runs > 2:
            return step, 2
        # Straight on first, then ever further round; never back nor beside where it came from.
        ahead = -1
        for turn in (0, 1, 7, 2, 6):
            k = (heading + turn) % 8
            if skeleton[y + neighbours[k, 0], x + neighbours[k, 1]]:
                ahead = k
                break
        if ahead < 0:
            return step, 1
        heading = ahead
    return limit, 0


@kernel
def branches(
    skeleton: npt.NDArray[np.uint8],
    neighbours: npt.NDArray[np.int64],
    y: int,
    x: int,
    headings: npt.NDArray[np.int64],
) -> int:
    """Write the first step of each line leaving (y, x), straight before slanting; return how many.

    One is an ending, two a point along a line, three and more a fork. Neighbours that touch each
    other belong to one line.
    """
    around = 0
    for k in range(8):
        at = np.uint64(y + neighbours[k, 0]), np.uint64(x + neighbours[k, 1])
        around |= int(skeleton[at]) << k
    before = (around << 1 | around >> 7) & 255
    starts = around & ~before
    count = 0
    for k in range(8):
        if starts >> k & 1:
            both = k % 2 == 1 and around >> (k + 1) % 8 & 1
            headings[count] = (k + 1) % 8 if both else k
            count += 1
    return count


@kernel
def prune(
    skeleton: npt.NDArray[np.uint8],
    pixels: npt.NDArray[np.int64],
    neighbours: npt.NDArray[np.int64],
    spur: int,
    island: int,
) -> None:
    """Erase, in place, side branches up to ``spur`` and free lines up to ``island`` steps."""
    width = skeleton.shape[1]
    limit = max(spur, island)
    path = np.empty((limit + 1, 2), np.int64)
    headings = np.empty(8, np.int64)
    for pixel in pixels:
        y, x = pixel // width, pixel % width
        if not skeleton[y, x]:
            continue
        count = branches(skeleton, neighbours, y, x, headings)
        if count == 0 and island > 0:
            skeleton[y, x] = 0
        if count != 1:
            continue
        steps, why = walk(skeleton, neighbours, y, x, headings[0], limit, path)
        if (why == 2 and steps <= spur) or (why == 1 and steps <= island):
            for n in range(steps + (why == 1)):
                skeleton[path[n, 0], path[n, 1]] = 0


@kernel
def cut_bridges(
    skeleton: npt.NDArray[np.uint8],
    pixels: npt.NDArray[np.int64],
    neighbours: npt.NDArray[np.int64],
    cosine: npt.NDArray[np.float32],
    sine: npt.NDArray[np.float32],
    cell: int,
    limit: int,
    least_cosine: float,
) -> None:
    """Erase, in place, short links between forks that run across the orientation.

    ``least_cosine`` is that of twice the largest angle allowed.
    """
    width = skeleton.shape[1]
    path = np.empty((limit + 1, 2), np.int64)
    headings = np.empty(8, np.int64)
    for pixel in pixels:
        y, x = pixel // width, pixel % width
        if not skeleton[y, x] or branches(skeleton, neighbours, y, x, headings) < 3:
            continue
        for branch in range(branches(skeleton, neighbours, y, x, headings)):
            steps, why = walk(skeleton, neighbours, y, x, headings[branch], limit, path)
            if why != 2 or steps < 2:
                continue
            dy, dx = path[steps, 0] - y, path[steps, 1] - x
            length = dx * dx + dy * dy
            if length == 0:
                continue
            row, column = path[steps // 2, 0] // cell, path[steps // 2, 1] // cell
            doubled = (dx * dx - dy * dy) * cosine[row, column]
            doubled += 2 * dx * dy * sine[row, column]
            if doubled < least_cosine * length:
                for n in range(1, steps):
                    skeleton[path[n, 0], path[n, 1]] = 0


@kernel
def join_gaps(  # noqa: C901  # two plain loops; numba would pay for more functions
    skeleton: npt.NDArray[np.uint8],
    pixels: npt.NDArray[np.int64],
    neighbours: npt.NDArray[np.int64],
    reach: int,
    least: int,
    gap: float,
    least_cosine: float,
) -> None:
    """Draw, in place, the missing piece between ends that face each other over a short gap."""
    width = skeleton.shape[1]
    path = np.empty((reach + 1, 2), np.int64)
    headings = np.empty(8, np.int64)
    ends = np.empty((np.count_nonzero(skeleton), 4), np.float64)
    count = 0
    for pixel in pixels:
        y, x = pixel // width, pixel % width
        if not skeleton[y, x] or branches(skeleton, neighbours, y, x, headings) != 1:
            continue
        steps, _ = walk(skeleton, neighbours, y, x, headings[0], reach, path)
        if steps < least:
            continue
        dy, dx = y - path[steps, 0], x - path[steps, 1]
        length = np.hypot(dy, dx)
        if length == 0:
            continue
        ends[count, 0], ends[count, 1] = y, x
        ends[count, 2], ends[count, 3] = dy / length, dx / length
        count += 1
    for a in range(count):
        best, best_distance = -1, gap
        for b in range(a + 1, count):
            dy, dx = ends[b, 0] - ends[a, 0], ends[b, 1] - ends[a, 1]
            if dy > gap:
                break
            distance = np.hypot(dy, dx)
            outward = (dy * ends[a, 2] + dx * ends[a, 3]) / distance
            inward = -(dy * ends[b, 2] + dx * ends[b, 3]) / distance
            if distance <= best_distance and outward > least_cosine and inward > least_cosine:
                best, best_distance = b, distance
        if best >= 0:
            dy, dx = ends[best, 0] - ends[a, 0], ends[best, 1] - ends[a, 1]
            pieces = int(max(abs(dy), abs(dx)))
            for n in range(1, pieces):
                row, column = ends[a, 0] + dy * n / pieces, ends[a, 1] + dx * n / pieces
                skeleton[int(row + 0.5), int(column + 0.5)] = 1


@kernel
def read_lines(  # noqa: C901  # one plain loop over pixels
    skeleton: npt.NDArray[np.uint8],
    pixels: npt.NDArray[np.int64],
    neighbours: npt.NDArray[np.int64],
    reach: int,
    least: int,
) -> npt.NDArray[np.float32]:
    """Find every end and fork whose lines go on for ``least`` steps, walking up to ``reach``."""
    width = skeleton.shape[1]
    path = np.empty((reach + 1, 2), np.int64)
    headings = np.empty(8, np.int64)
    away = np.empty((3, 2), np.float64)
    found = np.empty((np.count_nonzero(skeleton), 5), np.float32)
    count = 0
    for pixel in pixels:
        y, x = pixel // width, pixel % width
        if not skeleton[y, x]:
            continue
        lines = branches(skeleton, neighbours, y, x, headings)
        if lines not in (1, 3):
            continue
        told = 0
        for line in range(lines):
            steps, _ = walk(skeleton, neighbours, y, x, headings[line], reach, path)
            dy, dx = path[steps, 0] - y, path[steps, 1] - x
            if steps >= least and (dy != 0 or dx != 0):
                length = np.hypot(dy, dx)
                away[told, 0], away[told, 1] = dy / length, dx / length
                told += 1
        if told < lines:
            continue
        if lines == 3:
            closest, nearness = 0, -2.0
            for line in range(3):
                other = (line + 1) % 3
                cosine = away[line, 0] * away[other, 0] + away[line, 1] * away[other, 1]
                if cosine > nearness:
                    closest, nearness = line, cosine
            away[0] = away[closest] + away[(closest + 1) % 3]
        length = np.hypot(away[0, 0], away[0, 1])
        if length == 0:
            continue
        found[count, 0], found[count, 1], found[count, 4] = y, x, lines
        found[count, 2], found[count, 3] = away[0, 0] / length, away[0, 1] / length
        count += 1
    return found[:count]
