# SPDX-License-Identifier: Apache-2.0
"""The main job and the floors that a release must keep, run as a user would run them.

Prints one line a check with the figure beside its floor; exits 1 if any floor is missed.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

EKTP_HW = str(Path(sys.executable).with_name("ektp-hw"))
missed: list[str] = []


def run(*arguments: str, **environment: str) -> tuple[dict[str, object], float]:
    """Run a command with --json; return what it printed and how many seconds it took."""
    started = time.perf_counter()
    finished = subprocess.run(  # noqa: S603  # our own command line
        [EKTP_HW, *arguments, "--json"],
        capture_output=True,
        text=True,
        env={**os.environ, **environment},
        timeout=600,
        check=False,
    )
    if finished.returncode not in (0, 1):
        sys.exit(f"ektp-hw {' '.join(arguments)} exited {finished.returncode}: {finished.stderr}")
    return json.loads(finished.stdout), time.perf_counter() - started


def check(what: str, figure: float, floor: float) -> None:
    """Print a figure beside the most it may be, and remember whether it is missed."""
    verdict = "ok" if figure <= floor else "MISSED"
    print(f"{verdict:7}{what}: {figure:.4g} (at most {floor:g})", flush=True)
    if figure > floor:
        missed.append(what)


def demo_with_synthetic_people() -> None:
    """Ten people, one of them twice: compiled from nothing, then again with everything cached."""
    with tempfile.TemporaryDirectory() as folder:
        cache = {"NUMBA_CACHE_DIR": str(Path(folder) / "cache")}
        for run_name, limit in (("first", 60), ("second", 20)):
            answer, seconds = run("demo", "--out", str(Path(folder) / run_name), **cache)
            check(f"demo, {run_name} time, seconds", seconds, limit)
            check("demo, duplicates missed or made up", answer["wrong"], 0)


def real_prints(data: Path) -> None:
    """FVC2002 DB1_B: identification through the virtual scanner, and error rates on every road."""
    folder = str(data / "fvc2002" / "DB1_B")
    with tempfile.TemporaryDirectory() as out:
        answer, _ = run("demo", "--images", folder, "--out", out)
    check("demo on real prints, share not identified", 1 - answer["rank1_rate"], 0.15)
    rates = {}
    for isa in ("scalar", ""):
        rates, _ = run("evaluate", "fingerprint", folder, "--impostors", "all", EKTP_HW_ISA=isa)
        check(f"EER on FVC2002 DB1_B ({isa or 'best instruction set'})", rates["eer"], 0.06)
        check("images that failed to extract", rates["failures"], 0)
    check("extraction, median ms an image", rates["extract_ms_median"], 40)


def every_set(data: Path) -> None:
    """All FVC-named sets: the means that the next change must not spoil."""
    bench = Path(__file__).resolve().parent.parent / "benchmarks" / "fingerprint_sets.py"
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "log.jsonl"
        command = [sys.executable, bench, data, "--quick", "--rounds", "20", "--log", log]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)  # noqa: S603
        mean = json.loads(log.read_text(encoding="utf-8"))["mean"]
    check("mean EER over every set", mean["eer"], 0.015)
    check("mean FMR1000 over every set", mean["fmr1000"], 0.03)


demo_with_synthetic_people()
if "EKTP_HW_TEST_DATA" in os.environ:
    real_prints(Path(os.environ["EKTP_HW_TEST_DATA"]))
    every_set(Path(os.environ["EKTP_HW_TEST_DATA"]))
for kind in ("extract", "compare", "search"):
    figures, _ = run("bench", kind)
    print(f"        bench {kind}: {figures['rate']:.4g} {figures['unit']}, {figures['isa']}")
sys.exit(f"missed: {'; '.join(missed)}" if missed else 0)
