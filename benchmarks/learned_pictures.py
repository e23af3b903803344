# SPDX-License-Identifier: Apache-2.0
"""Make the pictures of ``ektp_hw/fingerprint/LEARNED.md`` again, and the table of its faults.

    python benchmarks/learned_pictures.py [--fingers N] [FOLDER]

FOLDER is ``ektp_hw/fingerprint/pictures`` unless another is given. All prints are synthetic and
belong to nobody, and no training uses their seeds. Printed is, for each fault, how well N fingers
with that fault are read by the learned and by the classical road (precision, recall and F1 at 15
pixels and 30 degrees, see `minutiae_truth.py`).
"""

from __future__ import annotations

import argparse
import os
from dataclasses import replace
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import cv2
import numpy as np
from minutiae_truth import FIRST_GROWN, NEAR, pairs, seen, summed_up
from PIL import Image

from ektp_hw.fingerprint import extract
from ektp_hw.samples import FingerprintImage
from ektp_hw.synthetic import SyntheticFinger
from ektp_hw.training.fingers import grown
from ektp_hw.training.prints import training_print

PICTURES = Path(__file__).parents[1] / "ektp_hw" / "fingerprint" / "pictures"
FIRST_FINGER = 6_500_000
WIDE, HIGH = 300, 340
"""Of a panel: the middle of an impression."""
RIGHT, SPURIOUS, MISSED = (40, 150, 0), (40, 30, 230), (0, 140, 255)
GREYS, MIXES, HEATS = 14, 3, 16
"""Steps of the palette: of grey, of each drawing colour on grey, of the score map."""
OFF, STROKE = (235, 205, 170), (180, 0, 120)
PIECES = 18


def clean(finger):
    return finger.impression(0, carelessness=0.4, moisture=0.0, pressure=0.7)


def dry(finger):
    return finger.impression(0, carelessness=0.4, moisture=-1.0, pressure=0.5)


def wet(finger):
    return finger.impression(0, carelessness=0.4, moisture=1.0, pressure=0.9)


def light(finger):
    """Touch with a corner of the fingertip only."""
    return finger.impression(0, carelessness=0.4, part_x=110.0, part_y=-90.0, pressure=0.1)


def smeared(finger):
    """Slip while the picture is taken: three ridges' width, aslant."""
    made = clean(finger)
    way = np.eye(19, dtype=np.float32) / 19
    return _shown(made, cv2.filter2D(made.image.pixels, -1, way))


def creased(finger):
    """Let eight white lines, 4 to 7 pixels broad, cross the print."""
    made = clean(finger)
    rng = np.random.default_rng(finger.seed)
    pixels = made.image.pixels.copy()
    high, wide = pixels.shape
    for _ in range(8):
        middle, heading = (
            rng.uniform((0.2 * wide, 0.2 * high), (0.8 * wide, 0.8 * high)),
            rng.normal(0.4, 0.5),
        )
        reach = rng.uniform(50, 120) * np.array((np.cos(heading), np.sin(heading)))
        ends = [tuple(int(each) for each in middle + side * reach) for side in (-1, 1)]
        cv2.line(pixels, *ends, 245, int(rng.integers(4, 8)), cv2.LINE_AA)
    return _shown(made, pixels)


def overlaid(finger):
    """Leave the last finger's print on the platen, half as dark."""
    made, other = clean(finger), clean(SyntheticFinger(finger.seed + 500_000))
    ghost = 255 - (255 - other.image.pixels.astype(float)) * 0.5
    return _shown(made, np.minimum(made.image.pixels, ghost).astype(np.uint8))


FAULTS = {
    "none": clean,
    "very dry": dry,
    "very wet": wet,
    "a corner, lightly": light,
    "smeared": smeared,
    "creased": creased,
    "latent print below": overlaid,
}


def _shown(made, pixels):
    return replace(made, image=FingerprintImage(pixels, made.image.ppi))


def middle_of(picture):
    """Cut the middle out of a picture."""
    high, wide = picture.shape[:2]
    top, left = (high - HIGH) // 2, (wide - WIDE) // 2
    return picture[top : top + HIGH, left : left + WIDE]


def in_colours(grey):
    return cv2.cvtColor(np.ascontiguousarray(grey), cv2.COLOR_GRAY2BGR)


def with_minutia(picture, x, y, direction, colour, scale=1.0):
    at, to = (
        tuple(int(each * 16 * scale) for each in point)
        for point in ((x, y), (x + 12 * np.cos(direction), y - 12 * np.sin(direction)))
    )
    cv2.circle(picture, at, 4 * 16, colour, 1, cv2.LINE_AA, 4)
    cv2.line(picture, at, to, colour, 1, cv2.LINE_AA, 4)


def judged(grey, found, truth):
    """Draw what was found: green where it is right, red where not; missed ones as orange boxes."""
    picture = in_colours(grey)
    hit, real = pairs(found, truth, NEAR[0]).T
    for k in np.setdiff1d(np.arange(len(truth.x)), real):
        x, y = int(truth.x[k]), int(truth.y[k])
        cv2.rectangle(picture, (x - 4, y - 4), (x + 4, y + 4), MISSED, 1)
    for k in range(len(found)):
        colour = RIGHT if k in hit else SPURIOUS
        with_minutia(picture, found.x[k], found.y[k], found.direction[k], colour)
    return picture


def titled(picture, words):
    strip = np.full((18, picture.shape[1], 3), 255, np.uint8)
    cv2.putText(strip, words, (2, 13), cv2.FONT_HERSHEY_SIMPLEX, 0.42, (0, 0, 0), 1, cv2.LINE_AA)
    return np.vstack((strip, picture))


def sheet(panels, columns):
    """Lay panels of one size out in rows with white between them."""
    framed = [np.pad(each, ((0, 4), (0, 4), (0, 0)), constant_values=255) for each in panels]
    blank = np.full_like(framed[0], 255)
    framed += [blank] * (-len(framed) % columns)
    rows = [np.hstack(framed[k : k + columns]) for k in range(0, len(framed), columns)]
    return np.vstack(rows)


def palette():
    """Return the colours of all pictures, (n, 3) as BGR: few do for rings on grey."""
    greys = np.linspace(0, 255, GREYS)[:, None].repeat(3, 1)
    heats = cv2.applyColorMap(np.linspace(0, 255, HEATS).astype(np.uint8), cv2.COLORMAP_INFERNO)
    shares = np.linspace(0.4, 1, MIXES)[:, None, None]
    drawn = np.array((RIGHT, SPURIOUS, MISSED, STROKE))
    mixed = [shares * drawn + (1 - shares) * ground for ground in (60, 160, 255)]
    together = np.vstack((greys, heats[:, 0], *np.reshape(mixed, (3, -1, 3)), [OFF]))
    return np.rint(together).astype(np.uint8)


def write(picture, path):
    """Write a small PNG."""
    colours = palette()
    holder = Image.new("P", (1, 1))
    holder.putpalette(colours[:, ::-1].tobytes())
    image = Image.fromarray(cv2.cvtColor(picture, cv2.COLOR_BGR2RGB))
    few = image.quantize(palette=holder, dither=Image.Dither.NONE)
    few.save(path, optimize=True)
    print(f"{path.name}: {path.stat().st_size // 1024} kB")


def what_it_sees():
    """Picture, evened picture, scores, flow and minutiae of one ordinary print."""
    made = SyntheticFinger(FIRST_FINGER).impression(1)
    kept = {}
    found = extract(made.image, trace=kept.__setitem__)
    high, wide = kept["picture"].shape
    chance = 1 / (1 + np.exp(-kept["scores"]))
    heat = cv2.applyColorMap(np.uint8(255 * np.sqrt(chance)), cv2.COLORMAP_INFERNO)
    heat = cv2.resize(heat, None, fx=4, fy=4, interpolation=cv2.INTER_NEAREST)[:high, :wide]
    panels = {
        "picture": in_colours(kept["picture"]),
        "evened": in_colours(kept["evened"][:high, :wide]),
        "is there a minutia?": heat,
        "how do the ridges run?": flow_drawn(kept),
        "minutiae: right, spurious, missed": judged(kept["picture"], found, made.truth),
    }
    return sheet([titled(middle_of(each), name) for name, each in panels.items()], 3)


def flow_drawn(kept):
    """Draw the ridge orientation as strokes and what is no finger in blue."""
    picture = in_colours(kept["picture"])
    pale = cv2.addWeighted(picture, 0.4, np.full_like(picture, 255), 0.6, 0)
    seen_here = kept["foreground"].astype(np.uint8)
    off = cv2.resize(seen_here, None, fx=8, fy=8, interpolation=cv2.INTER_NEAREST) == 0
    pale[off[: pale.shape[0], : pale.shape[1]]] = OFF
    for row, column in np.argwhere(kept["foreground"])[::2]:
        angle = kept["orientation"][row, column]
        reach = 6 * np.array((np.cos(angle), np.sin(angle)))
        middle = np.array((8 * column + 3.5, 8 * row + 3.5))
        ends = [tuple(int(16 * each) for each in middle + side * reach) for side in (-1, 1)]
        cv2.line(pale, *ends, STROKE, 1, cv2.LINE_AA, 4)
    return pale


def learned_from():
    """Pieces as the network was trained on, and their truth."""
    fingers = [grown(FIRST_GROWN + k) for k in range(6)]
    panels = []
    for k in range(PIECES):
        made = training_print(fingers[k % 6], np.random.default_rng((FIRST_GROWN, 7, k)))
        picture = cv2.resize(
            in_colours(made.pixels), None, fx=0.6, fy=0.6, interpolation=cv2.INTER_AREA
        )
        for x, y, direction, _ in made.minutiae:
            with_minutia(picture, x, y, direction, RIGHT, 0.6)
        panels.append(picture)
    return sheet(panels, 6)


def where_it_fails():
    """One finger with every fault, and what the network made of it."""
    panels = []
    for name, fault in FAULTS.items():
        if name == "none":
            continue
        made = fault(SyntheticFinger(FIRST_FINGER + 3))
        found = extract(made.image)
        told = summed_up([seen(found, made.truth, NEAR[0])])
        words = f"{name}: prec. {told['precision']:.2f}, recall {told['recall']:.2f}"
        panels.append(titled(middle_of(judged(made.image.pixels, found, made.truth)), words))
    return sheet(panels, 3)


def faults_read(fingers):
    """Print how well prints with each fault are read."""
    print(f"\n{'fault':20}" + 2 * "  prec. recall    F1   " + "(learned, classical)")
    for name, fault in FAULTS.items():
        prints = [fault(SyntheticFinger(FIRST_FINGER + k)) for k in range(fingers)]
        row = ""
        for method in ("learned", "classical"):
            found = [extract(each.image, method=method) for each in prints]
            told = summed_up(
                [seen(a, b.truth, NEAR[0]) for a, b in zip(found, prints, strict=True)]
            )
            row += f"{told['precision']:7.3f}{told['recall']:7.3f}{told['f1']:7.3f}  "
        print(f"{name:20}{row}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", nargs="?", type=Path, default=PICTURES)
    parser.add_argument("--fingers", type=int, default=20)
    chosen = parser.parse_args()
    cv2.setNumThreads(1)
    chosen.folder.mkdir(parents=True, exist_ok=True)
    for make in (what_it_sees, learned_from, where_it_fails):
        write(make(), chosen.folder / f"{make.__name__}.png")
    if chosen.fingers:
        faults_read(chosen.fingers)


if __name__ == "__main__":
    main()
