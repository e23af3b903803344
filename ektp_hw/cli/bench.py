# SPDX-License-Identifier: Apache-2.0
"""``ektp-hw bench``: how fast this machine extracts, compares and searches."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ektp_hw.cli import console

if TYPE_CHECKING:
    from collections.abc import Callable

    from ektp_hw.samples import FingerprintImage
    from ektp_hw.templates import FingerprintTemplate

__all__ = ["bench"]

PRINTS = 24
"""Synthetic prints measured with; larger galleries repeat their templates."""


def _options(command: Callable[..., None]) -> Callable[..., None]:
    """Give a measurement the options that all of them have."""
    for option in (
        click.option("--json", "as_json", is_flag=True, help="Print only JSON."),
        click.option(
            "--seconds",
            type=click.FloatRange(0.05, 600),
            default=3.0,
            show_default=True,
            help="How long to measure, in five rounds.",
        ),
        click.option(
            "--images",
            type=click.Path(path_type=Path, exists=True, file_okay=False),
            help="Measure with the pictures of this folder instead of synthetic prints.",
        ),
    ):
        command = option(command)
    return command


@click.group()
def bench() -> None:
    """Measure rates on this machine: one thread, warm-up not counted, median of five rounds.

    The numbers depend on the prints; measure with your own by --images DIR.

    \b
    Examples:
      ektp-hw bench compare --json
      EKTP_HW_ISA=scalar ektp-hw bench search --gallery 10000
    \b
    Exit codes: 0 done, 2 usage or input error.
    """


@bench.command()
@click.option("--method", default=None, help="Road of extraction; by default the best there is.")
@_options
def extract(images: Path | None, seconds: float, as_json: bool, method: str | None) -> None:
    """Pictures turned into templates, images/s (reading files not counted).

    \b
    Example:
      ektp-hw bench extract --images fvc2002/DB1_B --method learned
    """
    from ektp_hw import fingerprint
    from ektp_hw.cli.machine import steady_rate

    pictures = _pictures(images)

    def work() -> int:
        for picture in pictures:
            fingerprint.extract(picture, method=method)
        return len(pictures)

    rate = steady_rate(work, seconds)
    sizes = sorted({f"{each.width} x {each.height}" for each in pictures})
    about = {"method": method or fingerprint.extractors()[0], "picture_sizes": sizes}
    _print("extract", rate, "images/s", as_json, images, gallery=None, **about)


@bench.command()
@_options
def compare(images: Path | None, seconds: float, as_json: bool) -> None:
    """Comparisons of one prepared probe with prepared references, comparisons/s.

    \b
    Example:
      ektp-hw bench compare --json
    """
    from ektp_hw.cli.machine import steady_rate
    from ektp_hw.fingerprint import comparison

    templates = _templates(images)
    prepared = [comparison.prepare(template) for template in templates]

    def work() -> int:
        for at, probe in enumerate(prepared):
            comparison.compare_many(probe, prepared[:at] + prepared[at + 1 :])
        return len(prepared) * (len(prepared) - 1)

    rate = steady_rate(work, seconds)
    _print(
        "compare",
        rate,
        "comparisons/s",
        as_json,
        images,
        gallery=None,
        references_a_call=len(prepared) - 1,
        **_counts(templates),
    )


@bench.command()
@click.option(
    "--gallery",
    "size",
    type=click.IntRange(1, 1_000_000),
    default=1000,
    show_default=True,
    help="Enrolled fingers; the prints at hand are repeated up to this number.",
)
@_options
def search(size: int, images: Path | None, seconds: float, as_json: bool) -> None:
    """One finger searched among N enrolled ones, fingers/s = N over the time of one search.

    The probe is prepared and every enrolled finger compared in each search; reading the gallery
    from disk is part of the warm-up.

    \b
    Example:
      ektp-hw bench search --gallery 10000 --json
    """
    from ektp_hw.cli.machine import steady_rate
    from ektp_hw.gallery import Gallery, Person
    from ektp_hw.samples import FingerPosition

    templates = _templates(images)
    people = [
        Person(str(at), {FingerPosition.RIGHT_INDEX: templates[at % len(templates)]})
        for at in range(size)
    ]
    probes = [Person("probe", {FingerPosition.RIGHT_INDEX: template}) for template in templates]
    turn = 0
    with (
        tempfile.TemporaryDirectory(prefix="ektp-hw-bench-") as folder,
        Gallery.open(Path(folder) / "gallery") as gallery,
    ):
        gallery.enrol_all(people)

        def work() -> int:
            nonlocal turn
            gallery.search(probes[turn % len(probes)])
            turn += 1
            return size

        rate = steady_rate(work, seconds)
    _print(
        "search",
        rate,
        "fingers/s",
        as_json,
        images,
        gallery=size,
        distinct_fingers=min(size, len(templates)),
        search_ms=1000 * size / rate,
        **_counts(templates),
    )


def _pictures(images: Path | None) -> list[FingerprintImage]:
    from ektp_hw.cli.machine import single_threaded

    single_threaded()
    if images:
        from ektp_hw.evaluation.protocol import samples_in
        from ektp_hw.records.picture import PICTURE_SUFFIXES, read_fingerprint_image

        return [read_fingerprint_image(path) for path in samples_in(images, PICTURE_SUFFIXES)]
    from ektp_hw.samples import FingerPosition
    from ektp_hw.synthetic import SyntheticPerson

    with console.progress("drawing synthetic prints", PRINTS) as advance:
        pictures = []
        for seed in range(PRINTS):
            finger = SyntheticPerson(seed).finger(FingerPosition.RIGHT_INDEX)
            pictures.append(finger.impression(0).image)
            advance()
    return pictures


def _templates(images: Path | None) -> list[FingerprintTemplate]:
    from ektp_hw import fingerprint

    return [fingerprint.extract(picture) for picture in _pictures(images)]


def _counts(templates: list[FingerprintTemplate]) -> dict[str, Any]:
    import statistics

    counts = [len(template) for template in templates]
    return {
        "templates": len(templates),
        "minutiae_median": statistics.median(counts),
        "minutiae_min": min(counts),
        "minutiae_max": max(counts),
    }


def _print(
    what: str,
    rate: float,
    unit: str,
    as_json: bool,
    images: Path | None,
    *,
    gallery: int | None,
    **depends_on: object,
) -> None:
    from ektp_hw.cli.machine import describe

    answer: dict[str, Any] = {
        "bench": what,
        "rate": rate,
        "unit": unit,
        "gallery": gallery,
        "prints": str(images) if images else "synthetic",
        **depends_on,
        **describe(),
    }
    if as_json:
        console.print_json(answer)
        return
    rows = [[key, value] for key, value in answer.items() if value is not None]
    console.table(f"{what}: {rate:,.0f} {unit}", ["what", "value"], rows)
