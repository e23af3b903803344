# SPDX-License-Identifier: Apache-2.0
"""How long a driver may still wait: the caller's time limit, cancel event and a closing device.

A driver never blocks longer than `CaptureWait.slice` at a time and calls `CaptureWait.check`
between its transfers; so every capture ends within 200 ms of its time limit or of the cancel.
"""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING

from ektp_hw.errors import CaptureCancelled, CaptureTimeout

if TYPE_CHECKING:
    import threading

__all__ = ["LONGEST_SLICE", "CaptureWait"]

LONGEST_SLICE = 0.1
"""Seconds a driver may block without looking at the time limit and the cancel event."""
_CANCEL_LOOK = 0.02
"""Seconds between two looks at the cancel events while sleeping."""


class CaptureWait:
    """One capture's time limit and cancel events, handed to every hook of a driver.

    Parameters
    ----------
    timeout
        Seconds from now; 0 ends the capture at once.
    cancel
        The caller's event; None if the caller has none.
    closing
        Set by the device when another thread closes it during the capture.
    device
        URI for the messages.
    missing
        What did not happen when the time is over, as the start of a sentence.

    Raises
    ------
    ValueError
        If the timeout is negative or not a number.
    """

    def __init__(
        self,
        timeout: float,
        cancel: threading.Event | None = None,
        closing: threading.Event | None = None,
        *,
        device: str = "",
        missing: str = "nothing usable was captured",
    ) -> None:
        seconds = float(timeout)
        if math.isnan(seconds) or seconds < 0:
            raise ValueError(f"a timeout of {timeout} s cannot be; give 0 or more seconds")
        self._timeout = seconds
        self._end = time.monotonic() + seconds
        self._events = [event for event in (cancel, closing) if event is not None]
        self._device = device
        self.missing = missing
        """What did not happen, for the message when the time is over; may change on the way."""

    @property
    def remaining(self) -> float:
        """Seconds until the time limit, never below 0."""
        return max(0.0, self._end - time.monotonic())

    @property
    def cancelled(self) -> bool:
        """Whether the caller cancelled or the device is being closed."""
        return any(event.is_set() for event in self._events)

    def extend(self, seconds: float) -> None:
        """Put the time limit off, from any thread."""
        self._timeout += seconds
        self._end += seconds

    def slice(self, longest: float = LONGEST_SLICE) -> float:
        """Return how many seconds the next transfer may block, at most `longest`.

        Never below 1 ms, because several transports read 0 as "for ever".
        """
        return max(0.001, min(longest, self.remaining))

    def check(self) -> None:
        """Return while there is time left.

        Raises
        ------
        CaptureCancelled
            If the caller's event is set or the device is being closed.
        CaptureTimeout
            If the time limit is over.
        """
        if self.cancelled:
            raise CaptureCancelled(
                "the capture was cancelled; start it again when the person is ready",
                device=self._device,
            )
        if self.remaining <= 0:
            raise CaptureTimeout(
                f"{self.missing} within {self._timeout:g} s; try again", device=self._device
            )

    def sleep(self, seconds: float) -> None:
        """Sleep, ending early with the errors of `check` on cancel or at the time limit."""
        end = time.monotonic() + seconds
        self.check()
        while (left := end - time.monotonic()) > 0:
            time.sleep(min(left, _CANCEL_LOOK, self.remaining))
            self.check()
