# SPDX-License-Identifier: Apache-2.0
"""The picture of many days: one row a device or network layer, one column a day.

It is laid out here once, in black and white, as boxes, lines and texts; the page draws them as
SVG and the PDF as vectors. A day that worked is a thin line, one with faults for a part of it a
half-high hatched box, one that was mostly down a full black box, an unwatched one a dotted line:
heights and patterns, never colours.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

__all__ = ["Box", "Picture", "Rule", "Text", "key_box", "picture_of"]

_ROW, _GAP, _NAME = 13.0, 7.0, 11.0
"""Heights of a row of days, of the space below it and of its name above it, points."""
_HEAD = 16.0
"""Height of the line with the months' names."""
_HATCH = 2.6
"""Distance of two lines of a hatching, points."""
_NARROWEST_MONTH = 24.0
"""A month narrower than this many points goes without its name."""


@dataclass(frozen=True)
class Box:
    """A rectangle; ``pattern`` is ``solid`` or ``hatched``. Points, from the top left corner."""

    x: float
    y: float
    width: float
    height: float
    pattern: str

    @property
    def hatching(self) -> tuple[tuple[float, float, float, float], ...]:
        """The lines of a hatched box, x1, y1, x2, y2, cut at its edges; none of a solid one."""
        if self.pattern != "hatched":
            return ()
        right, bottom = self.x + self.width, self.y + self.height
        lines = []
        at = self.x - self.height + _HATCH / 2
        while at < right:
            left = max(at, self.x)
            end = min(at + self.height, right)
            lines.append((left, bottom - (left - at), end, bottom - (end - at)))
            at += _HATCH
        return tuple((round(a, 2), round(b, 2), round(c, 2), round(d, 2)) for a, b, c, d in lines)


@dataclass(frozen=True)
class Rule:
    """A straight line; ``style`` is ``thin``, ``faint`` or ``dotted``."""

    x1: float
    y1: float
    x2: float
    y2: float
    style: str


@dataclass(frozen=True)
class Text:
    """A text whose baseline begins (or with ``end``, ends) at a point."""

    x: float
    y: float
    text: str
    bold: bool = False
    end: bool = False


@dataclass(frozen=True)
class Picture:
    """Everything to be drawn; points."""

    width: float
    height: float
    boxes: tuple[Box, ...]
    rules: tuple[Rule, ...]
    texts: tuple[Text, ...]


def picture_of(
    history: Mapping[str, Any], months: Sequence[str], percent: Mapping[str, str], width: float
) -> Picture:
    """Lay out the history of a document (`examination.as_plain`).

    Parameters
    ----------
    months
        Twelve short names.
    percent
        What is written at the right end above each row, by cause.
    width
        Points; names stand above the rows, so that a narrow picture can be read too.
    """
    first, days = date.fromisoformat(history["first"]), int(history["days"])
    a_day = width / max(days, 1)
    boxes: list[Box] = []
    rules: list[Rule] = []
    texts: list[Text] = []
    y = _HEAD
    months_at = list(_months(first, days, a_day, months, width))
    for lane in history["lanes"]:
        base = y + _NAME + _ROW
        texts.append(Text(0, y + _NAME - 3, lane["name"], bold=True))
        texts.append(Text(width, y + _NAME - 3, percent.get(lane["cause"], ""), end=True))
        at = 0
        for state, count in lane["states"]:
            x, wide = at * a_day, count * a_day
            if state in {"works", "unknown"}:
                rules.append(Rule(x, base, x + wide, base, _STYLE[state]))
            else:
                boxes.append(_box(x, base, wide, state))
            at += count
        y = base + _GAP
        rules += [Rule(x, base - _ROW, x, base, "faint") for x, _ in months_at if x]
    for x, name in months_at:
        if x:
            rules.append(Rule(x, 0, x, _HEAD - 4, "faint"))
        if name:
            texts.append(Text(x + 2, _HEAD - 6, name))
    return Picture(width, y, tuple(boxes), tuple(rules), tuple(texts))


def key_box(state: str, width: float = 22.0) -> Picture:
    """Return the small picture that stands for a state in the key."""
    base = _ROW
    if state in {"works", "unknown"}:
        return Picture(width, base + 1, (), (Rule(0, base, width, base, _STYLE[state]),), ())
    return Picture(width, base + 1, (_box(0, base, width, state),), (), ())


_STYLE = {"works": "thin", "unknown": "dotted"}


def _box(x: float, base: float, width: float, state: str) -> Box:
    height, pattern = (_ROW, "solid") if state == "down" else (_ROW * 0.55, "hatched")
    return Box(round(x, 2), base - height, round(width, 2), height, pattern)


def _months(
    first: date, days: int, a_day: float, names: Sequence[str], width: float
) -> Iterator[tuple[float, str]]:
    """Yield where each month begins and its name; a name that has no room is empty."""
    for at in range(days):
        day = first + timedelta(days=at)
        if at == 0 or day.day == 1:
            left = min((_month_end(day) - day).days + 1, days - at)
            name = names[day.month - 1]
            if day.month == 1 or at == 0:
                name = f"{name} {day.year}"
            room = left * a_day
            if room < _NARROWEST_MONTH:
                name = ""
            elif room < 2.2 * _NARROWEST_MONTH:
                name = names[day.month - 1]
            yield round(min(at * a_day, width), 2), name


def _month_end(day: date) -> date:
    return (day.replace(day=1) + timedelta(days=31)).replace(day=1) - timedelta(days=1)
