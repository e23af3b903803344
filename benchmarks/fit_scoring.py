# SPDX-License-Identifier: Apache-2.0
"""Learn what ridge flow and ridge period weigh beside minutiae, and judge it on sets left out.

    python benchmarks/fit_scoring.py [--method M] FOLDER [FOLDER ...]

Each folder is a set ``fvc*/DB*_B`` as in `fingerprint_sets.py` (or one such set). Logistic
regression of mated against all non-mated pairs on the three evidences of
`ektp_hw.fingerprint.scoring.evidence`; every set counts the same, mated as much as non-mated.
Printed are the weights for `scoring` (minutiae weigh 1), learned on all sets; the slope and offset
that bring minutiae alone to the same false match rates; and the error rates with weights learned
on the other sets only, beside those of minutiae alone and of the weights in use.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import cv2
import numpy as np
from fit_calibration import upper_quantiles

from ektp_hw import fingerprint
from ektp_hw.evaluation.protocol import pairs_of, samples_in
from ektp_hw.evaluation.rates import error_rates
from ektp_hw.fingerprint import scoring
from ektp_hw.fingerprint.comparison import CUES, cues_of, prepare
from ektp_hw.fingerprint.scoring import evidence, weigh
from ektp_hw.records.picture import PICTURE_SUFFIXES, read_fingerprint_image

IN_USE = (1.0, scoring._FLOW, -scoring._PERIOD)  # noqa: SLF001  # what this script is there for
_NOTHING_PAIRED = -5.0
"""Stands for minus infinity, below every weight that occurs."""
_PENALTY = 1e-6
"""Of the squared weights, beside a mean log loss of about 0.05."""
_STEPS = 40
"""Newton's steps; 10 to 20 are needed."""
_RATES = 10.0 ** np.arange(-0.5, -3.1, -0.25)


def cues_of_set(folder, method=None):
    """Return cues of all mated and of all non-mated pairs of a folder, (pairs, len(CUES)) each."""
    files = samples_in(folder, PICTURE_SUFFIXES)
    prepared = [
        prepare(fingerprint.extract(read_fingerprint_image(each), method=method)) for each in files
    ]
    found = pairs_of(files, "all")
    return [_cues(prepared, pairs) for pairs in (found.mated, found.nonmated)]


def _cues(prepared, pairs):
    cues = np.zeros((len(pairs), len(CUES)))
    for probe in np.unique(pairs[:, 0]):
        rows = np.flatnonzero(pairs[:, 0] == probe)
        cues[rows] = cues_of(prepared[probe], [prepared[other] for other in pairs[rows, 1]])
    return cues


def finite(weights):
    return np.where(np.isfinite(weights), weights, _NOTHING_PAIRED)


def features(cues):
    return np.stack([finite(each) for each in evidence(cues)], axis=1)


def learn(sets):
    """Return (weights of the three evidences, offset) of the logistic regression."""
    rows, labels, shares = [], [], []
    for both in sets:
        for label, cues in zip((1.0, 0.0), both, strict=True):
            rows.append(features(cues))
            labels.append(np.full(len(cues), label))
            shares.append(np.full(len(cues), 0.5 / len(cues) / len(sets)))
    table, label, share = np.concatenate(rows), np.concatenate(labels), np.concatenate(shares)
    table = np.column_stack((table, np.ones(len(table))))
    weights = np.zeros(table.shape[1])
    for _ in range(_STEPS):
        chance = 1.0 / (1.0 + np.exp(-np.clip(table @ weights, -30.0, 30.0)))
        slope = table.T @ (share * (chance - label)) + _PENALTY * weights
        bend = (table * (share * chance * (1.0 - chance))[:, None]).T @ table
        weights -= np.linalg.solve(bend + _PENALTY * np.eye(len(weights)), slope)
    return weights[:3] / weights[0], weights


def alone(sets, weights):
    """Return slope and offset: upper tail of minutiae alone against that of all evidence."""
    nonmated = [features(both[1]) for both in sets]
    together = upper_quantiles([each @ weights for each in nonmated], _RATES)
    only = upper_quantiles([each[:, 0] for each in nonmated], _RATES)
    return np.polyfit(only, together, 1)


def rates(sets, scores):
    """Return EER, FMR100, FMR1000 and zero FMR of each set, in %."""
    table = []
    for both, score in zip(sets, scores, strict=True):
        found = error_rates(*(score(each) for each in both))
        table.append((found.eer, found.fmr100, found.fmr1000, found.zero_fmr))
    return 100 * np.array(table)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folders", nargs="+", type=Path, metavar="FOLDER")
    parser.add_argument("--method", help="extractor, as in ektp-hw extract")
    arguments = parser.parse_args()
    cv2.setNumThreads(1)
    folders = []
    for each in arguments.folders:
        folders += sorted(each.glob("fvc*/DB*_B")) or [each]
    sets = [cues_of_set(each, arguments.method) for each in folders]
    weights, _ = learn(sets)
    print(f"minutiae 1  flow {weights[1]:.2f}  period {weights[2]:.2f}")
    slope, offset = alone(sets, weights)
    print(f"minutiae alone: slope {slope:.3f}  offset {offset:.3f}")
    slope, offset = alone(sets, np.array(IN_USE))
    print(f"minutiae alone with the weights in use: slope {slope:.3f}  offset {offset:.3f}")

    def judged(learned):
        return lambda cues: features(cues) @ learned

    left_out = [learn(sets[:k] + sets[k + 1 :])[0] for k in range(len(sets))]
    tables = {
        "minutiae alone": rates(sets, [lambda cues: features(cues)[:, 0]] * len(sets)),
        "in use": rates(sets, [lambda cues: finite(weigh(cues))] * len(sets)),
        "learned on all": rates(sets, [judged(weights)] * len(sets)),
        "learned on the others": rates(sets, [judged(each) for each in left_out]),
    }
    for name, table in tables.items():
        print(f"\n{name:24}  EER FMR100 FMR1000 ZeroFMR")
        for folder, row in zip(folders, table, strict=True):
            print(f"  {'/'.join(folder.parts[-2:]):22}" + "".join(f"{each:7.2f}" for each in row))
        print(f"  {'mean':22}" + "".join(f"{each:7.2f}" for each in table.mean(axis=0)))


if __name__ == "__main__":
    main()
