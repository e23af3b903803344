# SPDX-License-Identifier: Apache-2.0
"""How often the reasons of a quality assessment are right, on prints whose fault is known.

    python benchmarks/quality_reasons.py [--fingers N]

Synthetic fingers that nothing was fitted to, each touched once without fault and once with each
fault: dry, wet, small, off the middle (four sides), out of focus, slid, beside somebody else's
old print, faint or strong. For each fault: how often its reason is named, and how often that reason
is named where another fault was made or none. Faults go together in life (a finger half off the
glass is small too), so the second figure is no error by itself.
"""

from __future__ import annotations

import argparse
from collections import defaultdict

import cv2
import numpy as np

from ektp_hw.fingerprint import QualityReason, assess_quality
from ektp_hw.synthetic import SyntheticFinger

FIRST_FINGER = 8000
GOOD = {
    "moisture": 0.0, "pressure": 0.7, "noise": 0.2, "blur": 0.7, "contrast": 0.9,
    "shift_x": 0.0, "shift_y": 0.0, "part_x": 0.0, "part_y": 0.0,
}  # fmt: skip
TOUCHES = {
    "dry": (QualityReason.TOO_DRY, {"moisture": (-1.0, -0.8)}),
    "wet": (QualityReason.TOO_WET, {"moisture": (0.8, 1.0)}),
    "left": (QualityReason.OFF_CENTRE, {"shift_x": (-150.0, -110.0)}),
    "right": (QualityReason.OFF_CENTRE, {"shift_x": (110.0, 150.0)}),
    "high": (QualityReason.OFF_CENTRE, {"shift_y": (-170.0, -120.0)}),
    "low": (QualityReason.OFF_CENTRE, {"shift_y": (120.0, 170.0)}),
    "out of focus": (QualityReason.BLURRED, {"blur": (2.8, 4.0)}),
}
"""Touch -> the reason that should be named, and the range of what is done."""


def tip_of(pixels, radius_mm, rng):
    """Keep a soft-edged disc in the middle, as where only the very tip is laid down."""
    rows, columns = np.indices(pixels.shape)
    ground = float(np.percentile(pixels, 98))
    apart = np.hypot(rows - pixels.shape[0] / 2, columns - pixels.shape[1] / 2) / 500 * 25.4
    rim = cv2.GaussianBlur(rng.standard_normal(pixels.shape), (0, 0), 5) * 2.0
    share = np.clip((radius_mm + rim - apart) / 0.4, 0, 1)
    return np.rint(ground + share * (pixels - ground)).astype(np.uint8)


def pictures(seed):
    """Yield (touch, reason expected, pixels) for one finger."""
    finger, rng = SyntheticFinger(seed), np.random.default_rng(seed)

    def touch(number, **knobs):
        return finger.impression(number, carelessness=0.7, **(GOOD | knobs)).image.pixels

    good = touch(0)
    yield "good", None, good
    for number, (name, (reason, ranges)) in enumerate(TOUCHES.items(), 1):
        done = {key: rng.uniform(*ends) for key, ends in ranges.items()}
        yield name, reason, touch(number, **done)
    yield "small", QualityReason.TOO_SMALL, tip_of(good, rng.uniform(4.0, 5.5), rng)
    length = int(rng.integers(17, 27))
    slide = np.zeros((length, length), np.float32)
    angle = rng.uniform(0, np.pi)
    middle, reach = length // 2, (length // 2) * np.array([np.cos(angle), np.sin(angle)])
    ends = [tuple(round(middle + sign * each) for each in reach) for sign in (-1, 1)]
    cv2.line(slide, *ends, 1.0)
    yield "slid", QualityReason.BLURRED, cv2.filter2D(good, -1, slide / slide.sum())
    other = SyntheticFinger(seed + 100_000).impression(0, carelessness=0.7, **GOOD).image.pixels
    fresh, aside = touch(20, pressure=0.0), np.roll(other, int(rng.integers(170, 210)), 1)
    for name, ends in {"faint old": (0.12, 0.2), "strong old": (0.25, 0.4)}.items():
        left_behind = 250 - rng.uniform(*ends) * (250.0 - aside)
        yield (
            name,
            QualityReason.DIRTY,
            np.minimum(fresh, left_behind.clip(0, 255)).astype(np.uint8),
        )


def reasons(fingers):
    named = defaultdict(lambda: defaultdict(int))
    expected = {}
    for seed in range(FIRST_FINGER, FIRST_FINGER + fingers):
        for touch, reason, pixels in pictures(seed):
            expected[touch] = reason
            for each in assess_quality(pixels).reasons:
                named[touch][each] += 1
    print(f"{'touch':14}{'reason':12}named  elsewhere    also named, % of {fingers} fingers")
    for touch, reason in expected.items():
        also = ", ".join(
            f"{each.name.lower()} {100 * count / fingers:.0f}"
            for each, count in sorted(named[touch].items(), key=lambda item: -item[1])
            if each is not reason and count
        )
        if reason is None:
            print(f"{touch:14}{'-':30}{also or 'nothing'}")
            continue
        others = [other for other in expected if expected[other] is not reason]
        elsewhere = sum(named[other][reason] for other in others) / len(others) / fingers
        share = named[touch][reason] / fingers
        print(f"{touch:14}{reason.name.lower():12}{share:5.0%}{elsewhere:11.1%}    {also}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--fingers", type=int, default=40)
    arguments = parser.parse_args()
    cv2.setNumThreads(1)
    reasons(arguments.fingers)


if __name__ == "__main__":
    main()
