# SPDX-License-Identifier: Apache-2.0
"""Somebody who signs on a virtual pad: one sample a tick, in the pad's own counts, with mishaps.

Every pad's model draws from here what the pen does at this moment and packs it into its reports.
"""

from __future__ import annotations

import time
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import threading

    from ektp_hw.samples import SignatureTrace

__all__ = ["Counts", "Misbehaviour", "Scale", "SignedOn", "Signing", "in_counts"]

_AWAY_S = 0.3


class Misbehaviour(StrEnum):
    """What a pad can do wrong in the middle of a signing; each pad knows some of them."""

    UNPLUG = "unplug"
    """The cable is pulled."""
    STALL = "stall"
    """The endpoint refuses once."""
    SILENT = "silent"
    """No more reports come."""
    GARBAGE = "garbage"
    """Reports of unknown kind and broken length come without end."""
    ENCRYPTED = "encrypted"
    """The reports of a secure session come."""
    ENDLESS = "endless"
    """The tip is never lifted again."""
    SHORT = "short"
    """One report is cut off."""
    SKIP = "skip"
    """Some reports are lost on the way, which a pad that numbers them lets one notice."""
    LATE = "late"
    """Nothing comes for a while; the rest comes when the next signing has begun."""
    LIFTED = "lifted"
    """The person takes the pen away after a touch."""
    FROZEN_CLOCK = "frozen-clock"
    """Counters of time and number stand still."""
    SAG = "sag"
    """The supply sags: the pad restarts, forgets its settings and is silent."""


class Counts(NamedTuple):
    """Where the pen is, in the pad's own counts; no force while the tip is up."""

    x: int
    y: int
    force: int


class Scale(NamedTuple):
    """A pad's measures: counts a millimetre, greatest counts, greatest force, reports a second."""

    x_per_mm: float
    y_per_mm: float
    max_x: int
    max_y: int
    max_force: int
    rate: float


def in_counts(trace: SignatureTrace, scale: Scale) -> list[Counts]:
    """Sample a signature as the pad would; what touches keeps a force of 1 at least."""
    import numpy as np

    if not len(trace):
        return []
    when = np.arange(trace.seconds[0], trace.seconds[-1] + 1e-9, 1 / scale.rate)
    x, y, force = (
        np.clip(np.rint(np.interp(when, trace.seconds, column) * per), 0, most).astype(int)
        for column, per, most in (
            (trace.x_mm, scale.x_per_mm, scale.max_x),
            (trace.y_mm, scale.y_per_mm, scale.max_y),
            (trace.pressure, scale.max_force, scale.max_force),
        )
    )
    return [Counts(*one) for one in zip(x.tolist(), y.tolist(), force.tolist(), strict=True)]


class Signing:
    """The person in front of a pad.

    Parameters
    ----------
    scale
        The pad's measures.
    speed
        How many times faster than real the signing goes; the samples stay the same.

    Attributes
    ----------
    after
        Seconds that somebody takes to begin when the host listens.
    """

    def __init__(self, scale: Scale, speed: float) -> None:
        self.scale = scale
        self.speed = speed
        self.after = 0.15
        self.counts: list[Counts] = []
        self.given = 0
        self.last_byte = 0.0
        self._began: float | None = None
        self._asked = 0.0

    def lay(self, trace: SignatureTrace | None) -> None:
        """Have this signed from the next beginning on; None: nobody is there."""
        self.counts = in_counts(trace, self.scale) if trace is not None else []
        self.end()

    @property
    def is_running(self) -> bool:
        """Whether somebody has begun to sign."""
        return self._began is not None

    @property
    def is_half_way(self) -> bool:
        """Whether half of the signing is done, which is when mishaps strike."""
        return self.given >= len(self.counts) // 2 > 0

    def begin(self, after: float = 0.0) -> None:
        """Begin to sign in so many seconds, from the start, if there is anything to sign."""
        self._began, self.given = time.monotonic() + after if self.counts else None, 0

    def heard(self) -> None:
        """Note that the host listens: after it did not for a while, somebody begins to sign."""
        now = time.monotonic()
        was_away, self._asked = now - self._asked > _AWAY_S, now
        if was_away and self._began is None:
            self.begin(self.after)

    def end(self) -> None:
        """Go away."""
        self._began = None

    def restart(self) -> None:
        """Go away, and begin when the host listens again."""
        self._began, self._asked = None, 0.0

    @property
    def is_due(self) -> bool:
        """Whether the moment of the next sample has come."""
        if self._began is None:
            return False
        return (time.monotonic() - self._began) * self.speed * self.scale.rate >= self.given

    def take(self) -> Counts | None:
        """Return the next sample; None when the signing is over."""
        self.last_byte = time.monotonic()
        if self.given >= len(self.counts):
            return None
        self.given += 1
        return self.counts[self.given - 1]


class SignedOn:
    """The half of a pad's model that is signed on; the other half, behind it, knows the wire."""

    lock: threading.RLock
    signing: Signing
    _fault: Misbehaviour | None = None

    def present(self, trace: SignatureTrace | None) -> None:
        """Have this signed; None: nobody is there."""
        with self.lock:
            self.signing.lay(trace)

    def sign(self) -> None:
        """Let the person sign from the beginning, in a moment."""
        with self.lock:
            self.signing.begin(self.signing.after)

    def misbehave(self, what: Misbehaviour | str) -> None:
        """Go wrong half way through every signing, until `behave`."""
        fault = Misbehaviour(what)
        with self.lock:
            self._fault = fault

    def behave(self) -> None:
        """End all misbehaviour."""
        with self.lock:
            self._fault = None
