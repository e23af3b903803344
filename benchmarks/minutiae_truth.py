# SPDX-License-Identifier: Apache-2.0
"""Minutiae against the truth: how many are right, how many are missed, how exactly they lie.

    python benchmarks/minutiae_truth.py [--method M ...] [--fingers N] [--json FILE] [DATA]

Four kinds of prints:

- ``careful`` and ``careless``: two impressions each of N synthetic fingers, whose seeds no training
  and no fitting uses;
- ``pieces``: 4 N pieces as the network is trained on, worn skin on every kind of sensor, of 16
  fingers grown for this;
- ``by hand``: the prints DATA/fvc2004/DB1_B with the marks of DATA/minutiae_truth.

A minutia found and a true one are a pair if they lie within 15 (8) pixels and, where the truth has
a direction, turn within 30 degrees of each other; each takes part in one pair, the nearest first.
Printed are precision, recall and F1 over all minutiae, F1's interval that holds 90 % of the
outcomes when the pictures are drawn again, and of the pairs the median distance in pixels, the
median turn in degrees and the share of the right kind. ``best n`` is the precision when of each
picture only as many are taken, the most reliable first, as are true: it is the same question to
all methods, whether they tell many minutiae or few.

The truth of the synthetic prints is all minutiae of the skin that touched, also those that wear or
dryness has made invisible, so nothing reaches a recall of 1. The hand marks are incomplete: of the
minutiae found that nobody marked many are there. Their precision, and F1 with it, is therefore too
low by an unknown amount, the same for all methods; it ranks them and tells no more. The recall can
be believed.
"""

from __future__ import annotations

import argparse
import json
import os
import xml.etree.ElementTree as ET
from dataclasses import dataclass
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import cv2
import numpy as np

from ektp_hw.errors import ExtractorUnavailable
from ektp_hw.fingerprint import extract
from ektp_hw.fingerprint.extractors import extractor
from ektp_hw.fingerprint.parameters import PPI
from ektp_hw.records.picture import read_fingerprint_image
from ektp_hw.samples import FingerprintImage
from ektp_hw.synthetic import SyntheticFinger
from ektp_hw.templates import MinutiaKind
from ektp_hw.training.fingers import grown
from ektp_hw.training.prints import training_print

METHODS = ("learned", "classical", "leader")
NEAR, TURN = (15.0, 8.0), np.deg2rad(30)
FIRST_FINGER = 6_000_000
FIRST_GROWN = 32_000_000
"""Fingers of the training's own kind, beyond any file of the pool that was ever made."""
GROWN = 16
TOUCHES = 2
CARELESSNESS = {"careful": 0.4, "careless": 1.5}
MARKS = {"termination": MinutiaKind.ENDING, "bifurcation": MinutiaKind.BIFURCATION}
DRAWINGS = 500


@dataclass
class Truth:
    """True minutiae; the direction is None where nobody tells it."""

    x: np.ndarray
    y: np.ndarray
    direction: np.ndarray | None
    kind: np.ndarray


def marked(path):
    """Return the marks of a VOC file: the middles of its boxes."""
    rows, kinds = [], []
    for each in ET.parse(path).getroot().iter("object"):  # noqa: S314 - our own folder of data
        box = {side.tag: float(side.text) for side in each.find("bndbox")}
        rows.append(((box["xmin"] + box["xmax"]) / 2, (box["ymin"] + box["ymax"]) / 2))
        kinds.append(MARKS[each.findtext("name")])
    x, y = np.array(rows).reshape(-1, 2).T
    return Truth(x, y, None, np.array(kinds, int))


def pairs(found, truth, near):
    """Return (n, 2) indices of the minutiae found and of the true ones that they are."""
    gap = np.hypot(found.x[:, None] - truth.x, found.y[:, None] - truth.y)
    allowed = gap <= near
    if truth.direction is not None:
        allowed &= turns(found.direction[:, None], truth.direction) <= TURN
    rows, columns = np.nonzero(allowed)
    taken, given, chosen = set(), set(), []
    for k in np.argsort(gap[rows, columns], kind="stable"):
        row, column = int(rows[k]), int(columns[k])
        if row not in taken and column not in given:
            taken.add(row)
            given.add(column)
            chosen.append((row, column))
    return np.array(chosen, int).reshape(-1, 2)


def turns(one, other):
    return np.abs(np.angle(np.exp(1j * (np.asarray(one, float) - other))))


@dataclass
class Seen:
    """What one picture tells: counts, and the errors of its pairs."""

    found: int
    true: int
    hits: int
    best: int
    """Right ones among the as many most reliable as are true."""
    asked: int
    """How many those are."""
    gaps: np.ndarray
    turned: np.ndarray
    right_kind: np.ndarray


def seen(found, truth, near):
    hit, real = pairs(found, truth, near).T
    best = np.argsort(-found.reliability, kind="stable")[: len(truth.x)]
    gaps = np.hypot(found.x[hit] - truth.x[real], found.y[hit] - truth.y[real])
    turned = np.empty(0)
    if truth.direction is not None:
        turned = np.rad2deg(turns(found.direction[hit], truth.direction[real]))
    return Seen(
        found=len(found),
        true=len(truth.x),
        hits=len(hit),
        best=int(np.isin(best, hit).sum()),
        asked=len(best),
        gaps=gaps,
        turned=turned,
        right_kind=found.kind[hit] == truth.kind[real],
    )


def f1(counts):
    """Return F1 of rows of found, true, hits, summed up over the pictures (last axis but one)."""
    found, true, hits = np.moveaxis(counts.sum(axis=-2), -1, 0)
    return 2 * hits / np.maximum(found + true, 1)


def summed_up(pictures):
    """Return the figures over all pictures."""
    counts = np.array([(each.found, each.true, each.hits) for each in pictures], float)
    found, true, hits = counts.sum(axis=0)
    drawn = np.random.default_rng(0).integers(0, len(counts), (DRAWINGS, len(counts)))
    turned = np.concatenate([each.turned for each in pictures])
    asked = sum(each.asked for each in pictures)
    return {
        "pictures": len(pictures),
        "found": int(found),
        "true": int(true),
        "precision": hits / max(found, 1),
        "recall": hits / max(true, 1),
        "f1": float(f1(counts)),
        "f1_90": np.quantile(f1(counts[drawn]), (0.05, 0.95)).tolist(),
        "best_n": sum(each.best for each in pictures) / max(asked, 1),
        "distance": float(np.median(np.concatenate([each.gaps for each in pictures]))),
        "turn": float(np.median(turned)) if len(turned) else None,
        "right_kind": float(np.concatenate([each.right_kind for each in pictures]).mean()),
    }


def impressions(fingers, carelessness):
    for seed in range(FIRST_FINGER, FIRST_FINGER + fingers):
        finger = SyntheticFinger(seed)
        for touch in range(TOUCHES):
            made = finger.impression(touch, carelessness=carelessness)
            yield made.image, made.truth


def pieces(count):
    fingers = [grown(FIRST_GROWN + k) for k in range(min(GROWN, count))]
    for k in range(count):
        rng = np.random.default_rng((FIRST_GROWN, k))
        made = training_print(fingers[k % len(fingers)], rng)
        x, y, direction, fork = made.minutiae.T
        kind = np.where(fork > 0, MinutiaKind.BIFURCATION, MinutiaKind.ENDING)
        yield FingerprintImage(made.pixels, PPI), Truth(x, y, direction, kind)


def by_hand(data):
    for path in sorted((data / "minutiae_truth").glob("*.xml")):
        image = read_fingerprint_image(data / "fvc2004" / "DB1_B" / f"{path.stem}.png")
        truth = marked(path)
        scale = PPI / image.ppi
        yield image, Truth(truth.x * scale, truth.y * scale, None, truth.kind)


def measured(method, prints):
    """Return the figures of a method at both tolerances."""
    found = [(extract(image, method=method), truth) for image, truth in prints]
    return {near: summed_up([seen(*each, near) for each in found]) for near in NEAR}


def show(kind, method, figures):
    for near, row in figures.items():
        low, high = row["f1_90"]
        turn = "    -" if row["turn"] is None else f"{row['turn']:5.1f}"
        print(
            f"{kind:9}{method:10}{near:4.0f}{row['found']:7d}{row['true']:7d}"
            f"{row['precision']:7.3f}{row['recall']:7.3f}{row['f1']:7.3f} ({low:.3f}-{high:.3f})"
            f"{row['best_n']:7.3f}{row['distance']:6.2f}{turn}{row['right_kind']:7.3f}",
            flush=True,
        )


def available(methods):
    """Return those of the methods that are installed."""
    usable = []
    for method in methods:
        try:
            extractor(method)
        except ExtractorUnavailable as error:
            print(f"without {method}: {error}")
        else:
            usable.append(method)
    return usable


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", nargs="?", type=Path, metavar="DATA")
    parser.add_argument("--method", nargs="+", default=METHODS)
    parser.add_argument("--fingers", type=int, default=60)
    parser.add_argument("--json", type=Path)
    chosen = parser.parse_args()
    cv2.setNumThreads(1)
    kinds = {
        name: list(impressions(chosen.fingers, carelessness))
        for name, carelessness in CARELESSNESS.items()
    }
    kinds["pieces"] = list(pieces(4 * chosen.fingers))
    if chosen.data is not None:
        kinds["by hand"] = list(by_hand(chosen.data))
    print(
        "print    method   px    found   true  prec. recall     F1 (90 %)       best n  "
        "  px  deg   kind"
    )
    result = {}
    for method in available(chosen.method):
        for kind, prints in kinds.items():
            figures = measured(method, prints)
            show(kind, method, figures)
            result.setdefault(kind, {})[method] = {f"{near:g}": figures[near] for near in NEAR}
    if chosen.json is not None:
        chosen.json.write_text(json.dumps(result, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
