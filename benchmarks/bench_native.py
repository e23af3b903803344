# SPDX-License-Identifier: Apache-2.0
"""The native kernels, one benchmark each and for each instruction set."""

import numpy as np
import pytest

from ektp_hw import native
from ektp_hw.fingerprint.comparison_parameters import AlignmentParameters, PairingParameters
from ektp_hw.fingerprint.preparation_tables import preparation_tables
from ektp_hw.fingerprint.prepared import prepare
from ektp_hw.templates import FingerprintTemplate, RidgeFlow


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


def codes_of(count):
    return np.random.default_rng(1).integers(0, 2**64, (count, 8), np.uint64, endpoint=False)


def bench_scan(benchmark, isa):
    """One code against a million: 64 MB, more than any cache holds."""
    codes, out = codes_of(1_000_000), np.empty(1_000_000, np.uint16)
    benchmark.extra_info |= {"codes": len(codes), "isa": isa.name.lower()}
    benchmark(native.scan, codes[0], codes, out)
    seconds = benchmark.stats.stats.min if benchmark.stats else 1.0
    benchmark.extra_info["million_codes_a_second"] = len(codes) / seconds / 1e6


@pytest.mark.parametrize("keep", [1000, 10_000])
def bench_scan_nearest(benchmark, isa, keep):
    """The nearest of a million, in one pass."""
    codes = codes_of(1_000_000)
    benchmark.extra_info |= {"codes": len(codes), "isa": isa.name.lower()}
    benchmark(native.scan_nearest, codes[0], codes, keep)
    seconds = benchmark.stats.stats.min if benchmark.stats else 1.0
    benchmark.extra_info["million_codes_a_second"] = len(codes) / seconds / 1e6


def bench_scan_pairs(benchmark, isa):
    """Every pair of 10 000 with 10 000 looked at, few of them near."""
    codes = codes_of(10_000)
    benchmark.extra_info |= {"pairs": len(codes) ** 2, "isa": isa.name.lower()}
    benchmark(native.scan_pairs, codes, codes, 180)
    seconds = benchmark.stats.stats.min if benchmark.stats else 1.0
    benchmark.extra_info["billion_pairs_a_second"] = len(codes) ** 2 / seconds / 1e9


def bench_glimpse(benchmark, isa):
    """Half of the codes of one sketch against 200 000 (128 MB), 24 minutiae against 32."""
    random = np.random.default_rng(1)
    codes = random.integers(0, 2**64, (200_000, 32, 2), np.uint64, endpoint=False)
    columns = random.integers(0, 256, (200_000, 3, 32), np.uint8)
    sketches = native.pack_sketches(codes, columns, np.full(200_000, 32, np.uint8))
    benchmark.extra_info |= {"fingers": len(sketches), "isa": isa.name.lower()}
    benchmark(native.glimpse, sketches[0], sketches, minutiae=24, reach=22)
    seconds = benchmark.stats.stats.min if benchmark.stats else 1.0
    benchmark.extra_info["million_fingers_a_second"] = len(sketches) / seconds / 1e6


def bench_sift(benchmark, isa):
    """A million pairs of 256 probes and 16 000 sketches (10 MB), as deduplication has them."""
    random = np.random.default_rng(1)
    codes = random.integers(0, 2**64, (16_000, 32, 2), np.uint64, endpoint=False)
    columns = random.integers(0, 256, (16_000, 3, 32), np.uint8)
    sketches = native.pack_sketches(codes, columns, np.full(16_000, 32, np.uint8))
    rows = np.arange(16_000, dtype=np.uint32)
    pairs = random.integers(0, (16_000, 256), (1_000_000, 2), np.uint32)
    limits = native.sift_parameters(minutiae=32, reach=20, least_at_first_sight=20, least_alike=60)
    parameters = native.sketch_parameters(reach=50, turn=12, place_first=12, place=7)
    benchmark.extra_info |= {"pairs": len(pairs), "isa": isa.name.lower()}
    benchmark(native.sift, sketches[:256], sketches, rows, pairs, limits, parameters)
    seconds = benchmark.stats.stats.min if benchmark.stats else 1.0
    benchmark.extra_info["million_pairs_a_second"] = len(pairs) / seconds / 1e6


@pytest.mark.parametrize("order", ["rising", "any"])
def bench_sketch(benchmark, isa, order):
    """One sketch against 20 000 of 200 000 (128 MB), as they lie and at random."""
    random = np.random.default_rng(1)
    codes = random.integers(0, 2**64, (200_000, 32, 2), np.uint64, endpoint=False)
    columns = random.integers(0, 256, (200_000, 3, 32), np.uint8)
    sketches = native.pack_sketches(codes, columns, np.full(200_000, 32, np.uint8))
    rows = random.permutation(200_000)[:20_000].astype(np.uint32)
    rows = np.sort(rows) if order == "rising" else rows
    parameters = native.sketch_parameters(reach=40, turn=12, place_first=8, place=5)
    benchmark.extra_info |= {"fingers": len(rows), "isa": isa.name.lower()}
    benchmark(native.sketch, sketches[0], sketches, parameters, rows)
    seconds = benchmark.stats.stats.min if benchmark.stats else 1.0
    benchmark.extra_info["million_fingers_a_second"] = len(rows) / seconds / 1e6


def impressions(minutiae, mates):
    """A hundred prints besides the first: of nobody, or of the same finger turned and disturbed."""
    random = np.random.default_rng(1)
    made = []
    for _ in range(101):
        if not made or not mates:
            x, y = random.uniform(-120, 120, (2, minutiae))
            direction = random.uniform(0, 2 * np.pi, minutiae)
        turn, noise = random.uniform(-0.5, 0.5), random.normal(0, 2, (2, minutiae))
        template = FingerprintTemplate.from_minutiae(
            np.cos(turn) * x + np.sin(turn) * y + noise[0] + 200,
            np.cos(turn) * y - np.sin(turn) * x + noise[1] + 200,
            direction + turn,
            width=400,
            height=400,
        )
        made.append(prepare(template).packed)
    return made


@pytest.mark.parametrize("mates", [False, True], ids=["strangers", "mates"])
@pytest.mark.parametrize("minutiae", [40, 80])
def bench_match(benchmark, isa, minutiae, mates):
    """One print against a hundred others."""
    probe, *references = impressions(minutiae, mates)
    parameters = native.match_parameters(AlignmentParameters(), PairingParameters())
    benchmark.extra_info |= {"comparisons": len(references), "isa": isa.name.lower()}
    benchmark(native.match, probe, references, parameters)
    seconds = benchmark.stats.stats.min if benchmark.stats else 0.0
    benchmark.extra_info["us_a_comparison"] = seconds / len(references) * 1e6


@pytest.mark.parametrize("minutiae", [20, 40, 80])
def bench_prepare(benchmark, isa, minutiae):
    """A thousand stored templates of a 288 x 384 picture with ridge flow made ready to compare."""
    random = np.random.default_rng(1)
    stored = [
        FingerprintTemplate.from_minutiae(
            random.uniform(20, 268, minutiae), random.uniform(20, 364, minutiae),
            random.uniform(0, 2 * np.pi, minutiae), reliability=random.random(minutiae),
            width=288, height=384,
            flow=RidgeFlow.from_fields(
                random.uniform(0, np.pi, (12, 9)), random.uniform(6, 12, (12, 9))
            ),
        ).to_bytes()
        for _ in range(1000)
    ]  # fmt: skip
    sizes = np.array([*map(len, stored)], np.uint64)
    joined = np.frombuffer(b"".join(stored), np.uint8)
    benchmark.extra_info |= {"templates": 1000, "isa": isa.name.lower()}
    benchmark(native.prepare, joined, np.cumsum(sizes) - sizes, sizes, preparation_tables())
    seconds = benchmark.stats.stats.min if benchmark.stats else 0.0
    benchmark.extra_info["us_a_template"] = seconds / 1000 * 1e6
