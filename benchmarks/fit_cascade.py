# SPDX-License-Identifier: Apache-2.0
"""Learn the projections that make a finger's sketch and code, from prints that belong to nobody.

    python benchmarks/fit_cascade.py [--fingers N] [--seed S] [--out FILE]

Touches of the same fingers of a `synthetic.Population` are compared; the minutiae that the full
comparison lays on each other are examples of one minutia seen twice. No real print is used.

Sketch: the directions in which differing minutiae differ most, measured by how far the same one
differs from touch to touch (linear discriminants; C. Strecha et al., "LDAHash", IEEE TPAMI 34(1),
2012), turned so that their signs lose least (Y. Gong et al., "Iterative quantization", IEEE TPAMI
35(12), 2013). Code: how near a finger's minutiae lie to each of a vocabulary of typical ones, added
up (J. C. van Gemert et al., "Visual word ambiguity", IEEE TPAMI 32(7), 2010), and discriminants of
whole fingers, turned likewise.

Writes the file that `ektp_hw.fingerprint.cascade_tables` reads. Sketches are computed from its
whole numbers exactly, on every machine; the fit itself differs in its last bits between
machines, so a new file is a new version of the gallery's columns (`gallery.described`), and its
losses are to be measured again (``cascade_loss.py``). The file in use was fitted with the defaults,
before the far end of a minutia's contribution to its cells was cut off more sharply.
"""

from __future__ import annotations

import argparse
from itertools import combinations
from pathlib import Path

import numpy as np

from ektp_hw.fingerprint import cascade_tables, comparison
from ektp_hw.fingerprint.finger_code import pooled
from ektp_hw.fingerprint.surroundings import surroundings_of
from ektp_hw.samples import FingerPosition
from ektp_hw.synthetic import COMPETITION, Population

TOUCHES = 3
SURE = 6.0
"""Score from which two touches give examples."""
BITS, DIMENSIONS, WORDS, CODE_BITS = 128, 64, 512, 512
SHRINKAGE, CODE_SHRINKAGE = 0.05, 10.0
"""Added to the scatter of the same minutia, or finger: as share of its mean variance."""


def touches(fingers, seed):
    people = np.repeat(np.arange(fingers), TOUCHES)
    positions = np.array(FingerPosition.RIGHT_THUMB) + people % 10
    return Population(seed, COMPETITION).templates(
        people, positions, np.tile(np.arange(TOUCHES), fingers)
    )


def examples(templates, around):
    """Rows of `around.numbers` that show one minutia in two touches, (k, 2)."""
    starts = np.cumsum(around.counts) - around.counts
    place = []
    for start, count in zip(starts, around.counts, strict=True):
        own = around.chosen[start : start + count]
        place.append({minutia: start + rank for rank, minutia in enumerate(own)})
    prepared = [comparison.prepare(each) for each in templates]
    rows = []
    for first in range(0, len(templates), TOUCHES):
        for a, b in combinations(range(first, first + TOUCHES), 2):
            if comparison.compare(prepared[a], prepared[b]) > SURE:
                pairs = comparison.matched_minutiae(prepared[a], prepared[b])
                rows += [
                    (place[a][i], place[b][j]) for i, j in pairs if i in place[a] and j in place[b]
                ]
    return np.array(rows)


def discriminants(values, one, other, dimensions, shrinkage):
    """Columns in which the within-scatter of (one, other) is white, the most telling first."""
    within = np.cov((one - other).T) / 2
    within += shrinkage * np.trace(within) / len(within) * np.eye(len(within))
    spread, axes = np.linalg.eigh(within)
    white = axes / np.sqrt(spread)
    told, turned = np.linalg.eigh(white.T @ np.cov(values.T) @ white)
    return white @ turned[:, np.argsort(-told)[:dimensions]]


def turned_for_signs(values, rng, rounds=30):
    """The rotation after which the signs of the columns lose least."""
    size = values.shape[1]
    turn = np.linalg.qr(rng.normal(size=(size, size)))[0]
    for _ in range(rounds):
        u, _, v = np.linalg.svd(values.T @ np.sign(values @ turn))
        turn = u @ v
    return turn


def typical(values, count, rng, rounds=15):
    """The middles of `count` clusters (k-means)."""
    middles = values[rng.choice(len(values), count, replace=False)].copy()
    for _ in range(rounds):
        nearest = np.argmax(values @ middles.T - (middles**2).sum(1) / 2, axis=1)
        sizes = np.bincount(nearest, minlength=count)
        sums = np.stack([np.bincount(nearest, column, count) for column in values.T], 1)
        middles = np.where(sizes[:, None] > 0, sums / np.maximum(sizes, 1)[:, None], middles)
    return middles


def in_bytes(columns):
    """Each column as whole numbers of -127 to 127."""
    return np.rint(columns * (127 / np.abs(columns).max(0))).astype(np.int8)


def fit(fingers, seed):
    rng = np.random.default_rng(seed)
    templates = touches(fingers, seed)
    around = surroundings_of(templates)
    numbers = around.numbers
    pairs = examples(templates, around)
    print(f"{len(templates)} touches, {len(pairs)} examples of a minutia seen twice")
    sample = numbers[rng.choice(len(numbers), min(40_000, len(numbers)), replace=False)]
    chosen = pairs[rng.choice(len(pairs), min(100_000, len(pairs)), replace=False)]
    one, other = numbers[chosen[:, 0]], numbers[chosen[:, 1]]

    found = discriminants(sample, one, other, BITS, SHRINKAGE)
    middle = sample.mean(0)
    sketch = in_bytes(found @ turned_for_signs((sample - middle) @ found, rng))
    words = in_bytes(found[:, :DIMENSIONS])
    scale = np.abs(found[:, :DIMENSIONS]).max(0) / 127
    seen = (sample - middle) @ (words * scale)
    middles = typical(seen, WORDS, rng)
    tables = {
        "sketch_weights": sketch,
        "sketch_limits": np.rint(middle @ sketch).astype(np.int32),
        "word_weights": words,
        "word_limits": np.rint(middle @ words).astype(np.int32),
        "word_scale": scale.astype(np.float32),
        "words": middles.astype(np.float32),
    }
    bags = pooled(around, tables)
    usual = bags.mean(0)
    apart = bags - usual
    apart /= np.maximum(np.linalg.norm(apart, axis=1, keepdims=True), 1e-9)
    first = np.arange(0, len(templates), TOUCHES)
    mates = [(first + a, first + b) for a, b in combinations(range(TOUCHES), 2)]
    one, other = (np.concatenate([apart[pair[side]] for pair in mates]) for side in (0, 1))
    found = discriminants(apart, one, other, CODE_BITS, CODE_SHRINKAGE)
    middle = apart.mean(0)
    found = found @ turned_for_signs((apart - middle) @ found, rng, 15)
    code = in_bytes(found)
    return tables | {
        "usual": usual.astype(np.float32),
        "code_weights": code,
        "code_limits": (middle @ code).astype(np.float32),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--fingers", type=int, default=5000)
    parser.add_argument("--seed", type=int, default=1977)
    parser.add_argument("--out", type=Path, default=cascade_tables.FILE)
    options = parser.parse_args()
    cascade_tables.write(fit(options.fingers, options.seed), options.out)
    print(
        f"{options.out}: {options.out.stat().st_size} bytes, {cascade_tables.digest(options.out)}"
    )


if __name__ == "__main__":
    main()
