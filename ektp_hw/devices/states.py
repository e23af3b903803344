# SPDX-License-Identifier: Apache-2.0
"""The states of a capture device and every legal arrow between them, as one table."""

from enum import Enum

__all__ = ["LEGAL_ARROWS", "CaptureState", "check_arrow"]


class CaptureState(Enum):
    """Where a device stands between opening and closing."""

    CLOSED = "closed"
    READY = "ready"
    WAITING = "waiting for the person or the card"
    ACQUIRING = "acquiring"
    REMOVED = "removed"


LEGAL_ARROWS: dict[CaptureState, frozenset[CaptureState]] = {
    CaptureState.CLOSED: frozenset({CaptureState.READY}),
    CaptureState.READY: frozenset(
        {CaptureState.WAITING, CaptureState.REMOVED, CaptureState.CLOSED}
    ),
    CaptureState.WAITING: frozenset(
        {CaptureState.ACQUIRING, CaptureState.READY, CaptureState.REMOVED}
    ),
    # Back to WAITING: the finger was lifted, or the card drawn, before enough was read.
    CaptureState.ACQUIRING: frozenset(
        {CaptureState.WAITING, CaptureState.READY, CaptureState.REMOVED}
    ),
    CaptureState.REMOVED: frozenset({CaptureState.CLOSED}),
}
"""From each state the states that may follow it; whatever is not here is a defect of a driver."""


def check_arrow(old: CaptureState, new: CaptureState) -> None:
    """Refuse an arrow that is not in the table.

    Raises
    ------
    RuntimeError
        If the step is illegal; only wrong driver code can cause it.
    """
    if new not in LEGAL_ARROWS[old]:
        raise RuntimeError(f"a device cannot go from '{old.value}' to '{new.value}'")
