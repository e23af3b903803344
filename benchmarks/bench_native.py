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
