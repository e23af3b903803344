# SPDX-License-Identifier: Apache-2.0
"""The letter as one HTML page: nothing is fetched, it fits a phone, a laptop and A4 in black.

The page carries its document as JSON, and the document's seal covers the page around it: whoever
changes a word of either is found out by `read_page` and `seal.checked`.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from ektp_hw.diagnostics.letter import DAY_STATES, letter_of
from ektp_hw.diagnostics.seal import sealed
from ektp_hw.diagnostics.timeline import key_box, picture_of
from ektp_hw.errors import StationError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

__all__ = ["MARKS", "read_page", "read_sealed", "rendered"]

_WIDE, _NARROW = 680.0, 330.0
"""Widths of the timeline on paper or a laptop, and on a phone, CSS pixels."""
_DATA = re.compile(r'(<script type="application/json" id="document">)(.*?)(</script>)', re.DOTALL)
_LARGEST = 20_000_000
MARKS = {"sound": "✓", "suspect": "!", "broken": "✗", "untested": "?"}
"""Beside each word, so that a state can be seen without colours."""


def rendered(document: Mapping[str, Any], key_file: Path) -> str:
    """Return the page of a document, sealed; the parameters are those of `seal.sealed`."""
    bare = _rendered(sealed(document, key_file))
    whole = json.dumps(sealed(document, key_file, bare), ensure_ascii=False, sort_keys=True)
    data = whole.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
    return _DATA.sub(lambda found: found[1] + data + found[3], bare, count=1)


def read_page(html: str, name: str) -> tuple[dict[str, Any], str]:
    """Return the document of a page, and the page without it, as they were sealed.

    Raises
    ------
    StationError
        If it is no such page.
    """
    found = _DATA.search(html)
    if found is None:
        raise StationError(f"{name}: no letter of 'ektp-hw doctor'; give its .html or .json file")
    try:
        document = json.loads(found[2])
    except ValueError as error:
        raise StationError(f"{name}: the data inside is damaged: {error}") from error
    if not isinstance(document, dict):
        raise StationError(f"{name}: the data inside is no document")
    return document, html[: found.start(2)] + html[found.end(2) :]


def read_sealed(path: Path) -> tuple[dict[str, Any], str]:
    """Return document and page of a letter's file; the page of a JSON file is empty.

    Raises
    ------
    StationError
        If it is neither such a page nor such a document.
    """
    if path.stat().st_size > _LARGEST:
        raise StationError(f"{path}: too large for a letter of 'ektp-hw doctor'")
    try:
        text = path.read_bytes().decode("utf-8")
    except UnicodeDecodeError as error:
        raise StationError(f"{path}: no letter; give its .html or .json file") from error
    if not text.lstrip().startswith("{"):
        return read_page(text, str(path))
    try:
        document = json.loads(text)
    except ValueError as error:
        raise StationError(f"{path}: damaged JSON: {error}") from error
    if not isinstance(document, dict) or document.get("document") != "ektp-hw doctor":
        raise StationError(f"{path}: no document of 'ektp-hw doctor'")
    return document, ""


def _rendered(document: Mapping[str, Any]) -> str:
    try:
        from jinja2 import Environment, PackageLoader, StrictUndefined
    except ImportError as error:
        raise StationError(
            "the page needs the package 'jinja2', which belongs to ektp_hw: install ektp_hw anew, "
            "or write the letter as .json"
        ) from error

    environment = Environment(
        loader=PackageLoader("ektp_hw.diagnostics", "pages"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    letter = letter_of(document)
    pictures = {}
    if letter.history is not None:
        months = letter.words["months_short"].split()
        pictures = {
            name: picture_of(letter.history, months, letter.percents, width)
            for name, width in (("wide", _WIDE), ("narrow", _NARROW))
        }
    return environment.get_template("letter.html.jinja").render(
        letter=letter,
        marks=MARKS,
        key=[(state, key_box(state)) for state in DAY_STATES],
        data="",
        **pictures,
    )
