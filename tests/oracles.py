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


def sketch(probe, sketches, *, reach, turn, place):
    return [oracles_sketch.score(probe, other, reach, turn, place) for other in sketches]


def prepare(template):
    """Return the packed template (`oracles_prepare`)."""
    return oracles_prepare.packed(template)
