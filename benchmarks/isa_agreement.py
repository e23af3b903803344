# SPDX-License-Identifier: Apache-2.0
"""Whether every instruction set gives the same templates and the same scores.

    python benchmarks/isa_agreement.py FOLDER [FOLDER ...] [--all] [--libraries]

Extracts the pictures of every ``fvc*/DB*_B`` under the folders (one in eleven, or ``--all``) and
compares those of a set with each other, once in a process of its own for each road. Both the
compiled core and numba's kernels are held to the road's instructions; ``--libraries`` holds down
NumPy and OpenCV as well, as on a processor that has no more. Templates must be equal to the byte
and scores equal within 1e-9; otherwise the exit code is 1. The first run compiles every kernel
once more for each road (a minute), later ones find them in numba's cache.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

BOUND = 1e-9
STEP = 11
"""One picture in so many: the samples of a finger fall on different impressions."""

ROADS = {
    "scalar": {"EKTP_HW_ISA": "scalar", "NUMBA_CPU_NAME": "x86-64", "NUMBA_CPU_FEATURES": ""},
    "avx2": {"EKTP_HW_ISA": "avx2", "NUMBA_CPU_NAME": "haswell", "NUMBA_CPU_FEATURES": ""},
    "avx512": {"EKTP_HW_ISA": "avx512"},
}
_NUMPY_AVX512 = "X86_V4 AVX512_ICL AVX512_SPR"
_OPENCV_AVX512 = "AVX512-COMMON,AVX512-SKX"
LIBRARIES = {
    "scalar": {
        "NPY_DISABLE_CPU_FEATURES": f"X86_V3 {_NUMPY_AVX512}",
        "OPENCV_CPU_DISABLE": f"SSE4.1,SSE4.2,AVX,FP16,AVX2,FMA3,{_OPENCV_AVX512}",
    },
    "avx2": {
        "NPY_DISABLE_CPU_FEATURES": _NUMPY_AVX512,
        "OPENCV_CPU_DISABLE": _OPENCV_AVX512,
    },
    "avx512": {},
}
"""What NumPy 2.4 and OpenCV leave unused on each road."""


def travel(folders, step, out):
    """Extract and compare in this process; keep templates and scores."""
    import cv2

    from ektp_hw import fingerprint
    from ektp_hw.evaluation.protocol import samples_in
    from ektp_hw.fingerprint.comparison import compare_many
    from ektp_hw.records.picture import PICTURE_SUFFIXES, read_fingerprint_image

    cv2.setNumThreads(1)
    names, stored, scores = [], [], []
    for folder in folders:
        files = samples_in(folder, PICTURE_SUFFIXES)[::step]
        templates = [fingerprint.extract(read_fingerprint_image(each)) for each in files]
        prepared = [fingerprint.prepare(each) for each in templates]
        names += ["/".join(each.parts[-3:]) for each in files]
        stored += [each.to_bytes().hex() for each in templates]
        scores += [compare_many(each, prepared) for each in prepared]
    np.savez(out, names=names, templates=stored, scores=np.concatenate(scores))


def travelled(road, libraries, arguments, out):
    """Run this script once more on one road and return what it kept, or None if it cannot run."""
    command = [sys.executable, __file__, *arguments, "--travel", str(out)]
    held = ROADS[road] | (LIBRARIES[road] if libraries else {})
    environment = {**os.environ, "OMP_NUM_THREADS": "1", **held}
    done = subprocess.run(command, env=environment, check=False, stderr=subprocess.PIPE, text=True)  # noqa: S603
    if done.returncode:
        print(f"{road:8} cannot run here: {(done.stderr.strip().splitlines() or ['?'])[-1]}")
        return None
    with np.load(out) as kept:
        return dict(kept)


def agrees(road, kept, first):
    """Print how far a road's results are from the first one's; return whether they are equal."""
    differ = kept["names"][kept["templates"] != first["templates"]]
    apart = float(np.abs(kept["scores"] - first["scores"]).max(initial=0.0))
    print(
        f"{road:8} {len(kept['names'])} templates, {len(differ)} differ; "
        f"{len(kept['scores'])} scores, at most {apart:.3g} apart"
    )
    if len(differ):
        print("  differ:", *differ[:10], "..." if len(differ) > 10 else "")
    return not len(differ) and apart <= BOUND


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folders", nargs="+", type=Path, metavar="FOLDER")
    parser.add_argument("--all", action="store_true", help="every picture (minutes)")
    parser.add_argument("--libraries", action="store_true", help="hold NumPy and OpenCV down too")
    parser.add_argument("--travel", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    sets = [each for root in options.folders for each in sorted(root.glob("fvc*/DB*_B"))]
    if not sets:
        parser.error("no fvc*/DB*_B in any of the folders")
    if options.travel:
        travel(sets, 1 if options.all else STEP, options.travel)
        return 0
    arguments = [str(each) for each in options.folders] + ["--all"] * options.all
    with tempfile.TemporaryDirectory() as folder:
        kept = {
            road: travelled(road, options.libraries, arguments, Path(folder) / f"{road}.npz")
            for road in ROADS
        }
    ran = {road: each for road, each in kept.items() if each is not None}
    if not ran:
        return 1
    first = next(iter(ran.values()))
    equal = [agrees(road, each, first) for road, each in ran.items()]  # print every road
    return 0 if all(equal) else 1


if __name__ == "__main__":
    sys.exit(main())
