# SPDX-License-Identifier: Apache-2.0
"""What the part of a ``virtual:`` URI behind the question mark may say."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["check_names", "number", "person"]


def check_names(device: str, options: Mapping[str, str], known: set[str]) -> None:
    """Refuse options that the device does not know with a `ValueError` that names them."""
    if unknown := set(options) - known:
        raise ValueError(
            f"virtual:{device} knows no option '{min(unknown)}', only {', '.join(sorted(known))}"
        )


def person(device: str, options: Mapping[str, str]) -> int:
    """Return the seed of the synthetic person asked for, 1 where none is."""
    text = options.get("seed", "1")
    if not (text.isascii() and text.isdigit()):
        raise ValueError(f"virtual:{device}: seed={text} is no number from 0 on")
    return int(text)


def number(device: str, options: Mapping[str, str], name: str, default: float) -> float:
    """Return a positive number."""
    try:
        value = float(options.get(name, default))
    except ValueError:
        value = 0.0
    if not 0 < value < float("inf"):
        raise ValueError(f"virtual:{device}: {name}={options[name]} is no positive number")
    return value
