# SPDX-License-Identifier: Apache-2.0
"""Messages in Indonesian or English.

``texts/<language>/<area>.toml`` holds the sentences of one area, key by key, with ``{blanks}``. A
key is written ``area.name``. Both languages must have the same keys and blanks, which a test keeps.
"""

from __future__ import annotations

import functools
import tomllib
from importlib.resources import files
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ektp_hw.diagnostics.findings import Message

__all__ = ["LANGUAGES", "catalogue", "worded"]

LANGUAGES = ("id", "en")


@functools.cache
def catalogue(language: str) -> dict[str, str]:
    """Return every sentence of a language by its key.

    Raises
    ------
    ValueError
        If there is no such language.
    """
    if language not in LANGUAGES:
        raise ValueError(f"there is no language '{language}', only {' and '.join(LANGUAGES)}")
    sentences = {}
    for file in (files("ektp_hw.diagnostics") / "texts" / language).iterdir():
        if file.name.endswith(".toml"):
            area = file.name.removesuffix(".toml")
            for name, sentence in tomllib.loads(file.read_text("utf-8")).items():
                sentences[f"{area}.{name}"] = sentence
    return sentences


def worded(message: Message, language: str) -> str:
    """Return the sentence of a message; numbers are written as that language writes them.

    Raises
    ------
    KeyError
        If the catalogue lacks the key, or the message a blank's value.
    """
    values = {
        name: _number(value, language) if isinstance(value, float) else value
        for name, value in message.values.items()
    }
    return catalogue(language)[message.key].format_map(values)


def _number(value: float, language: str) -> str:
    text = f"{value:g}"
    return text.replace(".", ",") if language == "id" else text
