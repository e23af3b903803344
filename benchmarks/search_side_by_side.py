# SPDX-License-Identifier: Apache-2.0
"""The nearest of many codes: our scan beside NumPy alone, faiss and usearch, in one run.

    python benchmarks/search_side_by_side.py [--codes 1000000] [--keep 100] [--json FILE]

One thread searches, one probe at a time, the same codes for all of them. ``found`` is the share of
the truly nearest that a contender finds, ``mates`` how often the probe's own finger is among them,
``build`` what an index costs before the first search. The peers are those of the extra ``peers``;
one that is not installed is left out, and said so. Our scan runs on each instruction set, or on the
one of ``EKTP_HW_ISA``.
"""

import argparse
import json
import os
import statistics
import time
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np

from ektp_hw import native

BITS = native.CODE_BITS
GRAPH_DEGREE = 16
"""Neighbours that the graph indexes (HNSW) keep of each code, the default of both libraries."""


def strangers_and_mates(count, probes, wrong):
    """Codes of 512 even bits, and for the first of them a probe of which a share is wrong."""
    random = np.random.default_rng(1)
    codes = random.integers(0, 2**64, (count, native.CODE_WORDS), np.uint64, endpoint=False)
    spoilt = np.packbits(random.random((probes, BITS)) < wrong, axis=1).view(np.uint64)
    return codes, codes[:probes] ^ spoilt


def bytes_of(codes):
    return codes.view(np.uint8).reshape(-1, BITS // 8)


def ours(isa, codes, keep):
    native.use_isa(isa)
    return lambda probe: native.scan_nearest(probe, codes, keep)[0]


def numpy_alone(codes, keep):
    """Bits counted by NumPy 2, or by a table of bytes before."""
    if hasattr(np, "bitwise_count"):

        def distances(probe):
            return np.bitwise_count(codes ^ probe).sum(axis=1, dtype=np.uint16)
    else:
        table = np.array([value.bit_count() for value in range(256)], np.uint8)

        def distances(probe):
            return table[bytes_of(codes ^ probe)].sum(axis=1, dtype=np.uint16)

    return lambda probe: np.argpartition(distances(probe), keep - 1)[:keep]


def faiss_flat(codes, keep):
    import faiss

    faiss.omp_set_num_threads(1)
    index = faiss.IndexBinaryFlat(BITS)
    index.add(bytes_of(codes))
    return lambda probe: index.search(bytes_of(probe), keep)[1][0]


def faiss_graph(codes, keep):
    import faiss

    faiss.omp_set_num_threads(os.cpu_count())
    index = faiss.IndexBinaryHNSW(BITS, GRAPH_DEGREE)
    index.add(bytes_of(codes))
    faiss.omp_set_num_threads(1)
    index.hnsw.efSearch = 2 * keep
    return lambda probe: index.search(bytes_of(probe), keep)[1][0]


def usearch_exact(codes, keep):
    from usearch.index import MetricKind, search

    rows = bytes_of(codes)
    return lambda probe: (
        search(rows, bytes_of(probe), keep, MetricKind.Hamming, exact=True, threads=1).keys
    )


def usearch_graph(codes, keep):
    from usearch.index import Index

    index = Index(
        ndim=BITS, metric="hamming", dtype="b1", connectivity=GRAPH_DEGREE,
        expansion_search=2 * keep,
    )  # fmt: skip
    index.add(np.arange(len(codes)), bytes_of(codes), threads=os.cpu_count())
    return lambda probe: index.search(bytes_of(probe)[0], keep, threads=1).keys


def contenders(codes, keep, graph_of):
    """Yield name, what makes its search, and over how many codes."""
    forced = os.environ.get("EKTP_HW_ISA")
    isas = [native.isa()] if forced else native.available_isas()[::-1]
    for isa in isas:
        yield f"ours, {isa.name.lower()}", lambda isa=isa: ours(isa, codes, keep), len(codes)
    for name, make in (
        ("NumPy alone", numpy_alone),
        ("faiss IndexBinaryFlat", faiss_flat),
        ("usearch exact", usearch_exact),
    ):
        yield name, lambda make=make: make(codes, keep), len(codes)
    for name, make in (("faiss IndexBinaryHNSW", faiss_graph), ("usearch HNSW", usearch_graph)):
        yield name, lambda make=make: make(codes[:graph_of], keep), graph_of


def searched(search, probes, seconds):
    """Return the rows found for each probe, and the median time of a search."""
    found = [np.asarray(search(probe), np.int64) for probe in probes]
    times = []
    while sum(times) < seconds:
        probe = probes[len(times) % len(probes)]
        begun = time.perf_counter()
        search(probe)
        times.append(time.perf_counter() - begun)
    return found, statistics.median(times)


def measured(make, codes, probes, keep, seconds):
    begun = time.perf_counter()
    search = make()
    build = time.perf_counter() - begun
    found, median = searched(search, probes, seconds)
    shares = []
    for rows, probe in zip(found, probes, strict=True):
        distances = native.scan(probe, codes)
        furthest = np.partition(distances, keep - 1)[keep - 1]
        shares.append(np.count_nonzero(distances[rows] <= furthest) / keep)
    mates = [row in rows for row, rows in enumerate(found)]
    return {
        "codes": len(codes),
        "search_ms": 1000 * median,
        "million_codes_per_s": len(codes) / median / 1e6,
        "build_s": build,
        "found": float(np.mean(shares)),
        "mates": float(np.mean(mates)),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--codes", type=int, default=1_000_000)
    parser.add_argument("--graph-codes", type=int, help="of these, how many the graphs index")
    parser.add_argument("--keep", type=int, default=100, help="how many are asked for")
    parser.add_argument("--probes", type=int, default=20)
    parser.add_argument("--wrong", type=float, default=0.25, help="share of a mate's bits")
    parser.add_argument("--seconds", type=float, default=2.0, help="for each contender")
    parser.add_argument("--json", type=Path, help="write the figures there as well")
    chosen = parser.parse_args()
    graph_of = chosen.graph_codes or chosen.codes
    codes, probes = strangers_and_mates(chosen.codes, chosen.probes, chosen.wrong)
    answer = {"keep": chosen.keep, "threads": 1, "rows": []}
    print(f"the {chosen.keep} nearest, 64-byte codes, one probe at a time, one thread")
    print(f"{'':24}{'codes':>10}{'ms':>10}{'M codes/s':>11}{'build s':>9}{'found':>7}{'mates':>7}")
    for name, make, count in contenders(codes, chosen.keep, graph_of):
        try:
            row = measured(make, codes[:count], probes, chosen.keep, chosen.seconds)
        except ModuleNotFoundError as missing:
            print(f"{name:24}left out: {missing.name} is not installed (extra peers)")
            continue
        answer["rows"].append({"name": name, **row})
        print(
            f"{name:24}{count:10,}{row['search_ms']:10.3f}{row['million_codes_per_s']:11.1f}"
            f"{row['build_s']:9.1f}{row['found']:7.3f}{row['mates']:7.2f}",
            flush=True,
        )
    for peer in ("numpy", "faiss-cpu", "usearch"):
        try:
            answer[peer] = version(peer)
        except PackageNotFoundError:
            answer[peer] = None
    if chosen.json:
        chosen.json.write_text(json.dumps(answer, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
