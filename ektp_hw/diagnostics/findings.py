# SPDX-License-Identifier: Apache-2.0
"""What a probe says: what was checked, what was seen, how sure that is, and who can act.

Texts are keys with values, never sentences: `wording` turns them into Indonesian or English. The
evidence is what was read or measured, as it was, without anything personal.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeAlias

__all__ = ["Cause", "Evidence", "Finding", "Message", "Outcome", "Who", "message"]

Value: TypeAlias = str | int | float
Evidence: TypeAlias = Mapping[str, str | int | float | bool | None]


class Cause(StrEnum):
    """The classes of cause that a verdict can name."""

    CAMERA = "camera"
    FINGERPRINT = "fingerprint"
    IRIS = "iris"
    PAD = "pad"
    CARD_READER = "card_reader"
    CABLE_OR_POWER = "cable_or_power"
    DRIVER = "driver"
    PERMISSION = "permission"
    COMPUTER = "computer"
    STORAGE = "storage"
    LOCAL_NETWORK = "local_network"
    PROVIDER = "provider"
    CENTRAL_SERVICE = "central_service"


class Who(StrEnum):
    """Who can act on a finding."""

    CLERK = "clerk"
    TECHNICIAN = "technician"
    DISTRICT = "district"
    PROVIDER = "provider"
    CENTRE = "centre"


class Outcome(StrEnum):
    """What a check came to."""

    SOUND = "sound"
    """As it should be."""
    SUSPECT = "suspect"
    """Works now, and will not for long, or not always: a worn cable, a nearly full disk."""
    BROKEN = "broken"
    """Does not work."""
    UNTESTED = "untested"
    """Could not be checked; the text says why."""


@dataclass(frozen=True)
class Message:
    """A text to be worded: the key of `wording`, and the values of its blanks."""

    key: str
    values: Mapping[str, Value] = field(default_factory=dict)


def message(key: str, **values: Value) -> Message:
    """Return the message; shorter to write where probes are written."""
    return Message(key, values)


@dataclass(frozen=True)
class Finding:
    """One answer of one probe.

    Parameters
    ----------
    probe
        Name of the probe, ``area.what``: ``usb.presence``, ``network.gateway``.
    checked, seen
        What was looked at, and what was found.
    outcome
        What it came to.
    cause
        What a finding that is not sound points to; None otherwise.
    certainty
        0 to 1: how sure it is that things are as said, and that this is the cause.
    evidence
        Readings behind it, plain values by name; nothing personal. A name is a key of
        ``texts/<language>/reading.toml``, with what it is the reading of behind a colon where
        there are several: ``megabytes_left:/var``. Words of a fixed set are keys of ``value.toml``.
    advice, who
        What to do next and who can do it; None where nothing needs to be done.
    device
        URI of the device it is about; empty for the station as a whole.
    seconds
        How long the check took.
    """

    probe: str
    checked: Message
    seen: Message
    outcome: Outcome
    cause: Cause | None = None
    certainty: float = 1.0
    evidence: Evidence = field(default_factory=dict)
    advice: Message | None = None
    who: Who | None = None
    device: str = ""
    seconds: float = 0.0

    def __post_init__(self) -> None:
        if not 0 <= self.certainty <= 1:
            raise ValueError(f"{self.probe}: a certainty of {self.certainty} cannot be")
        if self.outcome in {Outcome.BROKEN, Outcome.SUSPECT} and self.cause is None:
            raise ValueError(f"{self.probe}: what is not sound must name a cause")

    @property
    def is_fault(self) -> bool:
        """Whether something does not work."""
        return self.outcome is Outcome.BROKEN
