# SPDX-License-Identifier: Apache-2.0
"""Lay one impression over another and pair their minutiae.

The most alike neighbourhoods vote: each proposes a turn and a shift, and the proposal that most
other alike neighbourhoods agree with, more loosely the further away they are, wins (a relaxation as
in LSS-R of the Minutia Cylinder-Code, but over whole alignments). The best few proposals are then
worked out over all minutiae: a rigid fit, and on it a smooth field of displacements, because skin
stretches. What is left of each pair after its neighbours have predicted it, and how many minutiae
of the common area found a partner, are the cues that `scoring` weighs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ektp_hw.jit import kernel

if TYPE_CHECKING:
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]
    Ints = npt.NDArray[np.int64]
    Bytes = npt.NDArray[np.uint8]
    Bools = npt.NDArray[np.bool_]

__all__ = ["CUES", "PairingParameters", "pair"]

CUES = ("pairs", "fit", "likeness", "support", "common_a", "common_b")
"""Names of the columns that `pair` returns.

pairs: minutiae paired; fit: sum over pairs of closeness in place and direction, 0 to 1 each;
likeness: sum of the paired neighbourhoods' similarities, 0 to 1 each; support: votes for the
alignment; common_a, common_b: minutiae of either impression inside the other's area.
"""


@dataclass(frozen=True)
class PairingParameters:
    """Lengths in pixels at 500 ppi, angles in radians."""

    votes: int = 120
    """The most alike pairs of neighbourhoods that vote."""
    proposals: int = 40
    """The most alike of these that propose an alignment."""
    finalists: int = 3
    """Proposals worked out over all minutiae."""
    vote_reach: float = 10.0
    """How far from its predicted place a voter may lie, next to the proposer ..."""
    vote_stretch: float = 0.15
    """... and how much further for each pixel of distance from the proposer."""
    vote_angle: float = 0.5
    """How much a voter's turn may differ from the proposer's."""
    reach_first: float = 22.0
    """How far apart paired minutiae may lie under the rigid fit."""
    reach: float = 13.0
    """How far apart they may lie once neighbours have predicted the displacement."""
    angle: float = 0.55
    """How much the directions of paired minutiae may differ."""
    smoothness: float = 45.0
    """Distance at which a neighbour's displacement counts a quarter."""
    stiffness: float = 0.5
    """Weight of "no displacement" against the neighbours' weights."""
    area_margin: float = 8.0
    """How far outside the other's hull a minutia still lies in the common area."""


@kernel
def _vote(
    ax: Floats, ay: Floats, bx: Floats, by: Floats, turn: Floats, first: Ints, second: Ints,
    alike: Floats, proposer: int, reach: float, stretch: float, angle: float, fit: Floats,
) -> float:  # fmt: skip
    """Sum the votes for one proposal and write its least-squares turn and shift to `fit`."""
    pi, pj = first[proposer], second[proposer]
    cosine, sine = np.cos(turn[proposer]), np.sin(turn[proposer])
    support = 0.0
    sum_a_x, sum_a_y, sum_b_x, sum_b_y, dot, cross = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
    for k in range(first.shape[0]):
        gap = abs(turn[k] - turn[proposer])
        gap = min(gap, 2.0 * np.pi - gap)
        if gap > angle:
            continue
        ux, uy = ax[first[k]] - ax[pi], ay[first[k]] - ay[pi]
        vx, vy = bx[second[k]] - bx[pj], by[second[k]] - by[pj]
        ex, ey = cosine * ux - sine * uy - vx, sine * ux + cosine * uy - vy
        allowed = reach * reach + stretch * stretch * (ux * ux + uy * uy)
        error = ex * ex + ey * ey
        if error > allowed:
            continue
        weight = alike[k] * (1.0 - error / allowed)
        support += weight
        sum_a_x += weight * ux
        sum_a_y += weight * uy
        sum_b_x += weight * vx
        sum_b_y += weight * vy
        dot += weight * (ux * vx + uy * vy)
        cross += weight * (ux * vy - uy * vx)
    if support > 0.0:
        dot -= (sum_a_x * sum_b_x + sum_a_y * sum_b_y) / support
        cross -= (sum_a_x * sum_b_y - sum_a_y * sum_b_x) / support
        # A prior worth a few hundred square pixels keeps the proposer's turn when voters are few.
        dot += 400.0 * cosine
        cross += 400.0 * sine
        norm = np.sqrt(dot * dot + cross * cross)
        if norm > 0.0:
            cosine, sine = dot / norm, cross / norm
        mean_x = sum_b_x / support - (cosine * sum_a_x - sine * sum_a_y) / support
        mean_y = sum_b_y / support - (sine * sum_a_x + cosine * sum_a_y) / support
        fit[2] = bx[pj] + mean_x - (cosine * ax[pi] - sine * ay[pi])
        fit[3] = by[pj] + mean_y - (sine * ax[pi] + cosine * ay[pi])
    fit[0], fit[1] = cosine, sine
    return support


@kernel
def _assign(
    px: Floats, py: Floats, pd: Floats, bx: Floats, by: Floats, bd: Floats, alike: Bytes,
    reach: float, angle: float, partner: Ints, closeness: Floats, best_of_b: Ints, top_of_b: Floats,
) -> int:  # fmt: skip
    """Pair every predicted minutia with the one that it is best for and that is best for it."""
    partner[:] = -1
    best_of_b[:] = -1
    top_of_b[:] = 0.0
    for i in range(px.shape[0]):
        top = 0.0
        for j in range(bx.shape[0]):
            dx, dy = px[i] - bx[j], py[i] - by[j]
            squared = dx * dx + dy * dy
            if squared > reach * reach:
                continue
            gap = abs(pd[i] - bd[j])
            gap = min(gap, 2.0 * np.pi - gap)
            if gap > angle:
                continue
            close = (1.0 - squared / (reach * reach)) * (1.0 - (gap / angle) ** 2)
            rank = close * (0.3 + alike[i, j] / 255.0)
            if rank > top:
                top = rank
                partner[i] = j
                closeness[i] = close
            if rank > top_of_b[j]:
                top_of_b[j] = rank
                best_of_b[j] = i
    count = 0
    for i in range(px.shape[0]):
        if partner[i] >= 0:
            if best_of_b[partner[i]] == i:
                count += 1
            else:
                partner[i] = -1
    return count


@kernel
def _refit(
    ax: Floats, ay: Floats, bx: Floats, by: Floats, partner: Ints, closeness: Floats, fit: Floats
) -> None:
    """Replace the rigid fit by that of the present pairs (closed form in the plane)."""
    total, cax, cay, cbx, cby = 0.0, 0.0, 0.0, 0.0, 0.0
    for i in range(ax.shape[0]):
        if partner[i] >= 0:
            w, j = closeness[i], partner[i]
            total += w
            cax += w * ax[i]
            cay += w * ay[i]
            cbx += w * bx[j]
            cby += w * by[j]
    if total <= 0.0:
        return
    cax, cay, cbx, cby = cax / total, cay / total, cbx / total, cby / total
    dot, cross = 400.0 * fit[0], 400.0 * fit[1]
    for i in range(ax.shape[0]):
        if partner[i] >= 0:
            w, j = closeness[i], partner[i]
            ux, uy, vx, vy = ax[i] - cax, ay[i] - cay, bx[j] - cbx, by[j] - cby
            dot += w * (ux * vx + uy * vy)
            cross += w * (ux * vy - uy * vx)
    norm = np.sqrt(dot * dot + cross * cross)
    if norm > 0.0:
        fit[0], fit[1] = dot / norm, cross / norm
    fit[2] = cbx - (fit[0] * cax - fit[1] * cay)
    fit[3] = cby - (fit[1] * cax + fit[0] * cay)


@kernel
def _predict(
    ax: Floats, ay: Floats, ad: Floats, bx: Floats, by: Floats, partner: Ints, closeness: Floats,
    fit: Floats, smoothness: float, stiffness: float, px: Floats, py: Floats, pd: Floats,
) -> None:  # fmt: skip
    """Move each minutia by the fit and by its paired neighbours' displacements, not its own."""
    turn = np.arctan2(fit[1], fit[0])
    n = ax.shape[0]
    for i in range(n):
        px[i] = fit[0] * ax[i] - fit[1] * ay[i] + fit[2]
        py[i] = fit[1] * ax[i] + fit[0] * ay[i] + fit[3]
        pd[i] = (ad[i] + turn) % (2.0 * np.pi)
    if stiffness <= 0.0:
        return
    rx, ry = np.zeros(n), np.zeros(n)
    for i in range(n):
        if partner[i] >= 0:
            rx[i], ry[i] = bx[partner[i]] - px[i], by[partner[i]] - py[i]
    for i in range(n):
        total, sx, sy = stiffness, 0.0, 0.0
        for k in range(n):
            if partner[k] < 0 or k == i:
                continue
            near = ((ax[k] - ax[i]) ** 2 + (ay[k] - ay[i]) ** 2) / (smoothness * smoothness)
            weight = closeness[k] / ((1.0 + near) * (1.0 + near))
            total += weight
            sx += weight * rx[k]
            sy += weight * ry[k]
        px[i] += sx / total
        py[i] += sy / total


@kernel
def _common(
    x: Floats, y: Floats, cosine: float, sine: float, tx: float, ty: float, corners: Floats,
    margin: float,
) -> int:  # fmt: skip
    """Count moved minutiae inside a hull widened by `margin`."""
    count = 0
    corner_count = corners.shape[0]
    for i in range(x.shape[0]):
        px, py = cosine * x[i] - sine * y[i] + tx, sine * x[i] + cosine * y[i] + ty
        inside = corner_count > 2
        for k in range(corner_count):
            cx, cy = corners[k, 0], corners[k, 1]
            ex, ey = (
                corners[(k + 1) % corner_count, 0] - cx,
                corners[(k + 1) % corner_count, 1] - cy,
            )
            if ex * (py - cy) - ey * (px - cx) < -margin * np.sqrt(ex * ex + ey * ey):
                inside = False
                break
        count += inside
    return count


@kernel
def _voters(
    alike: Bytes, ad: Floats, bd: Floats, limit: int, first: Ints, second: Ints,
    likeness: Floats, turn: Floats,
) -> int:  # fmt: skip
    """Pick the most alike pairs, most alike first (a counting sort over 255 values)."""
    starts = np.zeros(257, np.int64)
    for i in range(alike.shape[0]):
        for j in range(alike.shape[1]):
            starts[255 - alike[i, j] + 1] += 1
    for v in range(256):
        starts[v + 1] += starts[v]
    count = 0
    for i in range(alike.shape[0]):
        for j in range(alike.shape[1]):
            value = alike[i, j]
            place = starts[255 - value]
            if value == 0 or place >= limit:
                continue
            starts[255 - value] += 1
            first[place], second[place] = i, j
            likeness[place] = value / 255.0
            turn[place] = (bd[j] - ad[i]) % (2.0 * np.pi)
            count += 1
    return count


@kernel
def _finalists(
    support: Floats, fits: Floats, wanted: int, cx: float, cy: float, chosen: Ints
) -> int:
    """Choose the best supported proposals that are not near-copies of a better one."""
    count = 0
    for _ in range(wanted):
        best = -1
        for p in range(support.shape[0]):
            if support[p] <= 0.0 or (best >= 0 and support[p] <= support[best]):
                continue
            copy = False
            for q in range(count):
                f, g = fits[p], fits[chosen[q]]
                dx = (f[0] - g[0]) * cx - (f[1] - g[1]) * cy + f[2] - g[2]
                dy = (f[1] - g[1]) * cx + (f[0] - g[0]) * cy + f[3] - g[3]
                if f[0] * g[0] + f[1] * g[1] > 0.97 and dx * dx + dy * dy < 400.0:
                    copy = True
            if not copy:
                best = p
        if best < 0:
            break
        chosen[count] = best
        count += 1
    return count


@kernel
def _pair_two(
    ax: Floats, ay: Floats, ad: Floats, a_corners: Floats,
    bx: Floats, by: Floats, bd: Floats, b_corners: Floats, alike: Bytes,
    votes: int, proposals: int, finalists: int,
    vote_reach: float, vote_stretch: float, vote_angle: float,
    reach_first: float, reach: float, angle: float, smoothness: float, stiffness: float,
    area_margin: float, cues: Floats,
) -> None:  # fmt: skip
    """Write the cues of the best alignment of impression a onto impression b."""
    na, nb = ax.shape[0], bx.shape[0]
    first, second = np.empty(votes, np.int64), np.empty(votes, np.int64)
    likeness, turn = np.empty(votes), np.empty(votes)
    count = _voters(alike, ad, bd, votes, first, second, likeness, turn)
    first, second, likeness, turn = first[:count], second[:count], likeness[:count], turn[:count]
    proposals = min(proposals, count)
    fits, support = np.zeros((proposals, 4)), np.zeros(proposals)
    for p in range(proposals):
        support[p] = _vote(
            ax, ay, bx, by, turn, first, second, likeness, p,
            vote_reach, vote_stretch, vote_angle, fits[p],
        )  # fmt: skip
    chosen = np.empty(finalists, np.int64)
    finalists = _finalists(support, fits, finalists, ax.mean(), ay.mean(), chosen)
    partner, closeness = np.full(na, -1, np.int64), np.zeros(na)
    best_of_b, top_of_b = np.empty(nb, np.int64), np.empty(nb)
    px, py, pd = np.empty(na), np.empty(na), np.empty(na)
    best = 0.0
    for f in range(finalists):
        fit = fits[chosen[f]]
        partner[:] = -1
        _predict(ax, ay, ad, bx, by, partner, closeness, fit, smoothness, 0.0, px, py, pd)
        _assign(
            px,
            py,
            pd,
            bx,
            by,
            bd,
            alike,
            reach_first,
            angle,
            partner,
            closeness,
            best_of_b,
            top_of_b,
        )
        pairs = 0
        for _ in range(2):
            _refit(ax, ay, bx, by, partner, closeness, fit)
            _predict(ax, ay, ad, bx, by, partner, closeness, fit, smoothness, stiffness, px, py, pd)
            pairs = _assign(
                px, py, pd, bx, by, bd, alike, reach, angle, partner, closeness, best_of_b, top_of_b
            )
        if pairs == 0:
            continue
        fitness, same = 0.0, 0.0
        for i in range(na):
            if partner[i] >= 0:
                fitness += closeness[i]
                same += alike[i, partner[i]] / 255.0
        if fitness + same > best:
            best = fitness + same
            c, s, tx, ty = fit[0], fit[1], fit[2], fit[3]
            cues[0], cues[1], cues[2], cues[3] = pairs, fitness, same, support[chosen[f]]
            cues[4] = _common(ax, ay, c, s, tx, ty, b_corners, area_margin)
            cues[5] = _common(
                bx, by, c, -s, -(c * tx + s * ty), s * tx - c * ty, a_corners, area_margin
            )


@kernel
def pair(
    x: Floats, y: Floats, direction: Floats, corners: Floats,
    ref_x: Floats, ref_y: Floats, ref_direction: Floats, ref_starts: Ints,
    ref_corners: Floats, ref_corner_starts: Ints, similarities: Bytes, swapped: Bools,
    votes: int, proposals: int, finalists: int,
    vote_reach: float, vote_stretch: float, vote_angle: float,
    reach_first: float, reach: float, angle: float, smoothness: float, stiffness: float,
    area_margin: float,
) -> Floats:  # fmt: skip
    """Return the cues (references, 6) of one probe against many references laid end to end.

    Parameters
    ----------
    ref_starts, ref_corner_starts
        Where each reference begins, and the end: (references + 1,).
    similarities
        (probe minutiae, all references' minutiae), from `native.cylinders`.
    swapped
        (references,): lay the reference over the probe instead, so that the order of the two
        never changes a score.
    """
    cues = np.zeros((swapped.shape[0], 6))
    for r in range(swapped.shape[0]):
        low, high = ref_starts[r], ref_starts[r + 1]
        if high == low or x.shape[0] == 0:
            continue
        rx, ry, rd = ref_x[low:high], ref_y[low:high], ref_direction[low:high]
        rc = ref_corners[ref_corner_starts[r] : ref_corner_starts[r + 1]]
        if swapped[r]:
            alike = similarities[:, low:high].T.copy()
            _pair_two(
                rx, ry, rd, rc, x, y, direction, corners, alike, votes, proposals, finalists,
                vote_reach, vote_stretch, vote_angle, reach_first, reach, angle,
                smoothness, stiffness, area_margin, cues[r],
            )  # fmt: skip
        else:
            alike = similarities[:, low:high].copy()
            _pair_two(
                x, y, direction, corners, rx, ry, rd, rc, alike, votes, proposals, finalists,
                vote_reach, vote_stretch, vote_angle, reach_first, reach, angle,
                smoothness, stiffness, area_margin, cues[r],
            )  # fmt: skip
    return cues
