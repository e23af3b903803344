# SPDX-License-Identifier: Apache-2.0
"""Fit what the reliability of a minutia says to how often such minutiae are true.

    python benchmarks/fit_reliability.py [--fingers N] [--method learned] FOLDER [FOLDER ...]

Each FOLDER is a set ``fvc*/DB*_B`` or holds such sets. Nobody has marked their minutiae, so the
other impressions of the same finger are asked: a minutia counts as true if at least two of them
that surely are of the same finger show its place, and two in five of those have a partner for it.
Synthetic fingers (N of them, four careless impressions each) know their minutiae; there, true is
one of them within 10 pixels and 30 degrees.

Printed are ``RELIABILITY_SLOPE`` and ``RELIABILITY_OFFSET`` for `ektp_hw.fingerprint.parameters`
(of the learned road: for `ektp_hw.fingerprint.findings`), fitted by logistic regression to real and
synthetic minutiae, every set and the synthetic ones counting the same; and for each set how many
minutiae were true where a reliability was told that was fitted without that set, with the mean
absolute gap between the two (expected calibration error) and the area under the curve (how well
true and spurious are told apart).
"""

from __future__ import annotations

import argparse
import os
from itertools import combinations
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import cv2
import numpy as np

from ektp_hw.evaluation.protocol import identity_of, samples_in
from ektp_hw.fingerprint import compare, extract, findings, parameters, prepare
from ektp_hw.fingerprint.comparison import matched_minutiae
from ektp_hw.records.picture import PICTURE_SUFFIXES, read_fingerprint_image
from ektp_hw.synthetic import SyntheticFinger
from ektp_hw.templates import FLOW_CELL

_SURE = 8.0
"""Score from which two impressions are taken to be laid on each other rightly."""
_LEAST_WITNESSES, _LEAST_SHARE = 2, 0.4
_NEAR, _TURN = 10.0, np.deg2rad(30)
_BINS = np.array([0.0, 0.3, 0.5, 0.7, 0.8, 0.9, 0.95, 1.0])
_TOUCHES = 4


def log_odds(reliability, method):
    """Undo the calibration in use: what is fitted to."""
    in_use = findings if method == "learned" else parameters
    inside = np.clip(reliability, 1e-3, 1 - 1e-3)
    odds = np.log(inside / (1 - inside))
    return (odds - in_use.RELIABILITY_OFFSET) / in_use.RELIABILITY_SLOPE


def laid_over(one, other, matched):
    """Return where minutiae of one fall on the other: the rigid motion that fits the matched."""
    a, b = (np.column_stack((t.x, t.y)).astype(float) for t in (one, other))
    a_matched, b_matched = a[matched[:, 0]], b[matched[:, 1]]
    middle_a, middle_b = a_matched.mean(axis=0), b_matched.mean(axis=0)
    spread = (a_matched - middle_a).T @ (b_matched - middle_b)
    turn = np.arctan2(spread[0, 1] - spread[1, 0], spread[0, 0] + spread[1, 1])
    cosine, sine = np.cos(turn), np.sin(turn)
    return (a - middle_a) @ np.array([[cosine, sine], [-sine, cosine]]) + middle_b


def shows(template, points):
    """Tell which points lie where the template's ridges are seen."""
    cells = template.flow.period
    column, row = (np.floor(points.T / FLOW_CELL)).astype(int)
    inside = (row >= 0) & (column >= 0) & (row < cells.shape[0]) & (column < cells.shape[1])
    inside[inside] = np.isfinite(cells[row[inside], column[inside]])
    return inside


def by_witnesses(folder, method):
    """Return log-odds and truth of the minutiae of a set that enough impressions bear on."""
    files = samples_in(folder, PICTURE_SUFFIXES)
    templates = [extract(read_fingerprint_image(each), method=method) for each in files]
    prepared = [prepare(each) for each in templates]
    asked = [np.zeros(len(each)) for each in templates]
    found = [np.zeros(len(each)) for each in templates]
    for i, j in combinations(range(len(files)), 2):
        same = identity_of(files[i]) == identity_of(files[j])
        if not same or compare(prepared[i], prepared[j]) < _SURE:
            continue
        matched = matched_minutiae(prepared[i], prepared[j])
        for a, b, pairs in ((i, j, matched), (j, i, matched[:, ::-1])):
            places = laid_over(templates[a], templates[b], pairs)
            asked[a] += shows(templates[b], places)
            found[a][pairs[:, 0]] += 1
    reliability = np.concatenate([each.reliability for each in templates])
    asked, found = np.concatenate(asked), np.concatenate(found)
    told = asked >= _LEAST_WITNESSES
    return log_odds(reliability[told], method), found[told] >= _LEAST_SHARE * asked[told]


def by_truth(fingers, method):
    """Return log-odds and truth of the minutiae found in synthetic impressions."""
    rows = []
    for seed in range(3000, 3000 + fingers):
        finger = SyntheticFinger(seed)
        for touch in range(_TOUCHES):
            impression = finger.impression(touch, carelessness=1.5)
            truth, seen = impression.truth, extract(impression.image, method=method)
            gap = np.hypot(seen.x[:, None] - truth.x, seen.y[:, None] - truth.y)
            turn = np.abs(np.angle(np.exp(1j * (seen.direction[:, None] - truth.direction))))
            hit = ((gap < _NEAR) & (turn < _TURN)).any(axis=1)
            rows.append(np.column_stack((seen.reliability, hit)))
    reliability, hit = np.concatenate(rows).T
    return log_odds(reliability, method), hit > 0


def fit(samples):
    """Return slope and offset of the logistic regression; every sample counts the same."""
    x = np.concatenate([odds for odds, _ in samples])
    truth = np.concatenate([each for _, each in samples]).astype(float)
    share = np.concatenate([np.full(len(each), 1 / len(each)) for _, each in samples])
    table, weights = np.column_stack((x, np.ones_like(x))), np.zeros(2)
    for _ in range(30):
        chance = 1 / (1 + np.exp(-table @ weights))
        bend = (table * (share * chance * (1 - chance))[:, None]).T @ table
        weights -= np.linalg.solve(bend, table.T @ (share * (chance - truth)))
    return weights


def area_under_curve(values, truth):
    """Return the chance that a true minutia is called more reliable than a spurious one."""
    both, place = np.unique(values, return_inverse=True)
    true, spurious = (np.bincount(place[truth == kind], minlength=len(both)) for kind in (1, 0))
    below = np.cumsum(spurious) - spurious
    return float((true * (below + 0.5 * spurious)).sum() / true.sum() / spurious.sum())


def judge(name, sample, weights):
    odds, truth = sample
    told = 1 / (1 + np.exp(-(weights[0] * odds + weights[1])))
    group = np.clip(np.digitize(told, _BINS) - 1, 0, len(_BINS) - 2)
    columns, gap = [], 0.0
    for k in range(len(_BINS) - 1):
        chosen = group == k
        if chosen.any():
            gap += abs(told[chosen].sum() - truth[chosen].sum()) / len(truth)
        share = f"{told[chosen].mean():.2f}/{truth[chosen].mean():.2f}" if chosen.any() else "-"
        columns.append(f"{share:>10}")
    area = area_under_curve(odds, truth)
    print(f"{name:14}{len(truth):6d}{truth.mean():6.2f}{gap:6.3f}{area:6.3f}{''.join(columns)}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folders", nargs="+", type=Path, metavar="FOLDER")
    parser.add_argument("--fingers", type=int, default=60)
    parser.add_argument("--method", default="classical", choices=("classical", "learned"))
    arguments = parser.parse_args()
    cv2.setNumThreads(1)
    folders = []
    for each in arguments.folders:
        folders += sorted(each.glob("fvc*/DB*_B")) or [each]
    samples = {"/".join(each.parts[-2:]): by_witnesses(each, arguments.method) for each in folders}
    samples["synthetic"] = by_truth(arguments.fingers, arguments.method)
    slope, offset = fit(list(samples.values()))
    print(f"RELIABILITY_SLOPE = {slope:.2f}\nRELIABILITY_OFFSET = {offset:.2f}")
    print("fitted without:    n  true   gap  area   told / true, by what was told")
    for name, sample in samples.items():
        others = [each for other, each in samples.items() if other != name]
        judge(name, sample, fit(others))


if __name__ == "__main__":
    main()
