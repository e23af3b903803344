# SPDX-License-Identifier: Apache-2.0
"""One road in for extractors: the entry-point group ``ektp_hw.extractors``, ours and others'.

An extractor is a callable that takes a `FingerprintImage` and a `Trace` and returns a
`FingerprintTemplate`. A package offers one in its pyproject.toml::

    [project.entry-points."ektp_hw.extractors"]
    mine = "my_package.my_module:my_extractor"

It is then ``extract(image, method="mine")``. Only the one asked for is imported, so a broken
extractor troubles nobody else.
"""

from __future__ import annotations

import functools
import importlib.metadata
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias

from ektp_hw.errors import EktpError, ExtractorUnavailable
from ektp_hw.samples import FingerprintImage
from ektp_hw.templates import FingerprintTemplate
from ektp_hw.tracing import Trace

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

__all__ = ["BEST", "GROUP", "Extractor", "extractor", "extractors"]

Extractor: TypeAlias = Callable[[FingerprintImage, Trace], FingerprintTemplate]

GROUP = "ektp_hw.extractors"
"""Entry-point group under which a package offers its extractors."""
BEST = "learned"
"""The extractor of whoever does not name one."""


def extractors() -> tuple[str, ...]:
    """Return the names of all registered extractors, the best one first; imports none of them."""
    return tuple(sorted(_entries(), key=lambda name: (name != BEST, name)))


@functools.cache
def extractor(method: str | None = None) -> Extractor:
    """Return the extractor of that name; None is the best there is.

    Raises
    ------
    ValueError
        If no package registers that name; the message lists the names that are.
    ExtractorUnavailable
        If it is registered and cannot be imported.
    """
    name = BEST if method is None else method
    entry = _entries().get(name)
    if entry is None:
        known = ", ".join(extractors())
        raise ValueError(
            f"the method {name!r} is unknown; choose one of {known}"
            if known
            else f"no extractor is registered, not even {BEST!r}; install ektp_hw again"
        )
    try:
        loaded: Extractor = entry.load()
    except EktpError:
        raise
    except Exception as error:
        raise ExtractorUnavailable(
            f"the extractor {name!r} ({entry.value}) cannot be loaded "
            f"({type(error).__name__}: {error}); mend or remove its package, "
            "or choose another method"
        ) from error
    return loaded


def _entries() -> dict[str, EntryPoint]:
    """Return the registered extractors by name; a name of ours cannot be taken by others."""
    entries = importlib.metadata.entry_points(group=GROUP)
    return {entry.name: entry for entry in sorted(entries, key=_ours_last)}


def _ours_last(entry: EntryPoint) -> tuple[bool, str]:
    return entry.module.startswith("ektp_hw."), entry.value
