# SPDX-License-Identifier: Apache-2.0
"""One look at a station, whole: what was found, what follows, and both as plain data.

The plain data is what is printed as JSON, written into the letter and the support bundle, hashed
and signed: one look gives one document, whatever it is shown as.
"""

from __future__ import annotations

import logging
import math
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from ektp_hw.diagnostics.findings import Outcome, message
from ektp_hw.diagnostics.probing import run_probes
from ektp_hw.diagnostics.redaction import redactor_for
from ektp_hw.diagnostics.verdict import judge
from ektp_hw.diagnostics.wording import worded

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Mapping, Sequence

    from ektp_hw.diagnostics.chronicle import Lane
    from ektp_hw.diagnostics.findings import Cause, Finding, Message
    from ektp_hw.diagnostics.letter_history import LetterHistory, LetterPhase
    from ektp_hw.diagnostics.probing import Probe, Report
    from ektp_hw.diagnostics.redaction import Redactor
    from ektp_hw.diagnostics.surroundings import Surroundings
    from ektp_hw.diagnostics.verdict import Fault, Verdict

__all__ = ["FORMAT", "Examination", "as_plain", "examine"]

FORMAT = 1
"""Version of the document's shape."""
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Examination:
    """One look at a station.

    Parameters
    ----------
    around
        The station and its world.
    report, verdict
        What was found, and what follows from it.
    made
        When, with its time zone.
    history
        What the journal tells of the days before; None without a journal.
    """

    around: Surroundings
    report: Report
    verdict: Verdict
    made: datetime
    history: LetterHistory | None = None

    @property
    def tested_anything(self) -> bool:
        """Whether at least one check could be made."""
        return any(each.outcome is not Outcome.UNTESTED for each in self.report.findings)

    @property
    def is_decided(self) -> bool:
        """Whether the verdict can be said: faults that are sure, or everything checked works."""
        return bool(self.verdict.faults) or (self.verdict.is_healthy and self.tested_anything)

    @property
    def is_healthy(self) -> bool:
        """Whether something was checked and all of it works."""
        return self.verdict.is_healthy and self.tested_anything

    @property
    def certainty(self) -> float:
        """0 to 1: of the gravest fault; of a sound station, of its least certain check."""
        if worst := self.verdict.faults or self.verdict.undecided:
            return worst[0].root.certainty
        checks = [each for each in self.report.findings if each.outcome is not Outcome.UNTESTED]
        return min((each.certainty for each in checks), default=0.0)


def examine(
    around: Surroundings,
    probes: Sequence[Probe],
    causes: Mapping[str, tuple[Cause, ...]],
    *,
    history: LetterHistory | None = None,
    cancel: threading.Event | None = None,
    tell: Callable[[Finding], None] | None = None,
) -> Examination:
    """Run the probes and judge; the parameters are those of `run_probes` and `judge`."""
    report = run_probes(probes, around, cancel=cancel, tell=tell)
    verdict = judge(report, dict(causes))
    return Examination(around, report, verdict, datetime.now(UTC).astimezone(), history)


def as_plain(examination: Examination, language: str, version: str) -> dict[str, Any]:
    """Return the examination as plain data, worded in a language, nothing personal in it."""
    verdict = examination.verdict
    words = _Words(language, redactor_for(examination.around))
    profile = examination.around.profile
    return {
        "document": "ektp-hw doctor",
        "format": FORMAT,
        "version": version,
        "language": language,
        "made": examination.made.isoformat(timespec="seconds"),
        "seconds": round(examination.report.seconds, 2),
        "station": {"name": profile.name, "district": profile.district, "code": profile.code},
        "verdict": {
            "cause": verdict.cause.value if verdict.cause else None,
            "decided": examination.is_decided,
            "healthy": examination.is_healthy,
            "certainty": round(examination.certainty, 3),
            "sentence": words.verdict(examination),
        },
        "faults": [words.fault(each, decided=True) for each in verdict.faults]
        + [words.fault(each, decided=False) for each in verdict.undecided],
        "suspects": [words.finding(each) for each in verdict.suspects],
        "findings": [words.finding(each) for each in examination.report.findings],
        "ruled_out": [
            {"cause": cause.value, "name": words.cause(cause), **words.short(shown_by)}
            for cause, shown_by in verdict.ruled_out.items()
        ],
        "untested": [words.short(each) for each in verdict.untested],
        "history": words.history(examination.history) if examination.history else None,
    }


class _Words:
    """Findings in a language, redacted."""

    def __init__(self, language: str, redactor: Redactor) -> None:
        self._language = language
        self._redact = redactor

    def say(self, key: str, **values: str | float) -> str:
        return worded(message(key, **values), self._language)

    def cause(self, cause: Cause) -> str:
        return self.say(f"report.cause_{cause.value}")

    def message(self, text: Message | None) -> str | None:
        if text is None:
            return None
        try:
            sentence = worded(text, self._language)
        except (KeyError, ValueError, IndexError):  # a probe of a stranger without its sentences
            _log.warning("there is no sentence for '%s' in '%s'", text.key, self._language)
            sentence = text.key
        return str(self._redact.text(sentence))

    def short(self, finding: Finding) -> dict[str, Any]:
        return {
            "probe": finding.probe,
            "checked": self.message(finding.checked),
            "seen": self.message(finding.seen),
        }

    def finding(self, finding: Finding) -> dict[str, Any]:
        return {
            **self.short(finding),
            "outcome": finding.outcome.value,
            "cause": finding.cause.value if finding.cause else None,
            "certainty": round(finding.certainty, 3),
            "evidence": {name: self._reading(value) for name, value in finding.evidence.items()},
            "advice": self.message(finding.advice),
            "who": finding.who.value if finding.who else None,
            "device": self._redact.text(finding.device),
            "seconds": round(finding.seconds, 3),
        }

    def _reading(self, value: object) -> object:
        """Return a reading that every JSON can hold, whatever the probe gave."""
        if value is None or isinstance(value, bool | int):
            return value
        if isinstance(value, float):
            return float(value) if math.isfinite(value) else None
        return self._redact.text(str(value))

    def fault(self, fault: Fault, *, decided: bool) -> dict[str, Any]:
        return {
            "cause": fault.cause.value,
            "name": self.cause(fault.cause),
            "decided": decided,
            "certainty": round(fault.root.certainty, 3),
            "root": self.finding(fault.root),
            "chain": [self.finding(each) for each in fault.chain],
        }

    def verdict(self, examination: Examination) -> str:
        """Return the verdict in one sentence."""
        verdict = examination.verdict
        if not examination.tested_anything:
            return self.say("report.verdict_untested")
        if verdict.faults:
            return self._faults(verdict.faults)
        if verdict.undecided:
            names = list(dict.fromkeys(self.cause(each.cause) for each in verdict.undecided))
            return self.say("report.verdict_undecided", causes=self.joined(names, "report.or"))
        return self._no_fault(verdict)

    def _faults(self, faults: Sequence[Fault]) -> str:
        texts = self._texts(faults[0].root)
        if len(faults) == 1:
            return self.say("report.verdict_one", cause=self.cause(faults[0].cause), **texts)
        names = list(dict.fromkeys(self.cause(each.cause) for each in faults))
        causes = self.joined(names)
        return self.say("report.verdict_many", count=len(faults), causes=causes, **texts)

    def _no_fault(self, verdict: Verdict) -> str:
        if verdict.suspects:
            return self.say("report.verdict_suspect", **self._texts(verdict.suspects[0]))
        if verdict.untested:
            return self.say("report.verdict_sound_but", count=len(verdict.untested))
        return self.say("report.verdict_sound")

    def _texts(self, finding: Finding) -> dict[str, str]:
        checked, seen = self.message(finding.checked), self.message(finding.seen)
        return {"checked": (checked or "").rstrip("."), "seen": (seen or "").rstrip(".")}

    def joined(self, names: list[str], by: str = "report.and") -> str:
        if len(names) < 2:
            return "".join(names)
        *most, last = names
        comma = "," if len(most) > 1 else ""
        return f"{', '.join(most)}{comma} {self.say(by)} {last}"

    def history(self, history: LetterHistory) -> dict[str, Any]:
        return {
            "first": history.first.isoformat(),
            "days": history.days,
            "turned_away": history.turned_away,
            "lanes": [self.lane(each) for each in history.lanes],
            "phases": [self.phase(each) for each in history.phases],
        }

    def phase(self, phase: LetterPhase) -> dict[str, Any]:
        return {
            "first": phase.first.isoformat(),
            "last": phase.last.isoformat(),
            "causes": [each.value for each in phase.causes],
            "names": self.joined([self.cause(each) for each in phase.causes]),
            "steady": phase.steady,
        }

    def lane(self, lane: Lane) -> dict[str, Any]:
        longest = max(lane.outages, key=lambda each: each.seconds, default=None)
        return {
            "cause": lane.cause.value,
            "name": self.say(f"report.lane_{lane.cause.value}"),
            "availability": None if lane.availability is None else round(lane.availability, 5),
            "outages": sum(each.times for each in lane.outages),
            "down_seconds": round(sum(lane.watched) - sum(lane.working)),
            "first_outage": _iso(lane.outages[0].since) if lane.outages else None,
            "lasts": bool(lane.outages) and not lane.outages[-1].ended,
            "longest_since": _iso(longest.since) if longest else None,
            "longest_seconds": round(longest.seconds) if longest else None,
            "states": _runs(lane.states),
        }


def _runs(states: Sequence[str]) -> list[list[Any]]:
    """Return [state, days] for each run of equal days."""
    runs: list[list[Any]] = []
    for state in states:
        if runs and runs[-1][0] == state:
            runs[-1][1] += 1
        else:
            runs.append([state, 1])
    return runs


def _iso(when: datetime) -> str:
    return when.isoformat(timespec="minutes")
