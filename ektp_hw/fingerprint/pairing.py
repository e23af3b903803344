# SPDX-License-Identifier: Apache-2.0
"""Pair the minutiae of two impressions under each proposed alignment, and say how well they fit.

A rigid fit first, and on it a smooth field of displacements, because skin stretches: each minutia
is moved as its paired neighbours were, never by its own partner, so that a partner found by chance
does not vouch for itself. What remains between partners, and how many minutiae of the common area
found one, are the cues that `scoring` weighs.
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

CUES = ("pairs", "fit", "likeness", "common_a", "common_b")
"""Names of the columns that `pair` returns; sums over minutiae, each as much as it is trusted.

pairs: paired minutiae; fit: closeness of partners in place and direction, 0 to 1 each; likeness:
similarity of the partners' neighbourhoods, 0 to 1 each; common_a, common_b: minutiae of either
impression inside the other's area.
"""


@dataclass(frozen=True)
class PairingParameters:
    """Lengths in pixels at 500 ppi, angles in radians."""

    hopeless: float = 0.85
    """A proposal whose rigid fit is worse than this share of the best one's is dropped."""
    reach_first: float = 20.0
    """How far apart paired minutiae may lie under the rigid fit."""
    reach: float = 13.0
    """How far apart they may lie once neighbours have predicted the displacement."""
    angle: float = 0.5
    """How much the directions of paired minutiae may differ."""
    smoothness: float = 45.0
    """Distance at which a neighbour's displacement counts a quarter."""
    stiffness: float = 0.5
    """Weight of "no displacement" against the neighbours' weights."""
    rigidity: float = 400.0
    """How strongly the proposed turn counts against that of a few near pairs (weight x area)."""
    area_margin: float = 10.0
    """How far outside the other's hull a minutia still lies in the common area."""


@kernel
def _first(ascending: Floats, least: float) -> int:
    """Return the first place whose value is `least` or more."""
    low, high = 0, ascending.shape[0]
    while low < high:
        middle = (low + high) // 2
        if ascending[middle] < least:
            low = middle + 1
        else:
            high = middle
    return low


@kernel
def _assign(
    px: Floats, py: Floats, pd: Floats, bx: Floats, by: Floats, bd: Floats, alike: Bytes,
    reach: float, angle: float, partner: Ints, closeness: Floats, best_of_b: Ints, top_of_b: Floats,
) -> int:  # fmt: skip
    """Pair each moved minutia with the one it is best for and that is best for it; `by` ascends."""
    best_of_b[:] = -1
    top_of_b[:] = 0.0
    nb = bx.shape[0]
    for i in range(px.shape[0]):
        partner[i] = -1
        top = 0.0
        for j in range(_first(by, py[i] - reach), nb):
            dy = by[j] - py[i]
            if dy > reach:
                break
            dx = px[i] - bx[j]
            squared = dx * dx + dy * dy
            gap = abs(pd[i] - bd[j])
            gap = min(gap, 2.0 * np.pi - gap)
            if squared > reach * reach or gap > angle:
                continue
            close = (1.0 - squared / (reach * reach)) * (1.0 - (gap / angle) ** 2)
            rank = close * (0.3 + alike[i, j] / 255.0)
            if rank > top:
                top, partner[i], closeness[i] = rank, j, close
            if rank > top_of_b[j]:
                top_of_b[j], best_of_b[j] = rank, i
    count = 0
    for i in range(px.shape[0]):
        if partner[i] >= 0 and best_of_b[partner[i]] != i:
            partner[i] = -1
        count += partner[i] >= 0
    return count


@kernel
def _refit(
    ax: Floats, ay: Floats, bx: Floats, by: Floats, partner: Ints, closeness: Floats,
    rigidity: float, fit: Floats,
) -> None:  # fmt: skip
    """Replace the rigid fit by that of the present pairs (closed form in the plane)."""
    total, cax, cay, cbx, cby = 1e-9, 0.0, 0.0, 0.0, 0.0
    for i in range(ax.shape[0]):
        if partner[i] >= 0:
            w, j = closeness[i], partner[i]
            total += w
            cax += w * ax[i]
            cay += w * ay[i]
            cbx += w * bx[j]
            cby += w * by[j]
    cax, cay, cbx, cby = cax / total, cay / total, cbx / total, cby / total
    dot, cross = rigidity * fit[0], rigidity * fit[1]
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
def _move(
    x: Floats, y: Floats, direction: Floats, fit: Floats, px: Floats, py: Floats, pd: Floats
) -> None:
    turn = np.arctan2(fit[1], fit[0]) % (2.0 * np.pi)
    for i in range(x.shape[0]):
        px[i] = fit[0] * x[i] - fit[1] * y[i] + fit[2]
        py[i] = fit[1] * x[i] + fit[0] * y[i] + fit[3]
        pd[i] = direction[i] + turn
        if pd[i] >= 2.0 * np.pi:
            pd[i] -= 2.0 * np.pi


@kernel
def _bend(
    ax: Floats, ay: Floats, bx: Floats, by: Floats, partner: Ints, closeness: Floats,
    smoothness: float, stiffness: float, px: Floats, py: Floats,
) -> None:  # fmt: skip
    """Shift each moved minutia by its paired neighbours' displacements, not its own."""
    n, count = ax.shape[0], 0
    paired, rx, ry = np.empty(n, np.int64), np.empty(n), np.empty(n)
    for i in range(n):
        j = partner[i]
        if j >= 0:
            paired[count], rx[count], ry[count] = i, bx[j] - px[i], by[j] - py[i]
            count += 1
    area = 1.0 / (smoothness * smoothness)
    for i in range(n):
        total, sx, sy = stiffness, 0.0, 0.0
        for k in range(count):
            m = paired[k]
            if m == i:
                continue
            near = 1.0 + ((ax[m] - ax[i]) ** 2 + (ay[m] - ay[i]) ** 2) * area
            weight = closeness[m] / (near * near)
            total += weight
            sx += weight * rx[k]
            sy += weight * ry[k]
        px[i] += sx / total
        py[i] += sy / total


@kernel
def _common(
    x: Floats, y: Floats, trust: Floats, fit: Floats, corners: Floats, margin: float
) -> float:
    """Sum the trust of moved minutiae inside a hull widened by `margin`."""
    total = 0.0
    count = corners.shape[0]
    for i in range(x.shape[0]):
        px = fit[0] * x[i] - fit[1] * y[i] + fit[2]
        py = fit[1] * x[i] + fit[0] * y[i] + fit[3]
        inside = count > 2
        for k in range(count):
            cx, cy, following = corners[k, 0], corners[k, 1], (k + 1) % count
            ex, ey = corners[following, 0] - cx, corners[following, 1] - cy
            if ex * (py - cy) - ey * (px - cx) < -margin * np.sqrt(ex * ex + ey * ey):
                inside = False
                break
        if inside:
            total += trust[i]
    return total


@kernel
def _sums(
    at: Floats, bt: Floats, alike: Bytes, partner: Ints, closeness: Floats
) -> tuple[float, float, float]:
    """Return how many are paired, how close they are and how alike, each as much as trusted."""
    trusted, close, same = 0.0, 0.0, 0.0
    for i in range(partner.shape[0]):
        j = partner[i]
        if j >= 0:
            trust = np.sqrt(at[i] * bt[j])
            trusted += trust
            close += trust * closeness[i]
            same += trust * alike[i, j] / 255.0
    return trusted, close, same


@kernel
def _pair_two(
    ax: Floats, ay: Floats, ad: Floats, at: Floats, a_corners: Floats,
    bx: Floats, by: Floats, bd: Floats, bt: Floats, b_corners: Floats,
    alike: Bytes, proposed: Floats, hopeless: float, reach_first: float, reach: float, angle: float,
    smoothness: float, stiffness: float, rigidity: float, area_margin: float, cues: Floats,
    best: Floats,
) -> Ints:  # fmt: skip
    """Write cues and fit of the best of the proposed alignments of impression a onto impression b.

    Returns the partner in b of each minutia of a under that alignment, -1 for none.
    """
    na, nb = ax.shape[0], bx.shape[0]
    partner, closeness = np.empty(na, np.int64), np.empty(na)
    best_of_b, top_of_b = np.empty(nb, np.int64), np.empty(nb)
    px, py, pd = np.empty(na), np.empty(na), np.empty(na)
    fit, kept = np.zeros(4), np.full(na, -1, np.int64)
    most = 0.0
    for f in range(proposed.shape[0]):
        if proposed[f, 4] <= 0.0:
            break
        fit[:] = proposed[f, :4]
        _move(ax, ay, ad, fit, px, py, pd)
        _assign(
            px, py, pd, bx, by, bd, alike, reach_first, angle, partner, closeness, best_of_b,
            top_of_b,
        )  # fmt: skip
        trusted, close, same = _sums(at, bt, alike, partner, closeness)
        if close + same <= hopeless * most:
            continue
        most = max(most, close + same)
        for _ in range(2):
            _refit(ax, ay, bx, by, partner, closeness, rigidity, fit)
            _move(ax, ay, ad, fit, px, py, pd)
            _bend(ax, ay, bx, by, partner, closeness, smoothness, stiffness, px, py)
            _assign(
                px, py, pd, bx, by, bd, alike, reach, angle, partner, closeness, best_of_b,
                top_of_b,
            )  # fmt: skip
        trusted, close, same = _sums(at, bt, alike, partner, closeness)
        if close + same > cues[1] + cues[2]:
            cues[0], cues[1], cues[2] = trusted, close, same
            best[:] = fit
            kept[:] = partner
    if cues[0] > 0.0:
        cues[3] = _common(ax, ay, at, best, b_corners, area_margin)
        c, s, tx, ty = best[0], best[1], best[2], best[3]
        fit[0], fit[1], fit[2], fit[3] = c, -s, -(c * tx + s * ty), s * tx - c * ty
        cues[4] = _common(bx, by, bt, fit, a_corners, area_margin)
    return kept


@kernel
def pair(
    x: Floats, y: Floats, direction: Floats, trust: Floats, corners: Floats,
    ref_columns: Floats, ref_starts: Ints, ref_corners: Floats, ref_corner_starts: Ints,
    blocks: Bytes, swapped: Bools, proposed: Floats, partners: Ints, hopeless: float,
    reach_first: float, reach: float, angle: float, smoothness: float, stiffness: float,
    rigidity: float, area_margin: float,
) -> tuple[Floats, Floats]:  # fmt: skip
    """Return the cues (references, len(CUES)) of one probe against many references, and the fits.

    A fit (references, 4) is the cosine, sine and shift that move the impression laid over onto the
    other. Arguments as in `alignment.align`, whose result is `proposed`; every y ascends.
    `partners` is empty, or has room for the partner of each minutia of the impression that was
    laid over the other (-1 for none); after several references it holds the last one's.
    """
    cues = np.zeros((swapped.shape[0], 5))
    fits = np.zeros((swapped.shape[0], 4))
    for r in range(swapped.shape[0]):
        low, high = ref_starts[r], ref_starts[r + 1]
        ax, ay, ad, at, ac = x, y, direction, trust, corners
        bx, by = ref_columns[0, low:high], ref_columns[1, low:high]
        bd, bt = ref_columns[2, low:high], ref_columns[3, low:high]
        bc = ref_corners[ref_corner_starts[r] : ref_corner_starts[r + 1]]
        if swapped[r]:
            ax, ay, ad, at, ac, bx, by, bd, bt, bc = bx, by, bd, bt, bc, ax, ay, ad, at, ac
        block = blocks[x.shape[0] * low : x.shape[0] * high].reshape((ax.shape[0], bx.shape[0]))
        kept = _pair_two(
            ax, ay, ad, at, ac, bx, by, bd, bt, bc, block, proposed[r], hopeless,
            reach_first, reach, angle, smoothness, stiffness, rigidity, area_margin,
            cues[r], fits[r],
        )  # fmt: skip
        if partners.shape[0] > 0:
            partners[: kept.shape[0]] = kept
    return cues, fits
