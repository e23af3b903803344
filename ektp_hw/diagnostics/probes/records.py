# SPDX-License-Identifier: Apache-2.0
"""Records that wait to be sent: how many, since when. Only counted, never opened or named."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

from ektp_hw.diagnostics.findings import Cause, Outcome, Who
from ektp_hw.diagnostics.probes.saying import FunctionProbe, broken, sound, suspect, untested

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from ektp_hw.diagnostics.findings import Finding
    from ektp_hw.diagnostics.surroundings import Surroundings

__all__ = ["CAUSES", "PROBES"]

_DAY = 86400.0
_LATE_DAYS = 3
_MOST = 200_000
_SECONDS = 4.0


def _waiting(around: Surroundings, before: Sequence[Finding]) -> list[Finding]:
    """Count the files and their ages."""
    name, folder = "records.waiting", around.profile.waiting
    if folder is None:
        return [untested(name, "records.no_folder_named")]
    path = around.path(str(folder))
    if not path.is_dir():
        return [broken(name, "records.folder_missing", Cause.STORAGE, Who.TECHNICIAN, 0.85)]
    if not os.access(path, os.R_OK | os.W_OK | os.X_OK):
        return [broken(name, "records.folder_closed", Cause.PERMISSION, Who.TECHNICIAN, 0.9)]
    ages = _ages(path)
    today = sum(age < _DAY for age in ages)
    evidence: dict[str, str | int | float | bool | None] = {
        "records": len(ages),
        "came_in_last_day": today,
        "came_in_last_7_days": sum(age < 7 * _DAY for age in ages),
        "days_of_oldest": round(max(ages, default=0.0) / _DAY, 1),
        "clock_ahead_of_some": any(age < -3600 for age in ages),
    }
    if not ages:
        return [sound(name, "records.none_wait", evidence)]
    days = int(max(ages) // _DAY)
    if days < _LATE_DAYS:
        return [sound(name, "records.few_wait", evidence, count=len(ages), days=days)]
    key = "records.pile_up" if today else "records.stand_still"
    # That they wait is certain; why they do is what the network's probes say.
    blamed = [each for each in before if each.outcome is Outcome.BROKEN and each.cause]
    cause = (blamed[0].cause if blamed else None) or Cause.CENTRAL_SERVICE
    sure = 0.8 if blamed else 0.4
    return [suspect(name, key, cause, Who.DISTRICT, sure, evidence, count=len(ages), days=days)]


def _ages(folder: Path) -> list[float]:
    """Return the age of every file below a folder in seconds, of at most 200 000 and in 4 s."""
    now, end = time.time(), time.monotonic() + _SECONDS
    ages: list[float] = []
    todo = [str(folder)]
    while todo and len(ages) < _MOST and time.monotonic() < end:
        try:
            with os.scandir(todo.pop()) as entries:
                for entry in entries:
                    if entry.name.startswith("."):
                        continue  # not yet whole
                    if entry.is_dir(follow_symlinks=False):
                        todo.append(entry.path)
                    elif entry.is_file(follow_symlinks=False):
                        ages.append(now - entry.stat(follow_symlinks=False).st_mtime)
        except OSError:  # taken away, or closed, while we count: the others still count
            continue
    return ages


PROBES = (
    FunctionProbe(
        "records.waiting",
        _waiting,
        (
            "network.link",
            "network.address",
            "network.gateway",
            "network.portal",
            "network.provider",
            "network.dns",
            "network.centre",
            "network.tls",
            "network.http",
            "network.health",
            "storage.writing",
        ),
        10,
    ),
)
# Not every profile names a folder: what it finds here rules nothing out elsewhere.
CAUSES: dict[str, tuple[Cause, ...]] = {"records.waiting": ()}
