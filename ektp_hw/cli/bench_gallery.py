# SPDX-License-Identifier: Apache-2.0
"""``ektp-hw bench scan|search|dedup``: how fast this machine looks through many fingers."""

from __future__ import annotations

import os
import statistics
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ektp_hw.cli import console
from ektp_hw.cli.bench_people import People, enrol, people_at
from ektp_hw.cli.measurement import (
    counts_of,
    images_option,
    json_option,
    print_measurement,
    prints_named,
    seconds_option,
    templates_of,
)

if TYPE_CHECKING:
    import numpy.typing as npt

    from ektp_hw.gallery import Candidate, Gallery

__all__ = ["dedup", "scan", "search"]

_MOST_PAIRED = 20_000
"""Codes that meet each other in one go: 0.4 thousand million pairs."""
_FAR_FEWER = 180
"""Bits within which a pair of random codes lies once in 10^11 times."""

_gallery_option = click.option(
    "--gallery",
    "size",
    type=click.IntRange(1, 100_000_000),
    default=1000,
    show_default=True,
    help="Enrolled people.",
)
_fingers_option = click.option(
    "--fingers",
    type=click.IntRange(1, 10),
    default=1,
    show_default=True,
    help="Of each of them, the right index finger first, then the left.",
)
_at_option = click.option(
    "--at",
    "folder",
    type=click.Path(path_type=Path, file_okay=False),
    help="Keep the gallery in this folder; the next time it is only opened.",
)


@click.command()
@click.option(
    "--gallery",
    "size",
    type=click.IntRange(1, 100_000_000),
    default=1_000_000,
    show_default=True,
    help="Codes, 64 bytes each.",
)
@click.option(
    "--keep", type=click.IntRange(1), default=1000, show_default=True, help="Nearest codes kept."
)
@seconds_option
@json_option
def scan(size: int, keep: int, seconds: float, as_json: bool) -> None:
    """Codes of 512 bits by distance, codes/s; and all pairs of them, pairs/s.

    ``rate`` writes the distance of one code to each of N; ``nearest_rate`` finds those to be kept
    in the same pass; ``pairs_rate`` lists the near ones among all pairs. The codes are random: how
    fast they are scanned depends only on how many turn out to be near.

    \b
    Example:
      ektp-hw bench scan --gallery 1000000 --json
    """
    import numpy as np

    from ektp_hw import native
    from ektp_hw.cli.machine import steady_rate

    codes = np.random.default_rng(1).integers(
        0, 2**64, (size, native.CODE_WORDS), np.uint64, endpoint=False
    )
    distances = np.empty(size, np.uint16)
    turn = 0

    def probe() -> npt.NDArray[np.uint64]:
        nonlocal turn
        turn = (turn + 1) % size
        chosen: npt.NDArray[np.uint64] = codes[turn]
        return chosen

    def scanned() -> int:
        native.scan(probe(), codes, distances)
        return size

    def kept() -> int:
        native.scan_nearest(probe(), codes, keep)
        return size

    some = codes[:_MOST_PAIRED]

    def paired() -> int:
        native.scan_pairs(some, some, _FAR_FEWER)
        return len(some) ** 2

    rate = steady_rate(scanned, seconds / 3)
    print_measurement(
        "scan",
        rate,
        "codes/s",
        as_json,
        gallery=size,
        code_bytes=8 * native.CODE_WORDS,
        bytes_per_second=8 * native.CODE_WORDS * rate,
        nearest_rate=steady_rate(kept, seconds / 3),
        nearest_kept=min(keep, size),
        pairs_rate=steady_rate(paired, seconds / 3),
        pairs_unit="pairs/s",
        pairs_codes=len(some),
    )


@click.command()
@_gallery_option
@_fingers_option
@click.option(
    "--exact",
    type=click.IntRange(0),
    default=3,
    show_default=True,
    help="Probes that are also searched for on the exact road, where everybody is compared.",
)
@_at_option
@images_option
@seconds_option
@json_option
def search(
    size: int,
    fingers: int,
    exact: int,
    folder: Path | None,
    images: Path | None,
    seconds: float,
    as_json: bool,
) -> None:
    """One person searched among N enrolled ones, fingers/s = all fingers over the time of a search.

    The probe is prepared in each search; reading the gallery from disk is part of the warm-up. The
    people are synthetic, and probes are other touches of enrolled fingers; with --images DIR the
    prints there are repeated up to N. ``first`` is how often the right person came first.

    \b
    Examples:
      ektp-hw bench search --gallery 10000 --json
      ektp-hw bench search --gallery 1000000 --at million --json
    """
    from ektp_hw.cli.machine import steady_rate

    templates = templates_of(images) if images else []
    people = People(size, fingers, templates)
    with people_at(folder) as gallery:
        enrol(gallery, people)
        probes = [people.probe(at) for at in range(min(size, 100))]
        before = _resident()
        answers: dict[int, list[Candidate]] = {}
        turn = 0

        def work() -> int:
            nonlocal turn
            at = turn % len(probes)
            answers[at] = gallery.search(probes[at])
            turn += 1
            return size * fingers

        rate = steady_rate(work, seconds)
        resident = _resident() - before
        right = [bool(found) and found[0].id == people.name(at) for at, found in answers.items()]
        depends_on = {
            "search_ms": 1000 * size * fingers / rate,
            "first": None if images else statistics.mean(right),
            "searches": turn,
            "resident_bytes_a_finger": resident / (size * fingers),
            **_exact_road(gallery, people, probes[:exact]),
        }
    print_measurement(
        "search",
        rate,
        "fingers/s",
        as_json,
        gallery=size,
        fingers=fingers,
        prints=prints_named(images),
        **depends_on,
        **counts_of(templates or [each for probe in probes for each in probe.fingers.values()]),
    )


def _exact_road(gallery: Gallery, people: People, probes: list[Any]) -> dict[str, Any]:
    """Return how the search that compares everybody does."""
    if not probes:
        return {}
    times, right = [], []
    for at, probe in enumerate(probes):
        begun = time.perf_counter()
        found = gallery.search(probe, exact=True)
        times.append(time.perf_counter() - begun)
        right.append(bool(found) and found[0].id == people.name(at))
    return {
        "exact_search_ms": 1000 * statistics.median(times),
        "exact_first": statistics.mean(right),
    }


def _resident() -> int:
    """Return the bytes of memory that this process holds, mapped files that were read included."""
    try:
        status = Path("/proc/self/status").read_text(encoding="ascii")
    except OSError:
        return 0
    (line,) = (line for line in status.splitlines() if line.startswith("VmRSS:"))
    return 1024 * int(line.split()[1])


@click.command()
@_gallery_option
@_fingers_option
@click.option(
    "--duplicates",
    type=click.IntRange(0),
    help="Of them, how many are another enrolment of one before; one in a hundred unless given.",
)
@_at_option
@json_option
def dedup(
    size: int, fingers: int, duplicates: int | None, folder: Path | None, as_json: bool
) -> None:
    """Everybody against everybody, pairs of people/s; one run.

    The people are synthetic; a duplicate is another touch of the same fingers. ``found`` is the
    share of the duplicates found, ``false_pairs`` what was reported besides.

    \b
    Example:
      ektp-hw bench dedup --gallery 2000 --fingers 2 --json
    """
    again = size // 100 if duplicates is None else min(duplicates, size // 2)
    people = People(size, fingers, again=again)
    with people_at(folder) as gallery:
        enrol(gallery, people)
        gallery.search(people.probe(0))  # the warm-up: everybody is read from disk
        # Through a sieve all cores look for duplicates; in a small gallery one compares everybody.
        small = size * fingers <= gallery.cascade.everybody
        threads = 1 if small else os.cpu_count() or 1
        pairs = size * (size - 1) // 2
        with console.progress("comparing everybody with everybody", pairs) as advance:
            begun = time.perf_counter()
            work = gallery.deduplicate(progress=console.since_last(advance))
            reported = {frozenset({pair.a, pair.b}) for pair in work}
            spent = time.perf_counter() - begun
    planted = people.planted()
    print_measurement(
        "dedup",
        pairs / spent,
        "pairs/s",
        as_json,
        gallery=size,
        threads=threads,
        fingers=fingers,
        prints="synthetic",
        seconds=spent,
        threshold=work.threshold,
        duplicates=len(planted),
        found=len(planted & reported) / len(planted) if planted else None,
        false_pairs=len(reported - planted),
        false_pairs_a_person=len(reported - planted) / size,
    )
