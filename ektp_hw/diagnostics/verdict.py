# SPDX-License-Identifier: Apache-2.0
"""From many findings to one verdict: the faults that no other fault explains.

The rules are few and explicit:

1. A fault is explained by another one if its probe stands, directly or through others, on that
   one's probe, and both are about the same device or one is about the station as a whole.
2. What remains are the roots. One root is the verdict; several are several faults, the one that
   stops most work first (`_GRAVITY`).
3. A verdict is decided only if its root is at least `_SURE` certain. Suspect findings alone never
   make a verdict of broken; they make "works, but look at this".
4. A cause is ruled out if every probe that could have found it was run and found it sound.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ektp_hw.diagnostics.findings import Cause, Finding, Outcome

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ektp_hw.diagnostics.probing import Report

__all__ = ["Fault", "Verdict", "judge"]

_SURE = 0.6
"""Certainty from which a root is said and not only suspected."""
_GRAVITY = (
    Cause.COMPUTER,
    Cause.STORAGE,
    Cause.CABLE_OR_POWER,
    Cause.DRIVER,
    Cause.PERMISSION,
    Cause.FINGERPRINT,
    Cause.IRIS,
    Cause.CAMERA,
    Cause.PAD,
    Cause.CARD_READER,
    Cause.LOCAL_NETWORK,
    Cause.PROVIDER,
    Cause.CENTRAL_SERVICE,
)
"""What stops recording comes before what only delays sending, which can wait in the queue."""


@dataclass(frozen=True)
class Fault:
    """One independent fault.

    Parameters
    ----------
    cause
        Its class.
    root
        The finding that nothing else explains.
    chain
        The findings that it explains, nearest first.
    """

    cause: Cause
    root: Finding
    chain: tuple[Finding, ...]


@dataclass(frozen=True)
class Verdict:
    """What is wrong with the station.

    Parameters
    ----------
    faults
        Independent faults, the gravest first; empty if nothing is broken.
    undecided
        Faults that are too uncertain to be said.
    suspects
        What works and should be looked at.
    ruled_out
        Causes that were looked for and not found, each with a finding that shows it.
    untested
        What could not be checked.
    """

    faults: tuple[Fault, ...]
    undecided: tuple[Fault, ...]
    suspects: tuple[Finding, ...]
    ruled_out: dict[Cause, Finding]
    untested: tuple[Finding, ...]

    @property
    def is_healthy(self) -> bool:
        """Whether everything that could be checked works."""
        return not self.faults and not self.undecided

    @property
    def cause(self) -> Cause | None:
        """The gravest fault's class; None if there is none, or none that is sure."""
        return self.faults[0].cause if self.faults else None


def judge(report: Report, causes: dict[str, tuple[Cause, ...]]) -> Verdict:
    """Return the verdict.

    Parameters
    ----------
    causes
        For each probe, the causes it can find; what rules a cause out follows from it.
    """
    above = _ancestors(report.stands_on)
    broken = [finding for finding in report.findings if finding.is_fault]
    roots = [one for one in broken if not any(_explains(two, one, above) for two in broken)]
    faults = [_fault(root, broken, above) for root in roots]
    faults.sort(key=lambda fault: (_GRAVITY.index(fault.cause), -fault.root.certainty))
    sure = tuple(fault for fault in faults if fault.root.certainty >= _SURE)
    return Verdict(
        faults=sure,
        undecided=tuple(fault for fault in faults if fault.root.certainty < _SURE),
        suspects=tuple(each for each in report.findings if each.outcome is Outcome.SUSPECT),
        ruled_out=_ruled_out(report.findings, causes, {fault.cause for fault in faults}),
        untested=tuple(each for each in report.findings if each.outcome is Outcome.UNTESTED),
    )


def _ancestors(stands_on: dict[str, tuple[str, ...]]) -> dict[str, set[str]]:
    above: dict[str, set[str]] = {}
    for name, direct in stands_on.items():
        todo, seen = list(direct), set[str]()
        while todo:
            below = todo.pop()
            if below not in seen:
                seen.add(below)
                todo += stands_on.get(below, ())
        above[name] = seen - {name}
    return above


def _explains(one: Finding, other: Finding, above: dict[str, set[str]]) -> bool:
    same = one.device == other.device or not one.device or not other.device
    return one is not other and same and one.probe in above.get(other.probe, set())


def _fault(root: Finding, broken: Sequence[Finding], above: dict[str, set[str]]) -> Fault:
    if root.cause is None:
        raise ValueError(f"{root.probe}: a fault without a cause")
    chain = [each for each in broken if _explains(root, each, above)]
    chain.sort(key=lambda each: len(above.get(each.probe, set())))
    return Fault(root.cause, root, tuple(chain))


def _ruled_out(
    findings: Sequence[Finding], causes: dict[str, tuple[Cause, ...]], named: set[Cause]
) -> dict[Cause, Finding]:
    ruled_out = {}
    for cause in Cause:
        bearing = [each for each in findings if cause in causes.get(each.probe, ())]
        if (
            cause not in named
            and bearing
            and all(each.outcome is Outcome.SOUND for each in bearing)
        ):
            ruled_out[cause] = bearing[-1]
    return ruled_out
