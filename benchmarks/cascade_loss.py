# SPDX-License-Identifier: Apache-2.0
"""What each stage of the search loses: share of the gallery kept against share of mates lost.

    python benchmarks/cascade_loss.py DATA [--strangers N] [--mates N] [--json F] [--plot F]

DATA holds ``fvc2002`` and ``fvc2004``, four sets each of eight pictures of ten fingers. Mates are
all pairs of pictures of one finger, and pairs of touches of fingers of `synthetic.Population`
(difficulty ``counter`` and ``competition``), that the full comparison scores so surely that it
would find them among a million: 6 and more. Strangers are other fingers of a Population, of all ten
positions for real probes and of the same position (the hardest) for synthetic ones; for real probes
the other real fingers are counted apart, since they are few. A mate is lost at a share if more
strangers than that are as much like the probe as it is; for every loss its 95 % confidence interval
is told. Whole cascade: lost in any stage, at the sizes in use for a million. Sieve: mates lost by
each look of a deduplication and those before it, and strangers that it lets pass, at the limits in
use for so many fingers of one a person (`gallery.finger_sieve`).

One finger is in two of the sets: 108 of 2002/DB3_B is 102 of 2004/DB3_B.
"""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path
from time import process_time

os.environ.setdefault("OMP_NUM_THREADS", "1")

import cv2
import numpy as np
from shares import share_interval

from ektp_hw import fingerprint, native
from ektp_hw.cli.machine import describe
from ektp_hw.evaluation.protocol import identity_of, samples_in
from ektp_hw.fingerprint import comparison
from ektp_hw.fingerprint.finger_code import codes_and_sketches
from ektp_hw.fingerprint.sketch import (
    compare_at_first_sight,
    compare_sketches,
    sketches_of_probe,
)
from ektp_hw.gallery.cascade_parameters import CascadeParameters
from ektp_hw.gallery.finger_sieve import FingerSieve
from ektp_hw.records.picture import PICTURE_SUFFIXES, read_fingerprint_image
from ektp_hw.samples import FingerPosition
from ektp_hw.synthetic import COMPETITION, COUNTER, Population

SHARES = (0.0003, 0.001, 0.003, 0.01, 0.03, 0.05, 0.08, 0.1, 0.2, 0.3, 0.5)
SAME = {"fvc2004/DB3_B/102": "fvc2002/DB3_B/108"}
SIEVED = "mates lost", "strangers pass"
SEED, STRANGERS_FROM = 31, 1_000_000
MILLION = 1_000_000


class Described:
    """Templates with their codes and sketches."""

    def __init__(self, templates):
        self.templates = templates
        self.codes, self.sketches = codes_and_sketches(templates)

    def stages(self, row, other):
        """How alike this row is to all of another, larger for more alike: stage -> (n,)."""
        code, first_sight, sketch = self.looks(row, other)
        # as `gallery.shortlist.Sight` ranks those whose sketches it has compared
        for further in sketches_of_probe(self.templates[row])[1:]:
            sketch = sketch + compare_sketches(further, other.sketches)
        return {"code": code, "first sight": first_sight, "sketch": 2 * sketch + first_sight}

    def looks(self, row, other):
        """What a deduplication sees of this row and all of another: code, first sight, sketch."""
        sketch = self.sketches[row]
        return (
            -native.scan(np.ascontiguousarray(self.codes[row]), other.codes).astype(np.int64),
            compare_at_first_sight(sketch, other.sketches).astype(np.int64),
            compare_sketches(sketch, other.sketches).astype(np.int64),
        )


def real_templates(data, method):
    """Templates and finger names of all pictures."""
    templates, names = [], []
    folders = sorted(data.glob("fvc200[24]/DB?_B"))
    for folder in folders:
        for file in samples_in(folder, PICTURE_SUFFIXES):
            templates.append(fingerprint.extract(read_fingerprint_image(file), method=method))
            name = "/".join((*folder.parts[-2:], identity_of(file)))
            names.append(SAME.get(name, name))
    if not folders:
        raise SystemExit(f"no fvc2002/DB1_B ... fvc2004/DB4_B in {data}")
    return templates, np.array(names)


def sure_pairs(templates, names, sure):
    """Rows of ordered pairs of one finger that score enough, and how many pairs there are."""
    prepared = comparison.prepare_many(templates)
    pairs, of = [], 0
    for row, name in enumerate(names):
        mates = np.flatnonzero((names == name) & (np.arange(len(names)) != row))
        scores = comparison.compare_many(prepared.one(row), prepared[mates])
        of += len(mates)
        pairs += [(row, int(mate)) for mate in mates[scores >= sure]]
    return pairs, of


def ranked(probes, pairs, mates, strangers, counted=None):
    """Share of strangers as much alike as the mate, of each pair: stage -> (pairs,)."""
    found = {"code": [], "first sight": [], "sketch": []}
    last, among, own = None, {}, {}
    for row, mate in pairs:
        if row != last:
            last, own = row, probes.stages(row, mates)
            among = probes.stages(row, strangers)
            if counted is not None:
                among = {stage: scores[counted(row)] for stage, scores in among.items()}
            among = {stage: np.sort(scores) for stage, scores in among.items()}
        for stage, scores in among.items():
            as_alike = len(scores) - np.searchsorted(scores, own[stage][mate], "left")
            found[stage].append(as_alike / len(scores))
    return {stage: np.array(shares) for stage, shares in found.items()}


def lost(shares, kept):
    low, high = share_interval(int((shares > kept).sum()), len(shares))
    return {"share": float((shares > kept).mean()), "low": low, "high": high}


def curve(ranks, pairs, of):
    """Losses of one kind of mates; those of the whole cascade absolute, of all pairs."""
    sizes = CascadeParameters()
    keep = sizes.likely, sizes.alike_of(MILLION) / MILLION
    through = (ranks["first sight"] > keep[0]) | (ranks["sketch"] > keep[1])
    low, high = share_interval(int(through.sum()), of)
    return {
        "mates": len(pairs),
        "of": of,
        "stages": {
            stage: {str(kept): lost(shares, kept) for kept in SHARES}
            for stage, shares in ranks.items()
        },
        "cascade": {
            "likely": keep[0],
            "alike": keep[1],
            "lost of those sure": float(through.mean()),
            "lost of all": float(through.sum() / of),
            "low": low,
            "high": high,
        },
    }


def sieve_losses(probes, pairs, mates, strangers):
    """Of each look of a deduplication: share of mates lost and of strangers let pass so far."""
    looks = [(row, mate, probes.looks(row, mates)) for row, mate in pairs[:2000]]
    own = [np.array([look[mate] for look in three]) for _, mate, three in looks]
    crowd = [probes.looks(row, strangers) for row in dict.fromkeys(row for row, _ in pairs[:400])]
    table = {}
    for fingers in (10_000, 100_000, 1_000_000, 10_000_000):
        sieve = FingerSieve.among(fingers)
        limits = np.array([-sieve.code_distance, sieve.least_at_first_sight, sieve.least_alike])
        kept = np.logical_and.accumulate(np.array(own) >= limits, axis=1)
        through = [np.logical_and.accumulate(np.array(each) >= limits[:, None]) for each in crowd]
        table[fingers] = {
            "limits": np.abs(limits).tolist(),
            "mates lost": (1 - kept.mean(axis=0)).tolist(),
            "strangers pass": np.mean([each.mean(axis=1) for each in through], axis=0).tolist(),
        }
    return table


def measure_real(data, method, sure, population, strangers):
    templates, names = real_templates(data, method)
    pairs, of = sure_pairs(templates, names, sure)
    own = Described(templates)
    people = STRANGERS_FROM + np.arange(strangers)
    crowd = Described(population.templates(people, FingerPosition.RIGHT_THUMB + people % 10))
    sieve = sieve_losses(own, pairs[::2], own, crowd)
    return {
        "real among synthetic": curve(ranked(own, pairs, own, crowd), pairs, of) | {"sieve": sieve},
        "real among real": curve(
            ranked(own, pairs, own, own, lambda row: names != names[row]), pairs, of
        ),
    }


def measure_synthetic(difficulty, mates, sure, strangers):
    population = Population(SEED, difficulty)
    people = np.arange(mates)
    first, second = (
        population.templates(people, FingerPosition.RIGHT_INDEX, touch) for touch in (0, 1)
    )
    scores = [comparison.compare(*pair) for pair in zip(first, second, strict=True)]
    pairs = [(row, row) for row in np.flatnonzero(np.array(scores) >= sure).tolist()]
    others = STRANGERS_FROM + np.arange(strangers)
    crowd = Described(population.templates(others, FingerPosition.RIGHT_INDEX))
    one, other = Described(first), Described(second)
    sieve = sieve_losses(one, pairs, other, crowd)
    return curve(ranked(one, pairs, other, crowd), pairs, mates) | {"sieve": sieve}


def speed(templates):
    """What making and comparing cost on one core."""
    start = process_time()
    described = Described(templates)
    made = process_time() - start
    times = {"code": 0.0, "first sight": 0.0, "sketch": 0.0}
    calls = {
        "code": lambda row: native.scan(described.codes[row], described.codes),
        "first sight": lambda row: compare_at_first_sight(
            described.sketches[row], described.sketches
        ),
        "sketch": lambda row: compare_sketches(described.sketches[row], described.sketches),
    }
    rows = range(0, len(templates), max(1, len(templates) // 50))
    for stage, call in calls.items():
        start = process_time()
        for row in rows:
            call(row)
        times[stage] = (process_time() - start) / len(rows) / len(templates) * 1e9
    return {"described_a_second": len(templates) / made, "nanoseconds": times}


def show(result):
    for name, told in result["losses"].items():
        print(f"\n{name}: {told['mates']} sure mates of {told['of']}; lost in % at a share kept of")
        print(f"{'%':>12}" + "".join(f"{100 * kept:8g}" for kept in SHARES))
        for stage, shares in told["stages"].items():
            print(
                f"{stage:>12}" + "".join(f"{100 * each['share']:8.2f}" for each in shares.values())
            )
        whole = told["cascade"]
        print(
            f"whole cascade ({100 * whole['likely']:g} %, then {100 * whole['alike']:g} %): "
            f"{100 * whole['lost of all']:.2f} % of all mates lost "
            f"({100 * whole['low']:.2f}-{100 * whole['high']:.2f})"
        )
        for fingers, row in told.get("sieve", {}).items():
            mates, strangers = ("/".join(f"{100 * x:.2g}" for x in row[k]) for k in SIEVED)
            limits = "/".join(map(str, row["limits"]))
            print(
                f"sieve for {fingers} fingers, {limits}: {mates} % of the sure mates lost after "
                f"code, first sight, sketch; {strangers} % of strangers pass"
            )
    print(f"\n{json.dumps(result['speed'])}")


def plot(result, file):
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5 * len(result["losses"]), 4), layout="constrained")
    for place, (name, told) in enumerate(result["losses"].items(), 1):
        axes = figure.add_subplot(1, len(result["losses"]), place)
        for stage, shares in told["stages"].items():
            axes.plot(
                [100 * float(kept) for kept in shares],
                [100 * each["share"] for each in shares.values()],
                marker=".",
                label=stage,
            )
        axes.set(title=name, xlabel="gallery kept, %", ylabel="sure mates lost, %", xscale="log")
        axes.set_yscale("symlog", linthresh=0.1)
        axes.set_ylim(bottom=0)
        axes.legend()
    figure.savefig(file)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--strangers", type=int, default=20_000)
    parser.add_argument("--mates", type=int, default=2_000, help="synthetic ones, each difficulty")
    parser.add_argument("--sure", type=float, default=6.0)
    parser.add_argument("--method", default=None, help="extractor of the real pictures")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--plot", type=Path)
    options = parser.parse_args()
    cv2.setNumThreads(1)
    population = Population(SEED, COUNTER)
    losses = measure_real(options.data, options.method, options.sure, population, options.strangers)
    for name, difficulty in (("counter", COUNTER), ("competition", COMPETITION)):
        losses[f"synthetic {name}"] = measure_synthetic(
            difficulty, options.mates, options.sure, options.strangers
        )
    templates = population.templates(np.arange(2_000), FingerPosition.RIGHT_INDEX)
    result = {"machine": describe(), "losses": losses, "speed": speed(templates)}
    show(result)
    if options.json:
        options.json.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    if options.plot:
        plot(result, options.plot)


if __name__ == "__main__":
    main()
