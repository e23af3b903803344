# SPDX-License-Identifier: Apache-2.0
"""What the eight bits of the learned extractor cost against single precision, in error rates.

    python benchmarks/eight_bits.py [--weights WEIGHTS.npz] FOLDER [FOLDER ...]

WEIGHTS.npz are the float weights that the package's file was made of (`quantise_network.py`), by
default those in ``results/``. Each FOLDER is a set ``fvc*/DB*_B`` or holds such sets; all pairs of
a set are compared. The float network is run plainly in NumPy: some 0.2 s a picture.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import cv2
import numpy as np

from ektp_hw.evaluation.protocol import pairs_of, samples_in
from ektp_hw.evaluation.rates import error_rates
from ektp_hw.fingerprint import prepare
from ektp_hw.fingerprint.comparison import compare_many
from ektp_hw.fingerprint.learned import extract_with, network
from ektp_hw.fingerprint.network.floating import FloatNetwork
from ektp_hw.records.picture import PICTURE_SUFFIXES, read_fingerprint_image
from ektp_hw.tracing import ignore

WEIGHTS = Path(__file__).with_name("results") / "minutiae_float32.npz"
ROW = "{:16}{:10.2f}{:8.2f}{:15.2f}{:8.2f}"


def rates(asked, folder):
    files = samples_in(folder, PICTURE_SUFFIXES)
    images = [read_fingerprint_image(each) for each in files]
    prepared = [prepare(extract_with(asked, each, ignore)) for each in images]
    scores = np.array([compare_many(each, prepared) for each in prepared])
    pairs = pairs_of(files, "all")
    return error_rates(*(scores[each[:, 0], each[:, 1]] for each in (pairs.mated, pairs.nonmated)))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--weights", type=Path, default=WEIGHTS)
    parser.add_argument("folders", nargs="+", type=Path, metavar="FOLDER")
    chosen = parser.parse_args()
    cv2.setNumThreads(1)
    floats = FloatNetwork.read(chosen.weights)
    folders = []
    for each in chosen.folders:
        folders += sorted(each.glob("fvc*/DB*_B")) or [each]
    rows = []
    print(f"{'%':16}{'EER float':>10}{'8 bits':>8}{'FMR1000 float':>15}{'8 bits':>8}")
    for folder in folders:
        both = [rates(asked, folder) for asked in (floats, network())]
        rows.append(
            [100 * each for one in ("eer", "fmr1000") for each in (getattr(b, one) for b in both)]
        )
        print(
            ROW.format("/".join(folder.parts[-2:]), *rows[-1]),
            flush=True,
        )
    print(ROW.format("mean", *np.mean(rows, axis=0)))


if __name__ == "__main__":
    main()
