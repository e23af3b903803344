# SPDX-License-Identifier: Apache-2.0
"""A fleet as one HTML page with everything in it, and as plain data."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ektp_hw.diagnostics.findings import message
from ektp_hw.diagnostics.fleet import Health
from ektp_hw.diagnostics.telling import cause_name
from ektp_hw.diagnostics.wording import worded

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from ektp_hw.diagnostics.fleet import Fault, Fleet, Station

__all__ = ["FleetWords", "as_plain", "render"]

_HEIGHTS = {"down": 14, "partly": 7}
"""A bad day's bar in the picture of a station's days, in pixels: told apart without colour."""


class FleetWords:
    """Says what stands on the page.

    Parameters
    ----------
    names
        Names of models by ``usb:vvvv:pppp``.

    Raises
    ------
    ValueError
        If there is no such language.
    """

    def __init__(self, fleet: Fleet, language: str, names: Mapping[str, str] | None = None) -> None:
        self._fleet = fleet
        self.language = language
        self._names = names or {}
        self._months = worded(message("history.months"), language).split()

    def say(self, key: str, **values: str | float) -> str:
        """Return a sentence of the page."""
        return worded(message(f"fleet.{key}", **values), self.language)

    def date(self, when: datetime | None) -> str:
        """Write a day with a short month."""
        if when is None:
            return "-"
        return f"{when.day} {self._months[when.month - 1][:3]} {when.year}"

    def lead(self) -> str:
        """Say how many stations there are and how they are."""
        fleet = self._fleet
        return self.say(
            "lead",
            stations=len(fleet.stations),
            districts=len(fleet.districts),
            **{health.value: fleet.count(health) for health in Health},
        )

    def why(self, station: Station) -> str:
        """Say which faults a station has, or had lately."""
        if station.health is Health.SILENT:
            return self.say("why_silent")
        told = [self._fault(each) for each in station.now]
        if station.damaged:
            told.append(self.say("damaged", count=station.damaged))
        return "; ".join(told)

    def percent(self, share: float | None) -> str:
        """Write a share with one digit behind the comma."""
        if share is None:
            return "-"
        text = f"{100 * share:.1f}"
        return text.replace(".", ",") if self.language == "id" else text

    def _fault(self, fault: Fault) -> str:
        cause = cause_name(fault.cause, self.language)
        name = self._names.get(fault.device.partition("@")[0], fault.device)
        return f"{cause} ({name})" if fault.device else cause


def strip(station: Station) -> list[tuple[int, int, int, str]]:
    """Return the bars of a station's days: first day, days, height, state; sound days have none."""
    bars: list[tuple[int, int, int, str]] = []
    for at, state in enumerate(station.days):
        if state == "works":
            continue
        if bars and bars[-1][3] == state and bars[-1][0] + bars[-1][1] == at:
            bars[-1] = (bars[-1][0], bars[-1][1] + 1, *bars[-1][2:])
        else:
            bars.append((at, 1, _HEIGHTS.get(state, 2), state))
    return bars


def render(fleet: Fleet, words: FleetWords) -> str:
    """Return the page as HTML; it fetches nothing from anywhere."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("ektp_hw.diagnostics", "pages"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    page = environment.get_template("fleet.html.jinja")
    return page.render(fleet=fleet, words=words, Health=Health, strip=strip)


def as_plain(fleet: Fleet) -> dict[str, Any]:
    """Return the fleet as plain data for JSON."""
    return {
        "until": fleet.until.isoformat() if fleet.until else None,
        "days": fleet.days,
        "stations": len(fleet.stations),
        **{health.value: fleet.count(health) for health in Health},
        "districts": [
            {
                "name": district.name,
                "stations": [_station(each) for each in district.stations],
            }
            for district in fleet.districts
        ],
        "older_copies": [{"file": each.file, "of": each.why} for each in fleet.copies],
        "unusable": [{"file": each.file, "why": each.why} for each in fleet.unusable],
    }


def _station(station: Station) -> dict[str, Any]:
    return {
        "name": station.name,
        "code": station.code,
        "file": station.file,
        "health": station.health.value,
        "since": station.since.isoformat() if station.since else None,
        "faults": [
            {
                "cause": each.cause,
                "device": each.device,
                "since": each.since.isoformat(),
                "times": each.times,
            }
            for each in station.now
        ],
        "last_look": station.last_look.isoformat() if station.last_look else None,
        "availability": None if station.availability is None else round(station.availability, 5),
        "turned_away": station.turned_away,
        "damaged_lines": station.damaged,
    }
