# SPDX-License-Identifier: Apache-2.0
"""Slow, obvious twins of the native kernels; each says what its kernel must give, bit for bit."""

from __future__ import annotations

import numpy as np

import oracles_match
import oracles_prepare
import oracles_sketch


def cylinders(probe_codes, probe_masks, reference_codes, reference_masks, prior):
    code, mask, other, seen = map(
        _bits, (probe_codes, probe_masks, reference_codes, reference_masks)
    )
    both = code @ other.T
    total = code @ seen.T + mask @ other.T
    return (510 * both // (total + prior)).astype(np.uint8)


def _bits(words):
    return np.unpackbits(words.view(np.uint8), axis=1).astype(np.int64)


def filter_cells(picture, chosen, down, across, weights, first, scale):
    filtered = np.zeros((chosen.shape[0] * 4, chosen.shape[1] * 4), np.float32)
    for (row, column), which in np.ndenumerate(chosen):
        taps = range(first[which], first[which + 1]) if which >= 0 else ()
        for y, x in np.ndindex(4, 4) if which >= 0 else ():
            total = 0
            for tap in taps:
                line = picture[4 * row + int(down[tap])]
                at = 4 * column + int(across[tap]) + x
                total += int(weights[tap, y, 0]) * int(line[at])
                total += int(weights[tap, y, 1]) * int(line[at + 1])
            wrapped = (total + 2**31) % 2**32 - 2**31
            filtered[4 * row + y, 4 * column + x] = np.float32(wrapped) * np.float32(scale)
    return filtered


def convolve(picture, weights, scale, shift, *, step, dilation, rows, columns):
    """Return the values of one layer, (rows, columns, outputs), of a picture with its margin."""
    outputs, _, side, _ = weights.shape
    sums = np.zeros((rows, columns, outputs), np.int64)
    for down, across in np.ndindex(side, side):
        seen = picture[down * dilation :: step, across * dilation :: step][:rows, :columns]
        sums += seen.astype(np.int64) @ weights[:, :, down, across].T.astype(np.int64)
    assert np.abs(sums).max(initial=0) < 2**31
    return sums.astype(np.float32) * scale + shift


def in_bytes(values, added=None, added_scale=1.0, repeat=1):
    """Return what `convolve` writes of its values, once something is added."""
    values = values.repeat(repeat, 0).repeat(repeat, 1)
    if added is not None:
        values = values + added.astype(np.float32) * np.float32(added_scale)
    return np.rint(np.clip(values, 0, 255)).astype(np.uint8)


def match(probe, references, alignment, pairing):
    """Return the cues of each reference, and the partners of the last one (`oracles_match`)."""
    cues, partners = np.zeros((len(references), 9), np.float32), np.zeros(0, int)
    for row, reference in zip(cues, references, strict=True):
        a, b = sorted((probe, reference), key=lambda one: (len(one["steps"]), one["digest"]))
        alike = cylinders(a["codes"], a["masks"], b["codes"], b["masks"], alignment.prior)
        proposed = oracles_match.proposals(a, b, alike, alignment)
        row[:6], motion, partners = oracles_match.pair(a, b, alike, proposed, pairing)
        row[6:] = oracles_match.flow(a, b, motion)
    return cues, partners


def scan(probe, codes):
    return (_bits(probe[np.newaxis]) != _bits(codes)).sum(axis=1).astype(np.uint16)


def scan_nearest(probe, codes, keep, most):
    distances = scan(probe, codes)
    order = np.argsort(distances, kind="stable")
    rows = np.sort(order[distances[order] <= most][:keep])
    return rows, distances[rows]


def scan_pairs(a, b, most, upper):
    """Return the set of (row of a, row of b, distance)."""
    found = set()
    for row, code in enumerate(a):
        for column, distance in enumerate(scan(code, b)):
            if distance <= most and not (upper and row >= column):
                found.add((row, column, int(distance)))
    return found


def glimpse(probe, sketches, *, minutiae, reach):
    bits = oracles_sketch.opened(probe)[0][:minutiae, :64]
    others = [oracles_sketch.opened(other)[0][:, :64] for other in sketches]
    apart = [(bits[:, np.newaxis] != other).sum(axis=2) for other in others]
    return [int(np.maximum(reach - each.min(axis=0, initial=64), 0).sum()) for each in apart]


def sketch(probe, sketches, **constants):
    return [oracles_sketch.score(probe, other, **constants) for other in sketches]


def sift(probes, sketches, rows, pairs, limits, constants):
    """Both looks of each pair by itself; limits and constants are those of `glimpse`, `sketch`."""
    kept = []
    for place, probe in pairs:
        other = sketches[rows[place]][np.newaxis]
        looks = {name: limits[name] for name in ("minutiae", "reach")}
        kept.append(
            glimpse(probes[probe], other, **looks)[0] >= limits["least_at_first_sight"]
            and sketch(probes[probe], other, **constants)[0] >= limits["least_alike"]
        )
    return kept


def prepare(template):
    """Return the packed template (`oracles_prepare`)."""
    return oracles_prepare.packed(template)
