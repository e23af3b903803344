# SPDX-License-Identifier: Apache-2.0
"""``ektp-hw gallery plan``: what a gallery of a nation takes, from what this machine does."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ektp_hw.cli import console

if TYPE_CHECKING:
    from ektp_hw.gallery.cluster.stage_rates import StageRates

__all__ = ["plan"]

_TEMPLATES = 64


@click.command()
@click.option("--people", type=float, required=True, help="Enrolled people, such as 200e6.")
@click.option("--fingers", type=int, default=10, show_default=True, help="Of each person.")
@click.option("--irises", type=int, default=0, show_default=True, help="Of each person.")
@click.option("--daily", type=float, default=0.0, help="Enrolled a day; a thousandth of all.")
@click.option(
    "--searches", type=float, default=1.0, show_default=True, help="A second, at the busiest time."
)
@click.option(
    "--days", type=float, default=30.0, show_default=True, help="For the nation's deduplication."
)
@click.option("--cores", type=int, default=64, show_default=True, help="Of one machine.")
@click.option("--memory", type=float, default=512.0, show_default=True, help="GB of one machine.")
@click.option("--replicas", type=int, default=2, show_default=True, help="Of each person.")
@click.option("--machines", type=click.IntRange(1), help="Count with so many.")
@click.option("--keep-seen", type=float, help="Share that the first sight leaves in a search.")
@click.option("--keep-sketches", type=float, help="Share that sketches leave, for each finger.")
@click.option("--pair-codes", type=float, help="Share of pairs that codes leave in deduplication.")
@click.option("--pair-seen", type=float, help="Share of pairs that the first sight leaves.")
@click.option("--pair-sketches", type=float, help="Share of pairs that sketches leave.")
@click.option(
    "--measured",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="The --json of an earlier plan, made on the machine to plan with; measures nothing.",
)
@click.option(
    "--seconds",
    type=click.FloatRange(0.05, 600),
    default=4.0,
    show_default=True,
    help="How long to measure.",
)
@click.option("--json", "as_json", is_flag=True, help="Print only JSON.")
def plan(measured: Path | None, seconds: float, as_json: bool, **wanted: Any) -> None:  # noqa: ANN401
    """Say how many machines, how much memory and how many hours a gallery takes.

    Measures the stages of a search on this machine, all cores at work, and counts with that. What
    is assumed is listed; 'measured' in the JSON can be carried from one machine to another.

    \b
    Examples:
      ektp-hw gallery plan --people 200e6 --fingers 10 --irises 2
      ektp-hw gallery plan --people 1e6 --cores 8 --memory 64 --json
    \b
    Exit codes: 0 done, 2 a number or a file that cannot be.
    """
    from ektp_hw.gallery.cluster import capacity

    demand = capacity.Demand(
        **{
            name: wanted[name]
            for name in ("people", "fingers", "irises", "daily", "searches", "days")
        }
    )
    shares = {
        "kept_at_first_sight": wanted["keep_seen"],
        "kept_by_sketches": wanted["keep_sketches"],
        "paired_by_codes": wanted["pair_codes"],
        "paired_at_first_sight": wanted["pair_seen"],
        "paired_by_sketches": wanted["pair_sketches"],
    }
    assumed = capacity.Assumptions(
        cores=wanted["cores"],
        memory=wanted["memory"] * 1e9,
        replicas=wanted["replicas"],
        **{name: share for name, share in shares.items() if share is not None},
    )
    rates = _measured(seconds) if measured is None else _read(measured)
    found = capacity.plan(demand, rates, assumed, machines=wanted["machines"])
    if as_json:
        console.print_json(found.written())
        return
    for sentence in found.sentences:
        console.say(sentence)
    console.say("\nAssumed:")
    for sentence in found.assumptions:
        console.say(f"- {sentence}")


def _measured(seconds: float) -> StageRates:
    from ektp_hw.cli.machine import describe
    from ektp_hw.gallery.cluster import stage_rates
    from ektp_hw.samples import FingerPosition
    from ektp_hw.synthetic import Population

    console.step(f"measuring for {seconds:g} s with all cores")
    templates = Population().templates(range(_TEMPLATES), int(FingerPosition.RIGHT_INDEX))
    return stage_rates.measure(templates, seconds, cpu=str(describe()["cpu"]))


def _read(path: Path) -> StageRates:
    from ektp_hw.gallery.cluster.stage_rates import StageRates

    try:
        told = json.loads(path.read_text(encoding="utf-8"))
        return StageRates.read(told["measured"])
    except (ValueError, KeyError, TypeError) as error:
        raise click.UsageError(
            f"{path} is no measurement ({error}); make one with 'ektp-hw gallery plan --json'"
        ) from error
