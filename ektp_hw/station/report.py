# SPDX-License-Identifier: Apache-2.0
"""The page that a session leaves: one HTML file with everything in it, to read or to print.

Pictures are inside as data URIs, minutiae are drawn over them as SVG, nothing is fetched from
anywhere. Light and dark follow the reader's setting; on paper it fits A4.
"""

from __future__ import annotations

import base64
import io
import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import numpy as np
    import numpy.typing as npt

    from ektp_hw.devices import DeviceInfo
    from ektp_hw.samples import FingerprintImage
    from ektp_hw.templates import FingerprintTemplate

__all__ = ["Match", "Page", "Print", "RecordedPerson", "mean_minutiae", "render", "write"]

TICK_LENGTH = 11.0
"""Length of a minutia's direction tick, pixels at 500 ppi: a little more than a ridge period."""

MARGIN = 45
"""Pixels at 500 ppi shown around the outermost minutiae."""
FEW_MINUTIAE = 4
"""Below this many, where the print lies is not known well enough to show only a part."""


@dataclass(frozen=True)
class Print:
    """One print to show: its picture, what was found on it, and whose it is."""

    image: FingerprintImage
    template: FingerprintTemplate
    caption: str

    @property
    def view(self) -> tuple[int, int, int, int]:
        """Left, top, width and height of what is shown, pixels at 500 ppi.

        The minutiae and a margin around them; the whole picture where there are too few.
        """
        template = self.template
        if len(template) < FEW_MINUTIAE:
            return 0, 0, template.width, template.height
        left, top = (max(int(axis.min()) - MARGIN, 0) for axis in (template.x, template.y))
        right = min(int(template.x.max()) + MARGIN, template.width)
        bottom = min(int(template.y.max()) + MARGIN, template.height)
        return left, top, right - left, bottom - top


@dataclass(frozen=True)
class Match:
    """Two prints side by side.

    Parameters
    ----------
    pairs
        Indices into the left and right minutiae that were laid on each other, (k, 2).
    """

    title: str
    sentence: str
    left: Print
    right: Print
    pairs: npt.NDArray[np.intp]


@dataclass(frozen=True)
class RecordedPerson:
    """One row of people: who, a remark, and the prints."""

    name: str
    remark: str
    prints: Sequence[Print]
    flagged: bool = False


@dataclass(frozen=True)
class Page:
    """Everything on the page, in its order."""

    title: str
    lead: str
    verdict: str
    good: bool
    facts: Sequence[tuple[str, str]]
    score_meaning: Sequence[str]
    matches_title: str = "Matches"
    matches: Sequence[Match] = ()
    people_title: str = "People"
    people: Sequence[RecordedPerson] = ()
    devices: Sequence[DeviceInfo] = ()
    timings: Sequence[tuple[str, str]] = field(default=())


def write(page: Page, path: Path) -> None:
    """Write the page to a file, or leave none behind.

    Raises
    ------
    OSError
        With the file's name, if it cannot be written.
    """
    html = render(page)
    try:
        path.write_text(html, encoding="utf-8")
    except OSError as error:
        path.unlink(missing_ok=True)
        raise OSError(error.errno, error.strerror, str(path)) from error


def render(page: Page) -> str:
    """Return the page as HTML."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("ektp_hw.station", "pages"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals.update(png=_png_uri, marks=_marks, lines=_lines)
    return environment.get_template("session.html.jinja").render(page=page)


def mean_minutiae(prints: Sequence[Print]) -> str:
    """Return the mean number of minutiae, for a page's facts."""
    return f"{sum(len(print_.template) for print_ in prints) / len(prints):.0f}"


@dataclass(frozen=True)
class _Mark:
    """One minutia as it is drawn: ends of its tick and the class of its shape."""

    x: float
    y: float
    x_tip: float
    y_tip: float
    shape: str


def _marks(print_: Print, chosen: Sequence[int] | None = None) -> list[_Mark]:
    """Return the minutiae to draw; ``chosen`` indices only, or all."""
    template = print_.template
    shapes = {1: "ending", 2: "bifurcation"}
    marks = []
    for at in range(len(template)) if chosen is None else chosen:
        x, y, angle = float(template.x[at]), float(template.y[at]), float(template.direction[at])
        marks.append(
            _Mark(
                x=round(x, 1),
                y=round(y, 1),
                x_tip=round(x + TICK_LENGTH * math.cos(angle), 1),
                # The direction turns counter-clockwise as seen; SVG's y runs downwards.
                y_tip=round(y - TICK_LENGTH * math.sin(angle), 1),
                shape=shapes.get(int(template.kind[at]), "other"),
            )
        )
    return marks


def _lines(match: Match, dx: float, dy: float) -> list[tuple[float, float, float, float]]:
    """Return the line of each matched pair, the right print being moved by (dx, dy)."""
    left, right = match.left.template, match.right.template
    return [
        (
            round(float(left.x[one]), 1),
            round(float(left.y[one]), 1),
            round(float(right.x[other]) + dx, 1),
            round(float(right.y[other]) + dy, 1),
        )
        for one, other in match.pairs.tolist()
    ]


def _png_uri(image: FingerprintImage) -> str:
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(image.pixels).save(buffer, "PNG", optimize=True)
    return f"data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode('ascii')}"
