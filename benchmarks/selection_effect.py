# SPDX-License-Identifier: Apache-2.0
"""How much of an error rate is owed to constants chosen on the very sets that it is quoted on.

    python benchmarks/selection_effect.py FOLDER [FOLDER ...] --part comparison --draws 30

No script fitted the constants of extraction and comparison: people chose them, looking at the sets
``fvc*/DB*_B`` under these folders among others. That cannot be done anew without one set, but it
can be played: every number of the part is multiplied by a random factor, again and again, and for
each set that disturbed version (or the one in use) is taken which is best on all the *other* sets.
Printed are the means over the sets, in %, for

- the constants in use,
- the median disturbed version: were the constants in use no better than their surroundings, they
  would be there too. The difference holds what tuning really gained and what it only seems to
  have gained on these pictures, so it is more than the selection effect;
- the best disturbed version on all the sets (what one would quote after tuning on them), and the
  leave-one-set-out choice (what one would then get). Their difference is the selection effect of
  that many trials.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import numpy as np

import ektp_hw

RATES = ("eer", "fmr100", "fmr1000", "zero_fmr")
CHOSEN_BY = ("eer", "fmr1000")
STRUCTURE = {"copy_angle", "copy_shift", "RESAMPLE_TOLERANCE", "PPI"}
"""What says how the matter is represented, not how it is judged."""


def disturbed(numbers, random, spread):
    """Multiply each decimal number by a factor near 1; whole ones (sizes, counts) stay."""
    return {
        name: value * float(np.exp(random.normal(0.0, spread)))
        for name, value in sorted(numbers.items())
        if isinstance(value, float) and name not in STRUCTURE
    }


def disturb_extraction(random, spread):
    """Load the parameters with other values before anything reads them."""
    name = "ektp_hw.fingerprint.parameters"
    path = Path(ektp_hw.__file__).parent / "fingerprint" / "parameters.py"
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    vars(module).update(disturbed(vars(module), random, spread))
    sys.modules[name] = module


def disturb_comparison(random, spread):
    from ektp_hw import native
    from ektp_hw.fingerprint import comparison, preparation_tables, prepared, scoring
    from ektp_hw.fingerprint.comparison_parameters import AlignmentParameters, PairingParameters
    from ektp_hw.fingerprint.cylinder_parameters import CylinderParameters

    made = {}
    for parameters in (AlignmentParameters, PairingParameters, CylinderParameters):
        changed = disturbed(asdict(parameters()), random, spread)
        if "hopeless" in changed:  # a share
            changed["hopeless"] = min(changed["hopeless"], 0.99)
        if "position_spread" in changed:  # a neighbour's contribution reaches less than two cells
            changed["position_spread"] = min(changed["position_spread"], 0.13 * changed["radius"])
        made[parameters] = parameters(**changed)
    vars(comparison)["_PARAMETERS"] = native.match_parameters(
        made[AlignmentParameters], made[PairingParameters]
    )
    trust = disturbed({"trust": vars(preparation_tables)["_LEAST_TRUST"]}, random, spread)["trust"]
    tables = preparation_tables.preparation_tables(made[CylinderParameters], trust)
    vars(prepared)["preparation_tables"] = lambda: tables
    for name in ("_BURDEN", "_PERIOD"):
        vars(scoring).update(disturbed({name: vars(scoring)[name]}, random, spread))


DISTURB = {"extraction": disturb_extraction, "comparison": disturb_comparison}


def trial(options, sets):
    """Print the rates of each set as one version of the constants gives them; 0 is in use."""
    if options.trial:
        DISTURB[options.part](np.random.default_rng(options.trial), options.spread)
    from ektp_hw.evaluation import evaluate_fingerprints

    reports = [evaluate_fingerprints(folder, "all").rates for folder in sets]
    print(json.dumps([[getattr(each, rate) for rate in RATES] for each in reports]))


def trials(options):
    """Rates in %, (versions, sets, rates): each version in a process of its own."""
    tables = []
    for number in range(options.draws + 1):
        command = [sys.executable, __file__, *map(str, options.folders), "--part", options.part]
        command += ["--spread", str(options.spread), "--trial", str(number)]
        environment = {**os.environ, "OMP_NUM_THREADS": "1"}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)  # noqa: S603
        if done.returncode == 0:
            tables.append(json.loads(done.stdout))
        elif number == 0:
            sys.exit(done.stderr)
        else:  # two constants that exclude each other
            print(f"version {number} cannot work: {done.stderr.strip().splitlines()[-1]}")
    return 100.0 * np.array(tables)


def show(table):
    chosen_by = [RATES.index(rate) for rate in CHOSEN_BY]
    cost = table[:, :, chosen_by].sum(axis=2)
    best = table[cost.mean(axis=1).argmin()].mean(axis=0)
    sets = range(table.shape[1])
    left_out = [table[np.delete(cost, each, axis=1).mean(axis=1).argmin(), each] for each in sets]
    rows = {
        "in use": table[0].mean(axis=0),
        "disturbed, median": np.median(table[1:].mean(axis=1), axis=0),
        "best on all sets": best,
        "best on the others": np.mean(left_out, axis=0),
    }
    print(f"{len(table) - 1} disturbed versions  " + "".join(f"{rate:>9}" for rate in RATES))
    for name, rates in rows.items():
        print(f"{name:22}" + "".join(f"{rate:9.2f}" for rate in rates))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folders", nargs="+", type=Path, metavar="FOLDER")
    parser.add_argument("--part", choices=DISTURB, required=True)
    parser.add_argument("--draws", type=int, default=30)
    parser.add_argument("--spread", type=float, default=0.15, help="of the factors' logarithms")
    parser.add_argument("--trial", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    sets = [each for root in options.folders for each in sorted(root.glob("fvc*/DB*_B"))]
    if len(sets) < 2 or options.draws < 1:
        parser.error("two sets fvc*/DB*_B and one draw are needed at least")
    if options.trial is None:
        show(trials(options))
    else:
        trial(options, sets)


if __name__ == "__main__":
    main()
