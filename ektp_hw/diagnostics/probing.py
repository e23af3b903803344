# SPDX-License-Identifier: Apache-2.0
"""Probes run side by side, each in its time, and none can fail: what it raises is a finding.

A probe is any object with the attributes of `Probe`. It may ask for the findings of the probes it
stands on, which are then finished: whoever finds no network card need not ask for an address.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

from ektp_hw.diagnostics.findings import Finding, Outcome, message

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ektp_hw.diagnostics.surroundings import Surroundings

__all__ = ["Probe", "Report", "run_probes"]


class Probe(Protocol):
    """One check, or several of one thing."""

    name: str
    """``area.what``, the name of its findings."""
    stands_on: tuple[str, ...]
    """Probes whose faults explain this one's: with no cable there is no answer."""
    seconds: float
    """How long it may take."""

    def run(self, around: Surroundings, before: Sequence[Finding]) -> list[Finding]:
        """Look; ``before`` holds the findings of the probes it stands on."""


@dataclass(frozen=True)
class Report:
    """All findings of one look at the station, and which probe stands on which."""

    findings: tuple[Finding, ...]
    stands_on: dict[str, tuple[str, ...]]
    seconds: float


def run_probes(
    probes: Sequence[Probe],
    around: Surroundings,
    *,
    limit: float = 55.0,
    cancel: threading.Event | None = None,
    tell: Callable[[Finding], None] | None = None,
) -> Report:
    """Run all probes, those that stand on nothing first, and return what they found.

    Parameters
    ----------
    limit
        Seconds for all of them; a probe that has not answered by then, or within its own seconds,
        gives an untested finding and its late answer is thrown away.
    cancel
        Set it to stop waiting; what is not finished is untested.
    tell
        Called in this thread with every finding as it comes.
    """
    begun = time.monotonic()
    names = {probe.name for probe in probes}
    waiting = {probe.name: probe for probe in probes}
    running: dict[str, _Running] = {}
    found: dict[str, list[Finding]] = {}
    while waiting or running:
        moved = False
        for name in list(waiting):
            below = [each for each in waiting[name].stands_on if each in names]
            if all(each in found for each in below):
                before = [finding for each in below for finding in found[each]]
                running[name] = _Running(waiting.pop(name), around, before)
                moved = True
        over = time.monotonic() - begun > limit or (cancel is not None and cancel.is_set())
        for name in [name for name, each in running.items() if each.is_done(over)]:
            found[name] = running.pop(name).answer()
            moved = True
            for finding in found[name]:
                if tell is not None:
                    tell(finding)
        if waiting and not running and not moved:
            # What stands on itself in a circle is started all the same.
            name = next(iter(waiting))
            running[name] = _Running(waiting.pop(name), around, [])
        _tick(running)
    findings = tuple(finding for probe in probes for finding in found[probe.name])
    stands_on = {probe.name: tuple(probe.stands_on) for probe in probes}
    return Report(findings, stands_on, time.monotonic() - begun)


def _tick(running: dict[str, _Running]) -> None:
    if running:
        next(iter(running.values())).wait(0.02)


class _Running:
    """One probe in a thread of its own that nobody has to wait for."""

    def __init__(self, probe: Probe, around: Surroundings, before: Sequence[Finding]) -> None:
        self._probe = probe
        self._begun = time.monotonic()
        self._findings: list[Finding] | None = None
        self._error: BaseException | None = None
        self._done = threading.Event()
        self._given_up = False
        arguments = (around, before)
        name = f"ektp_hw probe {probe.name}"
        threading.Thread(target=self._run, args=arguments, name=name, daemon=True).start()

    def _run(self, around: Surroundings, before: Sequence[Finding]) -> None:
        try:
            self._findings = list(self._probe.run(around, before))
        except (Exception, SystemExit) as error:  # noqa: BLE001  # a probe's failure is a finding
            self._error = error
        self._done.set()

    def wait(self, seconds: float) -> None:
        self._done.wait(seconds)

    def is_done(self, over: bool) -> bool:
        late = time.monotonic() - self._begun > self._probe.seconds
        self._given_up = not self._done.is_set() and (over or late)
        return self._done.is_set() or self._given_up

    def answer(self) -> list[Finding]:
        seconds = time.monotonic() - self._begun
        checked = message("probe.checked", probe=self._probe.name)
        if self._given_up or self._findings is None:
            seen = message("probe.silent", seconds=round(seconds, 1))
            evidence = {}
            if self._error is not None:
                seen = message("probe.failed", error=type(self._error).__name__)
                evidence = {"error": f"{type(self._error).__name__}: {self._error}"}
            return [
                Finding(
                    self._probe.name, checked, seen, Outcome.UNTESTED, evidence=evidence,
                    certainty=0.0, seconds=seconds,
                )
            ]  # fmt: skip
        return [each if each.seconds else replace(each, seconds=seconds) for each in self._findings]
