# SPDX-License-Identifier: Apache-2.0
"""What the demonstration with real prints answers: JSON, a table, a page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ektp_hw.cli import console
from ektp_hw.fingerprint import comparison
from ektp_hw.registry import discover
from ektp_hw.station.report import Match, Page, RecordedPerson, mean_minutiae
from ektp_hw.station.wording import MEANING

if TYPE_CHECKING:
    from ektp_hw.cli.presentation import Presentation, Search

__all__ = ["as_json", "page_of", "tell"]

MISSES_SHOWN = 12
"""Most searches drawn on the page; the table and the JSON name them all."""


def as_json(done: Presentation) -> dict[str, object]:
    """Return the answer for programs."""
    return {
        "enrolled": len(done.enrolled),
        "searched": len(done.searches),
        "rank1_rate": done.rank1_rate,
        "missed": [
            {
                "probe": search.probe.caption,
                "identity": search.identity,
                "own_score": search.score_of(search.identity),
                "first": search.candidates[0].id if search.candidates else None,
                "first_score": search.candidates[0].score if search.candidates else None,
            }
            for search in done.missed
        ],
        "mean_ms": {part: done.stopwatch.mean_ms(part) for part in done.stopwatch.seconds},
    }


def tell(done: Presentation) -> None:
    """Print the answer for people."""
    rows = []
    for search in done.missed:
        own = search.score_of(search.identity)
        first = search.candidates[0] if search.candidates else None
        rows.append(
            [
                search.probe.caption,
                "none" if own is None else f"{own:.2f}",
                first.id if first else "nobody",
                f"{first.score:.2f}" if first else "",
            ]
        )
    if rows:
        console.table("Missed", ["probe", "own finger's score", "first instead", "its score"], rows)
    right = len(done.searches) - len(done.missed)
    console.say(
        f"rank-1 identification rate: {right} of {len(done.searches)} "
        f"({100 * done.rank1_rate:.1f} %), {len(done.enrolled)} fingers enrolled"
    )
    for part in done.stopwatch.seconds:
        console.say(f"{part}: {done.stopwatch.mean_ms(part):.1f} ms on average")


def page_of(done: Presentation, folder: str, seconds: float) -> Page:
    """Return the page of real prints: what was missed and the references."""
    missed = done.missed
    rank1 = 100 * done.rank1_rate
    prints = [*done.enrolled.values(), *(search.probe for search in done.searches)]
    return Page(
        title=f"Identification of the prints in {folder}",
        lead="The first impression of each finger was enrolled; each other one was laid on the "
        "virtual scanner and searched. This page shows real people's prints: treat it as such.",
        verdict=f"{len(done.searches) - len(missed)} of {len(done.searches)} searches named the "
        f"right finger first ({rank1:.1f} %).",
        good=not missed,
        facts=[
            ("fingers enrolled", str(len(done.enrolled))),
            ("searches", str(len(done.searches))),
            ("right at rank 1", f"{rank1:.1f} %"),
            ("missed", str(len(missed))),
            ("minutiae a print", mean_minutiae(prints)),
            ("whole run", f"{seconds:.1f} s"),
        ],
        score_meaning=MEANING,
        matches_title="What was missed: each probe beside its own finger's enrolled print"
        if missed
        else "Nothing was missed; the least certain of the right answers",
        matches=[_match(search, done) for search in missed[:MISSES_SHOWN] or _least_certain(done)],
        people_title="Enrolled fingers, with the minutiae that were found",
        people=[
            RecordedPerson(identity, _tally(identity, done), [print_])
            for identity, print_ in done.enrolled.items()
        ],
        devices=discover(timeout=2.0),
        timings=done.stopwatch.rows(),
    )


def _match(search: Search, done: Presentation) -> Match:
    reference = done.enrolled[search.identity]
    pairs = comparison.matched_minutiae(search.probe.template, reference.template)
    return Match(
        title=f"Probe {search.probe.caption}",
        sentence=f"{search.outcome()} {len(pairs)} minutiae were laid on each other.",
        left=search.probe,
        right=reference,
        pairs=pairs,
    )


def _least_certain(done: Presentation) -> list[Search]:
    return [min(done.searches, key=lambda search: search.candidates[0].score)]


def _tally(identity: str, done: Presentation) -> str:
    own = [search for search in done.searches if search.identity == identity]
    right = sum(search.identified for search in own)
    return f"{right} of {len(own)} searches found it"
