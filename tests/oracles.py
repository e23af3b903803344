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


def _ones(words):
    return sum(int(word).bit_count() for word in words)
