# SPDX-License-Identifier: Apache-2.0
"""Turn the weights that the training exports into the file of eight-bit weights of the package.

    python benchmarks/quantise_network.py WEIGHTS.npz [--out FILE] [--training TEXT] [--prints N]

Needs no PyTorch. What the layers make of N synthetic prints, from careful to careless ones, decides
how finely each layer's results are told. The file tells its origin: the checksum of WEIGHTS.npz,
the calibration, and TEXT (which run of the training it was). Printed is how far the eight bits
answer from single precision on prints that were not calibrated with, as a share of the answer's
own spread, for each channel of both heads, where a minutia or the finger is seen.
"""

from __future__ import annotations

import argparse
import hashlib
import os
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np

from ektp_hw.fingerprint.evening import evened
from ektp_hw.fingerprint.learned import WEIGHTS
from ektp_hw.fingerprint.network.floating import FloatNetwork
from ektp_hw.fingerprint.network.quantisation import quantised
from ektp_hw.fingerprint.network.weight_file import to_bytes
from ektp_hw.synthetic import SyntheticFinger

FIRST_FINGER, FIRST_OTHER = 4_000_000, 5_000_000
CHANNELS = {
    "find": ("score", "right", "down", "cosine", "sine", "fork"),
    "flow": ("cosine", "sine", "period", "foreground"),
}

SEEN = {"find": "score", "flow": "foreground"}
"""The channel of each head that tells where the others mean something."""


def prints(first, count):
    """Evened synthetic prints, each second one touched carelessly."""
    for finger in range(first, first + count):
        careless = 1.5 * ((finger - first) % 4) / 3
        image = SyntheticFinger(finger).impression(0, carelessness=careless).image
        yield evened(image.pixels)


def gaps(floats, bytes_network, pictures):
    """Return for each head the standard deviation of the difference over that of the answer."""
    differences, answers = {"find": [], "flow": []}, {"find": [], "flow": []}
    for picture in pictures:
        made, answer = floats.results(picture), bytes_network.run(picture)
        for head, numbers in (("find", answer.find), ("flow", answer.flow)):
            seen = made[head][..., CHANNELS[head].index(SEEN[head])] > 0
            differences[head].append((numbers - made[head])[seen])
            answers[head].append(made[head][seen])
    return {
        head: np.concatenate(differences[head]).std(0) / np.concatenate(answers[head]).std(0)
        for head in differences
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("weights", type=Path)
    parser.add_argument("--out", type=Path, default=WEIGHTS)
    parser.add_argument("--training", default="not told")
    parser.add_argument("--prints", type=int, default=48)
    chosen = parser.parse_args()
    floats = FloatNetwork.read(chosen.weights)
    origin = {
        "float_weights_sha256": hashlib.sha256(chosen.weights.read_bytes()).hexdigest(),
        "training": chosen.training,
        "calibration": f"{chosen.prints} synthetic prints from finger {FIRST_FINGER} on",
    }
    network = quantised(floats, prints(FIRST_FINGER, chosen.prints), origin)
    content = to_bytes(network)
    chosen.out.write_bytes(content)
    print(f"{chosen.out}: {len(content)} bytes")
    for head, shares in gaps(floats, network, prints(FIRST_OTHER, 8)).items():
        told = zip(CHANNELS[head], shares, strict=True)
        print(head, ", ".join(f"{name} {100 * share:.1f} %" for name, share in told))


if __name__ == "__main__":
    main()
