# SPDX-License-Identifier: Apache-2.0
"""What all measurements of ``ektp-hw bench`` share: options, prints to measure with, the answer."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ektp_hw.cli import console

if TYPE_CHECKING:
    from ektp_hw.samples import FingerprintImage
    from ektp_hw.templates import FingerprintTemplate

__all__ = [
    "counts_of",
    "images_option",
    "json_option",
    "pictures_of",
    "print_measurement",
    "prints_named",
    "seconds_option",
    "templates_of",
]

PRINTS = 24
"""Synthetic prints measured with; larger galleries repeat their templates."""


json_option = click.option("--json", "as_json", is_flag=True, help="Print only JSON.")
seconds_option = click.option(
    "--seconds",
    type=click.FloatRange(0.05, 600),
    default=3.0,
    show_default=True,
    help="How long to measure, in five rounds.",
)
images_option = click.option(
    "--images",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="Measure with the pictures of this folder instead of synthetic prints.",
)


def pictures_of(images: Path | None) -> list[FingerprintImage]:
    """Return the pictures of a folder, or drawn ones of people who do not exist."""
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


def templates_of(images: Path | None) -> list[FingerprintTemplate]:
    """Return what is extracted from `pictures_of`."""
    from ektp_hw import fingerprint

    return [fingerprint.extract(picture) for picture in pictures_of(images)]


def counts_of(templates: list[FingerprintTemplate]) -> dict[str, Any]:
    """Say how many minutiae the templates have, which their speed depends on."""
    import statistics

    counts = [len(template) for template in templates]
    return {
        "templates": len(templates),
        "minutiae_median": statistics.median(counts),
        "minutiae_min": min(counts),
        "minutiae_max": max(counts),
    }


def prints_named(images: Path | None) -> str:
    """Say whose prints were measured with."""
    return str(images) if images else "synthetic"


def print_measurement(
    what: str,
    rate: float,
    unit: str,
    as_json: bool,
    *,
    gallery: int | None,
    threads: int = 1,
    **depends_on: object,
) -> None:
    """Print a rate and everything that it depends on, as JSON or as a table."""
    from ektp_hw.cli.machine import describe

    answer: dict[str, Any] = {
        "bench": what,
        "rate": rate,
        "unit": unit,
        "gallery": gallery,
        **depends_on,
        **describe(),
        "threads": threads,
    }
    if as_json:
        console.print_json(answer)
        return
    rows = [[key, value] for key, value in answer.items() if value is not None]
    console.table(f"{what}: {rate:,.0f} {unit}", ["what", "value"], rows)
