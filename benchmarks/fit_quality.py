# SPDX-License-Identifier: Apache-2.0
"""Fit the weights of the fingerprint quality score to synthetic impressions, and judge them.

    python benchmarks/fit_quality.py [--fingers N] [FOLDER ...]

Impressions of known fingers under every mixture of moisture, pressure, noise, blur, contrast and
place are compared with two good impressions of the same finger; a straight line predicts the score
from the measures. Points are that prediction, 25 of it being 100 points. FOLDERs hold pictures of
one sensor, named ``FINGER_IMPRESSION``; they only judge: printed is the FNMR at FMR 0.1 % before
and after the worst fifth of the mated pairs is discarded. Nothing is fitted to them.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import cv2
import numpy as np

from ektp_hw.evaluation import evaluate_fingerprints
from ektp_hw.evaluation.discard import discard_of_prints
from ektp_hw.fingerprint import assess_quality, extract
from ektp_hw.fingerprint.comparison import compare_many, prepare
from ektp_hw.fingerprint.quality_parameters import LEAST_CLARITY
from ektp_hw.synthetic import SyntheticFinger

_GOOD = {"moisture": 0.0, "pressure": 0.8, "noise": 0.2, "blur": 0.7, "contrast": 0.9}
_FULL_SCORE = 25.0
_TOUCHES = range(2, 7)


def drawn(rng):
    """Conditions far beyond those of a careful touch."""
    place = rng.standard_normal(4).clip(-3, 3) * (70, 90, 60, 80)
    return {
        "moisture": rng.uniform(-1, 1),
        "pressure": rng.uniform(0, 1),
        "noise": min(0.1 + abs(rng.normal(0, 0.35)), 1.0),
        "blur": min(0.6 + rng.exponential(0.7), 6.0),
        "contrast": rng.uniform(0.25, 0.95),
        **dict(zip(("part_x", "part_y", "shift_x", "shift_y"), place, strict=True)),
    }


def outcomes(seed):
    """Rows of (log area, log clarity, variety, 1) and the mean score of each impression."""
    finger, rng = SyntheticFinger(seed), np.random.default_rng(seed)
    good = [finger.impression(k, carelessness=0.8, **_GOOD).image for k in (0, 1)]
    references = [prepare(extract(image)) for image in good]
    for number in _TOUCHES:
        image = finger.impression(number, carelessness=1.5, **drawn(rng)).image
        seen = assess_quality(image).measures
        if seen["area_mm2"] and seen["clarity"] >= LEAST_CLARITY:
            row = (np.log(seen["area_mm2"]), np.log(seen["clarity"]), seen["variety"], 1.0)
            yield row, compare_many(prepare(extract(image)), references).mean()


def fit(fingers):
    rows, scores = zip(
        *(each for seed in range(2000, 2000 + fingers) for each in outcomes(seed)), strict=True
    )
    table, truth = np.array(rows), np.array(scores)
    weights = np.linalg.lstsq(table, truth, rcond=None)[0]
    explained = 1 - np.square(table @ weights - truth).mean() / truth.var()
    names = ("AREA_WEIGHT", "CLARITY_WEIGHT", "VARIETY_WEIGHT", "OFFSET")
    for name, weight in zip(names, weights * (100 / _FULL_SCORE), strict=True):
        print(f"{name} = {weight:.1f}")
    print(f"{len(truth)} impressions, {explained:.0%} of the scores' variance explained")


def judge(folder):
    curve = discard_of_prints(folder, evaluate_fingerprints(folder, "all"))
    print(f"{'/'.join(folder.parts[-2:])}: FNMR {curve.fnmr[0]:.2%} -> {curve.fnmr_at(0.2):.2%}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--fingers", type=int, default=110)
    parser.add_argument("folders", nargs="*", type=Path, metavar="FOLDER")
    arguments = parser.parse_args()
    cv2.setNumThreads(1)
    fit(arguments.fingers)
    for folder in arguments.folders:
        judge(folder)


if __name__ == "__main__":
    main()
