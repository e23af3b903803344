# SPDX-License-Identifier: Apache-2.0
"""Do two extractors together beat either? Error rates when both look at every print.

    python benchmarks/two_roads.py [--methods A B] [--times N] FOLDER [FOLDER ...]

A set is a folder ``fvc*/DB*_B`` or a folder that holds such sets. Every print is extracted by both
methods; a pair of prints is compared twice, each method's templates among themselves, and the two
scores, -log10(FMR), are put together: their maximum, their mean, and the mean with the second
method's counting a quarter. All mated and all non-mated pairs of a set are compared. The last
column tells how much lower the mean EER is than the first method's, with the interval that holds
90 % of the outcomes when the fingers are drawn again: a rule helps if that lies above 0.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import cv2
import numpy as np

from ektp_hw.evaluation import error_rates
from ektp_hw.evaluation.bootstrap import interval, resampled_rates
from ektp_hw.evaluation.protocol import identity_of, pairs_of, samples_in
from ektp_hw.fingerprint import compare, extract, prepare
from ektp_hw.records.picture import PICTURE_SUFFIXES, read_fingerprint_image

RULES = {
    "first alone": lambda both: both[0],
    "second alone": lambda both: both[1],
    "maximum": lambda both: both.max(axis=0),
    "mean": lambda both: both.mean(axis=0),
    "3 : 1": lambda both: (3 * both[0] + both[1]) / 4,
}
RATES = ("eer", "fmr100", "fmr1000", "zero_fmr")


def sets_in(folders):
    """Return the sets that are among the folders or in them."""
    found = []
    for each in folders:
        found += sorted(each.glob("fvc*/DB*_B")) or [each]
    return found


def scores_of(files, pairs, method):
    """Return the mated and the non-mated scores of one method's templates."""
    templates = [prepare(extract(read_fingerprint_image(each), method=method)) for each in files]
    return [
        np.array([compare(templates[i], templates[j]) for i, j in index])
        for index in (pairs.mated, pairs.nonmated)
    ]


def together(one, other):
    """Return for each rule mated and non-mated scores made of those of two methods."""
    return {
        name: [rule(np.stack(both)) for both in zip(one, other, strict=True)]
        for name, rule in RULES.items()
    }


def measured(folder, methods, times, seed=0):
    """Return for each rule its rates on a set, and its EER at every drawing of fingers."""
    files = samples_in(folder, PICTURE_SUFFIXES)
    pairs = pairs_of(files, "all")
    names = [identity_of(each) for each in files]
    result = {}
    for rule, scores in together(*(scores_of(files, pairs, each) for each in methods)).items():
        rates = error_rates(*scores)
        drawn = resampled_rates(names, pairs, *scores, rounds=times, seed=seed)
        result[rule] = [getattr(rates, rate) for rate in RATES], [each.eer for each in drawn]
    return result


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folders", nargs="+", type=Path, metavar="FOLDER")
    parser.add_argument("--methods", nargs=2, default=("learned", "classical"))
    parser.add_argument("--times", type=int, default=500)
    chosen = parser.parse_args()
    cv2.setNumThreads(1)
    print(f"{'EER, %':16}" + "".join(f"{rule:>14}" for rule in RULES))
    sets = {}
    for folder in sets_in(chosen.folders):
        name = "/".join(folder.parts[-2:])
        sets[name] = measured(folder, chosen.methods, chosen.times)
        row = "".join(f"{100 * sets[name][rule][0][0]:14.2f}" for rule in RULES)
        print(f"{name:16}{row}", flush=True)
    print(f"\n{'mean, %':16}" + "".join(f"{rate:>9}" for rate in RATES) + "  EER below the first's")
    drawn = {rule: np.mean([each[rule][1] for each in sets.values()], axis=0) for rule in RULES}
    for rule in RULES:
        means = np.mean([each[rule][0] for each in sets.values()], axis=0)
        low, high = (100 * each for each in interval(drawn["first alone"] - drawn[rule]))
        row = "".join(f"{100 * each:9.2f}" for each in means)
        print(f"{rule:16}{row}  {low:.2f} to {high:.2f}")


if __name__ == "__main__":
    main()
