# SPDX-License-Identifier: Apache-2.0
"""The native kernels, one benchmark each and for each instruction set."""

import numpy as np
import pytest

from ektp_hw import native


@pytest.fixture(params=native.available_isas(), ids=lambda isa: isa.name.lower())
def isa(request):
    before = native.isa()
    native.use_isa(request.param)
    yield request.param
    native.use_isa(before)


@pytest.mark.parametrize("references", [40, 4000])
def bench_cylinders(benchmark, isa, references):
    """40 minutiae against one template (40), and against a hundred at once (4000)."""
    random = np.random.default_rng(1)
    masks = random.integers(0, 2**64, (references, 8), np.uint64, endpoint=False)
    codes = masks & random.integers(0, 2**64, (references, 8), np.uint64, endpoint=False)
    out = np.empty((40, references), np.uint8)
    benchmark.extra_info |= {"pairs": 40 * references, "isa": isa.name.lower()}
    benchmark(native.cylinders, codes[:40], masks[:40], codes, masks, 24, out)
    seconds = benchmark.stats.stats.min if benchmark.stats else 0.0
    benchmark.extra_info["ns_a_pair"] = seconds / (40 * references) * 1e9


def bench_filter_cells(benchmark, isa):
    """Filter 388 x 374 pixels, every cell by one of 32 filters of 150 taps (450 weights)."""
    random = np.random.default_rng(1)
    chosen = random.integers(0, 32, (94, 97), np.int32)
    picture = random.integers(-2560, 2560, (94 * 4 + 44, 97 * 4 + 48), np.int16)
    down, across = (random.integers(0, 44, 32 * 150, np.uint8) for _ in range(2))
    weights = random.integers(-5000, 5000, (32 * 150, 4, 2), np.int16)
    first = np.arange(0, 32 * 150 + 1, 150, dtype=np.uint32)
    benchmark.extra_info |= {"pixels": chosen.size * 16, "isa": isa.name.lower()}
    benchmark(native.filter_cells, picture, chosen, down, across, weights, first, 1e-6)
