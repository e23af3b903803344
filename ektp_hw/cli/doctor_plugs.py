# SPDX-License-Identifier: Apache-2.0
"""What is plugged in, for a doctor that looks again whenever it changes.

The library's device events tell of everything that a driver can find, also where no USB is: readers
of the card service, ports, cameras and tablets inside the computer. What the system's files say is
asked as well: of USB devices without a driver, of network cables, and where there are no events.
"""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

from ektp_hw.devices.base import open_devices
from ektp_hw.hotplug import Change, watch_devices

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType
    from typing import Self

    from ektp_hw.devices.base import Device
    from ektp_hw.diagnostics.surroundings import Surroundings
    from ektp_hw.hotplug import DeviceEvent, DeviceMonitor

__all__ = ["Plugs", "plugged"]

_FIRST_SURVEY = 1.5
"""Seconds in which the devices that are there already are told of."""
_QUIET = 0.7
"""Seconds without an event, and without a device that this program has open, after which what
events say counts: a driver that opens a device takes it from the kernel's own, which tells of it as
if it were pulled out and plugged in again."""


class Plugs:
    """Watches what is plugged in; call it for a value that differs whenever that has changed.

    Parameters
    ----------
    around
        Events are of this machine's devices: there are none where a test reads a folder for it.
    watch
        Starts the events, as `ektp_hw.watch_devices`.
    opened
        Returns the devices that this program has open.
    """

    def __init__(
        self,
        around: Surroundings,
        watch: Callable[..., DeviceMonitor] = watch_devices,
        opened: Callable[[], list[Device]] = open_devices,
    ) -> None:
        self._around, self._watch, self._opened = around, watch, opened
        self._lock = threading.Lock()
        self._there: set[str] = set()
        self._monitor: DeviceMonitor | None = None
        self._counts_from = 0.0
        self._settled: frozenset[str] | None = None
        self._changes = 0

    def __enter__(self) -> Self:
        """Begin to watch."""
        self._counts_from = time.monotonic() + _FIRST_SURVEY
        if self._around.root == Path("/"):
            self._monitor = self._watch(on_event=self._heed)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Watch no more."""
        if self._monitor is not None:
            self._monitor.stop()

    def __call__(self) -> object:
        """Return what is plugged in, to be compared with what it was before."""
        return plugged(self._around), self._changes_by_events()

    def _heed(self, event: DeviceEvent) -> None:
        if event.info is None:  # looking failed; what the system's files say counts
            return
        with self._lock:
            if event.change is Change.ADDED:
                self._there.add(event.info.uri)
            elif event.change is Change.REMOVED:
                self._there.discard(event.info.uri)
            self._counts_from = max(self._counts_from, time.monotonic() + _QUIET)

    def _changes_by_events(self) -> int:
        """Return how often what is there has changed, by events, since the first survey."""
        with self._lock:
            if self._opened():
                self._counts_from = max(self._counts_from, time.monotonic() + _QUIET)
            elif time.monotonic() >= self._counts_from:
                before, self._settled = self._settled, frozenset(self._there)
                self._changes += before not in {None, self._settled}
            return self._changes


def plugged(around: Surroundings) -> frozenset[str]:
    """Return what is plugged in: each USB device with its number, each network card's carrier."""
    seen = set()
    for folder, fact in (("sys/bus/usb/devices", "devnum"), ("sys/class/net", "carrier")):
        try:
            names = [each.name for each in around.path(folder).iterdir()]
        except OSError:
            continue
        seen |= {f"{name} {around.read(f'{folder}/{name}/{fact}')}" for name in names}
    return frozenset(seen)
