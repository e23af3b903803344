# SPDX-License-Identifier: Apache-2.0
"""What an emulated CCID reader can do wrong, and the wrong messages it sends then."""

from __future__ import annotations

import struct
from enum import StrEnum

__all__ = ["UNANSWERED", "Misbehaviour", "messages"]

_HEAD = struct.Struct("<BIBBBBB")
_DATA = 0x80
_TIME_EXTENSION = 0x80


class Misbehaviour(StrEnum):
    """What a card reader can do wrong, at the next command to the card."""

    UNPLUG = "unplug"
    """The cable is pulled."""
    STALL = "stall"
    """The endpoint refuses the command."""
    SILENT = "silent"
    """No answer comes."""
    GARBAGE = "garbage"
    """The answer claims to be 4 GB long."""
    STALE = "stale"
    """An answer to an older command comes first."""
    SLOW = "slow"
    """Three time extensions come before the answer."""
    FOREVER = "forever"
    """Time extensions come without end."""
    REMOVED = "removed"
    """The card is taken away."""
    SHORT = "short"
    """The answer ends before the length it announces."""
    OUT_OF_STEP = "out of step"
    """Every answer bears a number that nobody asked for."""
    LATE = "late"
    """The answer comes with the next one only."""
    MUTE = "mute"
    """The card does not answer the reader."""
    POWER_SAG = "power sag"
    """The reader restarts: cards lose their power, their sessions and the command."""


UNANSWERED = {
    Misbehaviour.UNPLUG,
    Misbehaviour.SILENT,
    Misbehaviour.GARBAGE,
    Misbehaviour.FOREVER,
    Misbehaviour.SHORT,
    Misbehaviour.OUT_OF_STEP,
    Misbehaviour.LATE,
    Misbehaviour.MUTE,
}
"""Those after which the reader gives no answer of its own."""


def messages(fault: Misbehaviour, slot: int, number: int) -> list[bytes]:
    """Return what the reader sends in place of its answer, or before it."""
    extension = _HEAD.pack(_DATA, 0, slot, number, _TIME_EXTENSION, 1, 0)
    older = _HEAD.pack(_DATA, 2, slot, number - 1 & 0xFF, 0, 0, 0) + b"\x90\0"
    wrong = {
        Misbehaviour.GARBAGE: [b"\x80" + b"\xff" * 30],
        Misbehaviour.STALE: [older],
        Misbehaviour.OUT_OF_STEP: [older] * 40,
        Misbehaviour.SHORT: [_HEAD.pack(_DATA, 20, slot, number, 0, 0, 0) + b"abc"],
        Misbehaviour.SLOW: [extension] * 3,
        Misbehaviour.FOREVER: [extension],
    }
    return wrong.get(fault, [])
