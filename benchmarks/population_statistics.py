# SPDX-License-Identifier: Apache-2.0
"""How near the templates of `ektp_hw.synthetic.Population` come to real ones.

    python benchmarks/population_statistics.py [--cache FILE] [--strangers N] [--json FILE] DATA

DATA holds the sets ``fvc*/DB*_B``, whose pictures are extracted by the best extractor (their
templates are kept in the cache file).
Printed side by side: real templates of the better optical sets (FVC2002 DB1 and DB2) and those of
the setting "counter"; real ones of all eight sets and those of "competition". First what a template
holds, then the scores of mates, then how many strangers reach a score. The score is -log10 of the
false match rate, so that their share times 10^score should be 1; below 1 it errs on the careful
side. Synthetic strangers all show the same finger, ``N (N - 1) / 2`` pairs of them; real ones are
pairs within a set, which has ten fingers, so that their shares below 10^-3 say little.
"""

from __future__ import annotations

import argparse
import json
import os
import pickle
import tempfile
from pathlib import Path
from time import process_time

os.environ.setdefault("OMP_NUM_THREADS", "1")

import cv2
import numpy as np
from shares import share_interval

from ektp_hw import fingerprint
from ektp_hw.evaluation.protocol import identity_of, samples_in
from ektp_hw.fingerprint.comparison import compare_many, prepare
from ektp_hw.records.picture import PICTURE_SUFFIXES, read_fingerprint_image
from ektp_hw.synthetic import COMPETITION, COUNTER, Population
from ektp_hw.templates import FLOW_CELL, FingerprintTemplate

GOOD_SETS = ("fvc2002/DB1_B", "fvc2002/DB2_B")
RINGS = np.array((0, 8, 12, 16, 20, 30, 40, 55, 75, 100))
"""Distances, in pixels, between which pairs of minutiae are looked at."""
LEVELS = (1, 2, 3, 4, 5, 6)
SEED = 3


def real_sets(data, cache):
    """Return {set: {finger: its templates}}."""
    if cache.exists():
        stored = pickle.loads(cache.read_bytes())  # noqa: S301  # our own file
    else:
        stored = {}
        for folder in sorted(data.glob("fvc*/DB*_B")):
            for file in samples_in(folder, PICTURE_SUFFIXES):
                key = "/".join(folder.parts[-2:]), identity_of(file), file.stem
                stored[key] = fingerprint.extract(read_fingerprint_image(file)).to_bytes()
        cache.write_bytes(pickle.dumps(stored))
    sets = {}
    for (name, finger, _), each in stored.items():
        fingers = sets.setdefault(name, {})
        fingers.setdefault(finger, []).append(FingerprintTemplate.from_bytes(each))
    return sets


def figures(templates):
    """What the templates hold, as plain numbers."""
    counts = np.array([len(each) for each in templates])
    trust = np.concatenate([each.reliability for each in templates])
    kinds = np.concatenate([each.kind for each in templates])
    return {
        "minutiae, mean": counts.mean(),
        "minutiae, standard deviation": counts.std(),
        "reliability, 10 %": np.percentile(trust, 10),
        "reliability, median": np.median(trust),
        "reliability, 90 %": np.percentile(trust, 90),
        "spread of mean reliability": np.std(
            [each.reliability.mean() for each in templates if len(each)]
        ),
        "endings": (kinds == 1).mean(),
        **neighbourhoods([each for each in templates if len(each) > 3]),
        **flows(templates),
    }


def neighbourhoods(templates):
    """Distances and turns between the minutiae of a template."""
    nearest, pairs, expected, same, along = [], *np.zeros((4, len(RINGS) - 1))
    for each in templates:
        distance = np.hypot(each.x[:, None] - each.x, each.y[:, None] - each.y)
        np.fill_diagonal(distance, np.inf)
        nearest.append(distance.min(axis=1))
        turn = each.direction[:, None] - each.direction
        ring = np.digitize(distance, RINGS) - 1
        area = cv2.contourArea(cv2.convexHull(np.column_stack((each.x, each.y))))
        expected += len(each) ** 2 / area * np.pi * np.diff(RINGS**2)
        for k in range(len(pairs)):
            inside = ring == k
            pairs[k] += inside.sum()
            same[k] += np.cos(turn[inside]).sum()
            along[k] += np.cos(2 * turn[inside]).sum()
    nearest = np.concatenate(nearest)
    table = {f"nearest minutia, {q} %": np.percentile(nearest, q) for q in (5, 50, 95)}
    for title, sums, by in (
        ("density of neighbours", pairs, expected),
        ("cosine of turn", same, pairs),
        ("cosine of twice the turn", along, pairs),
    ):
        for k in range(len(RINGS) - 1):
            table[f"{title}, {RINGS[k]}-{RINGS[k + 1]} px"] = sums[k] / max(by[k], 1)
    return table


def flows(templates):
    """Ridge flow: how much is seen, ridge distance, how ridges bend, how minutiae lie on them."""
    cells, periods, within, bends, askew = [], [], [], [], []
    for each in templates:
        period, orientation = each.flow.period, each.flow.orientation
        seen = period[~np.isnan(period)]
        cells.append(len(seen))
        periods.append(seen.mean())
        within.append(np.log(seen).std())
        twice = np.exp(2j * orientation)
        for one, other in ((twice[1:], twice[:-1]), (twice[:, 1:], twice[:, :-1])):
            bend = np.abs(np.angle(one * other.conj())) / 2
            bends.append(bend[~np.isnan(bend)])
        row = np.minimum(each.y / FLOW_CELL, period.shape[0] - 1).astype(int)
        column = np.minimum(each.x / FLOW_CELL, period.shape[1] - 1).astype(int)
        off = np.angle(np.exp(2j * (each.direction - orientation[row, column])))
        askew.append(np.abs(off[~np.isnan(off)]) / 2)
    bends, askew = np.concatenate(bends), np.concatenate(askew)
    return {
        "cells of flow, mean": np.mean(cells),
        "cells of flow, standard deviation": np.std(cells),
        "ridge distance, mean": np.mean(periods),
        "ridge distance, standard deviation": np.std(periods),
        "its logarithm within a print": np.mean(within),
        "bend from cell to cell, median": np.median(bends),
        "bend from cell to cell, 90 %": np.percentile(bends, 90),
        "minutia off its flow, median": np.median(askew),
        "minutia off its flow, 90 %": np.percentile(askew, 90),
    }


def mated_scores(fingers):
    """Every two templates of a finger."""
    rows = [[prepare(each) for each in touches] for touches in fingers]
    return np.concatenate(
        [compare_many(row[k], row[k + 1 :]) for row in rows for k in range(len(row) - 1)]
    )


def stranger_scores(fingers):
    """Every two templates of different fingers."""
    rows = [[prepare(each) for each in touches] for touches in fingers]
    scores = []
    for k, row in enumerate(rows[:-1]):
        others = [each for other in rows[k + 1 :] for each in other]
        scores += [compare_many(each, others) for each in row]
    return np.concatenate(scores)


def mates_table(scores):
    table = {f"mates, {q} %": np.percentile(scores, q) for q in (0.5, 1, 5, 25, 50, 75, 95)}
    table |= {f"mates below {level}, %": 100 * (scores < level).mean() for level in (2, 3, 4, 6)}
    return table


def strangers_table(scores):
    """Share that reaches each score, times 10^score, with its interval where it is of use."""
    table = {}
    for level in LEVELS:
        count = int((scores >= level).sum())
        low, high = (each * 10**level for each in share_interval(count, len(scores)))
        table[f"strangers reaching {level}, x 10^{level}"] = count / len(scores) * 10**level
        table[f"  from (95 %), {level}"], table[f"  to (95 %), {level}"] = low, high
    ordered = np.sort(scores)
    for power in range(1, 8):
        if len(scores) >= 10 ** (power + 0.5):
            table[f"score at a rate of 10^-{power}"] = ordered[-int(len(scores) / 10**power)]
    table["highest stranger"] = ordered[-1]
    return table


def measured(fingers, strangers):
    table = figures([each for touches in fingers for each in touches])
    return table | mates_table(mated_scores(fingers)) | strangers_table(strangers)


def synthetic(difficulty, options):
    """Return the table of one setting."""
    population = Population(SEED, difficulty)
    fingers = [population.templates(k, 1 + k % 10, range(8)) for k in range(options.fingers)]
    start = process_time()
    lone = population.templates(100_000 + np.arange(options.strangers), 2)
    rate = len(lone) / (process_time() - start)
    table = measured(fingers, stranger_scores([[each] for each in lone]))
    return table | {"pairs of strangers": len(lone) * (len(lone) - 1) / 2, "templates/s": rate}


def real(sets):
    """Return the table of some real sets together; strangers are those of one set."""
    fingers = [touches for each in sets for touches in each.values()]
    strangers = np.concatenate([stranger_scores(list(each.values())) for each in sets])
    return measured(fingers, strangers) | {"pairs of strangers": len(strangers)}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--cache", type=Path, help="file of the real sets' templates")
    parser.add_argument("--fingers", type=int, default=120, help="synthetic ones, 8 touches each")
    parser.add_argument("--strangers", type=int, default=1000)
    parser.add_argument("--json", type=Path, help="write the table there as well")
    options = parser.parse_args()
    cv2.setNumThreads(1)
    with tempfile.TemporaryDirectory() as scratch:
        sets = real_sets(options.data, options.cache or Path(scratch, "templates"))
    if not sets:
        parser.error(f"{options.data} holds no fvc*/DB*_B")
    columns = {
        "real, good": real([each for name, each in sets.items() if name in GOOD_SETS]),
        "counter": synthetic(COUNTER, options),
        "real, all": real(list(sets.values())),
        "competition": synthetic(COMPETITION, options),
    }
    print(f"{'':40}" + "".join(f"{name:>14}" for name in columns))
    for row in columns["counter"]:
        cells = (table.get(row) for table in columns.values())
        print(
            f"{row:40}" + "".join(f"{'' if c is None else format(c, '14.4g'):>14}" for c in cells)
        )
    if options.json:
        options.json.write_text(json.dumps(columns, default=float, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
