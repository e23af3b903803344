# SPDX-License-Identifier: Apache-2.0
"""How far mates and strangers score apart, on fingers that belong to nobody.

    python benchmarks/synthetic_scores.py --fingers 40 --impressions 4 --plot scores.png

Every finger is compared with itself (all pairs of its impressions) and with every other finger
(first impressions). The extracted minutiae are also held against the true ones. These figures show
that the chain works and which way a change moves it; what real skin does, only real prints tell.
"""

from __future__ import annotations

import argparse
import os
import sys
from itertools import combinations
from pathlib import Path
from time import perf_counter

os.environ.setdefault("OMP_NUM_THREADS", "1")

import cv2
import numpy as np

from ektp_hw import fingerprint
from ektp_hw.synthetic import Pattern, SyntheticFinger

_NEAR = 10.0
"""Pixels within which an extracted minutia counts as a true one."""
_TURN = np.deg2rad(30)


def equal_error_rate(mated, nonmated):
    """Rate at the threshold where as many mates are refused as strangers accepted."""
    thresholds = np.unique(np.concatenate((mated, nonmated)))
    fnmr = np.searchsorted(np.sort(mated), thresholds, side="left") / len(mated)
    fmr = 1 - np.searchsorted(np.sort(nonmated), thresholds, side="left") / len(nonmated)
    best = int(np.argmin(np.abs(fmr - fnmr)))
    return float(fmr[best] + fnmr[best]) / 2


def found(truth, template):
    """Return how many true minutiae were found: greedily, nearest pair first."""
    dx = truth.x[:, None] - template.x
    dy = truth.y[:, None] - template.y
    turn = np.abs(np.angle(np.exp(1j * (truth.direction[:, None] - template.direction))))
    distance = np.where(turn < _TURN, np.hypot(dx, dy), np.inf)
    count = 0
    while distance.size and distance.min() <= _NEAR:
        i, j = np.unravel_index(int(distance.argmin()), distance.shape)
        distance[i], distance[:, j] = np.inf, np.inf
        count += 1
    return count


def collect(fingers, impressions, seed, pattern, carelessness):
    """Generate, extract and time; return templates by finger and a table of figures."""
    templates, times = [], {"master": [], "impression": [], "extract": []}
    true = extracted = both = 0
    for k in range(fingers):
        finger = SyntheticFinger(seed + k, pattern=pattern)
        start = perf_counter()
        _ = finger.master
        times["master"].append(perf_counter() - start)
        row = []
        for n in range(impressions):
            start = perf_counter()
            touch = finger.impression(n, carelessness=carelessness)
            middle = perf_counter()
            template = fingerprint.extract(touch.image)
            times["impression"].append(middle - start)
            times["extract"].append(perf_counter() - middle)
            true, extracted = true + len(touch.truth), extracted + len(template)
            both += found(touch.truth, template)
            row.append(fingerprint.prepare(template))
        templates.append(row)
    pictures = fingers * impressions
    table = {f"{name}, ms median": 1e3 * float(np.median(t)) for name, t in times.items()}
    table |= {
        "true minutiae a picture": true / pictures,
        "extracted minutiae a picture": extracted / pictures,
        "true ones found": both / max(true, 1),
        "extracted ones true": both / max(extracted, 1),
    }
    return templates, table


def plot(mated, nonmated, path):
    """Draw both distributions."""
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(8, 4.5), layout="constrained")
    bins = np.linspace(min(0.0, nonmated.min()), max(mated.max(), 1.0), 80)
    axes.hist(nonmated, bins, density=True, alpha=0.7, label=f"{len(nonmated)} non-mated pairs")
    axes.hist(mated, bins, density=True, alpha=0.7, label=f"{len(mated)} mated pairs")
    axes.set_xlabel("comparison score, -log10(FMR)")
    axes.set_ylabel("density")
    axes.set_yscale("log")
    axes.legend()
    figure.savefig(path, dpi=120)


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--fingers", type=int, default=40)
    parser.add_argument("--impressions", type=int, default=4)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--pattern", choices=[p.name.lower() for p in Pattern])
    parser.add_argument("--carelessness", type=float, default=1.0, help="0 to 2")
    parser.add_argument("--plot", type=Path, help="write both distributions to this PNG")
    options = parser.parse_args(arguments)
    if options.fingers < 2 or options.impressions < 2:
        parser.error("at least two fingers and two impressions are needed to compare")
    cv2.setNumThreads(1)
    pattern = None if options.pattern is None else Pattern[options.pattern.upper()]
    templates, table = collect(
        options.fingers, options.impressions, options.seed, pattern, options.carelessness
    )
    compare = fingerprint.compare
    start = perf_counter()
    mated = np.array([compare(a, b) for row in templates for a, b in combinations(row, 2)])
    nonmated = np.array([compare(a[0], b[0]) for a, b in combinations(templates, 2)])
    spent = perf_counter() - start
    table |= {
        "compare, us mean": 1e6 * spent / (len(mated) + len(nonmated)),
        "EER": equal_error_rate(mated, nonmated),
        "mated score, 1st percentile": float(np.percentile(mated, 1)),
        "mated score, median": float(np.median(mated)),
        "non-mated score, median": float(np.median(nonmated)),
        "non-mated score, highest": float(nonmated.max()),
        "mates below the highest stranger": float((mated <= nonmated.max()).mean()),
    }
    print(f"{options.fingers} fingers x {options.impressions} impressions")
    for name, value in table.items():
        print(f"{name:34} {value:10.4g}")
    if options.plot:
        plot(mated, nonmated, options.plot)
    return 0


if __name__ == "__main__":
    sys.exit(main())
