# SPDX-License-Identifier: Apache-2.0
"""``ektp-hw quality``: is a print good enough, and what would make it better."""

from __future__ import annotations

from pathlib import Path

import click

from ektp_hw.cli import console
from ektp_hw.cli.prints import ppi_option

__all__ = ["GOOD_ENOUGH", "quality"]

GOOD_ENOUGH = 40
"""Score below which another try is worth the citizen's time."""


@click.command()
@click.argument(
    "files", nargs=-1, required=True, type=click.Path(path_type=Path, exists=True, dir_okay=False)
)
@ppi_option
@click.option(
    "--threshold",
    type=click.IntRange(0, 100),
    default=GOOD_ENOUGH,
    show_default=True,
    help="Score from which a print is good enough.",
)
@click.option("--json", "as_json", is_flag=True, help="Print only JSON.")
def quality(files: tuple[Path, ...], ppi: float | None, threshold: int, as_json: bool) -> int:
    """Say how good pictures of prints are for comparison, and what to do about bad ones.

    The score goes from 0 (cannot be compared) to 100 (as good as a print gets). It predicts how
    surely the print will be recognised as its finger's; it is our own and no NFIQ value. A picture
    without a finger scores 0; it is a result, not an error.

    \b
    Example:
      ektp-hw quality prints/*.png
    \b
    Exit codes: 0 every print reaches the threshold, 1 one does not, 2 a file cannot be read.
    """
    from ektp_hw import fingerprint
    from ektp_hw.records.picture import read_fingerprint_image

    found = []
    with console.progress("assessing", len(files)) as advance:
        for path in files:
            assessed = fingerprint.assess_quality(read_fingerprint_image(path, ppi=ppi))
            found.append((path, assessed))
            advance()
    if as_json:
        console.print_json(
            [
                {
                    "file": str(path),
                    "score": each.score,
                    "good_enough": each.score >= threshold,
                    "reasons": [
                        {"name": reason.name.lower(), "advice": reason.value}
                        for reason in each.reasons
                    ],
                    "measures": {name: round(value, 4) for name, value in each.measures.items()},
                }
                for path, each in found
            ]
        )
    else:
        for path, each in found:
            advice = "; ".join(reason.value for reason in each.reasons)
            console.say(f"{path}: {each.score}{f' ({advice})' if advice else ''}")
    return 0 if all(each.score >= threshold for _, each in found) else 1
