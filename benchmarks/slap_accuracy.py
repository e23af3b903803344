# SPDX-License-Identifier: Apache-2.0
"""How many fingers of synthetic slaps are found, named rightly and cut out usably.

A finger is found where its box and the true one overlap by half (intersection over union), or their
middles lie within a quarter of an inch. A third of the slaps lacks fingers; half of these say
which.
"""

import argparse
import time
from collections import Counter
from statistics import median

import cv2
import numpy as np

from ektp_hw.fingerprint import compare, extract
from ektp_hw.fingerprint.slap import segment_slap
from ektp_hw.fingerprint.slap_hand import GROUPS
from ektp_hw.samples import FingerprintImage
from ektp_hw.synthetic import SyntheticPerson
from ektp_hw.synthetic.slap import make_slap

_NEAR = 125.0
_ACCEPTED = 4.0
"""-log10(FMR) from which two impressions count as of one finger."""


def overlap(one, two):
    one, two = one.astype(np.float32), two.astype(np.float32)
    shared = cv2.intersectConvexConvex(one, two)[0]
    return shared / (cv2.contourArea(one) + cv2.contourArea(two) - shared)


def is_found(finger, truth):
    near = np.hypot(*(finger.corners.mean(axis=0) - truth.centre)) < _NEAR
    return near or overlap(finger.corners, truth.corners) >= 0.5


def pairs_of(fingers, truths):
    """Each true finger with the found one nearest to it, or None."""
    left = list(fingers)
    for truth in truths:
        near = [finger for finger in left if is_found(finger, truth)]
        best = max(near, key=lambda finger: overlap(finger.corners, truth.corners), default=None)
        if best is not None:
            left.remove(best)
        yield truth, best


def drawn(seed):
    """Return (person, kind, missing, were they told) of one slap."""
    rng = np.random.default_rng(seed)
    kind = list(GROUPS)[int(rng.integers(3))]
    group = GROUPS[kind]
    missing = ()
    if rng.random() < 1 / 3:
        most = 1 if len(group) == 2 else 2
        missing = tuple(rng.permutation(group)[: int(rng.integers(1, most + 1))].tolist())
        missing = tuple(finger for finger in group if finger in missing)
    return SyntheticPerson(1000 + seed), kind, missing, bool(rng.random() < 0.5)


def measure(count, start, *, asked, compared):
    tally, times, overlaps, turns = Counter(), [], [], []
    for seed in range(start, start + count):
        person, kind, missing, told = drawn(seed)
        slap = make_slap(person, kind, seed, missing=missing)
        image = FingerprintImage(slap.image.pixels)
        begin = time.perf_counter()
        result = segment_slap(image, kind if asked else None, missing if told else ())
        times.append(1000 * (time.perf_counter() - begin))
        whole = "whole" if not missing else "told" if told else "untold"
        tally[f"slaps {whole}"] += 1
        tally[f"hand {whole}"] += result.hand is kind
        tally["false"] += max(0, len(result.fingers) - len(slap.fingers))
        for truth, finger in pairs_of(result.fingers, slap.fingers):
            tally[f"fingers {whole}"] += 1
            if finger is None:
                print(f"seed {seed}: {truth.position.name} not found ({result.warnings})")
                continue
            tally[f"found {whole}"] += 1
            tally[f"named {whole}"] += finger.position is truth.position
            overlaps.append(overlap(finger.corners, truth.corners))
            turns.append(abs(finger.angle - truth.angle))
            if compared:
                single = person.finger(truth.position).impression(0, carelessness=0.5).image
                tally["compared"] += 1
                score = compare(extract(finger.image), extract(single))
                tally["matched"] += score >= _ACCEPTED
        if result.hand is not kind:
            print(f"seed {seed}: {kind.name} judged {result.hand.name} ({result.confidence:.2f})")
    return tally, times, overlaps, turns


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--slaps", type=int, default=120)
    parser.add_argument("--seed", type=int, default=0, help="of the first slap")
    parser.add_argument("--asked", action="store_true", help="say which slap it is")
    parser.add_argument("--compare", action="store_true", help="match cut-outs to single prints")
    given = parser.parse_args()
    cv2.setNumThreads(1)
    tally, times, overlaps, turns = measure(
        given.slaps, given.seed, asked=given.asked, compared=given.compare
    )
    for whole in ("whole", "told", "untold"):
        slaps, fingers = max(1, tally[f"slaps {whole}"]), max(1, tally[f"fingers {whole}"])
        hand, found, named = (tally[f"{name} {whole}"] for name in ("hand", "found", "named"))
        print(f"{whole:7} {tally[f'slaps {whole}']:4} slaps: hand {hand / slaps:.1%}", end=", ")
        print(f"{tally[f'fingers {whole}']} fingers, found {found / fingers:.1%}", end=", ")
        print(f"found and named {named / fingers:.1%}")
    print(f"false fingers {tally['false']}, median overlap {median(overlaps):.2f}", end=", ")
    print(f"5 % of overlaps below {np.percentile(overlaps, 5):.2f}", end=", ")
    print(f"median error of the angle {median(turns):.1f} degrees")
    print(f"{median(times):.1f} ms a slap (median), {max(times):.1f} at most")
    if given.compare:
        print(f"{tally['matched'] / tally['compared']:.1%} of {tally['compared']} cut-outs match")


if __name__ == "__main__":
    main()
