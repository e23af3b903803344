# SPDX-License-Identifier: Apache-2.0
"""The letter as a PDF for A4, the same content as the page, with its fonts inside.

Drawn by ReportLab (pure Python, an optional part of this package), which brings the fonts along
(Bitstream Vera), so nothing is needed of the system. The same letter gives the same bytes.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any
from xml.sax.saxutils import escape

from ektp_hw.diagnostics.letter import DAY_STATES, letter_of
from ektp_hw.diagnostics.timeline import key_box, picture_of
from ektp_hw.errors import StationError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from reportlab.lib.styles import ParagraphStyle
    from reportlab.pdfgen.canvas import Canvas
    from reportlab.platypus import Flowable, Table

    from ektp_hw.diagnostics.letter import Letter, Row
    from ektp_hw.diagnostics.timeline import Box, Picture

__all__ = ["pdf_of", "require_library"]

_MM = 72 / 25.4
_LEFT, _RIGHT, _TOP, _BOTTOM = 22 * _MM, 18 * _MM, 18 * _MM, 20 * _MM
_PAGE = 210 * _MM, 297 * _MM
_WIDTH = _PAGE[0] - _LEFT - _RIGHT
_FRAME = 6.0
"""ReportLab leaves so many points free inside its margins."""
_PLAIN, _BOLD = "Vera", "VeraBd"


def pdf_of(document: Mapping[str, Any]) -> bytes:
    """Return the PDF of a sealed document.

    Raises
    ------
    StationError
        If ReportLab is not installed.
    """
    require_library()
    from reportlab.platypus import SimpleDocTemplate

    _register_fonts()
    letter = letter_of(document)
    file = io.BytesIO()
    template = SimpleDocTemplate(
        file,
        pagesize=_PAGE,
        leftMargin=_LEFT - _FRAME,
        rightMargin=_RIGHT - _FRAME,
        topMargin=_TOP - _FRAME,
        bottomMargin=_BOTTOM - _FRAME,
        title=letter.references[2][1],
        author=letter.head[-1] if letter.head else "ektp-hw",
        subject=document.get("hash", ""),
        lang=letter.language,
        invariant=1,
    )
    template.build(_story(letter), canvasmaker=_numbered(letter))
    return file.getvalue()


def require_library() -> None:
    """Say what to install if no PDF can be made.

    Raises
    ------
    StationError
        If ReportLab is not installed.
    """
    try:
        import reportlab  # noqa: F401
    except ImportError as error:
        raise StationError(
            "a PDF needs the package 'reportlab': install it with pip install 'ektp_hw[letter]', "
            "or write the letter as .html, which any browser prints"
        ) from error


def _register_fonts() -> None:
    from reportlab.lib.fonts import addMapping
    from reportlab.pdfbase import pdfmetrics
    from reportlab.pdfbase.ttfonts import TTFont

    if _PLAIN in pdfmetrics.getRegisteredFontNames():
        return
    for name in (_PLAIN, _BOLD):
        pdfmetrics.registerFont(TTFont(name, f"{name}.ttf"))
    for bold in (0, 1):
        for italic in (0, 1):
            addMapping(_PLAIN, bold, italic, _BOLD if bold else _PLAIN)


def _numbered(letter: Letter) -> type[Canvas]:
    from reportlab.pdfgen.canvas import Canvas

    class Numbered(Canvas):
        """Writes "page 2 of 3" under each page, which is known only at the end."""

        def __init__(self, filename: Any, **options: Any) -> None:  # noqa: ANN401  # as theirs
            super().__init__(filename, **options)
            self._pages: list[dict[str, Any]] = []

        def showPage(self) -> None:  # noqa: N802  # ReportLab's name
            self._pages.append(dict(self.__dict__))
            self._startPage()  # type: ignore[attr-defined]

        def save(self) -> None:
            for number, page in enumerate(self._pages, 1):
                self.__dict__.update(page)
                self.setFont(_PLAIN, 8)
                words = letter.words["page"].format(number=number, count=len(self._pages))
                self.drawRightString(_PAGE[0] - _RIGHT, 11 * _MM, words)
                super().showPage()
            super().save()

    return Numbered


def _style(name: str, **changes: float) -> ParagraphStyle:
    from reportlab.lib.styles import ParagraphStyle

    plain: dict[str, Any] = {
        "fontName": _PLAIN,
        "fontSize": 9.5,
        "leading": 13.5,
        "spaceAfter": 3,
        "splitLongWords": 1,
    }
    return ParagraphStyle(name, **(plain | changes))


def _paragraph(text: str, *, bold: bool = False, **style: float) -> Flowable:
    from reportlab.platypus import Paragraph

    marked = escape(text)
    return Paragraph(f"<b>{marked}</b>" if bold else marked, _style("text", **style))


def _title(text: str) -> Flowable:
    return _paragraph(text, bold=True, fontSize=10.5, spaceBefore=10, keepWithNext=1)


def _bullet(text: str) -> Flowable:
    from reportlab.platypus import Paragraph

    return Paragraph(escape(text), _style("bullet", leftIndent=12, bulletIndent=2), bulletText="•")


def _story(letter: Letter) -> list[Flowable]:
    from reportlab.platypus import PageBreak

    words = letter.words
    parts = [*_top(letter), _title(words["title_verdict"]), _boxed_verdict(letter)]
    parts += [_title(words["title_history"]), _paragraph(letter.told[0])]
    parts += [_bullet(sentence) for sentence in letter.told[1:]]
    parts += _picture(letter)
    parts.append(_title(words["title_evidence"]))
    if letter.evidence:
        parts += [_paragraph(words["evidence_lead"]), _rows(letter, letter.evidence)]
    else:
        parts.append(_paragraph(words["evidence_none"]))
    parts.append(_title(words["title_tried"]))
    parts += [_paragraph(sentence) for sentence in letter.tried]
    parts.append(_title(words["title_asked"]))
    for demand in letter.demands:
        parts.append(_paragraph(demand.who, bold=True, keepWithNext=1))
        parts += [_bullet(what) for what in demand.what]
    if not letter.demands:
        parts.append(_paragraph(letter.no_demand))
    parts += [*_end(letter), PageBreak(), _title(words["title_all"])]
    parts.append(_rows(letter, letter.everything))
    return parts


def _top(letter: Letter) -> list[Flowable]:
    from reportlab.platypus import HRFlowable, Spacer

    words = letter.words
    parts: list[Flowable] = []
    for at, line in enumerate(letter.head):
        text = line.upper() if at == 0 else line
        parts.append(_paragraph(text, bold=True, alignment=1, fontSize=11 - at, spaceAfter=1))
    if letter.head:
        thick = HRFlowable("100%", 1.6, color="black", spaceBefore=4, spaceAfter=1)
        thin = HRFlowable("100%", 0.5, color="black", spaceBefore=0, spaceAfter=9)
        parts += [thick, thin]
    pen = "." * 34
    cells = [
        [_paragraph(label, spaceAfter=0), _paragraph(f": {value or pen}", spaceAfter=0),
         _paragraph(letter.date if at == 0 else "", alignment=2, spaceAfter=0)]
        for at, (label, value) in enumerate(letter.references)
    ]  # fmt: skip
    parts.append(_table(cells, [20 * _MM, _WIDTH - 65 * _MM, 45 * _MM], grid=False))
    parts += [Spacer(0, 8), _paragraph(f"{words['to']} {letter.addressee}", spaceAfter=0)]
    if words["at"]:
        parts.append(_paragraph(words["at"]))
    parts += [Spacer(0, 8), _paragraph(words["greeting"]), _paragraph(letter.opening)]
    return parts


def _boxed_verdict(letter: Letter) -> Flowable:
    inside = [
        _paragraph(letter.verdict, bold=True, fontSize=10.5, leading=14.5),
        _paragraph(letter.certainty, fontSize=8.5, spaceAfter=0),
    ]
    table = _table([[inside]], [_WIDTH], grid=False)
    sides = ("TOP", "BOTTOM", "LEFT", "RIGHT")
    paddings = [(f"{side}PADDING", (0, 0), (-1, -1), 7) for side in sides]
    table.setStyle([("BOX", (0, 0), (-1, -1), 1.4, "black"), *paddings])
    return table


def _picture(letter: Letter) -> list[Flowable]:
    from reportlab.platypus import KeepTogether

    if letter.history is None:
        return []
    words = letter.words
    months = words["months_short"].split()
    drawn = _drawing(picture_of(letter.history, months, letter.percents, _WIDTH))
    cells: list[Any] = []
    for state in DAY_STATES:
        cells += [_drawing(key_box(state)), _paragraph(words[f"key_{state}"], fontSize=8)]
    share = (_WIDTH - 4 * 28) / 4
    key = _table([cells], [28, share] * 4, grid=False)
    columns = ("part", "available", "faults", "total", "longest", "since")
    head = [_paragraph(words[f"column_{each}"], bold=True, fontSize=8.5) for each in columns]
    body = [[_paragraph(cell, fontSize=8.5, spaceAfter=0) for cell in row]
            for row in letter.availability]  # fmt: skip
    widths = [_WIDTH * share for share in (0.26, 0.13, 0.12, 0.14, 0.14, 0.21)]
    return [
        _title(words["title_availability"]),
        _table([head, *body], widths),
        KeepTogether([_title(words["picture"]), drawn, key]),
    ]


def _rows(letter: Letter, rows: Sequence[Row]) -> Flowable:
    words = letter.words
    columns = ("number", "checked", "seen", "state")
    head = [_paragraph(words[f"column_{each}"], bold=True, fontSize=8.5, spaceAfter=0)
            for each in columns]  # fmt: skip
    body: list[list[Any]] = []
    for row in rows:
        bold = row.outcome == "broken" and not row.follows
        style = {"fontSize": 8.5, "leading": 11, "spaceAfter": 0}
        seen: list[Flowable] = [_paragraph(row.seen, bold=bold, **style)]
        if row.readings:
            seen.append(_paragraph(row.readings, fontSize=7.5, leading=9.5, spaceAfter=0))
        body.append(
            [
                _paragraph(row.number or "\N{EN DASH}", bold=bold, **style),
                _paragraph(row.checked, bold=bold, **style, leftIndent=8 * row.follows),
                seen,
                _paragraph(row.state, bold=bold, **style),
            ]
        )
    widths = [11 * _MM, 0.29 * _WIDTH, 0.71 * _WIDTH - 45 * _MM, 34 * _MM]
    return _table([head, *body], widths)


def _end(letter: Letter) -> list[Flowable]:
    from reportlab.platypus import HRFlowable, KeepTogether, Spacer

    words = letter.words
    left = _WIDTH - 62 * _MM
    closing = [
        Spacer(0, 8),
        _paragraph(words["closing"]),
        Spacer(0, 10),
        _paragraph(words["signed_by"], leftIndent=left, spaceAfter=0),
        Spacer(0, 44),
        _paragraph(words["name"], leftIndent=left, spaceAfter=0),
        _paragraph(f"{words['staff_number']} {'.' * 30}", leftIndent=left, spaceAfter=0),
    ]
    seal: list[Flowable] = [HRFlowable(width="100%", thickness=0.6, color="black", spaceBefore=14),
                            _title(words["title_seal"])]  # fmt: skip
    for label, value in letter.seal:
        seal.append(_paragraph(f"{label}: {value}" if label else value, fontSize=8, leading=11))
    seal += [_paragraph(note, fontSize=8, leading=11) for note in letter.notes]
    return [KeepTogether(closing), KeepTogether(seal)]


def _table(cells: Sequence[list[Any]], widths: Sequence[float], *, grid: bool = True) -> Table:
    from reportlab.platypus import Table

    whole = (0, 0), (-1, -1)
    paddings = (2.5, 3, 4, 4) if grid else (1, 1, 0, 0)
    style: list[Any] = [("VALIGN", *whole, "TOP")]
    for side, points in zip(("TOP", "BOTTOM", "LEFT", "RIGHT"), paddings, strict=True):
        style.append((f"{side}PADDING", *whole, points))
    if grid:
        style.append(("GRID", *whole, 0.5, "black"))
        style.append(("LINEBELOW", (0, 0), (-1, 0), 1.2, "black"))
    return Table(cells, widths, style=style, repeatRows=1 if grid else 0, hAlign="LEFT")


def _drawing(picture: Picture) -> Flowable:
    from reportlab.platypus import Flowable as Drawn

    class Drawing(Drawn):
        """The laid-out picture as vectors; ReportLab counts y from below."""

        def wrap(self, *_room: float) -> tuple[float, float]:
            return picture.width, picture.height

        def draw(self) -> None:
            _draw(self.canv, picture)

    return Drawing()


def _draw(canvas: Canvas, picture: Picture) -> None:
    for box in picture.boxes:
        _draw_box(canvas, box, picture.height)
    for rule in picture.rules:
        canvas.setStrokeGray(0.5 if rule.style == "faint" else 0)
        canvas.setLineWidth(0.4 if rule.style == "faint" else 0.8)
        canvas.setDash(*([0.8, 2.2], 0) if rule.style == "dotted" else ([], 0))
        canvas.line(rule.x1, picture.height - rule.y1, rule.x2, picture.height - rule.y2)
    canvas.setDash([], 0)
    for text in picture.texts:
        canvas.setFont(_BOLD if text.bold else _PLAIN, 7.5)
        draw = canvas.drawRightString if text.end else canvas.drawString
        draw(text.x, picture.height - text.y, text.text)


def _draw_box(canvas: Canvas, box: Box, height: float) -> None:
    bottom = height - box.y - box.height
    canvas.setStrokeGray(0)
    canvas.setLineWidth(0.4)
    if box.pattern == "solid":
        canvas.setFillGray(0)
        canvas.rect(box.x, bottom, box.width, box.height, stroke=0, fill=1)
        return
    canvas.setLineWidth(0.6)
    for x1, y1, x2, y2 in box.hatching:
        canvas.line(x1, height - y1, x2, height - y2)
    canvas.setLineWidth(0.4)
    canvas.rect(box.x, bottom, box.width, box.height, stroke=1, fill=0)
