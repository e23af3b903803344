# SPDX-License-Identifier: Apache-2.0
"""How best to put fingers' scores together: Fisher's sum against log-likelihood ratios.

    python benchmarks/fusion_statistics.py [--people N] FOLDER [FOLDER ...]

Each folder holds pictures of one sensor, named ``FINGER_IMPRESSION``. People are made up of mated
comparisons of the folders: fingers drawn from all of them, and fingers as alike in quality as those
of one finger's own impressions. Printed is the share of people that each statistic loses below a
score at which it is calibrated, so that the columns may be compared: `fisher`, the sum in use
(`ektp_hw.gallery.fusion`); `pooled`, the log-likelihood ratio of a gamma distribution fitted to all
mated scores; `quality`, that of one for each of four classes by the minutiae of the poorer print.
Every ratio allows for 2 percent of mated fingers that score as strangers do.

Found with the classical extractor on FVC2002 and FVC2004 DB1-4 set B (2 240 mated pairs), lost
below 6: two fingers, fisher 0.0068, pooled 0.0071, quality 0.0078; two alike in quality 0.0265,
0.0280, 0.0291; four alike in quality 0.0067, 0.0071, 0.0078. So the plain sum is kept.
"""

from __future__ import annotations

import argparse
from math import lgamma, log, log10
from pathlib import Path

import numpy as np

from ektp_hw import fingerprint
from ektp_hw.evaluation.protocol import pairs_of, samples_in
from ektp_hw.fingerprint.comparison import compare_many, prepare
from ektp_hw.gallery.fusion import person_score
from ektp_hw.records.picture import read_fingerprint_image

_SUFFIXES = {".bmp", ".pgm", ".png", ".tif", ".tiff"}
_CLASSES = (15, 22, 35)
"""Minutiae from which the next class of quality begins."""
_FAILED = 0.02
_STEP, _CAP = 0.05, 40.0
_THRESHOLDS = (4, 6, 8, 10, 12)


def mated_scores(folder):
    """Return score, minutiae of the poorer print and finger of each mated pair."""
    files = samples_in(folder, _SUFFIXES)
    prepared = [prepare(fingerprint.extract(read_fingerprint_image(each))) for each in files]
    rows = []
    for one, other in pairs_of(files, "first").mated:
        score = compare_many(prepared[one], [prepared[other]])[0]
        finger = f"{folder}/{files[one].stem.rpartition('_')[0]}"
        rows.append((score, min(len(prepared[one]), len(prepared[other])), finger))
    return rows


def gamma_of(scores):
    """Mean and shape of a gamma distribution of these scores, but for those that failed."""
    whole = scores[scores > 2.0]
    return whole.mean(), whole.mean() ** 2 / whole.var()


def ratio(scores, mean, shape):
    """Return the log10 of the likelihood ratio of each score."""
    scores = np.maximum(scores, 1e-6)
    scale = mean / shape
    mated = (shape - 1) * np.log(scores) - scores / scale - lgamma(shape) - shape * log(scale)
    return np.log10(_FAILED + (1 - _FAILED) * 10 ** (mated / log(10) - log10(log(10)) + scores))


def tail_of(models):
    """Return lowest ratio and, in steps from there, how often strangers' sums reach each."""
    lowest, chances = 0.0, np.ones(1)
    edges = np.linspace(0, _CAP, 8001)
    share = 10 ** -edges[:-1] - 10 ** -edges[1:]
    for model in models:
        at = (ratio((edges[1:] + edges[:-1]) / 2, *model) - log10(_FAILED)) / _STEP
        below = np.floor(at).astype(int)
        steps = np.zeros(below.max() + 2)
        np.add.at(steps, below, share * (1 - at + below))
        np.add.at(steps, below + 1, share * (at - below))
        lowest, chances = lowest + log10(_FAILED), np.convolve(chances, steps)
    return lowest, np.cumsum(chances[::-1])[::-1]


def calibrated(sums, models):
    """Return -log10 of how often strangers reach each sum of ratios."""
    lowest, tail = tail_of(models)
    places = lowest + _STEP * (np.arange(len(tail)) - 0.5)
    return np.maximum(np.interp(sums, places, -np.log10(np.maximum(tail, 1e-300))), 0.0)


def statistics_of(scores, classes, pooled, models):
    """Return the three scores of people with these fingers, both (people, fingers)."""
    count = scores.shape[1]
    fisher = person_score(scores.sum(1), np.full(len(scores), count), correlation=0.0)
    one = calibrated(ratio(scores, *pooled).sum(1), [pooled] * count)
    sums = sum(
        np.where(classes == k, ratio(scores, *model), 0.0).sum(1) for k, model in enumerate(models)
    )
    numbers = np.stack([(classes == k).sum(1) for k in range(len(models))], axis=1)
    each = np.zeros(len(scores))
    for number in np.unique(numbers, axis=0):
        there = (numbers == number).all(1)
        fingers = [model for model, many in zip(models, number, strict=True) for _ in range(many)]
        each[there] = calibrated(sums[there], fingers)
    return {"fisher": fisher, "pooled": one, "quality": each}


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folders", type=Path, nargs="+", metavar="FOLDER")
    parser.add_argument("--people", type=int, default=20_000)
    given = parser.parse_args()
    mated = [row for folder in given.folders for row in mated_scores(folder)]
    scores, minutiae, fingers = (np.array(column) for column in zip(*mated, strict=True))
    classes = np.digitize(minutiae, _CLASSES)
    pooled = gamma_of(scores)
    models = [gamma_of(scores[classes == k]) for k in range(len(_CLASSES) + 1)]
    print(f"{len(scores)} mated pairs; mean and shape by quality: ", *models)
    random = np.random.default_rng(1)
    groups = [np.flatnonzero(fingers == each) for each in np.unique(fingers)]
    for count in (2, 4, 10):
        apart = random.integers(0, len(scores), (given.people, count))
        chosen = random.integers(0, len(groups), given.people)
        alike = np.stack([random.choice(groups[each], count) for each in chosen])
        for name, rows in (("of any finger", apart), ("alike in quality", alike)):
            lost = statistics_of(scores[rows], classes[rows], pooled, models)
            for threshold in _THRESHOLDS:
                shares = "  ".join(f"{key} {(v < threshold).mean():.5f}" for key, v in lost.items())
                print(f"{count:2} fingers {name:16}  below {threshold:2}:  {shares}")


if __name__ == "__main__":
    main()
