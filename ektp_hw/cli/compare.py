# SPDX-License-Identifier: Apache-2.0
"""``ektp-hw compare``: two prints, one score."""

from __future__ import annotations

from pathlib import Path

import click

from ektp_hw.cli import console
from ektp_hw.cli.prints import ppi_option, read_template

__all__ = ["MATCH_SCORE", "compare"]

MATCH_SCORE = 4.0
"""Score from which two prints count as one finger's: one pair of strangers in 10,000 gets there."""

_FILE = click.Path(path_type=Path, exists=True, dir_okay=False)


@click.command()
@click.argument("probe", type=_FILE)
@click.argument("reference", type=_FILE)
@ppi_option
@click.option(
    "--threshold",
    type=float,
    default=MATCH_SCORE,
    show_default=True,
    help="Score from which the answer is yes.",
)
@click.option("--json", "as_json", is_flag=True, help="Print only JSON.")
def compare(
    probe: Path, reference: Path, ppi: float | None, threshold: float, as_json: bool
) -> int:
    """Compare two prints and say whether they are of one finger.

    PROBE and REFERENCE are pictures or template files. The score is -log10 of the false match
    rate: 4.0 means that one pair of strangers' fingers in 10,000 scores as high.

    \b
    Example:
      ektp-hw compare probe.png reference.png
    \b
    Exit codes: 0 the score reaches the threshold, 1 it does not, 2 a file cannot be read.
    """
    from ektp_hw import fingerprint
    from ektp_hw.station.wording import in_words

    probe_template = read_template(probe, ppi)
    reference_template = read_template(reference, ppi)
    score = fingerprint.compare(probe_template, reference_template)
    match = score >= threshold
    if as_json:
        console.print_json(
            {
                "score": score,
                "threshold": threshold,
                "match": match,
                "probe": {"file": str(probe), "minutiae": len(probe_template)},
                "reference": {"file": str(reference), "minutiae": len(reference_template)},
            }
        )
    else:
        verdict = "one finger" if match else "not shown to be one finger"
        console.say(f"{verdict} ({in_words(score)}; threshold {threshold:g})")
    return 0 if match else 1
