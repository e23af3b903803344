# SPDX-License-Identifier: Apache-2.0
"""The steps of `oracles.sketch` in plain Python, in whole numbers."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np

COSINES = [round(math.cos(2 * math.pi * step / 256) * 2**14) for step in range(256)]


def opened(sketch):
    """Return codes as bits (n, 128), directions, x, y."""
    count = min(int(sketch[608]), 32)
    words = sketch[:512].reshape(2, 32, 8)[:, :count]
    bits = np.unpackbits(words.transpose(1, 0, 2).reshape(count, 16), axis=1)
    return bits, *(sketch[512 + 32 * k :][:count].astype(int) for k in range(3))


def score(probe, reference, reach, turn, place_first, place):
    bits, directions, x, y = opened(probe)
    others, other_directions, other_x, other_y = opened(reference)
    apart = (bits[:, np.newaxis] != others).sum(axis=2)
    alike = np.maximum(reach - apart, 0)
    gap = (other_directions - directions[:, np.newaxis]) % 256
    middle = 8 * elected(likest(alike, gap), 32) + 4
    alike = np.where(is_near(gap, middle, turn), alike, 0)
    x, y = turned(x, y, middle)
    gaps = [(other_x - x[:, np.newaxis]) % 256, (other_y - y[:, np.newaxis]) % 256]
    shift = [4 * elected(likest(alike, gap), 64) + 2 for gap in gaps]
    for gap, way in zip(gaps, shift, strict=True):
        alike = np.where(is_near(gap, way, place_first), alike, 0)
    for axis in range(2):
        shift[axis] += mean(likest(alike, (gaps[axis] - shift[axis] + 128) % 256 - 128))
    for gap, way in zip(gaps, shift, strict=True):
        alike = np.where(is_near(gap, way, place), alike, 0)
    return sum(
        int(column.max())
        for column in alike.T
        if any(0 < each == column.max() == alike[i].max() for i, each in enumerate(column))
    )


def mean(votes):
    """Return the weighted mean, halves rounded up."""
    weight = sum(each for each, _ in votes)
    total = sum(each * gap for each, gap in votes)
    return math.floor(Fraction(total, weight) + Fraction(1, 2)) if weight else 0


def likest(alike, gap):
    """Return the votes of each reference minutia: how alike its likest is, and its gap to it."""
    first = alike.argmax(axis=0) if len(alike) else np.zeros(0, int)
    columns = range(alike.shape[1] if len(alike) else 0)
    return [(int(alike[i, j]), int(gap[i, j])) for i, j in zip(first, columns, strict=True)]


def elected(votes, bins):
    total = [0] * bins
    for weight, gap in votes:
        total[gap * bins // 256] += weight
    around = [2 * total[k] + total[(k + 1) % bins] + total[(k - 1) % bins] for k in range(bins)]
    return around.index(max(around))


def is_near(gap, middle, within):
    return (gap - middle + within) % 256 <= 2 * within


def turned(x, y, step):
    cosine, sine = COSINES[step], COSINES[(step + 192) % 256]
    x, y = x - 128, y - 128
    right = (cosine * x - sine * y + 2**13) >> 14
    up = (sine * x + cosine * y + 2**13) >> 14
    return right + 128, up + 128
