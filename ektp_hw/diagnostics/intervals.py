# SPDX-License-Identifier: Apache-2.0
"""Spans of time cut, joined and measured: what a history is summed up from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ektp_hw.diagnostics.journal.past import UNTESTED

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ektp_hw.diagnostics.journal.past import Span

__all__ = ["clipped", "known", "length", "share", "union", "within"]


def clipped(spans: Iterable[Span], begin: int, end: int) -> list[Span]:
    """Return what of the spans lies in a period."""
    return [
        each._replace(
            begin=max(each.begin, begin), end=min(each.end, end), down=share(each, begin, end)
        )
        for each in spans
        if each.begin < end and each.end > begin
    ]


def within(intervals: Iterable[tuple[int, int]], begin: int, end: int) -> list[tuple[int, int]]:
    """Return what of the intervals lies in a period."""
    return [(max(one, begin), min(two, end)) for one, two in intervals if one < end and two > begin]


def union(many: Iterable[Iterable[tuple[int, int]]]) -> list[tuple[int, int]]:
    """Return the times that lie in any of the intervals, in order and apart."""
    joined: list[tuple[int, int]] = []
    for begin, end in sorted(each for intervals in many for each in intervals):
        if joined and begin <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(joined[-1][1], end))
        elif end > begin:
            joined.append((begin, end))
    return joined


def length(intervals: Iterable[tuple[int, int]]) -> float:
    """Return the seconds of intervals that lie apart."""
    return float(sum(end - begin for begin, end in intervals))


def known(spans: Sequence[Span]) -> list[tuple[int, int]]:
    """Return the times in which the state was known."""
    return [(each.begin, each.end) for each in spans if each.state != UNTESTED]


def share(span: Span, begin: int, end: int) -> int:
    """Return the seconds without service of a folded span that fall, evenly spread, in a period."""
    lasting = span.end - span.begin
    inside = min(span.end, end) - max(span.begin, begin)
    return round(span.down * inside / lasting) if lasting > 0 and inside > 0 else 0
