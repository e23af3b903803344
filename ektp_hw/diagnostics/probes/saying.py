# SPDX-License-Identifier: Apache-2.0
"""A probe made of a function, and the words of `reply` where every key follows from a name.

Keys follow from names: the probe ``network.link`` was checked as ``network.link_checked`` says, and
what is said as ``network.cable_out`` is advised upon as ``network.cable_out_advice``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ektp_hw.diagnostics.findings import Evidence, Finding, message
from ektp_hw.diagnostics.reply import Reply
from ektp_hw.diagnostics.surroundings import Surroundings

if TYPE_CHECKING:
    from ektp_hw.diagnostics.findings import Cause, Value, Who

__all__ = ["FunctionProbe", "broken", "sound", "suspect", "untested"]

Look = Callable[[Surroundings, Sequence[Finding]], list[Finding]]


@dataclass(frozen=True)
class FunctionProbe:
    """A probe whose work is one function; see `ektp_hw.diagnostics.probing.Probe`."""

    name: str
    look: Look
    stands_on: tuple[str, ...] = ()
    seconds: float = 10.0

    def run(self, around: Surroundings, before: Sequence[Finding]) -> list[Finding]:
        """Call the function."""
        return self.look(around, before)


def sound(
    probe: str,
    seen: str,
    evidence: Evidence | None = None,
    certainty: float = 0.95,
    /,
    **values: Value,
) -> Finding:
    """Return a finding that all is well."""
    return _reply(probe).sound(message(seen, **values), evidence, certainty)


def untested(
    probe: str, seen: str, evidence: Evidence | None = None, /, **values: Value
) -> Finding:
    """Return a finding that a check could not be made, and why."""
    return _reply(probe).untested(message(seen, **values), evidence)


def broken(
    probe: str,
    seen: str,
    cause: Cause,
    who: Who,
    certainty: float,
    evidence: Evidence | None = None,
    /,
    **values: Value,
) -> Finding:
    """Return a finding that something does not work, with its advice."""
    said, advice = message(seen, **values), message(f"{seen}_advice", **values)
    return _reply(probe).broken(said, cause, advice, who, evidence, certainty)


def suspect(
    probe: str,
    seen: str,
    cause: Cause,
    who: Who,
    certainty: float,
    evidence: Evidence | None = None,
    /,
    **values: Value,
) -> Finding:
    """Return a finding that something works and should be looked at, with its advice."""
    said, advice = message(seen, **values), message(f"{seen}_advice", **values)
    return _reply(probe).suspect(said, cause, advice, who, evidence, certainty)


def _reply(probe: str) -> Reply:
    return Reply(probe, message(f"{probe}_checked"))
