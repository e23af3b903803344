# SPDX-License-Identifier: Apache-2.0
"""What the network's numbers mean: its minutiae, its foreground and its ridge flow.

Lengths are pixels at 500 ppi.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from ektp_hw.fingerprint.parameters import CELL, FLOW_SHARE, LEAST_CELLS, USUAL_PERIOD
from ektp_hw.fingerprint.segmentation import tidied
from ektp_hw.templates import FLOW_CELL, FingerprintTemplate, MinutiaKind, RidgeFlow, flow_shape

if TYPE_CHECKING:
    import numpy.typing as npt

    from ektp_hw.fingerprint.network import Answer

    Numbers = npt.NDArray[np.float32]

__all__ = ["Findings", "findings", "foreground_of", "period_of", "ridge_flow_of", "template_of"]

LEAST_SCORE = -0.9
"""Log-odds of the head below which a cell holds no minutia: two in three of those are true."""
BORDER = 4.0
"""Within so many pixels of the foreground's edge nothing is taken for a minutia."""
CLOSE_PAIR = 6.0
"""Of two nearer to each other that point the same way, the weaker is the other's shadow."""
SAME_WAY = 0.5
"""Least cosine between two directions that are the same way."""
MOST_FINDINGS = 1024
"""The likeliest cells that are looked at: four slapped fingers have half as many."""
MOST_OFFSET = 1.5
"""Cells from a cell's middle beyond which it is not believed that a minutia lies."""
AGREEMENT = 3.0
"""Pixels within which a neighbour means the same minutia, so that both say where it is."""
RELIABILITY_SLOPE = 1.57
RELIABILITY_OFFSET = 2.08
"""Log-odds that a minutia is true: slope times those of the head, and offset; fitted by
``benchmarks/fit_reliability.py --method learned`` to all minutiae from -2.5 on."""
FLOW_STEP = 8
"""Side of a cell of the flow head."""


@dataclass(frozen=True)
class Findings:
    """Minutiae as columns of equal length.

    Parameters
    ----------
    x, y
        Pixels; y downwards.
    direction
        Radians in [0, 2 pi), counter-clockwise as seen.
    score
        Log-odds of the head.
    forks
        Whether it is rather a bifurcation than an ending.
    """

    x: Numbers
    y: Numbers
    direction: Numbers
    score: Numbers
    forks: npt.NDArray[np.bool_]


def findings(find: Numbers) -> Findings:
    """Return the minutiae that the head means, the likeliest first.

    A cell that scores more than its eight neighbours holds one. Where it lies and which way it
    points say also those of its neighbours that mean the same, each as much as it is sure.
    """
    score = np.ascontiguousarray(find[..., 0])
    greatest = cv2.dilate(score, np.ones((3, 3), np.uint8))
    rows, columns = np.nonzero((score == greatest) & (score > LEAST_SCORE))
    order = np.argsort(-score[rows, columns], kind="stable")[:MOST_FINDINGS]
    rows, columns = rows[order], columns[order]
    x, y, cosine, sine = _said_around(find, rows, columns)
    length = np.maximum(np.hypot(cosine, sine), np.float32(1e-6))
    alone = _unshadowed(x, y, cosine / length, sine / length)
    rows, columns = rows[alone], columns[alone]
    direction = np.mod(np.arctan2(sine, cosine), np.float32(2 * np.pi))
    forks = find[rows, columns, 5] > 0
    return Findings(x[alone], y[alone], direction[alone], score[rows, columns], forks)


def _said_around(
    find: Numbers, rows: npt.NDArray[np.intp], columns: npt.NDArray[np.intp]
) -> Numbers:
    """Return x, y, cosine and sine of the minutiae of these cells, (4, n)."""
    steps = np.array([(down, right) for down in (-1, 0, 1) for right in (-1, 0, 1)])
    frame = np.pad(find, ((1, 1), (1, 1), (0, 0)), constant_values=-np.inf)
    near_rows, near_columns = rows + steps[:, :1], columns + steps[:, 1:]
    said = frame[near_rows + 1, near_columns + 1]  # (9, n, channels)
    with np.errstate(invalid="ignore"):
        right, down = np.clip(said[..., 1:3], -MOST_OFFSET, MOST_OFFSET).transpose(2, 0, 1)
    middle = (CELL - 1) / 2
    x = (near_columns + right) * np.float32(CELL) + np.float32(middle)
    y = (near_rows + down) * np.float32(CELL) + np.float32(middle)
    own = len(steps) // 2
    weight = 1 / (1 + np.exp(-said[..., 0]))
    weight *= np.hypot(x - x[own], y - y[own]) <= AGREEMENT
    heading = np.where(weight[..., np.newaxis] > 0, said[..., 3:5], 0).transpose(2, 0, 1)
    total = weight.sum(axis=0)
    columns_of = np.stack((x, y, *heading)).astype(np.float32)
    return np.asarray((columns_of * weight).sum(axis=1) / total, np.float32)


def _unshadowed(x: Numbers, y: Numbers, cosine: Numbers, sine: Numbers) -> npt.NDArray[np.bool_]:
    """Tell which minutiae, the likeliest first, are no shadows of likelier ones."""
    near = np.hypot(x - x[:, np.newaxis], y - y[:, np.newaxis]) < CLOSE_PAIR
    near &= cosine * cosine[:, np.newaxis] + sine * sine[:, np.newaxis] > SAME_WAY
    kept = np.ones(len(x), np.bool_)
    for number in np.nonzero(np.tril(near, -1).any(axis=1))[0]:
        kept[number] = not (near[number, :number] & kept[:number]).any()
    return kept


def foreground_of(answer: Answer, width: int, height: int) -> npt.NDArray[np.bool_]:
    """Return whether each cell of 4 x 4 pixels shows the finger, at least 4 x 4 cells."""
    rows, columns = (max(-(-side // CELL), LEAST_CELLS) for side in (height, width))
    seen = (answer.flow[..., 3] > 0).repeat(FLOW_STEP // CELL, 0).repeat(FLOW_STEP // CELL, 1)
    mask = np.zeros((rows, columns), np.bool_)
    here = seen[:rows, :columns]
    mask[: here.shape[0], : here.shape[1]] = here
    return tidied(mask)


def ridge_flow_of(
    answer: Answer, mask: npt.NDArray[np.bool_], width: int, height: int
) -> RidgeFlow:
    """Return the flow of a picture of that size: means over the cells that show the finger."""
    rows, columns = flow_shape(width, height)
    step = FLOW_CELL // FLOW_STEP
    tables = np.zeros((4, rows * step, columns * step), np.float32)
    twice = FLOW_STEP // CELL
    seen = mask[::twice, ::twice]
    high, wide = (min(a, b) for a, b in zip(seen.shape, answer.flow.shape[:2], strict=True))
    tables[:3, :high, :wide] = answer.flow[:high, :wide, :3].transpose(2, 0, 1)
    tables[3, :high, :wide] = 1
    tables[:, :high, :wide] *= seen[:high, :wide]
    cosine, sine, period, share = tables.reshape(4, rows, step, columns, step).mean(axis=(2, 4))
    told = share >= FLOW_SHARE
    mean = np.divide(period, share, out=np.zeros_like(share), where=told)
    return RidgeFlow.from_fields(
        0.5 * np.arctan2(sine, cosine), np.where(told, period_of(mean), np.nan)
    )


def period_of(told: Numbers) -> Numbers:
    """Return the ridge period in pixels that the head's number stands for.

    It learned 2 pi times ridge over slope, with slopes of central differences, which a wave's
    frequency k shows as sin(k).
    """
    steepness = 2 * np.pi / (USUAL_PERIOD * np.exp(told))
    return np.asarray(2 * np.pi / np.arcsin(np.clip(steepness, 0, 1)), np.float32)


def template_of(
    found: Findings, mask: npt.NDArray[np.bool_], flow: RidgeFlow, width: int, height: int
) -> FingerprintTemplate:
    """Return the template of the minutiae that lie well within foreground and picture."""
    framed = np.pad(mask.astype(np.uint8), 1)
    depth = cv2.distanceTransform(framed, cv2.DIST_L2, cv2.DIST_MASK_5)[1:-1, 1:-1] * CELL
    column, row = ((each / CELL).astype(int) for each in (found.x, found.y))
    inside = (found.x >= 0) & (found.x <= width - 1) & (found.y >= 0) & (found.y <= height - 1)
    at = np.clip(row, 0, mask.shape[0] - 1), np.clip(column, 0, mask.shape[1] - 1)
    inside &= depth[at] > BORDER
    chance = 1 / (1 + np.exp(-(RELIABILITY_SLOPE * found.score + RELIABILITY_OFFSET)))
    return FingerprintTemplate.from_minutiae(
        found.x[inside],
        found.y[inside],
        found.direction[inside],
        kind=np.where(found.forks, MinutiaKind.BIFURCATION, MinutiaKind.ENDING)[inside],
        reliability=chance[inside],
        width=width,
        height=height,
        flow=flow,
    )
