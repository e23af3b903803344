# SPDX-License-Identifier: Apache-2.0
"""A chronicle as sentences in Indonesian or English, and as plain data."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from ektp_hw.diagnostics.findings import message
from ektp_hw.diagnostics.wording import worded

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date

    from ektp_hw.diagnostics.chronicle import Chronicle, LongFault, Outage
    from ektp_hw.diagnostics.journal import Soundness
    from ektp_hw.diagnostics.phases import Phase

__all__ = ["Telling", "as_plain", "cause_name", "model_names"]

_USB = re.compile(r"usb:([0-9a-f]{4}):([0-9a-f]{4})")


def model_names() -> dict[str, str]:
    """Return the names of all models that our drivers know, by ``usb:vvvv:pppp``."""
    from ektp_hw.registry import drivers

    return {
        f"usb:{row.vendor:04x}:{row.product:04x}": row.model
        for driver in drivers()
        for row in driver.usb_ids
    }


def cause_name(cause: str, language: str) -> str:
    """Return the name of a cause as the doctor says it."""
    return worded(message(f"report.cause_{cause}"), language)


class Telling:
    """Tells a chronicle.

    Parameters
    ----------
    names
        Names of models by ``usb:vvvv:pppp``, see `model_names`.

    Raises
    ------
    ValueError
        If there is no such language.
    """

    def __init__(
        self, chronicle: Chronicle, language: str, names: Mapping[str, str] | None = None
    ) -> None:
        self._chronicle = chronicle
        self._language = language
        self._names = names or {}
        self._months = self._say("months").split()

    def verdict(self) -> str:
        """Say in one to three sentences which faults there were, and whether two at once."""
        chronicle = self._chronicle
        if not chronicle.watched_seconds:
            return self._say("verdict_unwatched", days=chronicle.days)
        if not chronicle.faults:
            return self._say("verdict_none", days=chronicle.days)
        if len(chronicle.faults) == 1:
            only = chronicle.faults[0]
            sentence = self._say("verdict_one", days=chronicle.days, **self._figures(only))
            return f"{sentence} {self._say('lasts')}" if only.lasts else sentence
        sentences = [
            self._say(
                "verdict_many",
                days=chronicle.days,
                count=len(chronicle.faults),
                causes=self._joined([self.fault_name(each) for each in chronicle.faults]),
            )
        ]
        for each in chronicle.overlaps[:2]:
            sentence = self._say(
                "overlap",
                one=self.fault_name(each.one),
                two=self.fault_name(each.two),
                times=each.times,
                duration=self.duration(each.seconds),
                first=self.date(each.first.date()),
            )
            sentences.append(sentence[0].upper() + sentence[1:])
        if not chronicle.overlaps:
            sentences.append(self._say("no_overlap"))
        return " ".join(sentences)

    def lines(self) -> list[tuple[str, list[str]]]:
        """Return headings with their lines: faults, timeline, availability, people, recorder."""
        chronicle = self._chronicle
        parts = [
            (
                "faults",
                [
                    self._say("fault_lasts" if each.lasts else "fault", **self._figures(each))
                    for each in chronicle.faults
                ],
            ),
            ("timeline", [self.phase(each) for each in chronicle.phases]),
            ("availability", [self._lane(each.cause, each.availability) for each in
                              chronicle.lanes]),
            ("people", self._people()),
            ("recorder", self._recorder()),
        ]  # fmt: skip
        return [(self._say(heading), lines) for heading, lines in parts if lines]

    def period(self) -> str:
        """Say which days these are and how much of them was watched."""
        return self._say(
            "period",
            first=self.date(self._chronicle.first),
            last=self.date(self._chronicle.last),
            days=self._chronicle.days,
            watched=self.duration(self._chronicle.watched_seconds),
        )

    def phase(self, phase: Phase) -> str:
        """Say what kept coming from which day to which."""
        first, last = self.date(phase.first), self.date(phase.last)
        if not phase.faults:
            return self._say("phase_quiet", first=first, last=last)
        causes = [
            self._say(
                "steady" if often else "sometimes",
                cause=self.fault_name(self._chronicle.faults[at]),
            )
            for at, often in zip(phase.faults, phase.often, strict=True)
        ]
        key = "phase_both" if len(causes) > 1 else "phase"
        return self._say(key, first=first, last=last, causes=self._joined(causes))

    def soundness(self, soundness: Soundness) -> list[str]:
        """Say whether the journal is whole."""
        if soundness.is_whole:
            key = "whole" if soundness.checked_seals else "whole_no_key"
            values = {"records": soundness.records, "sealed": soundness.sealed}
            if soundness.checked_seals:
                values["checked"] = soundness.checked_seals
            told = [self._say(key, **values)]
        else:
            told = [self._say("changed", line=each.line) for each in soundness.damages[:5]]
            if soundness.replaced_damages:
                told.append(self._say("changed_before", count=soundness.replaced_damages))
            if soundness.forged is not None:
                told.append(self._say("forged", number=soundness.forged))
            if soundness.missing:
                told.append(self._say("missing"))
        return told if soundness.missing is not None else [*told, self._say("missing_unknown")]

    def fault_name(self, fault: LongFault) -> str:
        """Name a fault: its cause, and the device if it is at one."""
        cause = cause_name(fault.cause, self._language)
        if not fault.device:
            return cause
        found = _USB.match(fault.device)
        name = self._names.get(found[0]) if found else None
        return f"{cause} ({name or fault.device})"

    def date(self, when: date) -> str:
        """Write a day as the language does."""
        return self._say("date", day=when.day, month=self._months[when.month - 1], year=when.year)

    def duration(self, seconds: float) -> str:
        """Write a duration with its two largest units."""
        left = round(seconds)
        told: list[str] = []
        for key, size in (("days", 86400), ("hours", 3600), ("minutes", 60), ("seconds", 1)):
            count, left = divmod(left, size)
            if count or (key == "seconds" and not told):
                told.append(self._say(key, **{key: count}))
            if len(told) == 2:
                break
        return " ".join(told)

    def _figures(self, fault: LongFault) -> dict[str, str | int]:
        return {
            "cause": self.fault_name(fault),
            "times": fault.times,
            "duration": self.duration(fault.down_seconds),
            "first": self.date(fault.first.date()),
            "last": self.date(fault.last.date()),
            "between": self.duration(fault.between_failures),
        }

    def _lane(self, cause: str, availability: float | None) -> str:
        name = cause_name(cause, self._language)
        if availability is None:
            return self._say("never_watched", name=name)
        return self._say("available", name=name, percent=round(100 * availability, 2))

    def _people(self) -> list[str]:
        chronicle = self._chronicle
        if chronicle.turned_away is None:
            return [self._say("turned_away_unknown")]
        told = [self._say("turned_away_none")]
        if chronicle.turned_away:
            reasons = [
                self._say(f"reason_{reason}", count=count)
                for reason, count in chronicle.turned_away_by_reason.items()
            ]
            told = [self._say("turned_away", count=chronicle.turned_away,
                              reasons=", ".join(reasons))]  # fmt: skip
        for kind, (attempted, succeeded, failed) in chronicle.captures.items():
            told.append(
                self._say("captures", kind=self._say(f"kind_{kind}"), attempted=attempted,
                          succeeded=succeeded, failed=failed)
            )  # fmt: skip
        return told

    def _recorder(self) -> list[str]:
        counts = {
            "unclean": self._chronicle.unclean,
            "jumps": self._chronicle.jumps,
            "doubtful": self._chronicle.doubtful,
        }
        return [self._say(key, count=count) for key, count in counts.items() if count]

    def _joined(self, names: Sequence[str]) -> str:
        *most, last = dict.fromkeys(names)
        return f"{', '.join(most)} {self._say('and')} {last}" if most else last

    def _say(self, key: str, **values: str | float) -> str:
        return worded(message(f"history.{key}", **values), self._language)


def as_plain(chronicle: Chronicle, telling: Telling) -> dict[str, Any]:
    """Return the chronicle as plain data for JSON, its sentences in the telling's language."""
    name, district, code = chronicle.station
    return {
        "station": {"name": name, "district": district, "code": code},
        "first": chronicle.first.isoformat(),
        "last": chronicle.last.isoformat(),
        "days": chronicle.days,
        "watched_seconds": round(chronicle.watched_seconds),
        "last_look": chronicle.last_look.isoformat() if chronicle.last_look else None,
        "verdict": telling.verdict(),
        "faults": [_fault(each, telling) for each in chronicle.faults],
        "overlaps": [
            {
                "faults": [chronicle.faults.index(each.one), chronicle.faults.index(each.two)],
                "times": each.times,
                "seconds": round(each.seconds),
                "first": each.first.isoformat(),
            }
            for each in chronicle.overlaps
        ],
        "timeline": [
            {
                "first": each.first.isoformat(),
                "last": each.last.isoformat(),
                "faults": list(each.faults),
                "often": list(each.often),
                "sentence": telling.phase(each),
            }
            for each in chronicle.phases
        ],
        "causes": [
            {
                "cause": each.cause.value,
                "availability": _rounded(each.availability),
                "outages": sum(outage.times for outage in each.outages),
            }
            for each in chronicle.lanes
        ],
        "parts": [
            {
                "probe": each.probe,
                "device": each.device,
                "watched_seconds": round(each.watched_seconds),
                "availability": _rounded(each.availability),
            }
            for each in chronicle.parts
        ],
        "turned_away": chronicle.turned_away,
        "turned_away_by_reason": chronicle.turned_away_by_reason,
        "captures": {
            kind: dict(zip(("attempted", "succeeded", "failed"), counts, strict=True))
            for kind, counts in chronicle.captures.items()
        },
        "recorder": {
            "unclean_ends": chronicle.unclean,
            "clock_jumps": chronicle.jumps,
            "doubtful_times": chronicle.doubtful,
        },
    }


def _fault(fault: LongFault, telling: Telling) -> dict[str, Any]:
    return {
        "cause": fault.cause.value,
        "name": telling.fault_name(fault),
        "device": fault.device,
        "probes": list(fault.probes),
        "first": fault.first.isoformat(),
        "last": fault.last.isoformat(),
        "lasts": fault.lasts,
        "times": fault.times,
        "down_seconds": round(fault.down_seconds),
        "mean_seconds_between_failures": round(fault.between_failures),
        "mean_seconds_down": round(fault.down_seconds / fault.times),
        "longest": max((_outage(each) for each in fault.outages), key=_seconds),
        "outages": [_outage(each) for each in fault.outages],
    }


def _outage(outage: Outage) -> dict[str, Any]:
    return {
        "since": outage.since.isoformat(),
        "seconds": round(outage.seconds),
        "watched_seconds": round(outage.watched_seconds),
        "ended": outage.ended,
        "times": outage.times,
    }


def _seconds(outage: dict[str, Any]) -> int:
    return int(outage["seconds"])


def _rounded(share: float | None) -> float | None:
    return None if share is None else round(share, 5)
