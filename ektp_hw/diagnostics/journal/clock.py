# SPDX-License-Identifier: Apache-2.0
"""What time it is, three times over: by the wall, since power-on, and since which power-on."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import threading

__all__ = ["Clock", "MachineClock"]


class Clock(Protocol):
    """The time as a recorder needs it; tests bring their own."""

    def wall(self) -> float:
        """Seconds since 1970, as right as the machine's clock is."""

    def steady(self) -> float:
        """Seconds since power-on, sleep included; never jumps."""

    def boot(self) -> str:
        """Return what is different after each power-on."""

    def wait(self, seconds: float, wake: threading.Event) -> None:
        """Wait; not longer than until the event is set."""


class MachineClock:
    """The machine's own clocks."""

    def wall(self) -> float:
        """Seconds since 1970."""
        return time.time()

    def steady(self) -> float:
        """Seconds since power-on, sleep included where the system tells them."""
        if hasattr(time, "CLOCK_BOOTTIME"):
            return time.clock_gettime(time.CLOCK_BOOTTIME)
        return time.monotonic()

    def boot(self) -> str:
        """Return the kernel's name for this run of the machine, empty if it has none."""
        try:
            return Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()
        except OSError:
            return ""

    def wait(self, seconds: float, wake: threading.Event) -> None:
        """Wait until the time is over or the event is set."""
        wake.wait(seconds)
