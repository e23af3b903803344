# SPDX-License-Identifier: Apache-2.0
"""``ektp-hw fleet``: many stations' journals on one page."""

from __future__ import annotations

import os
from pathlib import Path

import click

from ektp_hw.cli import console
from ektp_hw.cli.doctor import language_of
from ektp_hw.cli.journal import parse_days

__all__ = ["fleet"]


@click.command()
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--html",
    "page",
    type=click.Path(dir_okay=False, path_type=Path),
    default=None,
    help="Write the page to this file.",
)
@click.option("--last", default="150d", show_default=True, help="How long back: 150d, 21w, 5m, 1y.")
@click.option(
    "--lang",
    type=click.Choice(["id", "en"]),
    default=None,
    help="Language; the default follows LANG.",
)
@click.option("--json", "as_json", is_flag=True, help="Print only JSON.")
def fleet(
    paths: tuple[Path, ...], page: Path | None, last: str, lang: str | None, as_json: bool
) -> int:
    """Show which stations are down, since when and why, from the journals in PATHS.

    Folders are searched for *.ektp; damaged files are listed and stop nothing.

    \b
    Examples:
      ektp-hw fleet journals/
      ektp-hw fleet journals/ --html stations.html --lang id
    \b
    Exit codes: 0 no station is down, 1 some are, 2 there is nothing to read.
    """
    from ektp_hw.diagnostics.fleet import Health, files_in, read_fleet
    from ektp_hw.diagnostics.fleet_page import FleetWords, as_plain, render
    from ektp_hw.diagnostics.telling import model_names

    days = parse_days(last)
    files = files_in(paths)
    with console.progress("reading journals", total=len(files)) as advance:
        found = read_fleet(files, days=days, workers=os.cpu_count() or 1, advance=advance)
    words = FleetWords(found, lang or language_of(os.environ), model_names())
    if page is not None:
        _write(page, render(found, words))
    if as_json:
        console.print_json(as_plain(found))
    else:
        console.say(words.lead())
        for district in found.districts:
            rows = [
                [each.name, words.say(each.health), words.date(each.since), words.why(each)]
                for each in district.stations
                if each.health is not Health.WORKS
            ]
            if rows:
                columns = [words.say(key) for key in ("station", "state", "since", "why")]
                console.table(district.name or words.say("no_district"), columns, rows)
        for heading, unusable in (("unusable", found.unusable), ("copies", found.copies)):
            if unusable:
                console.say(f"\n{words.say(heading)}")
                for each in unusable:
                    console.say(f"  {each.file}: {each.why}")
    return 1 if found.count(Health.DOWN) else 0


def _write(page: Path, html: str) -> None:
    """Write the page whole, or leave none behind."""
    try:
        page.write_text(html, encoding="utf-8")
    except OSError as error:
        page.unlink(missing_ok=True)
        raise click.ClickException(f"{page}: cannot be written ({error.strerror})") from error
