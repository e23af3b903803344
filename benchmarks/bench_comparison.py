# SPDX-License-Identifier: Apache-2.0
"""Comparing fingerprints: preparing a template, one pair, one probe against many."""

import numpy as np
import pytest

from ektp_hw.fingerprint.comparison import compare, compare_many, prepare
from ektp_hw.templates import FingerprintTemplate

_SIDE = 400


@pytest.fixture(scope="module")
def templates():
    """A thousand strangers of 40 minutiae; strangers are what a search meets."""
    random = np.random.default_rng(1)
    return [
        FingerprintTemplate.from_minutiae(
            random.uniform(50, 350, 40),
            random.uniform(50, 350, 40),
            random.uniform(0, 2 * np.pi, 40),
            width=_SIDE,
            height=_SIDE,
        )
        for _ in range(1000)
    ]


@pytest.fixture(scope="module")
def prepared(templates):
    return [prepare(template) for template in templates]


def bench_prepare(benchmark, templates):
    benchmark(prepare, templates[0])


def bench_compare(benchmark, prepared):
    benchmark(compare, prepared[0], prepared[1])


def bench_compare_many(benchmark, prepared):
    benchmark.extra_info["comparisons"] = len(prepared)
    benchmark(compare_many, prepared[0], prepared)
