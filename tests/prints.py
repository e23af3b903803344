# SPDX-License-Identifier: Apache-2.0
"""Made-up fingerprints as `native.pack` takes them, and other impressions of the same finger."""

import numpy as np

from ektp_hw.templates import FingerprintTemplate, RidgeFlow, flow_shape
from oracles_prepare import hull


def scatter(seed, count, *, extent=150.0, flow=(9, 11)):
    """A print of nobody: minutiae anywhere in a square, codes and flow at random."""
    random = np.random.default_rng(seed)
    x, y = random.uniform(-extent, extent, (2, count))
    direction = random.uniform(0, 2 * np.pi, count)
    mask = random.random((count, 512)) < 0.9
    code = mask & (random.random((count, 512)) < random.uniform(0.05, 0.4, (count, 1)))
    angle = random.uniform(0, 2 * np.pi, flow)
    period = np.where(random.random(flow) < 0.2, np.nan, random.uniform(6, 12, flow))
    table = np.stack((np.cos(angle), np.sin(angle), np.log(period)))
    return laid_out(
        x, y, direction, random.uniform(0.2, 1.6, count), code, mask, table, random.bytes(16)
    )


def again(one, seed, *, turn=0.0, shift=(0.0, 0.0), bend=0.0, noise=0.0, lost=0.0):
    """The same finger once more: turned, then shifted, the skin stretched, minutiae disturbed."""
    random = np.random.default_rng(seed)
    x, y, cosine, sine, trust = one["columns"].astype(np.float64)
    count = len(x)
    x, y = (
        np.cos(turn) * x - np.sin(turn) * y + shift[0],
        np.sin(turn) * x + np.cos(turn) * y + shift[1],
    )
    x, y = x + bend * np.sin(y / 60), y + bend * np.cos(x / 80)
    x, y = x + random.normal(0, noise, count), y + random.normal(0, noise, count)
    direction = np.arctan2(sine, cosine) + turn + random.normal(0, noise / 40, count)
    mask, code = bits(one["masks"]), bits(one["codes"])
    code = mask & (code ^ (random.random(code.shape) < noise / 100))
    kept = random.random(count) >= lost
    columns = (each[kept] for each in (x, y, direction, trust, code, mask))
    return laid_out(*columns, one["flow"], random.bytes(16))


def laid_out(x, y, direction, trust, code, mask, flow, digest):
    order = np.argsort(y, kind="stable")
    x, y, direction = x[order], y[order], direction[order]
    columns = np.stack((x, y, np.cos(direction), np.sin(direction), trust[order]))
    return {
        "columns": columns.astype(np.float32),
        "steps": (np.rint(direction * 256 / (2 * np.pi)) % 256).astype(np.int32),
        "codes": np.packbits(code[order], axis=1).view(np.uint64),
        "masks": np.packbits(mask[order], axis=1).view(np.uint64),
        "corners": hull(x, y).astype(np.float32),
        "flow": flow.astype(np.float32),
        "digest": digest,
    }


def bits(words):
    return np.unpackbits(words.view(np.uint8), axis=1).astype(bool)


def template(seed):
    """Nobody's template, in all the ways that templates differ.

    Few or many minutiae, crowded into a corner or onto a line, of one direction or any, on small
    and huge pictures, with flow or without.
    """
    random = np.random.default_rng(seed)
    count = int(random.integers(0, random.choice([4, 90, 90, 90, 256])))
    width, height = 288, 384
    if random.random() < 0.15:
        width, height = (int(side) for side in random.integers(1, 4096, 2))
    x, y = random.uniform(0, random.choice([1, 1, 0.3, 0.05]), (2, count))
    if random.random() < 0.1:
        x = np.round(x * random.integers(1, 4)) / 4
    flow = None
    if random.random() < 0.8:
        shape = flow_shape(width, height)
        angle = np.where(random.random(shape) < 0.3, np.nan, random.uniform(0, np.pi, shape))
        flow = RidgeFlow.from_fields(angle, random.uniform(0.05, 21, shape))
    return FingerprintTemplate.from_minutiae(
        x * width,
        y * height,
        random.normal(0, random.choice([0.1, 1, 6]), count),
        kind=random.integers(0, 3, count),
        reliability=random.random(count) if random.random() < 0.8 else None,
        width=width,
        height=height,
        flow=flow,
    )
