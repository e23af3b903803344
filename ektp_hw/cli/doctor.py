# SPDX-License-Identifier: Apache-2.0
"""``ektp-hw doctor``: what is broken, proven, and who can mend it."""

from __future__ import annotations

import os
import re
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ektp_hw.cli import console

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from ektp_hw.diagnostics.examination import Examination
    from ektp_hw.diagnostics.findings import Finding
    from ektp_hw.diagnostics.journal import Journal
    from ektp_hw.diagnostics.letter_history import LetterHistory
    from ektp_hw.diagnostics.surroundings import Surroundings

__all__ = ["doctor", "language_of"]

_DAYS_OF_A_LETTER = 150
"""Days that a letter or a bundle tells of if nobody says how many."""
_SUFFIXES = (".html", ".pdf", ".json")


def _days(_context: click.Context, _option: click.Parameter, value: str | None) -> int | None:
    if value is None:
        return None
    found = re.fullmatch(r"([1-9]\d{0,3})d?", value)
    if found is None:
        raise click.BadParameter(f"'{value}' is no number of days such as 150d")
    return int(found[1])


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print only JSON.")
@click.option(
    "--report",
    "reports",
    type=click.Path(path_type=Path, dir_okay=False),
    multiple=True,
    help="Write the letter: FILE.html, FILE.pdf or FILE.json; may be given several times.",
)
@click.option("--lang", type=click.Choice(["id", "en"]), help="Default: as the locale says.")
@click.option(
    "--profile",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Which station this is, TOML; by default /etc/ektp-hw/station.toml.",
)
@click.option("--virtual", is_flag=True, help="Check virtual devices too.")
@click.option(
    "--history",
    "days",
    callback=_days,
    metavar="DAYS",
    help="Tell of so many days of the journal: 150d.",
)
@click.option("--live", is_flag=True, help="Watch on the full screen while you move a cable.")
@click.option(
    "--bundle",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write a zip for those who help from afar; shows what it holds and asks first.",
)
@click.option("--yes", is_flag=True, help="Write the bundle without asking.")
@click.option(
    "--check",
    "to_check",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="Check hash and signature of a letter, .html or .json, and do nothing else.",
)
def doctor(
    as_json: bool,
    reports: tuple[Path, ...],
    lang: str | None,
    profile: Path | None,
    virtual: bool,
    days: int | None,
    live: bool,
    bundle: Path | None,
    yes: bool,
    to_check: Path | None,
) -> int:
    """Say what is broken at this station, show the evidence and who can mend it.

    Everything that may be read is checked side by side, in a minute at most: devices, cables,
    drivers, permissions, the computer, the network up to the centre. Nothing is changed.

    \b
    Examples:
      ektp-hw doctor
      ektp-hw doctor --lang id --report surat.pdf --report surat.html --history 150d
      ektp-hw doctor --live
      ektp-hw doctor --bundle bantuan.zip
      ektp-hw doctor --check surat.html
    \b
    Exit codes: 0 everything that could be checked works (with --check: unchanged and signed),
    1 something is broken or undecided (with --check: changed or not signed), 2 usage or input
    error.
    """
    language = lang or language_of(os.environ)
    if to_check is not None:
        _refuse_beside("--check", live, bool(reports), bool(bundle))
        return _check(to_check, language, as_json)
    _refuse_unwritable(reports, bundle)
    if bundle is not None and as_json and not yes:
        raise click.UsageError("--bundle asks before it writes; give --yes together with --json")
    from ektp_hw.diagnostics.surroundings import Surroundings, read_profile

    around = Surroundings(profile=read_profile(profile), virtual=virtual)
    history = _history(days, needed=bool(reports) or bundle is not None)
    if live:
        _refuse_beside("--live", as_json, bool(reports), bool(bundle))
        from ektp_hw.cli.doctor_live import watch_on_terminal

        return watch_on_terminal(around, language)
    examination = _examined(around, language, history)
    document = _document(examination, language)
    if as_json:
        console.print_json(document)
    else:
        from ektp_hw.cli.doctor_words import told

        for line in told(document):
            console.say(line)
    _write(reports, document, around, quiet=as_json)
    if bundle is not None:
        _bundle(bundle, examination, document, ask=not yes, quiet=as_json)
    return 0 if document["verdict"]["healthy"] else 1


def language_of(environment: Mapping[str, str]) -> str:
    """Return the language of a locale: Indonesian for id_*, else English."""
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        if value := environment.get(name):
            return "id" if re.match(r"(id|in)([_.@-]|$)", value, re.IGNORECASE) else "en"
    return "en"


def _refuse_beside(option: str, *others: bool) -> None:
    if any(others):
        raise click.UsageError(f"{option} stands alone; give --json, --report and --bundle "
                               "in another call")  # fmt: skip


def _refuse_unwritable(reports: tuple[Path, ...], bundle: Path | None) -> None:
    """Say what cannot be written before a minute is spent on looking."""
    for path in reports:
        if path.suffix.lower() not in _SUFFIXES:
            raise click.UsageError(f"--report {path}: a letter is {', '.join(_SUFFIXES)}")
        if path.suffix.lower() == ".pdf":
            from ektp_hw.diagnostics.letter_pdf import require_library

            require_library()
    if bundle is not None and bundle.suffix.lower() != ".zip":
        raise click.UsageError(f"--bundle {bundle}: a bundle is a .zip")
    for path in (*reports, *([bundle] if bundle else ())):
        folder = path.absolute().parent
        if not folder.is_dir():
            raise FileNotFoundError(2, "there is no such folder to write into", str(folder))
        if not os.access(folder, os.W_OK):
            raise PermissionError(13, "this folder cannot be written to", str(folder))


def _examined(around: Surroundings, language: str, history: LetterHistory | None) -> Examination:
    from ektp_hw.diagnostics.examination import examine
    from ektp_hw.diagnostics.findings import message
    from ektp_hw.diagnostics.probes import all_probes, causes_of_probes
    from ektp_hw.diagnostics.wording import worded

    probes = all_probes()
    done: set[str] = set()

    with _progress(len(probes)) as advance:

        def tell(finding: Finding) -> None:
            news = finding.probe not in done
            done.add(finding.probe)
            doing = worded(message("doctor.progress", checked=finding.probe), language)
            advance(int(news), doing=doing)

        return examine(around, probes, causes_of_probes(), history=history, tell=tell)


@contextmanager
def _progress(total: int) -> Iterator[Callable[..., None]]:
    """Show a bar; a half-installed package without rich is examined all the same."""
    try:
        import rich  # noqa: F401
    except ImportError:
        yield lambda *_count, **_doing: None
        return
    with console.progress("", total) as advance:
        yield advance


def _document(examination: Examination, language: str) -> dict[str, Any]:
    from ektp_hw import __version__
    from ektp_hw.diagnostics.examination import as_plain
    from ektp_hw.diagnostics.seal import key_path, sealed

    plain = as_plain(examination, language, __version__)
    return sealed(plain, key_path(examination.around.environment))


def _history(days: int | None, *, needed: bool) -> LetterHistory | None:
    """Return the days asked for; unasked, a letter tells of as many as it finds."""
    from ektp_hw.diagnostics.letter_history import history_for_letter
    from ektp_hw.errors import StationError

    if days is not None:
        return history_for_letter(days)
    if not needed:
        return None
    try:
        return history_for_letter(_DAYS_OF_A_LETTER)
    except StationError as error:
        console.step(f"without a journal: {error}")
        return None


def _write(
    reports: tuple[Path, ...], document: dict[str, Any], around: Surroundings, *, quiet: bool
) -> None:
    import json

    from ektp_hw.diagnostics.letter_page import rendered
    from ektp_hw.diagnostics.letter_pdf import pdf_of
    from ektp_hw.diagnostics.seal import key_path

    for path in reports:
        match path.suffix.lower():
            case ".html":
                content = rendered(document, key_path(around.environment)).encode()
            case ".pdf":
                content = pdf_of(document)
            case _:
                content = json.dumps(document, indent=2, ensure_ascii=False).encode()
        _put(path, content)
        if not quiet:
            console.say(_words(document, "written", file=str(path)))


def _bundle(
    path: Path, examination: Examination, document: dict[str, Any], *, ask: bool, quiet: bool
) -> None:
    from ektp_hw.diagnostics.bundle import entries_of, zipped

    entries = entries_of(examination, document, _journal())
    if not quiet:
        console.say("")
        console.say(_words(document, "bundle_title", file=str(path)))
        for entry in entries:
            console.say(f"  {entry.name:<16} {len(entry.content):>9,}  {entry.about}")
        console.say(_words(document, "bundle_note"))
    if ask and not click.confirm(_words(document, "bundle_question"), err=True):
        console.say(_words(document, "bundle_refused"))
        return
    _put(path, zipped(entries, examination.made))
    if not quiet:
        console.say(_words(document, "written", file=str(path)))


def _journal() -> Journal | None:
    """Return the station's journal, None if there is none or it cannot be read."""
    from ektp_hw.diagnostics.journal import default_place, read_journal
    from ektp_hw.errors import StationError

    try:
        place = default_place()
        return read_journal(place) if place.exists() else None
    except StationError as error:
        console.step(f"without entries of the journal: {error}")
        return None


def _put(path: Path, content: bytes) -> None:
    """Write a file whole or leave none behind; a full disk names the file."""
    unfinished = path.with_name(f".{path.name}.part")
    try:
        unfinished.write_bytes(content)
        unfinished.replace(path)
    except OSError as error:
        unfinished.unlink(missing_ok=True)
        raise OSError(error.errno, error.strerror, str(path)) from error


def _words(document: Mapping[str, Any], name: str, /, **values: str) -> str:
    from ektp_hw.diagnostics.findings import message
    from ektp_hw.diagnostics.wording import worded

    return worded(message(f"doctor.{name}", **values), document["language"])


def _check(path: Path, language: str, as_json: bool) -> int:
    from ektp_hw.diagnostics.letter_page import read_sealed
    from ektp_hw.diagnostics.seal import Mark, checked

    answer = checked(*read_sealed(path))
    if as_json:
        console.print_json(
            {"file": str(path), "mark": answer.mark.value, "hash": answer.hash, "key": answer.key}
        )
    else:
        said = _words({"language": language}, f"check_{answer.mark.value}", fingerprint=answer.key)
        console.say(f"{path}: {said}")
        console.say(_words({"language": language}, "hash", hash=answer.hash))
    return 0 if answer.mark is Mark.SIGNED else 1
