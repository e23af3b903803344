# SPDX-License-Identifier: Apache-2.0
"""Fit the calibration of the fingerprint comparison score to prints of different fingers.

    python benchmarks/fit_calibration.py [--synthetic N] FOLDER [FOLDER ...]

Each folder holds pictures of one sensor, named ``FINGER_IMPRESSION``; every two pictures of
different fingers of a folder are compared (never of two folders: the same person may have given
prints to both). ``--synthetic N`` adds four samples of N people who do not exist, one for each
thumb and index: strangers who show the same finger are the hardest that deduplication meets.
Each sample counts the same. Printed are ``middle`` and ``width`` of the logistic distribution for
`ektp_hw.fingerprint.calibration`, and for each sample the score that really has each false match
rate: at a rate of 0.001 a perfectly calibrated sample shows 3.0.

The constants in use were fitted to FVC2002 and FVC2004 DB1-4 set B (eight sensors, two of them
synthetic, 23 040 pairs) and ``--synthetic 110`` (23 980 pairs). Beyond a score of about 4 they are
the extrapolation of a straight line.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import cv2
import numpy as np

from ektp_hw import fingerprint
from ektp_hw.evaluation.protocol import pairs_of, samples_in
from ektp_hw.fingerprint.calibration import score_of
from ektp_hw.fingerprint.comparison import cues_of, prepare
from ektp_hw.fingerprint.scoring import weigh
from ektp_hw.records.picture import read_fingerprint_image
from ektp_hw.samples import FingerPosition
from ektp_hw.synthetic import SyntheticPerson

_RATES = 10.0 ** np.arange(-0.5, -3.6, -0.25)
POSITIONS = (
    FingerPosition.RIGHT_THUMB,
    FingerPosition.RIGHT_INDEX,
    FingerPosition.LEFT_THUMB,
    FingerPosition.LEFT_INDEX,
)
_SUFFIXES = {".bmp", ".pgm", ".png", ".tif", ".tiff"}


def nonmated_weights(folder):
    files = samples_in(folder, _SUFFIXES)
    prepared = [prepare(fingerprint.extract(read_fingerprint_image(each))) for each in files]
    pairs = pairs_of(files, "all").nonmated
    return np.concatenate(
        [
            weigh(cues_of(prepared[probe], [prepared[j] for _, j in pairs[pairs[:, 0] == probe]]))
            for probe in np.unique(pairs[:, 0])
        ]
    )


def synthetic_weights(position, people):
    prepared = [
        prepare(fingerprint.extract(SyntheticPerson(seed).finger(position).impression(0).image))
        for seed in range(people)
    ]
    return np.concatenate(
        [weigh(cues_of(prepared[i], prepared[i + 1 :])) for i in range(people - 1)]
    )


def upper_quantiles(samples, rates):
    """Weights exceeded with each rate, where every sample's distribution counts the same."""
    values = np.concatenate(samples)
    shares = np.concatenate([np.full(len(each), 1 / len(each) / len(samples)) for each in samples])
    order = np.argsort(-values)
    return np.interp(rates, np.cumsum(shares[order]), values[order])


def fit(samples):
    """Straight line through the log-odds of the false match rate, from 1 in 3 to 1 in 3 000."""
    log_odds = np.log(1 / _RATES - 1)
    width, middle = np.polyfit(log_odds, upper_quantiles(samples, _RATES), 1)
    return middle, width


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folders", nargs="*", type=Path, metavar="FOLDER")
    parser.add_argument("--synthetic", type=int, default=0, metavar="N", help="people, 2 or more")
    arguments = parser.parse_args()
    cv2.setNumThreads(1)
    samples = {"/".join(each.parts[-2:]): nonmated_weights(each) for each in arguments.folders}
    if arguments.synthetic:
        for position in POSITIONS:
            samples[position.name.lower()] = synthetic_weights(position, arguments.synthetic)
    middle, width = fit(list(samples.values()))
    print(f"middle {middle:.3f}  width {width:.3f}")
    print("score at FMR   0.1   0.01  0.001  highest")
    for name, weights in samples.items():
        at = upper_quantiles([weights], [0.1, 0.01, 0.001])
        scores = score_of(np.append(at, weights.max()), middle=middle, width=width)
        print(f"{name:14s}", " ".join(f"{score:5.2f}" for score in scores))


if __name__ == "__main__":
    main()
