# SPDX-License-Identifier: Apache-2.0
"""What the demonstration with people who do not exist answers: JSON, a table, a page."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

from ektp_hw.cli import console
from ektp_hw.cli.rehearsal import DUPLICATE_SCORE
from ektp_hw.fingerprint import comparison
from ektp_hw.registry import discover
from ektp_hw.samples import FingerPosition
from ektp_hw.station.report import Match, Page, RecordedPerson, mean_minutiae
from ektp_hw.station.wording import MEANING, in_words

if TYPE_CHECKING:
    from ektp_hw.cli.rehearsal import Recording, Rehearsal
    from ektp_hw.gallery import DuplicatePair
    from ektp_hw.station.report import Print

__all__ = ["as_json", "page_of", "tell"]


def as_json(done: Rehearsal) -> dict[str, object]:
    """Return the answer for programs."""
    names = {recording.id: recording.name for recording in done.recordings}
    return {
        "recordings": [
            {
                "id": recording.id,
                "name": recording.name,
                "minutiae": {
                    position.name.lower(): len(print_.template)
                    for position, print_ in recording.prints.items()
                },
            }
            for recording in done.recordings
        ],
        "duplicates": [
            {
                "a": {"id": pair.a, "name": names[pair.a]},
                "b": {"id": pair.b, "name": names[pair.b]},
                "score": pair.score,
                "parts": {part.probe.name.lower(): part.score for part in pair.parts},
                "true": frozenset((pair.a, pair.b)) in done.expected,
            }
            for pair in done.found
        ],
        "threshold": DUPLICATE_SCORE,
        "expected": [sorted(pair) for pair in done.expected],
        "wrong": done.wrong,
        "timings_s": dict(done.stopwatch.seconds),
    }


def tell(done: Rehearsal) -> None:
    """Print the answer for people."""
    names = {recording.id: recording.name for recording in done.recordings}
    flagged = {one for pair in done.found for one in (pair.a, pair.b)}
    console.table(
        "Recorded at the counter, with the minutiae found on each index finger",
        ["name", "number", "right", "left", ""],
        [
            [
                recording.name,
                recording.id,
                *(len(print_.template) for print_ in recording.prints.values()),
                "recorded twice" if recording.id in flagged else "",
            ]
            for recording in done.recordings
        ],
    )
    for pair in done.found:
        console.say(
            f"duplicate: {names[pair.a]} and {names[pair.b]} are one person; "
            f"{in_words(pair.score, of='people')}"
        )
    if done.wrong:
        console.say(f"wrong: {done.wrong} duplicates were missed or made up")


def page_of(done: Rehearsal, seconds: float) -> Page:
    """Return the page of people who do not exist, with the duplicates that were found."""
    by_id = {recording.id: recording for recording in done.recordings}
    twin_of = {pair.b: pair for pair in done.found} | {pair.a: pair for pair in done.found}
    matches = [match for pair in done.found for match in _finger_matches(pair, done)]
    people = [
        RecordedPerson(
            recording.name,
            f"number {recording.id}"
            + (
                f", also recorded as {_other(twin_of[recording.id], recording.id, by_id)}"
                if recording.id in twin_of
                else ""
            ),
            list(recording.prints.values()),
            flagged=recording.id in twin_of,
        )
        for recording in done.recordings
    ]
    prints = [print_ for recording in done.recordings for print_ in recording.prints.values()]
    return Page(
        title="A station finds the person who came twice",
        lead="Everything on this page is invented: the people, their names and numbers, and their "
        "prints, drawn by a computer. They were captured through a virtual USB scanner that "
        "speaks a scanner's wire protocol.",
        verdict=_verdict(done),
        good=done.wrong == 0,
        facts=[
            ("recordings", str(len(done.recordings))),
            ("prints", str(len(prints))),
            ("minutiae a print", mean_minutiae(prints)),
            ("pairs of people compared", str(math.comb(len(done.recordings), 2))),
            ("duplicates found", str(len(done.found))),
            ("reported from score", f"{DUPLICATE_SCORE:g}"),
            ("missed or made up", str(done.wrong)),
            ("whole run", f"{seconds:.1f} s"),
        ],
        score_meaning=MEANING,
        matches_title="The duplicate" if len(done.found) == 1 else "Duplicates",
        matches=matches,
        people_title="People at the counter, with the minutiae that were found",
        people=people,
        devices=discover(timeout=2.0),
        timings=done.stopwatch.rows(),
    )


def _finger_matches(pair: DuplicatePair, done: Rehearsal) -> list[Match]:
    by_id = {recording.id: recording for recording in done.recordings}
    first, second = by_id[pair.a], by_id[pair.b]
    matches = []
    for part in pair.parts:
        if not (
            isinstance(part.probe, FingerPosition) and isinstance(part.reference, FingerPosition)
        ):
            continue
        one = _named(first, part.reference)
        other = _named(second, part.probe)
        pairs = comparison.matched_minutiae(one.template, other.template)
        matches.append(
            Match(
                title=f"{first.prints[part.reference].caption.capitalize()}",
                sentence=f"{in_words(part.score).capitalize()}. {len(pairs)} minutiae of the one "
                "print were laid on minutiae of the other.",
                left=one,
                right=other,
                pairs=pairs,
            )
        )
    return matches


def _named(recording: Recording, position: FingerPosition) -> Print:
    print_ = recording.prints[position]
    return replace(print_, caption=f"{recording.name}, {print_.caption}")


def _verdict(done: Rehearsal) -> str:
    if not done.found:
        return "Nobody was found twice, though one person came twice."
    names = {recording.id: recording.name for recording in done.recordings}
    sentences = [
        f"{names[pair.a]} and {names[pair.b]} are one person; {in_words(pair.score, of='people')}."
        for pair in done.found
    ]
    return " ".join(sentences)


def _other(pair: DuplicatePair, person: str, by_id: dict[str, Recording]) -> str:
    return by_id[pair.b if pair.a == person else pair.a].name
