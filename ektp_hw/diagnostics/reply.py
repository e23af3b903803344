# SPDX-License-Identifier: Apache-2.0
"""Findings of one check, written briefly: what was checked and of which device is said once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from ektp_hw.diagnostics.findings import Finding, Outcome

if TYPE_CHECKING:
    from ektp_hw.diagnostics.findings import Cause, Evidence, Message, Who

__all__ = ["Readings", "Reply"]

Readings: TypeAlias = dict[str, str | int | float | bool | None]
"""Evidence while it is collected."""


@dataclass(frozen=True)
class Reply:
    """What all findings of one check have in common; each method adds what was seen."""

    probe: str
    checked: Message
    device: str = ""

    def sound(
        self, seen: Message, evidence: Evidence | None = None, certainty: float = 1.0
    ) -> Finding:
        """Say that it is as it should be."""
        return Finding(
            self.probe, self.checked, seen, Outcome.SOUND,
            certainty=certainty, evidence=evidence or {}, device=self.device,
        )  # fmt: skip

    def untested(
        self,
        seen: Message,
        evidence: Evidence | None = None,
        *,
        advice: Message | None = None,
        who: Who | None = None,
    ) -> Finding:
        """Say that it could not be checked."""
        return Finding(
            self.probe, self.checked, seen, Outcome.UNTESTED,
            certainty=0.0, evidence=evidence or {}, advice=advice, who=who, device=self.device,
        )  # fmt: skip

    def suspect(
        self,
        seen: Message,
        cause: Cause,
        advice: Message,
        who: Who,
        evidence: Evidence | None = None,
        certainty: float = 0.7,
    ) -> Finding:
        """Say that it works, and will not for long or not always."""
        return Finding(
            self.probe, self.checked, seen, Outcome.SUSPECT, cause, certainty,
            evidence or {}, advice, who, self.device,
        )  # fmt: skip

    def broken(
        self,
        seen: Message,
        cause: Cause,
        advice: Message,
        who: Who,
        evidence: Evidence | None = None,
        certainty: float = 0.9,
    ) -> Finding:
        """Say that it does not work."""
        return Finding(
            self.probe, self.checked, seen, Outcome.BROKEN, cause, certainty,
            evidence or {}, advice, who, self.device,
        )  # fmt: skip
