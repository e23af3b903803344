# SPDX-License-Identifier: Apache-2.0
"""The doctor's document as lines for a terminal: the verdict first, then why, then what to do."""

from __future__ import annotations

import sys
import textwrap
from typing import TYPE_CHECKING, Any

from ektp_hw.diagnostics.findings import message
from ektp_hw.diagnostics.letter import letter_of
from ektp_hw.diagnostics.wording import worded

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from ektp_hw.diagnostics.letter import Letter, Row

__all__ = ["told"]

_WIDTH = 96


def told(document: Mapping[str, Any]) -> Iterator[str]:
    """Yield the lines; a character that the terminal cannot show becomes a question mark."""
    encoding = sys.stdout.encoding or "utf-8"
    for line in _lines(document):
        yield line.encode(encoding, "replace").decode(encoding)


def _lines(document: Mapping[str, Any]) -> Iterator[str]:
    def say(key: str, **values: str | float) -> str:
        return worded(message(f"doctor.{key}", **values), document["language"])

    letter = letter_of(document)
    yield from _wrapped(letter.verdict)
    share = round(100 * document["verdict"]["certainty"])
    count, seconds = len(document["findings"]), round(document["seconds"], 1)
    certainty = say("certainty", percent=share)
    yield f"({certainty}; {say('took', count=count, seconds=seconds)})"
    if letter.evidence:
        yield from ("", say("title_chain"))
        for row in letter.evidence:
            yield from _row(row)
    if document["history"] is not None:
        yield from ("", letter.words["title_history"])
        for sentence in letter.told:
            yield from _wrapped(sentence, "  ")
    if document["ruled_out"]:
        names = ", ".join(each["name"] for each in document["ruled_out"])
        yield from ("", say("title_ruled_out"))
        yield from _wrapped(names, "  ")
    if document["untested"]:
        yield from ("", say("title_untested"))
        for reason, checks in _by_reason(document["untested"]).items():
            yield from _wrapped(f"- {'; '.join(checks)}: {reason}", "  ", hanging=2)
    yield from _asked(letter, say("title_asked"))
    yield from ("", say("hash", hash=document["hash"]))


def _by_reason(untested: Sequence[Mapping[str, str]]) -> dict[str, list[str]]:
    """Gather the checks that could not be made for the same reason."""
    gathered: dict[str, list[str]] = {}
    for each in untested:
        gathered.setdefault(each["seen"], []).append(each["checked"])
    return gathered


def _asked(letter: Letter, title: str) -> Iterator[str]:
    if not letter.demands and letter.outcome == "sound":
        return
    yield from ("", title)
    for demand in letter.demands:
        yield f"  {demand.who}"
        for what in demand.what:
            yield from _wrapped(f"- {what}", "    ", hanging=2)
    if not letter.demands:
        yield from _wrapped(letter.no_demand, "  ")


def _row(row: Row) -> Iterator[str]:
    indent = "    " if row.follows else "  "
    yield from _wrapped(
        f"{row.state}: {_small(row.checked)}: {_small(row.seen)}", indent, hanging=2
    )
    if row.readings:
        yield from _wrapped(row.readings, indent + "    ")


def _small(text: str) -> str:
    """Begin with a small letter, but leave USB and TLS alone."""
    return text if text[1:2].isupper() else text[:1].lower() + text[1:]


def _wrapped(text: str, indent: str = "", hanging: int = 0) -> list[str]:
    return textwrap.wrap(
        text,
        _WIDTH,
        initial_indent=indent,
        subsequent_indent=indent + " " * hanging,
        break_long_words=False,
        break_on_hyphens=False,
    )
