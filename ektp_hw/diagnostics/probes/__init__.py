# SPDX-License-Identifier: Apache-2.0
"""Every probe of the doctor, one file for each part of the station.

A file offers ``PROBES``, a tuple of probe objects (`ektp_hw.diagnostics.probing.Probe`), and
``CAUSES``, for each of their names the causes it can find. To add an area: a file here, its name in
`AREAS`, its sentences in ``texts/en/<area>.toml`` and ``texts/id/<area>.toml``, and what it is
called in ``probe.toml``.
"""

from __future__ import annotations

import logging
from importlib import import_module
from typing import TYPE_CHECKING

from ektp_hw.diagnostics.findings import Cause
from ektp_hw.diagnostics.probes.unloadable import UnloadableArea

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType

    from ektp_hw.diagnostics.probing import Probe

__all__ = ["AREAS", "all_probes", "causes_of_probes"]

AREAS: tuple[str, ...] = (
    "usb", "libraries", "drivers", "permissions", "devices",
    "computer", "storage", "network", "records",
)  # fmt: skip
_log = logging.getLogger(__name__)


def all_probes() -> list[Probe]:
    """Return every probe, in the order in which a person would look.

    Of an area that is broken or installed by half it is one that says so.
    """
    return [
        probe
        for area in _areas()
        for probe in ([area] if isinstance(area, UnloadableArea) else area.PROBES)
    ]


def causes_of_probes() -> dict[str, tuple[Cause, ...]]:
    """Return, for each probe's name, the causes it can find.

    What an area that does not load could have found is not known: without it nothing is ruled out.
    """
    causes: dict[str, tuple[Cause, ...]] = {}
    for area in _areas():
        causes |= {area.name: tuple(Cause)} if isinstance(area, UnloadableArea) else area.CAUSES
    return causes


def _areas() -> Iterator[ModuleType | UnloadableArea]:
    for area in AREAS:
        try:
            module = import_module(f"{__name__}.{area}")
            _ = module.PROBES, module.CAUSES
        except Exception as error:  # noqa: BLE001  # whatever a half-installed file raises
            _log.warning("the probes of '%s' do not load", area, exc_info=True)
            yield UnloadableArea(area, error)
        else:
            yield module
