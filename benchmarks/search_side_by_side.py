# SPDX-License-Identifier: Apache-2.0
"""The nearest of many codes: our scan beside NumPy alone, faiss and usearch, in one run.

    python benchmarks/search_side_by_side.py [--codes 1000000] [--keep 100] [--json FILE]
    python benchmarks/search_side_by_side.py --people 100000 --at FOLDER

With ``--people`` the codes are those of a gallery of synthetic fingers, one of each person (kept in
FOLDER, as ``ektp-hw bench search --at`` does), probes are other touches, and the gallery's whole
search and its exact road stand beside the scans. Otherwise codes are random, and a probe is one of
them with some bits wrong: the hardest there is for a graph, because all others are equally far.

One thread searches, one probe at a time, the same codes for all of them. ``found`` is the share of
the truly nearest that a contender finds, ``mates`` how often the probe's own finger is among them,
``build`` what an index costs before the first search. The peers are those of the extra ``peers``;
one that is not installed is left out, and said so. Our scan runs on each instruction set, or on the
one of ``EKTP_HW_ISA``.
"""

import argparse
import itertools
import json
import os
import statistics
import time
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np

from ektp_hw import native
from ektp_hw.cli.bench_people import People, enrol, people_at

BITS = native.CODE_BITS
BEST = native.isa()
GRAPH_DEGREE = 16
"""Neighbours that the graph indexes (HNSW) keep of each code, the default of both libraries."""


def strangers_and_mates(count, probes, wrong):
    """Codes of 512 even bits, and for the first of them a probe of which a share is wrong."""
    random = np.random.default_rng(1)
    codes = random.integers(0, 2**64, (count, native.CODE_WORDS), np.uint64, endpoint=False)
    spoilt = np.packbits(random.random((probes, BITS)) < wrong, axis=1).view(np.uint64)
    return codes, codes[:probes] ^ spoilt


def codes_of(gallery, people, probes):
    """Return the codes of everybody in the gallery, in order, and those of other touches."""
    from ektp_hw.fingerprint.finger_code import finger_codes

    codes = np.concatenate([np.array(segment.codes) for segment in gallery.segments()])
    touched = [people.probe(at).fingers[people.positions[0]] for at in range(probes)]
    return np.ascontiguousarray(codes), finger_codes(touched)


def whole_searches(gallery, people, probes, seconds):
    """Yield what `Gallery.search` does with the same people and probes, cascade and exact road."""
    roads = [("our search", {}), ("our exact road", {"exact": True})]
    touched = [people.probe(at) for at in range(probes)]
    for (name, options), isa in itertools.product(roads, isas()):
        native.use_isa(isa)
        gallery.search(touched[0], **options)  # the warm-up: everybody is read from disk
        first, times = {}, []
        while sum(times) < seconds or not times:
            at = len(times) % probes
            begun = time.perf_counter()
            found = gallery.search(touched[at], **options)
            times.append(time.perf_counter() - begun)
            first[at] = bool(found) and found[0].id == people.name(at)
        median = statistics.median(times)
        yield {
            "name": f"{name}, {isa.name.lower()}",
            "codes": people.size,
            "search_ms": 1000 * median,
            "million_codes_per_s": people.size / median / 1e6,
            "build_s": 0.0,
            "found": None,
            "mates": float(np.mean(list(first.values()))),
        }


def bytes_of(codes):
    return codes.view(np.uint8).reshape(-1, BITS // 8)


def isas():
    """The instruction set of ``EKTP_HW_ISA``, or all there are, the best first."""
    return [BEST] if os.environ.get("EKTP_HW_ISA") else native.available_isas()[::-1]


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
    for isa in isas():
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
    native.use_isa(BEST)
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


def told(answer, row):
    answer["rows"].append(row)
    found = "" if row["found"] is None else f"{row['found']:.3f}"
    print(
        f"{row['name']:24}{row['codes']:10,}{row['search_ms']:10.3f}"
        f"{row['million_codes_per_s']:11.3f}{row['build_s']:9.1f}{found:>7}{row['mates']:7.2f}",
        flush=True,
    )


def side_by_side(answer, chosen, codes, probes):
    graph_of = min(chosen.graph_codes or len(codes), len(codes))
    for name, make, count in contenders(codes, chosen.keep, graph_of):
        try:
            row = measured(make, codes[:count], probes, chosen.keep, chosen.seconds)
        except ModuleNotFoundError as missing:
            print(f"{name:24}left out: {missing.name} is not installed (extra peers)")
            continue
        told(answer, {"name": name, **row})


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--codes", type=int, default=1_000_000)
    parser.add_argument("--people", type=int, help="instead of random codes")
    parser.add_argument("--at", type=Path, help="folder of their gallery, to keep it")
    parser.add_argument("--graph-codes", type=int, help="of these, how many the graphs index")
    parser.add_argument("--keep", type=int, default=100, help="how many are asked for")
    parser.add_argument("--probes", type=int, default=20)
    parser.add_argument("--wrong", type=float, default=0.25, help="share of a mate's bits")
    parser.add_argument("--seconds", type=float, default=2.0, help="for each contender")
    parser.add_argument("--json", type=Path, help="write the figures there as well")
    chosen = parser.parse_args()
    answer = {"keep": chosen.keep, "threads": 1, "rows": []}
    print(f"the {chosen.keep} nearest, 64-byte codes, one probe at a time, one thread")
    print(f"{'':24}{'codes':>10}{'ms':>10}{'M codes/s':>11}{'build s':>9}{'found':>7}{'mates':>7}")
    if chosen.people:
        people = People(chosen.people, 1)
        with people_at(chosen.at) as gallery:
            enrol(gallery, people)
            side_by_side(answer, chosen, *codes_of(gallery, people, chosen.probes))
            for row in whole_searches(gallery, people, chosen.probes, chosen.seconds):
                told(answer, row)
    else:
        made = strangers_and_mates(chosen.codes, chosen.probes, chosen.wrong)
        side_by_side(answer, chosen, *made)
    for peer in ("numpy", "faiss-cpu", "usearch"):
        try:
            answer[peer] = version(peer)
        except PackageNotFoundError:
            answer[peer] = None
    if chosen.json:
        chosen.json.write_text(json.dumps(answer, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
