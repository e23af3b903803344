# SPDX-License-Identifier: Apache-2.0
"""``ektp-hw bench``: how fast this machine extracts, compares and searches."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from ektp_hw.cli import bench_gallery
from ektp_hw.cli.measurement import (
    counts_of,
    images_option,
    json_option,
    pictures_of,
    print_measurement,
    prints_named,
    seconds_option,
    templates_of,
)

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["bench"]


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
@images_option
@seconds_option
@json_option
def extract(images: Path | None, seconds: float, as_json: bool, method: str | None) -> None:
    """Pictures turned into templates, images/s (reading files not counted).

    \b
    Example:
      ektp-hw bench extract --images fvc2002/DB1_B --method learned
    """
    from ektp_hw import fingerprint
    from ektp_hw.cli.machine import steady_rate

    pictures = pictures_of(images)

    def work() -> int:
        for picture in pictures:
            fingerprint.extract(picture, method=method)
        return len(pictures)

    rate = steady_rate(work, seconds)
    sizes = sorted({f"{each.width} x {each.height}" for each in pictures})
    print_measurement(
        "extract",
        rate,
        "images/s",
        as_json,
        gallery=None,
        prints=prints_named(images),
        method=method or fingerprint.extractors()[0],
        picture_sizes=sizes,
    )


@bench.command()
@images_option
@seconds_option
@json_option
def compare(images: Path | None, seconds: float, as_json: bool) -> None:
    """Comparisons of one prepared probe with prepared references, comparisons/s.

    \b
    Example:
      ektp-hw bench compare --json
    """
    from ektp_hw.cli.machine import steady_rate
    from ektp_hw.fingerprint import comparison

    templates = templates_of(images)
    prepared = [comparison.prepare(template) for template in templates]

    def work() -> int:
        for at, probe in enumerate(prepared):
            comparison.compare_many(probe, prepared[:at] + prepared[at + 1 :])
        return len(prepared) * (len(prepared) - 1)

    rate = steady_rate(work, seconds)
    print_measurement(
        "compare",
        rate,
        "comparisons/s",
        as_json,
        gallery=None,
        prints=prints_named(images),
        references_a_call=len(prepared) - 1,
        **counts_of(templates),
    )


for command in (bench_gallery.scan, bench_gallery.search, bench_gallery.dedup):
    bench.add_command(command)
