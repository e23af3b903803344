# SPDX-License-Identifier: Apache-2.0
"""A person as the gallery knows one: an identifier and the templates recorded under it."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING

from ektp_hw.samples import Eye, FingerPosition
from ektp_hw.templates import FingerprintTemplate

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["MAX_ID_LENGTH", "Person", "checked_id"]

MAX_ID_LENGTH = 200
"""Characters of the longest identifier accepted."""


@dataclass(frozen=True)
class Person:
    """One person's identifier and templates; immutable.

    Parameters
    ----------
    id
        The caller's own key, unique in a gallery: 1 to `MAX_ID_LENGTH` characters without control
        characters.
    fingers
        One template a finger position, at least one. `FingerPosition.UNKNOWN` holds a finger whose
        position nobody noted; it is compared with every finger that has no counterpart.
    irises
        Room for iris templates; this release compares none, so it must be empty.
    name
        Words for people to read; not compared, not searched.

    Raises
    ------
    ValueError
        If the identifier or name is not acceptable, there is no finger, or a position names a
        group of fingers.
    TypeError
        If a finger is no `FingerprintTemplate`.
    """

    id: str
    fingers: Mapping[FingerPosition, FingerprintTemplate]
    irises: Mapping[Eye, object] = field(default_factory=dict)
    name: str = ""

    def __post_init__(self) -> None:
        checked_id(self.id)
        _check_characters("the name", self.name)
        fingers = {_checked_position(each): finger for each, finger in self.fingers.items()}
        for position, finger in fingers.items():
            if not isinstance(finger, FingerprintTemplate):
                raise TypeError(
                    f"{self.id}: the {position.name} is a {type(finger).__name__}, "
                    "not a FingerprintTemplate"
                )
        if not fingers:
            raise ValueError(f"{self.id}: a person needs at least one finger to be found again")
        if self.irises:
            raise ValueError(f"{self.id}: this release of the gallery stores no irises yet")
        object.__setattr__(self, "fingers", MappingProxyType(dict(sorted(fingers.items()))))
        object.__setattr__(self, "irises", MappingProxyType({}))

    def __hash__(self) -> int:
        return hash((self.id, *self.fingers.items()))

    def __reduce__(self) -> tuple[type[Person], tuple[object, ...]]:
        return Person, (self.id, dict(self.fingers), dict(self.irises), self.name)


def checked_id(identifier: str) -> str:
    """Return the identifier, or say why it is none."""
    if not isinstance(identifier, str):
        raise TypeError(f"an identifier is text, not {type(identifier).__name__}")
    if not identifier.strip():
        raise ValueError("the identifier is empty; give each person one")
    if len(identifier) > MAX_ID_LENGTH:
        raise ValueError(
            f"the identifier has {len(identifier)} characters; at most {MAX_ID_LENGTH} are kept"
        )
    _check_characters("the identifier", identifier)
    return identifier


def _check_characters(what: str, text: str) -> None:
    if any(unicodedata.category(character) in {"Cc", "Cs"} for character in text):
        raise ValueError(f"{what} {text!r} holds control characters; remove them")


def _checked_position(position: object) -> FingerPosition:
    try:
        code = FingerPosition(position)  # type: ignore[arg-type]  # plain numbers are welcome
    except ValueError:
        raise ValueError(f"{position!r} is no finger position") from None
    if code > FingerPosition.LEFT_LITTLE:
        raise ValueError(f"{code.name} is a group of fingers; give each finger its own template")
    return code
