# SPDX-License-Identifier: Apache-2.0
"""A gallery at scale: building, searching, telling people apart, deduplicating, growing.

    python benchmarks/gallery_scale.py build  FOLDER --people N [--hand two] [--duplicate-every 100]
    python benchmarks/gallery_scale.py loss   FOLDER --probes M
    python benchmarks/gallery_scale.py people FOLDER --mates M --strangers M
    python benchmarks/gallery_scale.py dedup  FOLDER
    python benchmarks/gallery_scale.py growth FOLDER FOLDER ... --plot growth.png

``build`` enrols synthetic people (``--real DATA`` hides the fingers of FVC2002 and FVC2004 among
them) and can be broken off and gone on with. The others measure that gallery: ``loss`` the share
of rank-1 mates that the search loses against ``exact=True``; ``people`` how often somebody enrolled
is missed (FNIR) at the thresholds at which so many searches for somebody else give an alarm (FPIR);
``dedup`` the time of a deduplication, the planted duplicates found and the false alarms; ``growth``
the times of a search and a deduplication in galleries of several sizes, and the exponents of their
growth (a deduplication that ``dedup --json`` has measured already need not be run again:
``--known``).

All shares come with their 95 % confidence interval (`shares`). Where strangers were too few to see
the FPIR wanted, FNIR is given at the threshold that no stranger reached, and the FPIR there is
below 3 in their number ("rule of three").
"""

from __future__ import annotations

import argparse
import inspect
import json
import math
import os
import resource
import sys
import tempfile
from pathlib import Path
from time import perf_counter

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
from scale_galleries import DIFFICULTIES, HANDS, Recipe, ScaleFolder
from shares import share_interval

from ektp_hw.cli.machine import describe
from ektp_hw.gallery import Gallery

EVERY = 5.0
"""Seconds between two lines about the progress."""
HAS_EXACT = "exact" in inspect.signature(Gallery.search).parameters


class Progress:
    """A line on stderr every few seconds."""

    def __init__(self, what):
        self.what, self.last = what, perf_counter()

    def __call__(self, done, total):
        if perf_counter() - self.last > EVERY:
            self.last = perf_counter()
            print(f"{self.what}: {done} of {total}", file=sys.stderr, flush=True)


def share(count, total):
    """A share with its interval."""
    low, high = share_interval(count, total)
    return {"share": count / max(total, 1), "low": low, "high": high, "count": count, "of": total}


def milliseconds(times):
    return {
        "median": 1e3 * float(np.median(times)),
        "95 %": 1e3 * float(np.percentile(times, 95)),
        "longest": 1e3 * float(np.max(times)),
    }


def memory():
    """Resident bytes of this process now."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * resource.getpagesize()


def searched(gallery, probes, what, how_many=None, **how):
    """Search each probe; return candidates and seconds of each."""
    found, times = [], []
    tell = Progress(what)
    for probe in probes:
        clock = perf_counter()
        found.append(gallery.search(probe, **how))
        times.append(perf_counter() - clock)
        tell(len(times), "all" if how_many is None else how_many)
    return found, times


def is_first(found, name):
    """Whether the best candidate is the person (or the planted duplicate of it)."""
    return bool(found) and found[0].id in {name, "d" + name[1:]}


def build(folder, options):
    """Enrol the people of the recipe."""
    recipe = Recipe(
        options.people,
        options.hand,
        options.difficulty,
        options.duplicate_every,
        str(options.real.resolve()) if options.real else "",
        options.seed,
    )
    return folder.grow(recipe, Progress("enrolled"))


def loss(folder, options):
    """Compare the search with the exact one: only where it misses can it have lost a mate."""
    recipe = folder.recipe
    kinds = {"synthetic": list(zip(*recipe.mates(options.probes), strict=True))}
    real = folder.real_fingers(recipe)
    if real:
        hidden = [(name, each) for name, every in real.items() for each in every[1:]]
        kinds["real"] = hidden[:: max(len(hidden) // options.probes, 1)]
    before = memory()
    result = {}
    with folder.open() as gallery:
        searched(gallery, [probe for _, probe in kinds["synthetic"][:2]], "warming up")
        held = memory() - before
        result["RAM, bytes a finger"] = held / (recipe.people * len(recipe.fingers))
        for kind, probes in kinds.items():
            result[kind] = lost_of(gallery, probes, kind, options.exact)
    return result


def outdone_by_nobody(gallery, missed):
    """Those of the missed whose mate scores as high as the best that was found, or higher.

    Of the others the exact search misses the mate too, for it finds whoever outdid it.
    """
    with tempfile.TemporaryDirectory() as folder, Gallery.open(Path(folder) / "few") as few:
        for (name, _), _ in missed:
            for each in {name, "d" + name[1:]}:
                if each in gallery and each not in few:
                    few.enrol(gallery.get(each))
        return [
            (name, probe)
            for (name, probe), best in missed
            if score_of(few.search(probe, len(few)), name) >= best
        ]


def lost_of(gallery, probes, kind, samples):
    found, times = searched(gallery, [probe for _, probe in probes], f"{kind} probes", len(probes))
    first = [is_first(each, name) for each, (name, _) in zip(found, probes, strict=True)]
    table = {
        "rank 1": share(sum(first), len(probes)),
        "search, ms": milliseconds(times),
    }
    if not HAS_EXACT:
        return table | {"lost": "this search has no short cut: nothing can be lost"}
    missed = [
        (each, best[0].score if best else -1.0)
        for each, best, right in zip(probes, found, first, strict=True)
        if not right
    ]
    doubtful = outdone_by_nobody(gallery, missed)
    exact, _ = searched(gallery, [probe for _, probe in doubtful], "exact, missed", exact=True)
    lost = sum(is_first(each, name) for each, (name, _) in zip(exact, doubtful, strict=True))
    some = probes[:: max(len(probes) // max(samples, 1), 1)][:samples]
    same, times = searched(gallery, [probe for _, probe in some], "exact, sample", exact=True)
    quick, _ = searched(gallery, [probe for _, probe in some], "sample")
    agree = sum(a[:1] == b[:1] for a, b in zip(same, quick, strict=True))
    return table | {
        "lost against exact": share(lost, len(probes)),
        "missed by both": share(len(missed) - lost, len(probes)),
        "exact search, ms": milliseconds(times) if times else {},
        "same first candidate in a sample": share(agree, len(some)),
    }


def people(folder, options):
    """Measure FNIR against FPIR of whole people."""
    recipe = folder.recipe
    names, mates = recipe.mates(options.mates)
    how_many = options.strangers
    with folder.open() as gallery:
        searched(gallery, recipe.strangers(2), "warming up", limit=1)
        found, times = searched(gallery, recipe.strangers(how_many), "strangers", how_many, limit=1)
        alarms = np.array([each[0].score if each else -1.0 for each in found])
        found, more = searched(gallery, mates, "mates", len(names), limit=3)
    scores = np.array([score_of(each, name) for each, name in zip(found, names, strict=True)])
    ordered = np.sort(alarms)[::-1]
    thresholds = {
        f"FPIR {rate:.2%}": ordered[int(rate * len(ordered))]
        for rate in (0.1, 0.01, 0.001, 0.0001)
        if rate * len(ordered) >= 1
    }
    thresholds["no stranger seen"] = np.nextafter(ordered[0], np.inf)
    for rate in (0.001, 0.0001):
        thresholds[f"by the scale of scores, {rate:.2%}"] = math.log10(recipe.people / rate)
    return {
        "search, ms": milliseconds(times + more),
        "mates": quantiles(scores),
        "best stranger": quantiles(alarms),
        "at": {
            name: {
                "threshold": float(threshold),
                "FPIR": share(int((alarms >= threshold).sum()), len(alarms)),
                "FNIR": share(int((scores < threshold).sum()), len(scores)),
            }
            for name, threshold in thresholds.items()
        },
    }


def score_of(candidates, name):
    """Score of the person among the candidates; -1 where it is none of them."""
    return max((each.score for each in candidates if each.id in {name, "d" + name[1:]}), default=-1)


def quantiles(scores):
    return {
        f"{q} %": float(np.percentile(scores, q)) for q in (0, 0.1, 1, 5, 50, 95, 99, 99.9, 100)
    }


def dedup(folder, options):
    """Deduplicate and count what was planted and what was not."""
    recipe = folder.recipe
    with folder.open() as gallery:
        clock = perf_counter()
        run = gallery.deduplicate(options.threshold, progress=Progress("pairs"))
        pairs = list(run)
        spent = perf_counter() - clock
        enrolled = len(gallery)
    true = [each for each in pairs if each.a[1:] == each.b[1:]]
    false = [each for each in pairs if each.a[1:] != each.b[1:]]
    involved = {name for each in false for name in (each.a, each.b)}
    fingers = enrolled * len(recipe.fingers)
    return {
        "threshold": run.threshold,
        "seconds": spent,
        "pairs of fingers a second": fingers * (enrolled - 1) / 2 / spent,
        "planted found": share(len(true), recipe.planted),
        "false alarms": len(false),
        "people in a false alarm": share(len(involved), enrolled),
        "highest false alarms": sorted((each.score for each in false), reverse=True)[:5],
        "lowest planted found": sorted(each.score for each in true)[:5],
    }


def growth(folders, options):
    """Measure a search and a deduplication in galleries of several sizes."""
    known = [json.loads(each.read_text(encoding="utf-8")) for each in options.known]
    rows = []
    for folder in sorted(folders, key=lambda each: each.recipe.people):
        recipe = folder.recipe
        row = {"people": recipe.people}
        with folder.open() as gallery:
            probes = list(recipe.mates(options.probes)[1])
            searched(gallery, probes[:2], "warming up")
            row["search, ms"] = milliseconds(searched(gallery, probes, "probes")[1])
        measured = [
            each["figures"]
            for each in known
            if each["what"] == "dedup" and all(each[k] == v for k, v in vars(recipe).items())
        ]
        row["dedup"] = measured[0] if measured else dedup(folder, options)
        rows.append(row)
        print(json.dumps(row, default=float), file=sys.stderr, flush=True)
    timed = {
        "search": [(row["people"], row["search, ms"]["median"] / 1e3) for row in rows],
        "dedup": [(row["people"], row["dedup"]["seconds"]) for row in rows],
    }
    exponents = {name: exponent(points) for name, points in timed.items()}
    if options.plot:
        plot(timed, exponents, len(folders[0].recipe.fingers), options.plot)
    return {"sizes": rows, "exponents": exponents}


def exponent(points):
    """Slope of the logarithm of the time over that of the size; None of a single size."""
    if len(points) < 2:
        return None
    size, seconds = np.log(np.array(points, np.float64)).T
    return float(np.polyfit(size, seconds, 1)[0])


def plot(timed, exponents, fingers, path):
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(7, 4.5), layout="constrained")
    for name, points in timed.items():
        if points:
            slope = "" if exponents[name] is None else f", exponent {exponents[name]:.2f}"
            axes.loglog(*zip(*points, strict=True), "o-", label=name + slope)
    axes.set_xlabel(f"people enrolled, {fingers} finger{'s' * (fingers > 1)} each")
    axes.set_ylabel("seconds")
    axes.grid(visible=True, which="both", alpha=0.3)
    axes.legend()
    figure.savefig(path, dpi=120)


def show(value, indent=""):
    """Print nested figures, one a line."""
    for name, each in value.items():
        if isinstance(each, dict) and "low" in each:
            text = f"{each['share']:.3%} ({each['low']:.3%} to {each['high']:.3%})"
            print(f"{indent}{name:{36 - len(indent)}} {text}, {each['count']} of {each['of']}")
        elif isinstance(each, dict):
            print(f"{indent}{name}")
            show(each, indent + "  ")
        elif isinstance(each, list) and each and isinstance(each[0], dict):
            for row in each:
                show(row, indent + "  ")
        else:
            text = f"{each:.6g}" if isinstance(each, float) else str(each)
            print(f"{indent}{name:{36 - len(indent)}} {text}")


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(dest="command", required=True)
    made = {}
    for command in (build, loss, people, dedup, growth):
        made[command] = commands.add_parser(command.__name__, help=command.__doc__)
        made[command].set_defaults(work=command)
        made[command].add_argument("folder", type=Path, nargs="+" if command is growth else 1)
        made[command].add_argument("--json", type=Path, help="write the figures there as well")
    made[build].add_argument("--people", type=int, required=True)
    made[build].add_argument("--real", type=Path, help="folder of the sets fvc*/DB*_B")
    made[build].add_argument("--seed", type=int, default=20)
    made[build].add_argument("--hand", choices=HANDS, default="one")
    made[build].add_argument("--difficulty", choices=DIFFICULTIES, default="counter")
    made[build].add_argument("--duplicate-every", type=int, default=0)
    made[loss].add_argument("--probes", type=int, default=1000, help="of each kind")
    made[loss].add_argument("--exact", type=int, default=20, help="probes searched exactly anyway")
    made[people].add_argument("--mates", type=int, default=1000)
    made[people].add_argument("--strangers", type=int, default=1000)
    for command in (dedup, growth):
        made[command].add_argument("--threshold", type=float, help="least score of a pair")
    made[growth].add_argument("--known", type=Path, nargs="+", default=[], metavar="JSON")
    made[growth].add_argument("--probes", type=int, default=50)
    made[growth].add_argument("--plot", type=Path, help="write a PNG")
    return parser.parse_args()


def main():
    options = arguments()
    folders = [ScaleFolder(each) for each in options.folder]
    several = options.work is growth
    result = options.work(folders if several else folders[0], options)
    recipe = {} if several else vars(folders[0].recipe)
    told = {"what": options.command, **recipe, "figures": result}
    show(result)
    if options.json:
        options.json.write_text(
            json.dumps(told | {"machine": describe()}, default=float, indent=1), encoding="utf-8"
        )


if __name__ == "__main__":
    main()
