# SPDX-License-Identifier: Apache-2.0
"""The steps of `oracles.match` in plain NumPy, every number in single precision.

A print is what `native.pack` takes: a dict of columns, steps, codes, masks, corners, flow, digest.
Sums over minutiae are taken in eight lanes (`lane_sum`), because that is how the kernel rounds.
"""

from __future__ import annotations

import math

import numpy as np

F = np.float32
COSINES = np.array([math.cos(2 * math.pi * step / 256) for step in range(256)], F)
SECTORS = 64
BYTE = F(1) / F(255)
FLOW_CELL = F(32)


def lane_sum(values):
    """Every eighth value to one lane, then half of the lanes onto the other half."""
    lanes = np.zeros(8, F)
    for start in range(0, len(values), 8):
        chunk = values[start : start + 8]
        lanes[: len(chunk)] += chunk
    for half in (4, 2, 1):
        lanes = lanes[:half] + lanes[half:]
    return lanes[0]


def moved(motion, x, y):
    cosine, sine, right, up = motion
    return cosine * x - sine * y + right, sine * x + cosine * y + up


def turned_back(steps):
    """Cosine and sine of a turn in 1/256."""
    return COSINES[steps], COSINES[(steps + 192) % 256]


def proposals(a, b, alike, p):
    """Return (motion, votes) of the finalists, best first."""
    order = np.argsort(-alike.astype(int).ravel(), kind="stable")
    first, second = np.divmod(order[alike.ravel()[order] > 0][: p.votes], max(alike.shape[1], 1))
    if len(first) == 0:
        return []
    ax, ay, _, _, trust_a = a["columns"][:, first]
    bx, by, _, _, trust_b = b["columns"][:, second]
    turn = (b["steps"][second] - a["steps"][first]) % 256
    weight = alike[first, second].astype(F) / F(255) * np.sqrt(trust_a * trust_b)
    sector = turn * SECTORS // 256
    reach = math.ceil(p.angle * SECTORS / (2 * math.pi))
    every = []
    for k in range(min(p.proposals, len(first))):
        window = (sector[k] + np.arange(-reach, reach + 1)) % SECTORS
        who = np.concatenate([np.flatnonzero(sector == each) for each in window])
        places = (ax[who], ay[who], bx[who], by[who])
        own = (ax[k], ay[k], bx[k], by[k], *turned_back(turn[k]))
        every.append(vote(places, weight[who], turned_back(turn[who]), own, p))
    middle = [lane_sum(column) / F(len(column)) for column in a["columns"][:2]]
    return finalists(every, middle, p)


def vote(places, weight, turns, own, p):
    aox, aoy, box, boy, cosine, sine = own
    reach, stretch, rigidity = F(p.reach) * F(p.reach), F(p.stretch) * F(p.stretch), F(p.rigidity)
    ux, uy, vx, vy = places[0] - aox, places[1] - aoy, places[2] - box, places[3] - boy
    ex, ey = cosine * ux - sine * uy - vx, sine * ux + cosine * uy - vy
    allowed = reach + stretch * (ux * ux + uy * uy)
    error = ex * ex + ey * ey
    along = turns[0] * cosine + turns[1] * sine
    counts = (error <= allowed) & (along >= F(math.cos(p.angle)))
    weight = np.where(counts, weight * (F(1) - error / allowed), F(0))
    votes = lane_sum(weight)
    ax, ay = lane_sum(weight * ux), lane_sum(weight * uy)
    bx, by = lane_sum(weight * vx), lane_sum(weight * vy)
    if votes <= 0:
        return (cosine, sine, F(0), F(0)), votes
    dot = lane_sum(weight * (ux * vx + uy * vy)) + rigidity * cosine - (ax * bx + ay * by) / votes
    cross = lane_sum(weight * (ux * vy - uy * vx)) + rigidity * sine - (ax * by - ay * bx) / votes
    norm = np.sqrt(dot * dot + cross * cross)
    if norm > 0:
        cosine, sine = dot / norm, cross / norm
    x = box + (bx - cosine * ax + sine * ay) / votes - cosine * aox + sine * aoy
    y = boy + (by - sine * ax - cosine * ay) / votes - sine * aox - cosine * aoy
    return (cosine, sine, x, y), votes


def finalists(every, middle, p):
    chosen = []
    while len(chosen) < p.finalists:
        fresh = [
            (motion, votes)
            for motion, votes in every
            if votes > 0 and not any(copies(motion, other, middle, p) for other, _ in chosen)
        ]
        if not fresh:
            break
        chosen.append(max(fresh, key=lambda each: each[1]))
    return chosen


def copies(one, other, middle, p):
    dc, ds = one[0] - other[0], one[1] - other[1]
    dx = dc * middle[0] - ds * middle[1] + one[2] - other[2]
    dy = ds * middle[0] + dc * middle[1] + one[3] - other[3]
    same_turn = one[0] * other[0] + one[1] * other[1] > F(math.cos(p.copy_angle))
    return same_turn and dx * dx + dy * dy < F(p.copy_shift) * F(p.copy_shift)


def pair(a, b, alike, proposed, p):
    """Return the six cues of minutiae, the best motion (or None) and partners."""
    cues, best = (F(0), F(0), F(0)), None
    partners, most = np.full(len(a["steps"]), -1), F(0)
    for motion, _ in proposed:
        found = assigned(moved_onto(a, motion), b, alike, F(p.reach_first), p)
        rigid = summed(a, b, alike, found)
        if rigid[1] + rigid[2] <= F(p.hopeless) * most:
            continue
        most = max(most, rigid[1] + rigid[2])
        found, refined = settled(a, b, alike, found, motion, p)
        fit = summed(a, b, alike, found)
        if fit[1] + fit[2] > cues[1] + cues[2]:
            cues, best = fit, refined
            partners[:] = -1
            partners[found[0]] = found[1]
    if best is None:
        return (*cues, F(0), F(0), F(0)), None, partners
    cosine, sine, x, y = best
    back = (cosine, -sine, -(cosine * x + sine * y), sine * x - cosine * y)
    margin = F(p.area_margin)
    areas = common(a, b, best, margin), common(b, a, back, margin)
    return (*cues, *areas, chance(a, b, best, p)), best, partners


def chance(a, b, motion, p):
    """Return how many pairs the ring around each moved minutia lets expect."""
    inner, outer = F(p.reach) * F(p.reach), F(p.ring) * F(p.ring)
    x, y, cosine, sine = moved_onto(a, motion)
    bx, by, b_cosine, b_sine, b_trust = b["columns"]
    lanes = np.zeros(8, F)
    for i, trust in enumerate(a["columns"][4]):
        dx, dy = x[i] - bx, by - y[i]
        apart = dx * dx + dy * dy
        along = cosine[i] * b_cosine + sine[i] * b_sine
        straight = F(1) - (F(1) - along) * (F(1) / (F(1) - F(math.cos(p.angle))))
        near = (apart < outer) & (apart >= inner) & (straight > 0)
        expected = np.where(near, trust * b_trust * straight, F(0))
        for start in range(0, len(expected), 8):
            chunk = expected[start : start + 8]
            lanes[: len(chunk)] += chunk
    for half in (4, 2, 1):
        lanes = lanes[:half] + lanes[half:]
    return lanes[0] * (inner / (outer - inner))


def settled(a, b, alike, found, motion, p):
    for _ in range(2):
        if len(found[0]) > 0:
            motion = refitted(a, b, found, motion, F(p.rigidity))
            place = bent(a, b, moved_onto(a, motion), found, p)
            found = assigned(place, b, alike, F(p.reach), p)
    return found, motion


def moved_onto(a, motion):
    x, y, cosine, sine, _ = a["columns"]
    turn = (*motion[:2], F(0), F(0))
    return (*moved(motion, x, y), *moved(turn, cosine, sine))


def assigned(place, b, alike, reach, p):
    """Return who of a is paired with whom of b, and how closely: each the other's best."""
    x, y, cosine, sine = (column[:, np.newaxis] for column in place)
    bx, by, b_cosine, b_sine, _ = b["columns"]
    dx, dy = x - bx, by - y
    near = F(1) - (dx * dx + dy * dy) * (F(1) / (reach * reach))
    along = cosine * b_cosine + sine * b_sine
    straight = F(1) - (F(1) - along) * (F(1) / (F(1) - F(math.cos(p.angle))))
    fits = (near > 0) & (straight > 0)
    close = near * straight
    rank = np.where(fits, close * (F(0.3) + alike.astype(F) * BYTE), F(0))
    partner, owner = rank.argmax(axis=1), rank.argmax(axis=0)
    who = np.flatnonzero((rank.max(axis=1) > 0) & (owner[partner] == np.arange(len(partner))))
    return who, partner[who], close[who, partner[who]]


def summed(a, b, alike, found):
    pairs, fit, likeness = F(0), F(0), F(0)
    for i, j, close in zip(*found, strict=True):
        trust = np.sqrt(a["columns"][4, i] * b["columns"][4, j])
        pairs += trust
        fit += trust * close
        likeness += trust * (F(alike[i, j]) * BYTE)
    return pairs, fit, likeness


def refitted(a, b, found, motion, rigidity):
    who, partner, w = found
    (ax, ay), (bx, by) = a["columns"][:2, who], b["columns"][:2, partner]
    total = lane_sum(w)
    cax, cay, cbx, cby = (lane_sum(w * each) / total for each in (ax, ay, bx, by))
    ux, uy, vx, vy = ax - cax, ay - cay, bx - cbx, by - cby
    dot = lane_sum(w * (ux * vx + uy * vy)) + rigidity * motion[0]
    cross = lane_sum(w * (ux * vy - uy * vx)) + rigidity * motion[1]
    norm = np.sqrt(dot * dot + cross * cross)
    cosine, sine = (dot / norm, cross / norm) if norm > 0 else motion[:2]
    return cosine, sine, cbx - (cosine * cax - sine * cay), cby - (sine * cax + cosine * cay)


def bent(a, b, place, found, p):
    (x, y), (bx, by) = a["columns"][:2], b["columns"][:2]
    numbers = np.arange(len(x))
    area = F(1) / (F(p.smoothness) * F(p.smoothness))
    total, sx, sy = np.full(len(x), F(p.stiffness)), np.zeros(len(x), F), np.zeros(len(x), F)
    for i, j, close in zip(*found, strict=True):
        dx, dy = x[i] - x, y[i] - y
        near = F(1) + (dx * dx + dy * dy) * area
        weight = np.where(numbers == i, F(0), close / (near * near))
        total += weight
        sx += weight * (bx[j] - place[0][i])
        sy += weight * (by[j] - place[1][i])
    return place[0] + sx / total, place[1] + sy / total, *place[2:]


def common(one, onto, motion, margin):
    corners = onto["corners"]
    if len(corners) < 3:
        return F(0)
    x, y = moved(motion, *one["columns"][:2])
    inside = np.ones(len(x), bool)
    for (from_x, from_y), (to_x, to_y) in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        ex, ey = to_x - from_x, to_y - from_y
        least = -margin * np.sqrt(ex * ex + ey * ey)
        inside &= ex * (y - from_y) - ey * (x - from_x) >= least
    return lane_sum(np.where(inside, one["columns"][4], F(0)))


def flow(a, b, motion):
    """Return flow_cells, flow_agreement, period_gap."""
    own, other = a["flow"], b["flow"]
    if own.size == 0 or other.size == 0:
        return F(np.nan), F(0), F(0)
    cells, agreement, gap = F(0), F(0), F(0)
    if motion is None:
        return cells, agreement, gap
    c, s = motion[:2]
    twice_c, twice_s = c * c - s * s, F(2) * c * s
    for row, column in np.ndindex(own.shape[1:]):
        cosine, sine, period = own[:, row, column]
        x, y = (F(column) + F(0.5)) * FLOW_CELL, -(F(row) + F(0.5)) * FLOW_CELL
        x, y = moved(motion, x, y)
        across, down = math.floor(x / FLOW_CELL), math.floor(-y / FLOW_CELL)
        if not (0 <= across < other.shape[2] and 0 <= down < other.shape[1]):
            continue
        b_cosine, b_sine, b_period = other[:, down, across]
        if np.isnan(period) or np.isnan(b_period):
            continue
        cells += F(1)
        agreement += (cosine * twice_c - sine * twice_s) * b_cosine + (
            sine * twice_c + cosine * twice_s
        ) * b_sine
        gap += abs(period - b_period)
    return cells, agreement, gap
