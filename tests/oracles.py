# SPDX-License-Identifier: Apache-2.0
"""Slow, obvious twins of the native kernels; each says what its kernel must give, bit for bit."""

from __future__ import annotations

import numpy as np


def cylinders(probe_codes, probe_masks, reference_codes, reference_masks, prior):
    similarities = np.zeros((len(probe_codes), len(reference_codes)), np.uint8)
    for p, (code, mask) in enumerate(zip(probe_codes, probe_masks, strict=True)):
        for r, (other, seen) in enumerate(zip(reference_codes, reference_masks, strict=True)):
            both = _ones(code & other)
            total = _ones(code & seen) + _ones(other & mask)
            similarities[p, r] = 510 * both // (total + prior)
    return similarities


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


def _ones(words):
    return sum(int(word).bit_count() for word in words)
