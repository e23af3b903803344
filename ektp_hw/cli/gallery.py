# SPDX-License-Identifier: Apache-2.0
"""``ektp-hw gallery``: enrol people, search them, find those enrolled twice."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ektp_hw.cli import console, gallery_upkeep
from ektp_hw.cli.gallery_options import (
    gallery_argument,
    gallery_or_address,
    json_option,
    key_option,
)
from ektp_hw.cli.plan import plan
from ektp_hw.cli.prints import ppi_option, read_template
from ektp_hw.samples import FingerPosition

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ektp_hw.gallery import Candidate, DuplicatePair
    from ektp_hw.templates import FingerprintTemplate

__all__ = ["gallery"]

LEAST_SCORE = 4.0
"""Score below which nobody is reported as found, however small the gallery."""

_TOLERANT = click.option(
    "--tolerant",
    is_flag=True,
    help="Hold every finger against all, in case some were swapped or mislabelled; says so.",
)
_EXACT = click.option(
    "--exact", is_flag=True, help="Compare everybody, without the cascade's shortcuts."
)
_FILES = click.argument("files", metavar="[POSITION=]FILE...", nargs=-1, required=True)


@click.group()
def gallery() -> None:
    """Keep many people, search them, and find those enrolled twice.

    GALLERY is a folder; to search and dedup with many workers it may be an address, such as
    "local://?path=people&workers=4" or "ray://10.0.0.5:6379?path=people". Pictures and template
    files are taken alike; a finger's position may stand before it, as in right-index=print.png.

    \b
    Example:
      ektp-hw gallery enrol people/ prints/*_1.png
      ektp-hw gallery search people/ prints/101_2.png
      ektp-hw gallery dedup people/
    """


gallery.add_command(plan)


@gallery.command()
@gallery_argument
@key_option
@_FILES
@click.option("--id", "identifier", help="All FILEs are fingers of this one person.")
@click.option("--name", default="", help="That person's name, for people to read.")
@ppi_option
@json_option
def enrol(
    gallery_path: Path,
    secret: bytes | None,
    files: Sequence[str],
    identifier: str | None,
    name: str,
    ppi: float | None,
    as_json: bool,
) -> None:
    """Add people to a gallery, making it where there is none.

    Without --id each FILE is one person, known by the file's stem. All are enrolled or none.

    \b
    Examples:
      ektp-hw gallery enrol people/ prints/*.png
      ektp-hw gallery enrol people/ --id 3171 right-index=a.png left-index=b.png
    \b
    Exit codes: 0 done, 2 a file is no print, an id is enrolled already, or the disk is full.
    """
    from ektp_hw.gallery import Gallery, Person

    fingers = _read(files, ppi)
    if identifier is not None:
        people = [Person(identifier, _by_position(fingers), name=name)]
    else:
        people = [Person(path.stem, {position: template}) for position, path, template in fingers]
    with Gallery.open(gallery_path, secret=secret) as opened:
        opened.enrol_all(people)
        total = len(opened)
    if as_json:
        enrolled = [{"id": each.id, "fingers": len(each.fingers)} for each in people]
        console.print_json({"enrolled": enrolled, "people": total})
    else:
        console.say(f"{gallery_path}: {len(people)} enrolled, {total} people now")


@gallery.command()
@gallery_or_address
@key_option
@_FILES
@click.option("--limit", type=click.IntRange(min=1), default=10, show_default=True)
@_EXACT
@_TOLERANT
@click.option(
    "--threshold",
    type=float,
    default=None,
    help="Score from which somebody counts as found; by default the greater of 4 and log10 of "
    "the number of people, at which one false find in a search is expected at most.",
)
@ppi_option
@json_option
def search(
    gallery_path: str,
    secret: bytes | None,
    files: Sequence[str],
    limit: int,
    exact: bool,  # click passes it by name
    tolerant: bool,
    threshold: float | None,
    ppi: float | None,
    as_json: bool,
) -> int:
    """Search one person, given by one or more fingers, among everybody enrolled.

    \b
    Example:
      ektp-hw gallery search people/ print.png --limit 3
    \b
    Exit codes: 0 somebody reaches the threshold, 1 nobody does, 2 input error.
    """
    from ektp_hw.gallery import Gallery, Person, decide
    from ektp_hw.station.wording import in_words

    fingers = _read(files, ppi)
    with Gallery.connect(gallery_path, read_only=True, secret=secret) as opened:
        people = len(opened)
        with console.progress("searching") as advance:
            candidates = opened.search(
                Person("probe", _by_position(fingers)),
                limit,
                exact=exact,
                tolerant=tolerant,
                progress=lambda *_: advance(0),
            )
    if threshold is None:
        threshold = max(LEAST_SCORE, math.log10(max(people, 1)))
    found = [each for each in candidates if each.score >= threshold]
    if as_json:
        decision = decide(candidates, people)
        console.print_json(
            {
                "people": people,
                "threshold": threshold,
                "outcome": decision.outcome,
                "false_alarm": decision.false_alarm,
                "candidates": [{"id": each.id, **_grounds(each)} for each in candidates],
            }
        )
    else:
        rank = [[at, each.id, round(each.score, 2)] for at, each in enumerate(candidates, 1)]
        console.table(f"Most alike of {people} people", ["rank", "id", "score"], rank)
        console.say(
            f"{found[0].id}: {in_words(found[0].score, of='people')}"
            if found
            else f"nobody reaches the threshold of {threshold:.1f}"
        )
        for finding in found[0].findings if found else ():
            console.say(f"{found[0].id}: {finding}")
    return 0 if found else 1


@gallery.command()
@gallery_or_address
@key_option
@click.option(
    "--threshold",
    type=float,
    default=None,
    help="Least score reported; by default the greater of 4 and log10 of the number of pairs.",
)
@click.option("--resume", default=None, help="'position' of an earlier run, to go on behind it.")
@click.option(
    "--journal",
    type=click.Path(dir_okay=False, path_type=Path),
    default=None,
    help="A file that keeps what is found; given again after the run died, it goes on behind that.",
)
@_EXACT
@_TOLERANT
@json_option
def dedup(
    gallery_path: str,
    secret: bytes | None,
    threshold: float | None,
    resume: str | None,
    journal: Path | None,
    exact: bool,  # click passes it by name
    tolerant: bool,
    as_json: bool,
) -> int:
    """Compare everybody with everybody and list who may be enrolled twice.

    \b
    Example:
      ektp-hw gallery dedup people/ --json
    \b
    Exit codes: 0 nobody is enrolled twice, 1 somebody may be, 2 input error.
    """
    from ektp_hw.gallery import Gallery

    with Gallery.connect(gallery_path, read_only=True, secret=secret) as opened:
        people = len(opened)
        total = people * (people - 1) // 2
        with console.progress("comparing pairs of people", total) as advance:
            run = opened.deduplicate(
                threshold,
                exact=exact,
                tolerant=tolerant,
                resume=resume,
                journal=journal,
                progress=console.since_last(advance),
            )
            pairs = sorted(run, key=lambda pair: -pair.score)
    if as_json:
        rows = [{"a": each.a, "b": each.b, **_grounds(each)} for each in pairs]
        console.print_json(
            {
                "people": people,
                "pairs_compared": total,
                "threshold": run.threshold,
                "duplicates": rows,
                "position": run.position,
            }
        )
    else:
        if pairs:
            rows_shown = [[each.a, each.b, round(each.score, 2)] for each in pairs]
            console.table("May be one person", ["first", "second", "score"], rows_shown)
        console.say(
            f"{len(pairs)} of {total} pairs of people reach the threshold of {run.threshold:.1f}"
        )
    return 1 if pairs else 0


for _command in gallery_upkeep.COMMANDS:
    gallery.add_command(_command)


def _read(
    files: Sequence[str], ppi: float | None
) -> list[tuple[FingerPosition, Path, FingerprintTemplate]]:
    fingers = []
    with console.progress("extracting", len(files)) as advance:
        for argument in files:
            position, path = _position_and_path(argument)
            fingers.append((position, path, read_template(path, ppi)))
            advance()
    return fingers


def _position_and_path(argument: str) -> tuple[FingerPosition, Path]:
    word, equals, rest = argument.partition("=")
    name = word.upper().replace("-", "_")
    if equals and name in FingerPosition.__members__:
        return FingerPosition[name], Path(rest)
    return FingerPosition.UNKNOWN, Path(argument)


def _by_position(
    fingers: list[tuple[FingerPosition, Path, FingerprintTemplate]],
) -> dict[FingerPosition, FingerprintTemplate]:
    by_position = {position: template for position, _, template in fingers}
    if len(by_position) < len(fingers):
        raise click.UsageError(
            "two FILEs are given for one finger; write the position before each, as in "
            "right-index=a.png left-index=b.png"
        )
    return by_position


def _grounds(found: Candidate | DuplicatePair) -> dict[str, Any]:
    parts = [
        {
            "probe": part.probe.name.lower(),
            "reference": part.reference.name.lower(),
            "score": part.score,
        }
        for part in found.parts
    ]
    findings = [str(each) for each in found.findings]
    return {"score": found.score, "parts": parts, "findings": findings}
