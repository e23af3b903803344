# SPDX-License-Identifier: Apache-2.0
"""Propose how one impression lies over another: by a vote of the most alike neighbourhoods.

Each of the most alike pairs of neighbourhoods proposes a turn and a shift; the other alike pairs
vote for it, more loosely the further away they lie, because skin stretches. This plays the part of
the relaxation in LSS-R of the Minutia Cylinder-Code, but judges whole alignments.
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

__all__ = ["AlignmentParameters", "align", "oriented"]


@dataclass(frozen=True)
class AlignmentParameters:
    """Lengths in pixels at 500 ppi, angles in radians."""

    votes: int = 100
    """The most alike pairs of neighbourhoods that vote."""
    proposals: int = 24
    """The most alike of these that propose an alignment."""
    finalists: int = 4
    """Proposals handed on."""
    reach: float = 10.0
    """How far from its predicted place a voter may lie, next to the proposer ..."""
    stretch: float = 0.12
    """... and how much further for each pixel of distance from the proposer."""
    angle: float = 0.5
    """How much a voter's turn may differ from the proposer's."""
    rigidity: float = 400.0
    """How strongly the proposer's own turn counts against that of a few near voters (a weight
    times an area)."""
    copy_angle: float = 0.25
    """Two proposals are the same if their turns differ by less ..."""
    copy_shift: float = 20.0
    """... and they move the middle of the impression to places nearer than this."""


@kernel
def _voters(alike: Bytes, limit: int, first: Ints, second: Ints) -> int:
    """Pick the most alike pairs, most alike first (a counting sort over 255 values)."""
    starts = np.zeros(257, np.int64)
    for i in range(alike.shape[0]):
        for j in range(alike.shape[1]):
            starts[256 - alike[i, j]] += 1
    for v in range(256):
        starts[v + 1] += starts[v]
    floor = 255
    while floor > 1 and starts[256 - floor] < limit:
        floor -= 1
    count = 0
    for i in range(alike.shape[0]):
        for j in range(alike.shape[1]):
            value = alike[i, j]
            if value < floor:
                continue
            place = starts[255 - value]
            if place < limit:
                starts[255 - value] += 1
                first[place], second[place] = i, j
                count += 1
    return count


@kernel
def _by_turn(turn: Floats, sectors: int, order: Ints, starts: Ints) -> None:
    """Sort voters by the sector their turn lies in, twice over, so that no window wraps."""
    n = turn.shape[0]
    starts[:] = 0
    for k in range(n):
        starts[int(turn[k] * sectors / (2.0 * np.pi)) % sectors + 1] += 1
    for v in range(sectors):
        starts[v + 1] += starts[v]
    for k in range(n):
        sector = int(turn[k] * sectors / (2.0 * np.pi)) % sectors
        order[starts[sector]] = k
        starts[sector] += 1
    for v in range(sectors, 0, -1):
        starts[v] = starts[v - 1]
    starts[0] = 0
    for v in range(sectors):
        starts[sectors + v + 1] = n + starts[v + 1]
    order[n : 2 * n] = order[:n]


@kernel
def _vote(
    ax: Floats, ay: Floats, bx: Floats, by: Floats, likeness: Floats, turn: Floats,
    low: int, high: int, aox: float, aoy: float, box: float, boy: float, own_turn: float,
    reach: float, stretch: float, angle: float, rigidity: float, fit: Floats,
) -> None:  # fmt: skip
    """Write one proposal's least-squares cosine, sine and shift, and its votes, to `fit`."""
    cosine, sine = np.cos(own_turn), np.sin(own_turn)
    total, sax, say, sbx, sby, dot, cross = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
    for k in range(low, high):
        ux, uy, vx, vy = ax[k] - aox, ay[k] - aoy, bx[k] - box, by[k] - boy
        ex, ey = cosine * ux - sine * uy - vx, sine * ux + cosine * uy - vy
        allowed = reach * reach + stretch * stretch * (ux * ux + uy * uy)
        error = ex * ex + ey * ey
        gap = abs(turn[k] - own_turn)
        if error > allowed or min(gap, 2.0 * np.pi - gap) > angle:
            continue
        weight = likeness[k] * (1.0 - error / allowed)
        total += weight
        sax += weight * ux
        say += weight * uy
        sbx += weight * vx
        sby += weight * vy
        dot += weight * (ux * vx + uy * vy)
        cross += weight * (ux * vy - uy * vx)
    dot += rigidity * cosine - (sax * sbx + say * sby) / total
    cross += rigidity * sine - (sax * sby - say * sbx) / total
    norm = np.sqrt(dot * dot + cross * cross)
    if norm > 0.0:
        cosine, sine = dot / norm, cross / norm
    fit[0], fit[1] = cosine, sine
    fit[2] = box + (sbx - cosine * sax + sine * say) / total - cosine * aox + sine * aoy
    fit[3] = boy + (sby - sine * sax - cosine * say) / total - sine * aox - cosine * aoy
    fit[4] = total


@kernel
def _finalists(
    fits: Floats, cx: float, cy: float, copy_angle: float, copy_shift: float, chosen: Floats
) -> None:
    """Copy out the best supported proposals that are not near-copies of a better one."""
    count = 0
    closest = np.cos(copy_angle)
    while count < chosen.shape[0]:
        best, top = -1, 0.0
        for p in range(fits.shape[0]):
            if fits[p, 4] <= top:
                continue
            copy = False
            for q in range(count):
                dc, ds = fits[p, 0] - chosen[q, 0], fits[p, 1] - chosen[q, 1]
                dx = dc * cx - ds * cy + fits[p, 2] - chosen[q, 2]
                dy = ds * cx + dc * cy + fits[p, 3] - chosen[q, 3]
                same_turn = fits[p, 0] * chosen[q, 0] + fits[p, 1] * chosen[q, 1] > closest
                copy = copy or (same_turn and dx * dx + dy * dy < copy_shift * copy_shift)
            if not copy:
                best, top = p, fits[p, 4]
        if best < 0:
            return
        chosen[count] = fits[best]
        count += 1


@kernel
def oriented(similarities: Bytes, ref_starts: Ints, swapped: Bools) -> Bytes:
    """Cut similarities into one block for each reference, end to end, rows those laid over.

    Parameters
    ----------
    similarities
        (probe minutiae, all references' minutiae), from `native.cylinders`.
    """
    rows = similarities.shape[0]
    blocks = np.empty(similarities.size, np.uint8)
    for r in range(swapped.shape[0]):
        low, high = ref_starts[r], ref_starts[r + 1]
        base, columns = rows * low, high - low
        if swapped[r]:
            for j in range(columns):
                for i in range(rows):
                    blocks[base + j * rows + i] = similarities[i, low + j]
        else:
            for i in range(rows):
                for j in range(columns):
                    blocks[base + i * columns + j] = similarities[i, low + j]
    return blocks


@kernel
def align(
    x: Floats, y: Floats, direction: Floats, trust: Floats, ref_columns: Floats, ref_starts: Ints,
    blocks: Bytes, swapped: Bools, votes: int, proposals: int, finalists: int, reach: float,
    stretch: float, angle: float, rigidity: float, copy_angle: float, copy_shift: float,
) -> Floats:  # fmt: skip
    """Return the best proposals (references, finalists, 5) of one probe over many references.

    A proposal is cosine, sine, shift x, shift y and the sum of its votes, 0 where there is none; it
    moves the probe onto the reference, or the reference onto the probe where `swapped`.

    Parameters
    ----------
    ref_columns
        The references' x, y, direction and trust laid end to end, (4, all minutiae).
    ref_starts
        Where each reference begins in them, and the end.
    blocks
        From `oriented`.
    swapped
        (references,): so that the order of the two never changes a score.
    """
    sectors = 64
    window = int(np.ceil(angle * sectors / (2.0 * np.pi)))
    chosen = np.zeros((swapped.shape[0], finalists, 5))
    first, second = np.empty(votes, np.int64), np.empty(votes, np.int64)
    order, starts = np.empty(2 * votes, np.int64), np.empty(2 * sectors + 1, np.int64)
    likeness, turn = np.empty(votes), np.empty(votes)
    voters = np.empty((6, 2 * votes))
    fits = np.zeros((proposals, 5))
    for r in range(swapped.shape[0]):
        low, high = ref_starts[r], ref_starts[r + 1]
        ax, ay, ad, at = x, y, direction, trust
        bx, by = ref_columns[0, low:high], ref_columns[1, low:high]
        bd, bt = ref_columns[2, low:high], ref_columns[3, low:high]
        if swapped[r]:
            ax, ay, ad, at, bx, by, bd, bt = bx, by, bd, bt, ax, ay, ad, at
        alike = blocks[x.shape[0] * low : x.shape[0] * high].reshape((ax.shape[0], bx.shape[0]))
        n = _voters(alike, votes, first, second)
        if n == 0:
            continue
        for k in range(n):
            i, j = first[k], second[k]
            turn[k] = (bd[j] - ad[i]) % (2.0 * np.pi)
            likeness[k] = alike[i, j] / 255.0 * np.sqrt(at[i] * bt[j])
        _by_turn(turn[:n], sectors, order, starts)
        for p in range(2 * n):
            k = order[p]
            i, j = first[k], second[k]
            voters[0, p], voters[1, p], voters[2, p], voters[3, p] = ax[i], ay[i], bx[j], by[j]
            voters[4, p], voters[5, p] = likeness[k], turn[k]
        fits[:, 4] = 0.0
        for p in range(min(proposals, n)):
            i, j = first[p], second[p]
            sector = int(turn[p] * sectors / (2.0 * np.pi)) % sectors
            sector += sectors if sector < window else 0
            _vote(
                voters[0], voters[1], voters[2], voters[3], voters[4], voters[5],
                starts[sector - window], starts[sector + window + 1],
                ax[i], ay[i], bx[j], by[j], turn[p], reach, stretch, angle, rigidity, fits[p],
            )  # fmt: skip
        _finalists(fits, ax.mean(), ay.mean(), copy_angle, copy_shift, chosen[r])
    return chosen
