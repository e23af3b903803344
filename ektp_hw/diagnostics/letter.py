# SPDX-License-Identifier: Apache-2.0
"""The letter that a station can send: an examination in the words and order of a service letter.

`letter_of` makes it of the document (`examination.as_plain`) alone, so that a letter can be made
again from a file. `letter_page` and `letter_pdf` lay the same letter out.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from ektp_hw.diagnostics.findings import message
from ektp_hw.diagnostics.seal import key_fingerprint
from ektp_hw.diagnostics.wording import catalogue, worded

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_SMALL = ("lib", "pcscd", "udev", "ektp_hw", "ektp-hw")
"""Names that keep their small letter where a sentence begins."""
_WORD = re.compile(r"[a-z]+(?=[ ,.:;]|$)")
"""A word, and no name of a device file or an interface."""
_FEW = 3
"""So many unmade checks are told with their reasons; the attachment has the reasons of all."""
_NOTHING = "\N{EN DASH}"
PROGRAMS_WORDS = frozenset({"error", "said", "first_error", "refused_because", "last_message"})
"""Readings that are sentences of programs, which are in English: a letter in another language has
only those of them that it has words for; the document has all."""
__all__ = [
    "DAY_STATES",
    "PROGRAMS_WORDS",
    "Demand",
    "Letter",
    "Row",
    "letter_of",
    "percent",
    "spoken_duration",
]

DAY_STATES = ("works", "partly", "down", "unknown")
"""In the order of the picture's key."""


@dataclass(frozen=True)
class Row:
    """One line of evidence; ``follows`` marks a consequence of the row above."""

    number: str
    checked: str
    seen: str
    state: str
    outcome: str
    readings: str
    follows: bool = False


@dataclass(frozen=True)
class Demand:
    """What is asked of one office or person."""

    who: str
    what: tuple[str, ...]


@dataclass(frozen=True)
class Letter:
    """Everything in the letter, worded.

    Parameters
    ----------
    words
        The fixed words of the language, by key of ``texts/<language>/letter.toml``.
    head
        Office lines of the letterhead.
    references
        (label, value) of number, attachment and subject; an empty value is left to a pen.
    history
        Document's history, for the picture; None without a journal.
    availability
        Rows of the table under the picture.
    evidence, everything
        The faults with their consequences; all checks.
    """

    language: str
    words: Mapping[str, str]
    head: tuple[str, ...]
    date: str
    references: tuple[tuple[str, str], ...]
    addressee: str
    opening: str
    verdict: str
    outcome: str
    certainty: str
    told: tuple[str, ...]
    history: Mapping[str, Any] | None
    availability: tuple[tuple[str, ...], ...]
    percents: Mapping[str, str]
    evidence: tuple[Row, ...]
    tried: tuple[str, ...]
    demands: tuple[Demand, ...]
    no_demand: str
    everything: tuple[Row, ...]
    seal: tuple[tuple[str, str], ...]
    notes: tuple[str, ...]


def letter_of(document: Mapping[str, Any]) -> Letter:
    """Return the letter of a document; one with a seal shows its hash and key."""
    words = _Wording(document["language"])
    station, verdict = document["station"], document["verdict"]
    made = datetime.fromisoformat(document["made"])
    name, district = station["name"], station["district"]
    history = document["history"]
    return Letter(
        language=document["language"],
        words=words.fixed,
        head=_head(words, station),
        date=words.date(made),
        references=(
            (words("number"), ""),
            (words("attachment"), words("attachment_value")),
            (words("subject"), words(_subject(verdict))),
        ),
        addressee=words("addressee_of", district=district) if district else words("addressee"),
        opening=words(
            "opening",
            station=words("station_named", name=name) if name else words("station_unnamed"),
            date=words.date(made),
            time=f"{made:%H:%M}".replace(":", "." if document["language"] == "id" else ":"),
            version=document["version"],
            seconds=round(document["seconds"], 1),
        ),
        verdict=_sentence(verdict["sentence"]),
        outcome="sound" if verdict["healthy"] else "broken",
        certainty=words("certainty", percent=round(100 * verdict["certainty"])),
        told=_told(words, history),
        history=history,
        availability=tuple(_availability(words, lane) for lane in _lanes(history)),
        percents={each["cause"]: words.percent(each["availability"]) for each in _lanes(history)},
        evidence=_evidence(words, document),
        tried=_tried(words, document),
        demands=_demands(words, document),
        no_demand=words("asked_none" if verdict["healthy"] else "asked_unknown"),
        everything=tuple(
            words.row(str(at), each) for at, each in enumerate(document["findings"], 1)
        ),
        seal=_seal(words, document),
        notes=(words("seal_private"), words("seal_how")),
    )


def spoken_duration(seconds: float, language: str) -> str:
    """Return a duration in the largest unit that fits, as a person would say it."""
    words = _Wording(language)
    for unit, length in (("day", 86400), ("hour", 3600), ("minute", 60)):
        count = round(seconds / length)
        if count >= 1 and seconds >= 0.75 * length:
            return words(unit) if count == 1 else words(f"{unit}s", count=count)
    return words("minutes", count=round(seconds / 60))


def percent(share: float | None, language: str) -> str:
    """Return a share as per cent with one decimal, rounded down near 100 so that a fault shows."""
    if share is None:
        return _NOTHING
    value = min(100 * share, 99.9) if share < 1 else 100.0
    text = f"{value:.1f}" if share < 1 else "100"
    return text.replace(".", ",") if language == "id" else text


class _Wording:
    """The letter's sentences in one language."""

    def __init__(self, language: str) -> None:
        self.language = language
        self.fixed = {
            key.partition(".")[2]: sentence
            for key, sentence in catalogue(language).items()
            if key.startswith("letter.")
        }

    def __call__(self, key: str, **values: str | float) -> str:
        return worded(message(f"letter.{key}", **values), self.language)

    def shared(self, key: str) -> str:
        return worded(message(f"report.{key}"), self.language)

    def date(self, when: date) -> str:
        month = self.fixed["months"].split()[when.month - 1]
        return self("date", day=when.day, month=month, year=when.year)

    def percent(self, share: float | None) -> str:
        return _NOTHING if share is None else f"{percent(share, self.language)} %"

    def duration(self, seconds: float) -> str:
        return spoken_duration(seconds, self.language)

    def row(self, number: str, finding: Mapping[str, Any], *, follows: bool = False) -> Row:
        state = self.shared(f"outcome_{finding['outcome']}")
        return Row(
            number,
            _sentence(finding["checked"], ""),
            _sentence(finding["seen"], ""),
            f"{state} ({self('consequence')})" if follows else state,
            finding["outcome"],
            "; ".join(
                f"{self.reading(key)} = {text}"
                for key, each in finding["evidence"].items()
                if (text := self.value(key, each))
            ),
            follows,
        )

    def reading(self, key: str) -> str:
        """Return what a reading is called; that of a stranger's probe keeps its own name."""
        name, _, of = key.partition(":")
        known = catalogue(self.language).get(f"reading.{name}", name.replace("_", " "))
        return f"{known} ({of})" if of else known

    def value(self, key: str, value: object) -> str:
        """Return a reading in words; empty for what a program said in English, elsewhere."""
        if value is None:
            return self.shared("unknown")
        if isinstance(value, bool):
            return self.shared("yes" if value else "no")
        if isinstance(value, float):
            text = f"{value:g}"
            return text.replace(".", ",") if self.language == "id" else text
        words = [self._word(each) for each in str(value).split(", ")]
        if self.language != "en" and key.partition(":")[0] in PROGRAMS_WORDS and None in words:
            return ""
        return ", ".join(word or "" for word in words) if None not in words else str(value)

    def _word(self, word: str) -> str | None:
        """Return a word of a fixed set in this language, None if it is none."""
        return catalogue(self.language).get(f"value.{re.sub(r'[^a-zA-Z]+', '_', word)}")


def _head(words: _Wording, station: Mapping[str, str]) -> tuple[str, ...]:
    lines = [station["district"]]
    lines += [words("subdistrict", name=station["name"])] if station["name"] else []
    lines += [words("code", code=station["code"])] if station["code"] else []
    return tuple(line for line in lines if line)


def _subject(verdict: Mapping[str, Any]) -> str:
    if verdict["healthy"]:
        return "subject_sound"
    return "subject_fault" if verdict["decided"] else "subject_undecided"


def _lanes(history: Mapping[str, Any] | None) -> Sequence[Mapping[str, Any]]:
    return history["lanes"] if history else ()


def _told(words: _Wording, history: Mapping[str, Any] | None) -> tuple[str, ...]:
    """Say since when, how often and how long, the worst first."""
    if history is None:
        return (words("history_none"),)
    first = date.fromisoformat(history["first"])
    last = date.fromordinal(first.toordinal() + history["days"] - 1)
    told = [
        words("history_span", first=words.date(first), last=words.date(last), days=history["days"])
    ]
    told += [_phase(words, each) for each in history["phases"]]
    watched = [each for each in history["lanes"] if each["availability"] is not None]
    for lane in sorted(watched, key=lambda each: -each["down_seconds"]):
        if not lane["outages"]:
            continue
        sentence = words(
            "history_fault",
            name=lane["name"],
            count=lane["outages"],
            since=words.date(datetime.fromisoformat(lane["first_outage"])),
            total=words.duration(lane["down_seconds"]),
            longest=words.duration(lane["longest_seconds"]),
            longest_since=words.date(datetime.fromisoformat(lane["longest_since"])),
            percent=percent(lane["availability"], words.language),
        )
        told.append(f"{sentence} {words('history_lasts')}" if lane["lasts"] else sentence)
    for key, names in (
        ("history_sound", [each["name"] for each in watched if not each["outages"]]),
        ("history_unwatched", [each["name"] for each in history["lanes"] if each not in watched]),
    ):
        if names:
            told.append(words(key, names=", ".join(name[:1].lower() + name[1:] for name in names)))
    if history["turned_away"] is not None:
        told.append(words("turned_away", count=history["turned_away"]))
    return tuple(told)


def _phase(words: _Wording, phase: Mapping[str, Any]) -> str:
    key = "phase_steady" if phase["steady"] else "phase_at_times"
    return words(
        key if phase["causes"] else "phase_quiet",
        first=words.date(date.fromisoformat(phase["first"])),
        last=words.date(date.fromisoformat(phase["last"])),
        causes=phase["names"],
    )


def _availability(words: _Wording, lane: Mapping[str, Any]) -> tuple[str, ...]:
    if not lane["outages"]:
        return (
            lane["name"],
            words.percent(lane["availability"]),
            "0",
            _NOTHING,
            _NOTHING,
            _NOTHING,
        )
    return (
        lane["name"],
        words.percent(lane["availability"]),
        str(lane["outages"]),
        words.duration(lane["down_seconds"]),
        words.duration(lane["longest_seconds"]),
        words.date(datetime.fromisoformat(lane["first_outage"])),
    )


def _evidence(words: _Wording, document: Mapping[str, Any]) -> tuple[Row, ...]:
    rows = []
    number = 0
    for fault in document["faults"]:
        number += 1
        rows.append(words.row(str(number), fault["root"]))
        rows += [words.row("", each, follows=True) for each in fault["chain"]]
    for finding in document["suspects"]:
        number += 1
        rows.append(words.row(str(number), finding))
    return tuple(rows)


def _tried(words: _Wording, document: Mapping[str, Any]) -> tuple[str, ...]:
    outcomes = [each["outcome"] for each in document["findings"]]
    counts = {name: outcomes.count(name) for name in ("sound", "broken", "suspect", "untested")}
    lines = [words("tried", count=len(outcomes), **counts)]
    if document["ruled_out"]:
        names = ", ".join(each["name"] for each in document["ruled_out"])
        lines.append(words("ruled_out", causes=names))
    if untested := document["untested"]:
        few = len(untested) <= _FEW
        checks = [f"{each['checked']} ({each['seen']})" if few else each["checked"]
                  for each in untested]  # fmt: skip
        lines.append(words("untested", checks="; ".join(dict.fromkeys(checks))))
    return tuple(lines)


def _demands(words: _Wording, document: Mapping[str, Any]) -> tuple[Demand, ...]:
    roots = [each["root"] for each in document["faults"]] + list(document["suspects"])
    asked: dict[str, list[str]] = {}
    for finding in roots:
        if finding["advice"]:
            of_whom = asked.setdefault(finding["who"] or "technician", [])
            if finding["advice"] not in of_whom:
                of_whom.append(finding["advice"])
    return tuple(
        Demand(words.shared(f"who_{who}"), tuple(_sentence(each, "") for each in what))
        for who, what in asked.items()
    )


def _seal(words: _Wording, document: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    seal = document.get("seal")
    if not seal:
        return ()
    rows = [(words("seal_hash"), seal["hash"])]
    if seal.get("signature"):
        return (*rows, (words("seal_key"), key_fingerprint(seal["key"])))
    reason = words(f"reason_{seal['reason']}")
    return (*rows, ("", words("seal_unsigned", reason=reason)))


def _sentence(text: str, end: str = ".") -> str:
    """Begin with a capital letter and end with a full stop."""
    text = text.strip()
    if not text.startswith(_SMALL) and _WORD.match(text):
        text = text[:1].upper() + text[1:]
    return text + end if end and text and text[-1] not in ".!?" else text
