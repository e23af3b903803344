# SPDX-License-Identifier: Apache-2.0
"""Error rates on every set of prints under a folder, with their doubt, beside other systems'.

    python benchmarks/fingerprint_sets.py FOLDER [FOLDER ...]

A set is a folder ``fvc*/DB*_B`` whose pictures are named FINGER_IMPRESSION. All mated and all
non-mated pairs of a set are compared, none across sets. Printed are

- per set and in the mean: the error rates, with intervals that hold 90 % of the outcomes when
  the fingers are drawn again (`ektp_hw.evaluation.bootstrap`: two copies of one finger are never
  counted as strangers), pictures that failed, and median times on one thread;
- leave-one-set-out: the calibration is what is fitted to these sets by a script, so it is fitted
  anew as `fit_calibration.py` does, to the other sets and the synthetic people, and judged on the
  set left out: by the share of strangers who reach a score of 1, 2 and 3 (nominal: 10, 1 and 0.1 %)
  and by the mates missed at 3. It is the same rising curve for all pairs and cannot change an EER;
- the same shares among synthetic strangers who show the same finger and were never fitted to.

Each run adds a line to ``benchmarks/results/fingerprint_sets.jsonl``.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING

os.environ.setdefault("OMP_NUM_THREADS", "1")

import cv2
import numpy as np
from fit_calibration import POSITIONS, fit, synthetic_weights

from ektp_hw import fingerprint
from ektp_hw.cli.machine import describe
from ektp_hw.evaluation import evaluate_fingerprints
from ektp_hw.evaluation.bootstrap import interval, resampled_rates
from ektp_hw.evaluation.protocol import identity_of, pairs_of, samples_in
from ektp_hw.fingerprint.calibration import score_of
from ektp_hw.fingerprint.extractors import BEST
from ektp_hw.records.picture import PICTURE_SUFFIXES
from ektp_hw.samples import FingerPosition
from ektp_hw.synthetic import SyntheticPerson

if TYPE_CHECKING:
    from ektp_hw.evaluation import Report

RATES = ("eer", "fmr100", "fmr1000", "fmr10000", "zero_fmr")
LEVELS = (1.0, 2.0, 3.0)
FITTED_PEOPLE = 110
"""As many as the calibration in use was fitted to."""
STRANGERS, FIRST_STRANGER = 150, 10_000
LOG = Path(__file__).with_name("results") / "fingerprint_sets.jsonl"

PEERS = {
    "LEADER (neural) + SourceAFIS matcher": (2.00, 3.0, 4.9, 6.0, (1.2, 2.6)),
    "LEADER (neural) + bozorth3": (5.20, 7.9, 11.5, 13.3, (3.7, 7.3)),
    "mindtct + MCC (float, LSS-R)": (5.68, 10.8, 17.0, 22.5, (4.4, 6.7)),
    "SecuGen minutiae + SourceAFIS matcher": (6.37, 13.5, 18.1, 19.6, (5.3, 7.5)),
    "SourceAFIS 3.18": (6.65, 10.2, 14.7, 16.6, (4.9, 8.0)),
    "NBIS mindtct + bozorth3": (6.84, 13.9, 21.7, 25.2, (5.4, 8.6)),
    "OpenAFIS on mindtct": (9.92, 21.0, 28.0, 35.0, None),
}
"""EER, FMR100, FMR1000, zero FMR and the EER's interval: means over the eight sets, in %, measured
by us on the same pictures and pairs."""
PEER_EER = {
    "fvc2002/DB1_B": (3.03, 4.17),
    "fvc2002/DB2_B": (1.51, 2.58),
    "fvc2002/DB3_B": (11.43, 7.87),
    "fvc2002/DB4_B": (6.06, 5.19),
    "fvc2004/DB1_B": (8.93, 10.59),
    "fvc2004/DB2_B": (12.50, 14.14),
    "fvc2004/DB3_B": (5.35, 4.44),
    "fvc2004/DB4_B": (4.38, 5.73),
}
"""EER of SourceAFIS and of NBIS by set, in %, measured the same way."""


@dataclass
class Measured:
    report: Report
    drawn: dict[str, np.ndarray]
    """Each rate at every drawing of fingers."""


def measure(folder, method, rounds, seed):
    report = evaluate_fingerprints(folder, "all", method)
    files = samples_in(folder, PICTURE_SUFFIXES)
    drawings = resampled_rates(
        [identity_of(each) for each in files],
        pairs_of(files, "all"),
        report.mated_scores,
        report.nonmated_scores,
        rounds=rounds,
        seed=seed,
    )
    rows = [[getattr(rates, rate) for rate in RATES] for rates in drawings]
    return Measured(report, dict(zip(RATES, np.array(rows).T, strict=True)))


def log_odds(scores):
    """Undo the calibration's last step: what it is fitted to, up to a straight line."""
    with np.errstate(divide="ignore"):
        return np.log(np.expm1(np.log(10.0) * scores))


def left_out(sets, synthetic):
    """Mated and non-mated scores of each set as calibrated without it."""
    judged = {}
    for name, measured in sets.items():
        others = [log_odds(each.report.nonmated_scores) for n, each in sets.items() if n != name]
        middle, width = fit(others + synthetic)
        judged[name] = [
            score_of(log_odds(scores), middle=middle, width=width)
            for scores in (measured.report.mated_scores, measured.report.nonmated_scores)
        ]
    return judged


def fitted_people():
    """Log-odds of the synthetic people whom `fit_calibration.py` adds."""
    weights = [synthetic_weights(position, FITTED_PEOPLE) for position in POSITIONS]
    return [log_odds(score_of(each)) for each in weights]


def strangers(method):
    """Scores of all pairs of other synthetic people, all showing the right index."""
    seeds = range(FIRST_STRANGER, FIRST_STRANGER + STRANGERS)
    fingers = [SyntheticPerson(seed).finger(FingerPosition.RIGHT_INDEX) for seed in seeds]
    images = (each.impression(0).image for each in fingers)
    prepared = [fingerprint.prepare(fingerprint.extract(each, method=method)) for each in images]
    return np.array([fingerprint.compare(*pair) for pair in combinations(prepared, 2)])


def reached(scores):
    return [float((scores >= level).mean()) for level in LEVELS]


def figures_of(sets, judged, of_strangers):
    """Everything measured as plain numbers; rates 0 to 1."""
    result = {"sets": {}, "mean": {}}
    for name, each in sets.items():
        figures = each.report.to_json() | {"eer_90": interval(each.drawn["eer"])}
        figures["strangers_reaching_1_2_3"] = reached(each.report.nonmated_scores)
        if judged:
            mated, nonmated = judged[name]
            figures["left_out_strangers_reaching_1_2_3"] = reached(nonmated)
            figures["left_out_mates_missed_at_3"] = float((mated < 3.0).mean())
        result["sets"][name] = figures
    rows = list(result["sets"].values())
    for key in (*RATES, "extract_ms_median", "compare_us_median"):
        result["mean"][key] = float(np.mean([row[key] for row in rows]))
    for rate in RATES:
        together = np.mean([each.drawn[rate] for each in sets.values()], axis=0)
        result["mean"][f"{rate}_90"] = interval(together)
    for key in rows[0]:
        if "reaching" in key or "missed" in key:
            result["mean"][key] = np.mean([row[key] for row in rows], axis=0).tolist()
    result["mean"]["failures"] = sum(row["failures"] for row in rows)
    if len(of_strangers):
        result["synthetic"] = {
            "pairs": len(of_strangers),
            "strangers_reaching_1_2_3": reached(of_strangers),
            "highest": float(of_strangers.max()),
        }
    return result


def show(result):
    """Print the tables, rates in %."""
    sets, mean = result["sets"], result["mean"]
    all_eight = sets.keys() == PEER_EER.keys()
    print(f"{'set':16}{'EER':>6} {'90 %':^13}FMR100 FMR1000 FMR10000 ZeroFMR failed  ms   us")
    for name, row in [*sets.items(), ("mean", mean)]:
        low, high = row["eer_90"]
        rates = [100 * row[rate] for rate in RATES]
        print(
            f"{name:16}{rates[0]:6.2f} ({100 * low:5.2f}-{100 * high:5.2f})"
            f"{rates[1]:7.2f}{rates[2]:8.2f}{rates[3]:9.2f}{rates[4]:8.2f}{row['failures']:7d}"
            f"{row['extract_ms_median']:5.1f}{row['compare_us_median']:5.0f}"
            + "".join(f"{peer:8.2f}" for peer in PEER_EER.get(name, all_eight * (6.65, 6.84)))
        )
    print("last two columns: EER of SourceAFIS and NBIS on the same pictures and pairs")
    low, high = mean["fmr1000_90"]
    print(f"mean FMR1000 lies in {100 * low:.2f}-{100 * high:.2f} %, fingers drawn again\n")
    if all_eight:
        print("others on these eight sets       EER           FMR100 FMR1000 ZeroFMR")
        for peer, (eer, *rates, limits) in PEERS.items():
            doubt = "" if limits is None else f"({limits[0]}-{limits[1]})"
            print(f"{peer:38}{eer:5.2f} {doubt:11}" + "".join(f"{rate:7.1f}" for rate in rates))
    show_calibration(result)


def show_calibration(result):
    sets, mean = result["sets"], result["mean"]
    print("\nstrangers who reach a score of   1      2      3 | calibrated by the other sets:")
    print(f"{'nominal':28}" + 2 * "  10.00   1.00   0.10 |" + " mates missed at 3")
    rows = [*sets.items(), ("mean", mean)]
    if "synthetic" in result:
        rows.append((f"{result['synthetic']['pairs']} synthetic pairs", result["synthetic"]))
    for name, row in rows:
        shares = row["strangers_reaching_1_2_3"] + row.get("left_out_strangers_reaching_1_2_3", [])
        cells = "".join(
            f"{100 * share:7.2f}" + (" |" if place % 3 == 2 else "")
            for place, share in enumerate(shares)
        )
        missed = row.get("left_out_mates_missed_at_3")
        print(f"{name:28}{cells}" + ("" if missed is None else f"{100 * missed:8.2f}"))


def revision():
    command = ["git", "describe", "--always", "--dirty"]  # "dirty": with changes not committed
    here = Path(__file__).parent
    try:
        told = subprocess.run(command, cwd=here, capture_output=True, text=True, check=False)  # noqa: S603
    except FileNotFoundError:  # no git on this machine
        return "unknown"
    return told.stdout.strip() or "unknown"


def log(result, settings, path):
    line = {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "revision": revision(),
        "settings": settings,
        "machine": describe(),
        **result,
    }
    path.parent.mkdir(exist_ok=True)
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(_shorter(line)) + "\n")


def _shorter(value):
    """Round to five significant digits: more is noise, and the log is read by people."""
    match value:
        case dict():
            return {key: _shorter(each) for key, each in value.items()}
        case list() | tuple():
            return [_shorter(each) for each in value]
        case float():
            return float(f"{value:.5g}")
    return value


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folders", nargs="+", type=Path, metavar="FOLDER")
    parser.add_argument("--method", default=None, help="extractor; by default the best there is")
    parser.add_argument("--rounds", type=int, default=1000, help="drawings of fingers")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--quick", action="store_true", help="only the table of error rates")
    parser.add_argument("--log", type=Path, default=LOG, help="where each run adds a line")
    options = parser.parse_args()
    folders = [each for root in options.folders for each in sorted(root.glob("fvc*/DB*_B"))]
    if not folders:
        parser.error("no fvc*/DB*_B in any of the folders")
    cv2.setNumThreads(1)
    sets = {}
    for number, folder in enumerate(folders):
        name = "/".join(folder.parts[-2:])
        sets[name] = measure(folder, options.method, options.rounds, (options.seed, number))
    judged, of_strangers = {}, []
    if not options.quick:
        if len(sets) > 1:
            ours = options.method in {None, BEST}  # the calibration is of our own minutiae
            judged = left_out(sets, fitted_people() if ours else [])
        of_strangers = strangers(options.method)
    result = figures_of(sets, judged, of_strangers)
    show(result)
    settings = {
        "method": options.method or BEST,
        "impostors": "all",
        "rounds": options.rounds,
        "seed": options.seed,
    }
    log(result, settings, options.log)


if __name__ == "__main__":
    main()
