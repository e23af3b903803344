# SPDX-License-Identifier: Apache-2.0
"""Many stations' journals side by side: which are down, since when, why, district by district."""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, tzinfo
from enum import StrEnum
from functools import partial
from multiprocessing import get_context
from typing import TYPE_CHECKING

from ektp_hw.diagnostics.journal.reading import parse, read_bytes
from ektp_hw.diagnostics.summing import chronicle_of
from ektp_hw.errors import StationError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from ektp_hw.diagnostics.chronicle import Chronicle

__all__ = ["District", "Fault", "Fleet", "Health", "Station", "Unusable", "files_in", "read_fleet"]

_SILENT_AFTER = timedelta(days=3)
"""Time without a look, measured from the newest look of all, after which nothing is known."""
_LATELY = timedelta(days=7)
_MANY = 40
"""Files from which it pays to read them in several processes."""


class Health(StrEnum):
    """How a station is, the worst first."""

    DOWN = "down"
    """A fault is there now."""
    SILENT = "silent"
    """No recorder has looked for days."""
    SHAKY = "shaky"
    """Works now, and had a fault in the last seven days."""
    WORKS = "works"


@dataclass(frozen=True)
class Fault:
    """One fault that is there now, or the last one there was."""

    cause: str
    device: str
    since: datetime
    until: datetime
    times: int


@dataclass(frozen=True)
class Station:
    """One station.

    Parameters
    ----------
    file
        Where its journal lies.
    identity
        The journal's own name: two copies of one journal have the same.
    now
        Faults that are there now, the longest first; for a shaky station those of the last days.
    availability
        Share of the watched time without any fault; None if never watched.
    days
        How each day of the period went: ``works``, ``partly``, ``down``, ``unknown``.
    damaged
        Lines of its journal that were changed.
    """

    file: str
    identity: str
    name: str
    district: str
    code: str
    health: Health
    now: tuple[Fault, ...]
    last_look: datetime | None
    availability: float | None
    turned_away: int | None
    days: tuple[str, ...]
    damaged: int

    @property
    def since(self) -> datetime | None:
        """Since when it has been down, or silent."""
        if self.health is Health.SILENT:
            return self.last_look
        return min((fault.since for fault in self.now), default=None)


@dataclass(frozen=True)
class Unusable:
    """A file that is no journal, or an older copy of one."""

    file: str
    why: str


@dataclass(frozen=True)
class District:
    """A district's stations, the worst first."""

    name: str
    stations: tuple[Station, ...]

    def count(self, health: Health) -> int:
        """Return how many stations are so."""
        return sum(each.health is health for each in self.stations)


@dataclass(frozen=True)
class Fleet:
    """All stations; districts with most stations down first.

    Parameters
    ----------
    until
        The newest look of all; None without any.
    days
        Length of the period.
    copies
        Older copies of journals, left out.
    unusable
        Files that are no journals, or destroyed.
    """

    districts: tuple[District, ...]
    until: datetime | None
    days: int
    copies: tuple[Unusable, ...]
    unusable: tuple[Unusable, ...]

    @property
    def stations(self) -> list[Station]:
        """Every station."""
        return [each for district in self.districts for each in district.stations]

    def count(self, health: Health) -> int:
        """Return how many stations are so."""
        return sum(each.health is health for each in self.stations)


def files_in(paths: Iterable[Path]) -> list[Path]:
    """Return the files named, and every ``*.ektp`` in the folders named and below.

    Raises
    ------
    StationError
        If a path does not exist, or there is no file in the end.
    """
    found: dict[Path, None] = {}
    for path in paths:
        if path.is_dir():
            found |= dict.fromkeys(sorted(each for each in path.rglob("*.ektp") if each.is_file()))
        elif path.exists():
            found[path] = None
        else:
            raise StationError(f"{path}: there is no such file or folder; name the journals")
    if not found:
        raise StationError("there is no journal (*.ektp) in the folders named; name the files")
    return list(found)


def read_fleet(
    files: Sequence[Path],
    *,
    days: int = 150,
    zone: tzinfo | None = None,
    workers: int = 1,
    advance: Callable[[int], None] | None = None,
) -> Fleet:
    """Read journals; what cannot be read is listed and stops nothing.

    Parameters
    ----------
    days
        Length of the period that ends with each journal's last look.
    workers
        Processes to read in, if there are many files; more than 1 needs a main module that can be
        imported, as `multiprocessing` says.
    advance
        Called with 1 after each file.

    Raises
    ------
    ValueError
        If there are less than 1 or more than 3660 days.
    """
    if not 1 <= days <= 3660:
        raise ValueError(f"a history of {days} days cannot be; give 1 to 3660")
    stations: list[Station] = []
    unusable: list[Unusable] = []
    for answer in _answers(files, partial(_read, days=days, zone=zone), workers):
        if isinstance(answer, Station):
            stations.append(answer)
        else:
            unusable.append(answer)
        if advance is not None:
            advance(1)
    stations, copies = _newest(stations)
    until = max((each.last_look for each in stations if each.last_look), default=None)
    if until is not None:
        stations = [_silent(each, until) for each in stations]
    return Fleet(_districts(stations), until, days, tuple(copies), tuple(unusable))


def _answers(
    files: Sequence[Path], read: Callable[[Path], Station | Unusable], workers: int
) -> Iterable[Station | Unusable]:
    if workers < 2 or len(files) < _MANY:
        yield from map(read, files)
        return
    with ProcessPoolExecutor(min(workers, 16), mp_context=get_context("spawn")) as pool:
        yield from pool.map(read, files, chunksize=10)


def _read(path: Path, *, days: int, zone: tzinfo | None) -> Station | Unusable:
    try:
        journal = parse(path, read_bytes(path))
        chronicle = chronicle_of(journal, days=days, zone=zone)
    except StationError as error:
        return Unusable(str(path), str(error).removeprefix(f"{path}: "))
    name, district, code = chronicle.station
    health, faults = _health(chronicle)
    states = [lane.states for lane in chronicle.lanes]
    day_by_day = tuple(_worst(each) for each in zip(*states, strict=True)) if states else ()
    return Station(
        file=str(path),
        identity=journal.identity,
        name=name or path.stem,
        district=district,
        code=code,
        health=health,
        now=faults,
        last_look=chronicle.last_look,
        availability=_availability(chronicle),
        turned_away=chronicle.turned_away,
        days=day_by_day or ("unknown",) * days,
        damaged=len(journal.damages),
    )


def _health(chronicle: Chronicle) -> tuple[Health, tuple[Fault, ...]]:
    lasting = [
        Fault(each.cause.value, each.device, each.outages[-1].since, each.last, each.times)
        for each in chronicle.faults
        if each.lasts
    ]
    if lasting:
        return Health.DOWN, tuple(sorted(lasting, key=lambda each: each.since))
    last = chronicle.last_look
    lately = [
        Fault(each.cause.value, each.device, each.outages[-1].since, each.last, each.times)
        for each in chronicle.faults
        if last is not None and last - each.last < _LATELY
    ]
    if lately:
        return Health.SHAKY, tuple(lately)
    return (Health.WORKS if last is not None else Health.SILENT), ()


def _availability(chronicle: Chronicle) -> float | None:
    """Return the worst cause's: all must work at once for a citizen to be recorded and sent."""
    known = [each.availability for each in chronicle.lanes if each.availability is not None]
    return min(known, default=None)


def _worst(states: Iterable[str]) -> str:
    there = set(states)
    return next((each for each in ("down", "partly", "works") if each in there), "unknown")


def _newest(stations: list[Station]) -> tuple[list[Station], list[Unusable]]:
    kept: dict[str, Station] = {}
    copies = []
    for station in stations:
        other = kept.get(station.identity)
        if other is None:
            kept[station.identity] = station
            continue
        older, newer = sorted((station, other), key=_last_second)
        kept[station.identity] = newer
        copies.append(Unusable(older.file, newer.file))
    return list(kept.values()), copies


def _last_second(station: Station) -> float:
    return station.last_look.timestamp() if station.last_look else 0.0


def _silent(station: Station, until: datetime) -> Station:
    if station.last_look is None or until - station.last_look > _SILENT_AFTER:
        return replace(station, health=Health.SILENT)
    return station


def _districts(stations: list[Station]) -> tuple[District, ...]:
    order = list(Health)
    by_name: dict[str, list[Station]] = {}
    for station in stations:
        by_name.setdefault(station.district, []).append(station)
    districts = [
        District(
            name,
            tuple(
                sorted(
                    each,
                    key=lambda one: (
                        order.index(one.health),
                        one.since.timestamp() if one.since else 0.0,
                        one.name,
                    ),
                )
            ),
        )
        for name, each in by_name.items()
    ]
    return tuple(
        sorted(
            districts,
            key=lambda each: (-each.count(Health.DOWN), -each.count(Health.SILENT), each.name),
        )
    )
