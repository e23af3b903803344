# SPDX-License-Identifier: Apache-2.0
"""``watch``: looks at the station once a minute and writes into the journal what has changed.

A look runs only probes that are cheap (`is_cheap`), so nothing is opened that somebody may be
using. Hourly a tally says how long was watched. A subject that changes too often is told by sums.
"""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ektp_hw.diagnostics.findings import Outcome
from ektp_hw.diagnostics.journal.notes import forget, open_to_all, take_notes
from ektp_hw.diagnostics.journal.past import BROKEN, EXPLAINED, SOUND, SUSPECT, UNTESTED
from ektp_hw.diagnostics.probing import run_probes
from ektp_hw.diagnostics.verdict import judge
from ektp_hw.errors import StationError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from ektp_hw.diagnostics.findings import Cause, Finding
    from ektp_hw.diagnostics.journal.line import Record
    from ektp_hw.diagnostics.journal.writer import Writer
    from ektp_hw.diagnostics.probing import Probe, Report
    from ektp_hw.diagnostics.surroundings import Surroundings

__all__ = ["Recorder", "cheap"]

_log = logging.getLogger(__name__)

TALLY_EVERY = 3600.0
_TOLD_ONE_BY_ONE = 24
"""Changes of one subject between two tallies that are each written down."""
_PATIENCE = 3.0
"""Looks that may fail to come, in intervals, before the time counts as not watched."""
_LIMIT = 50.0
"""Seconds for all probes of a look."""
_CHEAP_AREAS = frozenset({"usb", "permissions", "network", "storage", "computer"})
"""Areas whose probes read what the system tells, and open no device."""
_DEAR = frozenset(
    {"network.throughput", "network.quality", "network.mtu", "storage.writing", "storage.disks"}
)
"""Probes of those areas that load the line or the disk."""
_SLICE = 0.5
"""Seconds between two looks at ``stop`` while waiting."""
_GRAVITY = {Outcome.BROKEN: 3, Outcome.SUSPECT: 2, Outcome.SOUND: 1, Outcome.UNTESTED: 0}

State = tuple[str, str, int]
_UNTESTED: State = (UNTESTED, "", 100)


def cheap(probes: Sequence[Probe]) -> list[Probe]:
    """Return the probes that may run every minute.

    A probe says so by an attribute ``is_cheap``; without it those of some areas count as cheap.
    """
    return [
        probe
        for probe in probes
        if getattr(
            probe,
            "is_cheap",
            probe.name.partition(".")[0] in _CHEAP_AREAS and probe.name not in _DEAR,
        )
    ]


@dataclass
class _Sum:
    """One subject since the last tally: changes, how often it broke, seconds it did not work."""

    changes: int = 0
    breaks: int = 0
    down: float = 0.0


@dataclass
class _Tally:
    """What was watched since the last tally."""

    begun: float
    last: float
    looks: int = 0
    sums: dict[int, _Sum] = field(default_factory=dict)


class Recorder:
    """Looks and writes; `look` for one look, `run` until it is told to stop.

    Parameters
    ----------
    writer
        The journal, open for writing.
    around
        The station and its world.
    probes, causes
        What is looked at each time, and for each probe the causes it can find.
    interval
        Seconds from one look to the next.
    """

    def __init__(
        self,
        writer: Writer,
        around: Surroundings,
        probes: Sequence[Probe],
        causes: Mapping[str, tuple[Cause, ...]],
        *,
        interval: float = 60.0,
    ) -> None:
        if not interval > 0:
            raise ValueError(f"an interval of {interval} s cannot be; give more than 0 seconds")
        self._writer = writer
        self._around = around
        self._probes = list(probes)
        self._causes = dict(causes)
        self._interval = interval
        self._states: dict[int, State] = dict(writer.states)
        now = writer.clock.steady()
        self._tally = _Tally(now, now)
        self._tally_due = now + TALLY_EVERY
        self._counted = list(writer.batches)
        self._there = set(writer.devices)
        self._wake = threading.Event()
        self._plugs: list[tuple[str, bool]] = []
        self._guard = threading.Lock()
        open_to_all(writer.path)

    def note_plugged(self, uri: str, *, is_there: bool) -> None:
        """Remember that a device came or went; the next look, which is at once, writes it down."""
        mark = self._writer.marks.of(uri)
        with self._guard:
            if is_there == (mark in self._there):
                return
            self._there.symmetric_difference_update({mark})
            self._plugs.append((mark, is_there))
        self._wake.set()

    def note_present(self, uris: Iterable[str]) -> None:
        """Compare what is there now with what was there when the last recorder ended."""
        marks = {self._writer.marks.of(uri): uri for uri in uris}
        with self._guard:
            gone = self._there - set(marks)
            self._there -= gone
            self._plugs += [(mark, False) for mark in sorted(gone)]
        for uri in marks.values():
            self.note_plugged(uri, is_there=True)

    def wake(self) -> None:
        """Look now and not only when the minute is over."""
        self._wake.set()

    def run(self, stop: threading.Event, *, complain: Callable[[str], None] = _log.warning) -> None:
        """Look until ``stop`` is set, then write the last tally; a full disk is waited out.

        It ends within a second of ``stop``, which a signal's handler may set.
        """
        clock = self._writer.clock
        ailing = False
        while not stop.is_set():
            begun = clock.steady()
            try:
                self.look(stop)
                ailing = False
            except StationError as error:
                if not ailing:
                    complain(str(error))
                ailing = True
            while not stop.is_set() and not self._wake.is_set():
                left = self._interval - (clock.steady() - begun)
                if left <= 0:
                    break
                clock.wait(min(left, _SLICE), self._wake)
            self._wake.clear()
        self.finish()

    def look(self, cancel: threading.Event | None = None) -> Report | None:
        """Look once and write what has changed; return what was seen, None if cancelled.

        Raises
        ------
        StationError
            If the journal cannot be written; what was seen is written with the next look.
        """
        clock = self._writer.clock
        if clock.steady() - self._tally.last > _PATIENCE * self._interval + _LIMIT:
            self._write_tally()  # the machine slept: what lies between was not watched
        report = run_probes(self._probes, self._around, limit=_LIMIT, cancel=cancel)
        if cancel is not None and cancel.is_set():
            return None
        now, steady = self._writer.now(), clock.steady()
        self._write_plugs(now)
        seen = self._read(report)
        if records := self._changes(seen, now, steady):
            self._writer.append(*records)
        for number, state in seen.items():
            before = self._states.get(number)
            if before is None or not _is_same(before, state):
                self._states[number] = state
        self._tally.looks += 1
        self._tally.last = steady
        self._count_notes(now)
        self._writer.note_alive()
        if steady >= self._tally_due:
            self._write_tally()
        self._writer.tidy()
        return report

    def finish(self) -> None:
        """Write the last tally.

        Raises
        ------
        StationError
            If the journal cannot be written.
        """
        self._write_plugs(self._writer.now())
        self._write_tally()

    # What was seen.

    def _read(self, report: Report) -> dict[int, State]:
        """Return the state of every subject after a look."""
        verdict = judge(report, self._causes)
        roots = {id(fault.root) for fault in (*verdict.faults, *verdict.undecided)}
        worst: dict[tuple[str, str], Finding] = {}
        for finding in report.findings:
            key = (finding.probe, finding.device)
            if key not in worst or _weight(finding, roots) > _weight(worst[key], roots):
                worst[key] = finding
        seen = {}
        for (probe, device), finding in worst.items():
            causes = [cause.value for cause in self._causes.get(probe, ())]
            number = self._writer.subject(probe, device, causes)
            seen[number] = _state(finding, is_root=id(finding) in roots)
        for number, state in self._states.items():
            if number not in seen and state != _UNTESTED:
                seen[number] = _UNTESTED
        return seen

    def _changes(self, seen: dict[int, State], now: int, steady: float) -> list[Record]:
        """Return a record for each change, up to a number for each subject and tally."""
        records: list[Record] = []
        for number, state in seen.items():
            before = self._states.get(number)
            sums = self._tally.sums.setdefault(number, _Sum())
            if before is not None and before[0] == BROKEN:
                sums.down += steady - self._tally.last
            if before is not None and _is_same(before, state):
                continue
            sums.changes += 1
            sums.breaks += state[0] == BROKEN
            if sums.changes <= _TOLD_ONE_BY_ONE:
                records.append(["L", now, number, *_short(state)])
        return records

    # What is written down.

    def _write_plugs(self, now: int) -> None:
        with self._guard:
            plugs, self._plugs = self._plugs, []
        if not plugs:
            return
        told = plugs[-_TOLD_ONE_BY_ONE:]
        try:
            self._writer.append(*(["P", now, mark, int(there)] for mark, there in told))
        except StationError:
            with self._guard:
                self._plugs = plugs + self._plugs
            raise

    def _count_notes(self, now: int) -> None:
        for batch in take_notes(self._writer.path, self._counted):
            self._writer.append(["N", now, batch.mark, batch.captures, batch.turned_away])
            self._counted = [*self._counted[-20:], batch.mark]
            forget(batch.folder)

    def _write_tally(self) -> None:
        """Say how long was watched; the wall's time is that of the last look."""
        tally, clock = self._tally, self._writer.clock
        now = self._writer.now()
        if tally.looks:
            watched = round(tally.last - tally.begun)
            when = now - round(clock.steady() - tally.last)
            sums = [
                [number, each.breaks, min(watched, round(each.down)), *_short(self._states[number])]
                for number, each in tally.sums.items()
                if each.changes > _TOLD_ONE_BY_ONE
            ]
            self._writer.append(["T", when, watched, tally.looks, sums])
        steady = clock.steady()
        slept = steady - tally.last > _PATIENCE * self._interval + _LIMIT
        begun = steady if slept or not tally.looks else tally.last
        self._tally = _Tally(begun, begun if not slept else steady)
        self._tally_due = steady + TALLY_EVERY


def _weight(finding: Finding, roots: set[int]) -> tuple[bool, int, float]:
    return id(finding) in roots, _GRAVITY[finding.outcome], finding.certainty


def _state(finding: Finding, *, is_root: bool) -> State:
    cause = finding.cause.value if finding.cause else ""
    certainty = round(100 * finding.certainty)
    match finding.outcome:
        case Outcome.SOUND:
            return (SOUND, "", 100)
        case Outcome.SUSPECT:
            return (SUSPECT, cause, certainty)
        case Outcome.BROKEN:
            return (BROKEN if is_root else EXPLAINED, cause, certainty)
        case Outcome.UNTESTED:
            return _UNTESTED


def _short(state: State) -> tuple[Any, ...]:
    return state[:1] if state[0] in {SOUND, UNTESTED} else state


def _is_same(before: State, state: State) -> bool:
    """Tell whether nothing worth a record changed: a little more or less sure is none."""
    return before[:2] == state[:2] and abs(before[2] - state[2]) < 20
