# SPDX-License-Identifier: Apache-2.0
"""``ektp-hw evaluate``: error rates on a folder of pictures."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import click

from ektp_hw.cli import console

__all__ = ["evaluate"]


@click.group()
def evaluate() -> None:
    """Measure error rates on folders of pictures.

    \b
    Example:
      ektp-hw evaluate fingerprint fvc2002/DB1_B --impostors all
    """


@evaluate.command()
@click.argument("folder", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option(
    "--impostors",
    type=click.Choice(["first", "all"]),
    default="first",
    show_default=True,
    help="Non-mated pairs: first sample of each finger against first of the others, or all.",
)
@click.option("--method", default=None, help="Road of extraction; by default the best there is.")
@click.option(
    "--plot",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write DET curve and score histogram into this PNG file, and into NAME-discard.png beside "
    "it how errors fall when the prints of worst quality are discarded.",
)
@click.option("--json", "as_json", is_flag=True, help="Print only JSON.")
def fingerprint(
    folder: Path,
    impostors: Literal["first", "all"],
    method: str | None,
    plot: Path | None,
    as_json: bool,
) -> None:
    """Compare every print in FOLDER with the others and print the error rates.

    A file's identity is its stem up to the last underscore: 101_3.tif is finger 101. EER is where
    false matches and false non-matches are equally frequent; FMR1000 is the share of mated pairs
    missed when one non-mated pair in 1000 may pass.

    \b
    Example:
      ektp-hw evaluate fingerprint fvc2002/DB1_B --impostors all --json
    \b
    Exit codes: 0 done, 2 the folder has no pictures or too few of them.
    """
    from ektp_hw.evaluation import evaluate_fingerprints

    with console.progress("extracting and comparing") as advance:
        report = evaluate_fingerprints(
            folder, impostors, method, progress=console.since_last(advance)
        )
    if plot:
        from ektp_hw.evaluation.discard import discard_of_prints
        from ektp_hw.evaluation.plots import write_discard_plot, write_plots

        write_plots(report, plot)
        beside = plot.with_name(f"{plot.stem}-discard{plot.suffix}")
        write_discard_plot(discard_of_prints(folder, report), beside)
    figures = report.to_json()
    if as_json:
        failed = [{"file": name, "reason": reason} for name, reason in report.failed]
        console.print_json({**figures, "failed": failed})
        return
    shown = [[name, _shown(name, value)] for name, value in figures.items()]
    console.table(f"Fingerprints in {folder}, non-mated pairs: {impostors}", _COLUMNS, shown)
    for name, reason in report.failed:
        console.say(f"{name} gave no template: {reason}")


_COLUMNS = ("figure", "value")
_RATES = {"eer", "fmr100", "fmr1000", "fmr10000", "zero_fmr"}


def _shown(name: str, value: float) -> str:
    """Return a rate in percent, a time with two decimals, a count as it is."""
    if name in _RATES:
        return f"{100 * value:.2f} %"
    return f"{value:.2f}" if isinstance(value, float) else str(value)
