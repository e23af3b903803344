# SPDX-License-Identifier: Apache-2.0
"""Every probe of the doctor, one file for each part of the station.

A file offers ``PROBES``, a tuple of probe objects (`ektp_hw.diagnostics.probing.Probe`), and
``CAUSES``, for each of their names the causes it can find. To add an area: a file here, its name in
`_AREAS`, its sentences in ``texts/en/<area>.toml`` and ``texts/id/<area>.toml``.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ektp_hw.diagnostics.findings import Cause
    from ektp_hw.diagnostics.probing import Probe

__all__ = ["all_probes", "causes_of_probes"]

_AREAS: tuple[str, ...] = (
    "usb", "libraries", "drivers", "permissions", "devices",
    "computer", "storage", "network", "records",
)  # fmt: skip


def all_probes() -> list[Probe]:
    """Return every probe, in the order in which a person would look."""
    return [probe for area in _AREAS for probe in _module(area).PROBES]


def causes_of_probes() -> dict[str, tuple[Cause, ...]]:
    """Return, for each probe's name, the causes it can find."""
    return {name: causes for area in _AREAS for name, causes in _module(area).CAUSES.items()}


def _module(area: str):  # type: ignore[no-untyped-def]  # noqa: ANN202  # a module
    return import_module(f"ektp_hw.diagnostics.probes.{area}")
