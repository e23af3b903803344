# SPDX-License-Identifier: Apache-2.0
"""``ektp-hw journal``: what the recorder wrote, whether it is whole, and notes for it."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ektp_hw.cli import console
from ektp_hw.cli.doctor import language_of

if TYPE_CHECKING:
    from ektp_hw.diagnostics.journal import Soundness

__all__ = ["journal", "parse_days"]

_REASONS = ("device", "network", "computer", "power", "supplies", "other")
_place = click.option(
    "--journal",
    "place",
    type=click.Path(dir_okay=False, path_type=Path),
    default=None,
    help="The journal; the default is the station's, or EKTP_HW_JOURNAL.",
)
_as_json = click.option("--json", "as_json", is_flag=True, help="Print only JSON.")
_lang = click.option(
    "--lang",
    type=click.Choice(["id", "en"]),
    default=None,
    help="Language; the default follows LANG.",
)


@click.group()
def journal() -> None:
    """Read the journal that 'ektp-hw watch' writes.

    \b
    Examples:
      ektp-hw journal history --last 150d
      ektp-hw journal verify
    \b
    Exit codes: 0 done or sound, 1 faults were recorded, or it was changed, 2 usage or input error.
    """


def parse_days(text: str) -> int:
    """Return the days of ``150d``, ``21w``, ``5m`` or ``150``.

    Raises
    ------
    click.BadParameter
        If it is nothing of that kind.
    """
    found = re.fullmatch(r"(\d{1,5})\s*([dwmyh]?)", text.strip().lower())
    if found is None or found[2] == "h":
        raise click.BadParameter(f"'{text}' is no number of days; write 150d, 21w, 5m or 1y")
    days = int(found[1]) * {"": 1, "d": 1, "w": 7, "m": 30, "y": 365}[found[2]]
    if not 1 <= days <= 3660:
        raise click.BadParameter(f"'{text}' is not between 1 day and 10 years")
    return days


@journal.command()
@click.option("--last", default="150d", show_default=True, help="How long back: 150d, 21w, 5m, 1y.")
@_place
@_lang
@_as_json
def history(last: str, place: Path | None, lang: str | None, as_json: bool) -> int:
    """Tell which faults there were: since when, how often, how long, and which at once.

    \b
    Examples:
      ektp-hw journal history --last 150d
      ektp-hw journal history --lang id --json --journal cipocok-jaya.ektp
    \b
    Exit codes: 0 no fault, 1 faults were recorded, or the journal was changed, 2 it cannot be read.
    """
    from ektp_hw.diagnostics.journal import default_place, read_journal, verify
    from ektp_hw.diagnostics.summing import chronicle_of
    from ektp_hw.diagnostics.telling import Telling, as_plain, model_names

    days = parse_days(last)
    path = place or default_place()
    chronicle = chronicle_of(read_journal(path), days=days)
    telling = Telling(chronicle, lang or language_of(os.environ), model_names())
    soundness = verify(path)
    if as_json:
        console.print_json({**as_plain(chronicle, telling), "journal": _plain(soundness)})
    else:
        name, district, code = chronicle.station
        heading = ", ".join(part for part in (name, district, code) if part)
        for line in (heading, telling.period(), "", telling.verdict()):
            console.say(line)
        for part, lines in telling.lines():
            console.say(f"\n{part}")
            for line in lines:
                console.say(f"  {line}")
        for line in telling.soundness(soundness):
            console.say(f"  {line}")
    return 1 if chronicle.faults or not soundness.is_whole else 0


@journal.command()
@_place
@click.option("--key", default=None, help="The verification key; the default is the one beside it.")
@_lang
@_as_json
def verify(place: Path | None, key: str | None, lang: str | None, as_json: bool) -> int:
    """Check whether the journal was changed, and where.

    \b
    Examples:
      ektp-hw journal verify
      ektp-hw journal verify --journal cipocok-jaya.ektp --key 5f0c...
    \b
    Exit codes: 0 whole, 1 changed or cut, 2 it cannot be read.
    """
    from ektp_hw.diagnostics.journal import default_place, read_journal
    from ektp_hw.diagnostics.journal import verify as check
    from ektp_hw.diagnostics.summing import chronicle_of
    from ektp_hw.diagnostics.telling import Telling

    path = place or default_place()
    soundness = check(path, key)
    if as_json:
        console.print_json(_plain(soundness))
    else:
        chronicle = chronicle_of(read_journal(path), days=1)
        for line in Telling(chronicle, lang or language_of(os.environ)).soundness(soundness):
            console.say(line)
    return 0 if soundness.is_whole else 1


@journal.command("take-key")
@_place
def take(place: Path | None) -> None:
    """Print the verification key and remove it from this machine; keep it elsewhere.

    With it anybody can check that no record older than a seal was changed, by whomever.

    \b
    Examples:
      ektp-hw journal take-key
    \b
    Exit codes: 0 done, 2 it was taken before or may not be read by this user.
    """
    from ektp_hw.diagnostics.journal import default_place
    from ektp_hw.diagnostics.journal.sealing import take_key

    console.say(take_key(place or default_place()))


@journal.command("turned-away")
@click.argument("reason", type=click.Choice(_REASONS))
@click.option("--count", type=click.IntRange(1, 1000), default=1, show_default=True)
@_place
def turned_away(reason: str, count: int, place: Path | None) -> None:
    """Note that citizens went home without having been recorded; no name is asked.

    \b
    Examples:
      ektp-hw journal turned-away device
      ektp-hw journal turned-away network --count 4
    \b
    Exit codes: 0 noted, 2 the note cannot be written.
    """
    from ektp_hw.diagnostics.journal import note_turned_away

    note_turned_away(reason, count=count, place=place)


def _plain(soundness: Soundness) -> dict[str, object]:
    return {
        "whole": soundness.is_whole,
        "records": soundness.records,
        "sealed": soundness.sealed,
        "seals_checked": soundness.checked_seals,
        "first_forged_seal": soundness.forged,
        "end_missing": soundness.missing,
        "damaged_lines": [
            {"line": each.line, "offset": each.offset, "readable": each.readable}
            for each in soundness.damages
        ],
        "damaged_before_summary": soundness.replaced_damages,
        "torn_bytes": soundness.torn,
        "verification_key_is_here": soundness.key_is_here,
    }
