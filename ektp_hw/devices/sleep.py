# SPDX-License-Identifier: Apache-2.0
"""Has this machine slept? Devices lose their settings then, and some their place on the bus.

Linux counts the time since it started twice: CLOCK_BOOTTIME goes on while the machine is
suspended, CLOCK_MONOTONIC stands still (clock_gettime(2)). What lies between them is sleep.
"""

from __future__ import annotations

import time

__all__ = ["SleepWatch"]

_SHORTEST = 0.5
"""Seconds of sleep that count; reading two clocks one after the other costs microseconds."""


class SleepWatch:
    """Tells whether the machine has slept since `restart`."""

    def __init__(self) -> None:
        self._asleep = _seconds_asleep()

    @property
    def has_slept(self) -> bool:
        """Whether it slept since the last `restart`, or since this was made."""
        return _seconds_asleep() - self._asleep > _SHORTEST

    def restart(self) -> None:
        """Count from now."""
        self._asleep = _seconds_asleep()


def _seconds_asleep() -> float:
    """Return how long the machine has slept since it started; 0 where it does not tell."""
    boottime = getattr(time, "CLOCK_BOOTTIME", None)
    if boottime is None:
        return 0.0
    return time.clock_gettime(boottime) - time.clock_gettime(time.CLOCK_MONOTONIC)
