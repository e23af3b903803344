# SPDX-License-Identifier: Apache-2.0
"""``ektp-hw gallery``: what keeps a gallery in order, and says in what order it is."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from ektp_hw.cli import console
from ektp_hw.cli.gallery_options import gallery_argument, json_option, key_option

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

__all__ = ["COMMANDS"]


@click.command()
@gallery_argument
@key_option
@json_option
def info(gallery_path: Path, secret: bytes | None, as_json: bool) -> None:
    """Say how many people a gallery holds, and how large and old it is.

    \b
    Example:
      ektp-hw gallery info people/
    \b
    Exit codes: 0 done, 2 there is no gallery or it is damaged.
    """
    from ektp_hw.gallery import Gallery

    with Gallery.open(gallery_path, read_only=True, secret=secret) as opened:
        facts = asdict(opened.info())
    if as_json:
        console.print_json(facts)
    else:
        console.table("Gallery", ["what", "value"], [[key, facts[key]] for key in facts])


@click.command()
@gallery_argument
@key_option
@json_option
def verify(gallery_path: Path, secret: bytes | None, as_json: bool) -> int:
    """Read everything back and report what is wrong.

    \b
    Example:
      ektp-hw gallery verify people/
    \b
    Exit codes: 0 everything is as it was written, 1 something is not, 2 it cannot be opened.
    """
    from ektp_hw.gallery import Gallery

    with (
        Gallery.open(gallery_path, read_only=True, secret=secret) as opened,
        console.progress("reading back", opened.info().templates) as advance,
    ):
        findings = opened.verify(progress=console.since_last(advance))
    if as_json:
        console.print_json(
            {
                "findings": [str(each) for each in findings],
                "damage": [asdict(each) for each in findings],
            }
        )
    else:
        for finding in findings:
            console.say(str(finding))
        console.say(f"{gallery_path}: {len(findings) or 'nothing'} wrong")
    return 1 if findings else 0


@click.command()
@gallery_argument
@key_option
@click.argument("identifiers", metavar="ID...", nargs=-1, required=True)
@click.option("--erase", is_flag=True, help="Rewrite the files at once, without these people.")
def remove(
    gallery_path: Path, secret: bytes | None, identifiers: Sequence[str], erase: bool
) -> None:
    """Take people out of a gallery; nothing finds them from then on.

    Their templates leave the disk when their file is rewritten: by itself once a quarter of its
    fingers are of removed people, with 'gallery compact', or with --erase at once.

    \b
    Example:
      ektp-hw gallery remove people/ 3171 --erase
    \b
    Exit codes: 0 done, 2 nobody has that id (those before it are removed), or the disk is full.
    """
    from ektp_hw.gallery import Gallery

    with Gallery.open(gallery_path, create=False, secret=secret) as opened:
        for identifier in identifiers:
            if identifier not in opened:
                raise click.UsageError(f"{gallery_path}: nobody is enrolled as {identifier!r}")
            opened.remove(identifier, erase=erase)
        console.say(f"{gallery_path}: {len(identifiers)} removed, {len(opened)} people now")


@click.command()
@gallery_argument
@key_option
@json_option
def compact(gallery_path: Path, secret: bytes | None, as_json: bool) -> None:
    """Rewrite a gallery's files without removed people, join small ones, mend what can be.

    Also brings a gallery that an older release wrote to the present version.

    \b
    Example:
      ektp-hw gallery compact people/
    \b
    Exit codes: 0 done, 2 there is no gallery, it is damaged, in use, or the disk is full.
    """
    from ektp_hw.gallery import Gallery

    with (
        Gallery.open(gallery_path, create=False, secret=secret) as opened,
        console.progress("rewriting") as advance,
    ):
        done = opened.compact(progress=lambda *_: advance(0))
    if as_json:
        console.print_json(asdict(done))
    else:
        console.say(
            f"{gallery_path}: {done.rows_dropped} fingers of removed people dropped, "
            f"{done.segments_before} files became {done.segments_after}"
        )


@click.command()
@gallery_argument
@key_option
@json_option
def audit(gallery_path: Path, secret: bytes | None, as_json: bool) -> None:
    """List who enrolled, removed or erased whom and when; of people it keeps the id alone.

    \b
    Example:
      ektp-hw gallery audit people/ --json
    \b
    Exit codes: 0 done, 2 there is no gallery or it is damaged.
    """
    from ektp_hw.gallery import Gallery

    with Gallery.open(gallery_path, read_only=True, secret=secret) as opened:
        trail = opened.audit_trail()
    if as_json:
        console.print_json([each._asdict() for each in trail])
    else:
        rows = [[each.number, each.at, each.actor, each.action, each.id] for each in trail]
        console.table("Audit trail", ["number", "at", "by", "action", "id"], rows)


COMMANDS = (info, verify, remove, compact, audit)
