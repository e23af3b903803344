# SPDX-License-Identifier: Apache-2.0
"""Pictures that no scanner should give: what the extraction and the comparison make of them.

    python benchmarks/robustness.py --count 10000 --seed 0

Draws pictures of noise, gradients, checkerboards, stripes, lone pixels and spoilt prints, of any
size and resolution; extracts each, and compares its template with itself and with the one before.
Prints the slowest and the number of minutiae by kind, how far the memory grew, and every picture
that took longer than `allowed` or raised anything; the exit status is 1 if there was one. The kind
and number of a picture make it again: ``picture(kind, seed, number)``.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections import defaultdict
from functools import cache
from pathlib import Path
from time import process_time

os.environ.setdefault("OMP_NUM_THREADS", "1")

import cv2
import numpy as np

from ektp_hw.fingerprint import compare, extract, prepare
from ektp_hw.samples import MAX_PPI, MIN_PPI
from ektp_hw.synthetic import SyntheticFinger

_EXTREME_SHAPES = (
    *((1, side) for side in (1, 2, 7, 500, 4095)),
    *((side, 1) for side in (2, 7, 500, 4095)),
    *((3, 3), (16, 16), (4000, 16), (16, 4000), (2, 4095), (35, 4000), (1500, 1500)),
)
_PRINTS = 12
_STATM = Path("/proc/self/statm")


def allowed(pixels, ppi):
    """Return the seconds of processor time one picture may take: 0.1 s, and 1 s a megapixel.

    Megapixels are those at 500 ppi; the picture as it came counts where it is larger than that.
    """
    area = pixels.size * max(1.0, (500 / ppi) ** 2)
    return 0.1 + area / 1e6


def noise(rng, shape):
    """Uniform, normal, sparse, or blotches as broad as ridges and broader."""
    choice = rng.integers(4)
    if choice == 0:
        return rng.integers(0, 256, shape, dtype=np.uint8)
    if choice == 1:
        return _grey(rng.normal(rng.uniform(0, 255), rng.uniform(1, 120), shape))
    if choice == 2:
        return np.where(rng.random(shape) < rng.uniform(0, 0.5), rng.integers(256), 255)
    grain = rng.normal(size=shape).astype(np.float32)
    across, along = rng.uniform(0.5, 6, 2)
    grain = cv2.GaussianBlur(grain, (0, 0), sigmaX=float(across), sigmaY=float(along))
    return _grey(128 + rng.uniform(10, 300) * grain / max(float(grain.std()), 1e-6))


def gradient(rng, shape):
    """One slope or a bowl, gentle or so steep that it runs over."""
    y, x = np.mgrid[: shape[0], : shape[1]] / max(shape)
    angle, steep = rng.uniform(0, 2 * np.pi), rng.uniform(0, 1000)
    if rng.integers(2):
        return _grey(steep * np.hypot(x - rng.random(), y - rng.random()))
    return _grey(128 + steep * (x * np.cos(angle) + y * np.sin(angle)))


def checkerboard(rng, shape):
    """Squares or oblongs from one pixel to sixty."""
    y, x = np.mgrid[: shape[0], : shape[1]]
    across = int(rng.integers(1, 31))
    along = across if rng.integers(2) else int(rng.integers(1, 61))
    dark, light = rng.integers(0, 256, 2)
    return np.where((x // across + y // along) % 2 == 0, dark, light)


def stripes(rng, shape):
    """Straight or bent, any way, from 1.3 pixels (beyond Nyquist) to 40, sines or edges."""
    y, x = np.mgrid[: shape[0], : shape[1]].astype(np.float64)
    angle = rng.choice([0, np.pi / 4, np.pi / 2, rng.uniform(0, np.pi)])
    across = x * np.cos(angle) + y * np.sin(angle)
    across += rng.choice([0, 1]) * 8 * np.sin(y / rng.uniform(5, 60))
    period = rng.choice([2.0, rng.uniform(1.3, 40)])
    wave = np.cos(2 * np.pi * across / period + rng.uniform(0, 7))
    if rng.integers(2):
        wave = np.sign(wave)
    return _grey(128 + rng.uniform(1, 127) * wave)


def lone_pixels(rng, shape):
    """One flat value and a few pixels that are not."""
    flat = np.full(shape, rng.integers(256), np.uint8)
    for _ in range(rng.integers(1, 30)):
        flat[rng.integers(shape[0]), rng.integers(shape[1])] = rng.integers(256)
    return flat


def spoilt_print(rng, shape):
    """A synthetic print, cut or stretched to the shape, with boxes, gamma, and flipped bits."""
    pixels = _print(int(rng.integers(_PRINTS))).copy()
    if rng.integers(2):
        pixels = cv2.resize(pixels, shape[::-1], interpolation=cv2.INTER_LINEAR)
    else:
        top, left = (rng.integers(0, side) for side in pixels.shape)
        pixels = pixels[top:, left:][: shape[0], : shape[1]].copy()
    for _ in range(rng.integers(0, 6)):
        (top, bottom), (left, right) = (np.sort(rng.integers(0, n + 1, 2)) for n in pixels.shape)
        pixels[top:bottom, left:right] = rng.integers(256)
    if rng.integers(2):
        pixels = _grey(255 * (pixels / 255.0) ** rng.uniform(0.1, 8))
    if rng.integers(2):
        flips = rng.random(pixels.shape) < rng.uniform(0, 0.3)
        pixels ^= np.where(flips, np.uint8(1 << rng.integers(8)), np.uint8(0))
    if rng.integers(4) == 0:
        pixels = 255 - pixels
    return pixels


KINDS = {
    kind.__name__: kind
    for kind in (noise, gradient, checkerboard, stripes, lone_pixels, spoilt_print)
}


def picture(kind, seed, number):
    """Return the pixels and the resolution of one picture."""
    rng = np.random.default_rng((seed, number))
    ppi = 500.0 if rng.integers(2) else float(np.exp(rng.uniform(np.log(MIN_PPI), np.log(MAX_PPI))))
    if rng.integers(10) == 0:
        shape = _EXTREME_SHAPES[rng.integers(len(_EXTREME_SHAPES))]
    else:
        shape = tuple(int(side) for side in np.exp(rng.uniform(np.log(24), np.log(800), 2)))
    # Beyond 4095 pixels a side at 500 ppi a picture is refused, which is another test's subject.
    ppi = max(ppi, MIN_PPI, np.ceil(max(shape) * 500 / 4095))
    return np.ascontiguousarray(KINDS[kind](rng, shape), np.uint8), float(ppi)


def trial(kind, seed, number, before):
    """Extract and compare one picture; return its template, the seconds, and what was wrong."""
    pixels, ppi = picture(kind, seed, number)
    start = process_time()
    template = prepare(extract(pixels, ppi=ppi))
    spent = process_time() - start
    faults = []
    if spent > allowed(pixels, ppi):
        faults.append(f"took {spent:.2f} s for {pixels.shape} at {ppi:.0f} ppi")
    scores = [compare(template, template)]
    if before is not None:
        scores += [compare(template, before), compare(before, template)]
        if scores[1] != scores[2]:
            faults.append(f"scores {scores[1]} one way and {scores[2]} the other")
    if not all(np.isfinite(score) and score >= 0 for score in scores):
        faults.append(f"has the scores {scores}")
    return template, spent, faults


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=10_000, help="pictures")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(arguments)
    cv2.setNumThreads(1)
    compile_all()
    kinds = list(KINDS)
    times, minutiae, before, faulty = defaultdict(list), defaultdict(list), None, 0
    early = resident()
    for number in range(options.count):
        kind = kinds[number % len(kinds)]
        try:
            before, spent, faults = trial(kind, options.seed, number, before)
        except Exception as error:  # noqa: BLE001  # any at all is what is looked for
            faults = [f"raised {type(error).__name__}: {error}"]
        else:
            times[kind].append((spent, number))
            minutiae[kind].append(len(before))
        for fault in faults:
            print(f"{kind} {number} {fault}")
        faulty += bool(faults)
    print(f"{'kind':14}{'pictures':>9}{'median, ms':>12}{'slowest, s':>12}{'number':>8}  minutiae")
    for kind, spent in times.items():
        slowest, number = max(spent)
        median = 1e3 * np.median([seconds for seconds, _ in spent])
        found = f"median {np.median(minutiae[kind]):.0f}, most {max(minutiae[kind])}"
        print(f"{kind:14}{len(spent):9}{median:12.1f}{slowest:12.3f}{number:8}  {found}")
    print(
        f"memory: {early} MiB after the first picture, {resident()} MiB after the last, "
        f"{peak()} MiB at most"
    )
    print(f"{faulty} of {options.count} pictures crashed, took too long or scored wrongly")
    return 1 if faulty else 0


def compile_all():
    """Extract and compare once, so that no picture's time holds a compilation."""
    template = extract(_print(0))
    compare(template, template)


def resident():
    """Return the process's memory in use, in MiB, or its peak where the system tells only that."""
    if _STATM.exists():
        return int(_STATM.read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE") >> 20
    return peak()


def peak():
    """Return the most memory the process has had, in MiB."""
    import resource  # not on Windows, and only the benchmark itself needs it

    used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return used >> (20 if sys.platform == "darwin" else 10)


def _grey(values):
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)


@cache
def _print(number):
    return SyntheticFinger(9000 + number).impression(0).image.pixels


if __name__ == "__main__":
    sys.exit(main())
