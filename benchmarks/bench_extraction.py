# SPDX-License-Identifier: Apache-2.0
"""Extracting a fingerprint: the whole road, and each of its costly steps alone."""

import cv2
import numpy as np
import pytest

from ektp_hw.fingerprint import extract
from ektp_hw.fingerprint.enhancement import drafted, enhanced
from ektp_hw.fingerprint.frequency import ridge_frequency
from ektp_hw.fingerprint.orientation import orientation_field, structure_tensor
from ektp_hw.fingerprint.skeleton import cleaned, ends_and_forks
from ektp_hw.fingerprint.thinning import binary, thinned


@pytest.fixture(scope="module", autouse=True)
def _one_thread():
    before = cv2.getNumThreads()
    cv2.setNumThreads(1)
    yield
    cv2.setNumThreads(before)


@pytest.fixture(scope="module")
def picture():
    """Return 388 x 374 pixels, the size of FVC2002 DB1: an oval of rings with 24 dislocations."""
    y, x = np.mgrid[:374, :388].astype(np.float64)
    phase = 2 * np.pi * np.hypot(y - 200, x - 190) / 9
    for at_y, at_x in np.random.default_rng(1).uniform(60, 320, (24, 2)):
        phase += np.arctan2(y - at_y, x - at_x)
    oval = np.hypot((y - 187) / 175, (x - 194) / 130) < 1
    return np.rint(np.where(oval, 128 - 90 * np.cos(phase), 218)).astype(np.uint8)


@pytest.fixture(scope="module")
def steps(picture):
    """Return what every step of the extraction made of the picture."""
    made = {}
    extract(picture, trace=made.__setitem__)
    made["field"] = orientation_field(structure_tensor(made["normalised"]))
    return made


def bench_extract(benchmark, picture):
    benchmark.extra_info["minutiae"] = len(benchmark(extract, picture))


def bench_ridge_frequency(benchmark, steps):
    benchmark(ridge_frequency, steps["normalised"], steps["field"], steps["foreground"])


@pytest.mark.parametrize("step", [drafted, enhanced])
def bench_enhancement(benchmark, steps, step):
    benchmark(step, steps["normalised"], steps["field"], steps["frequency"], steps["foreground"])


def bench_binary(benchmark, steps):
    benchmark(binary, steps["enhanced"], steps["clear-foreground"])


def bench_thinned(benchmark, steps):
    benchmark(thinned, steps["binary"])


def bench_cleaned(benchmark, steps):
    benchmark(cleaned, steps["skeleton"], steps["field"])


def bench_ends_and_forks(benchmark, steps):
    benchmark(ends_and_forks, steps["clean-skeleton"])
