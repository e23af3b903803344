# SPDX-License-Identifier: Apache-2.0
"""Devices that come and go: events for those who wait, from one thread that cannot die silently.

The thread looks a few times a second what discovery finds; the kernel's messages wake it at once.
Looking opens nothing. Whatever goes wrong becomes an event too, and the thread begins anew.
"""

from __future__ import annotations

import logging
import threading
import time
import weakref
from collections import deque
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from ektp_hw import registry
from ektp_hw.devices.base import DeviceInfo, DeviceKind, open_devices
from ektp_hw.errors import DeviceError, EktpError
from ektp_hw.transport.uevents import Uevent, Uevents

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import TracebackType
    from typing import Self

    from ektp_hw.devices.base import Device

__all__ = ["Change", "DeviceEvent", "DeviceMonitor", "watch_devices"]

_log = logging.getLogger(__name__)

_SLICE = 0.05
"""Seconds between two looks at stop and cancel events."""
_LOOK_TIMEOUT = 0.2
"""Seconds after which a driver is left out of a look; its devices then count as unchanged, and
what it answers late counts in the next."""
_HUNG_AFTER = 5.0
"""Seconds after which a driver that does not answer is told as failed."""
_SETTLED_AFTER = 1.5
"""Seconds after a kernel's message during which every slice looks: libraries and services that
drivers ask learn of a device a little later than we do."""
_UDEV_NEEDS = 0.3
"""Seconds at most that a new device is kept back until udev has given its rights."""
_GONE_FOR = 0.5
"""Seconds for which the kernel's word "removed", or that of a capture, counts more than what a
library still lists."""
_FIRST_BACK_OFF, _LONGEST_BACK_OFF = 0.1, 5.0
_UNREAD = 10_000
"""Events kept for a reader who never comes; then the oldest are dropped."""


class Change(StrEnum):
    """What happened."""

    ADDED = "added"
    """A device is there that was not there before."""
    REMOVED = "removed"
    """A device has gone, whether it was open or not."""
    FAILED = "failed"
    """Looking failed, in whole or for one driver; it goes on, see ``error``."""


@dataclass(frozen=True)
class DeviceEvent:
    """One change.

    Parameters
    ----------
    change
        What happened.
    info
        Which device; None where a look failed.
    error
        Why it failed; None otherwise.
    at
        `time.monotonic` of the look that noticed it.
    """

    change: Change
    info: DeviceInfo | None = None
    error: EktpError | None = None
    at: float = field(default_factory=time.monotonic, compare=False)


class DeviceMonitor:
    """Watches for devices until `stop`; a context manager that also starts it.

    Devices that are there already come first, as added. Events arrive within 500 ms of the change,
    as far as discovery can see the device.

    Parameters
    ----------
    kind
        Only this kind: a `DeviceKind` or its name; None for all.
    on_event
        Called in the monitor's thread with every event; without it events wait for `next_event`.
        What it raises is logged and comes out of `next_event` as failed.
    interval
        Seconds between two looks when the kernel says nothing.

    Raises
    ------
    ValueError
        If there is no such kind, or the interval is not above 0.
    """

    def __init__(
        self,
        kind: DeviceKind | str | None = None,
        *,
        on_event: Callable[[DeviceEvent], None] | None = None,
        interval: float = 0.25,
    ) -> None:
        if not interval > 0:
            raise ValueError(f"an interval of {interval} s cannot be; give more than 0 seconds")
        self._kind = None if kind is None else DeviceKind(kind)
        self._on_event = on_event
        self._interval = interval
        self._events: deque[DeviceEvent] = deque(maxlen=_UNREAD)
        self._news = threading.Condition()
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self._known: dict[str, dict[str, DeviceInfo]] = {}
        self._failing: dict[str, float] = {}
        self._told: set[str] = set()
        self._hidden: dict[str, float] = {}
        self._alive: weakref.WeakSet[Device] = weakref.WeakSet()

    # For applications.

    @property
    def is_running(self) -> bool:
        """Whether it watches now."""
        return self._thread is not None and self._thread.is_alive()

    def start(self) -> Self:
        """Begin to watch; harmless while it runs, begins afresh after `stop`."""
        if self._stopping.is_set():
            self.join()
        with self._news:
            if not self.is_running:
                self._stopping.clear()
                self._known, self._failing, self._hidden = {}, {}, {}
                self._told.clear()
                self._events.clear()
                self._alive.clear()
                self._begin()
        return self

    def stop(self, timeout: float | None = 5.0) -> bool:
        """Watch no more and wait for the thread; return whether it has ended in time.

        Waiting `next_event` calls return None. Called from `on_event` it does not wait.
        """
        self._stopping.set()
        with self._news:
            self._news.notify_all()
        return self.join(timeout)

    def join(self, timeout: float | None = None) -> bool:
        """Wait until the thread ends, which `stop` makes it do; return whether it has ended."""
        thread = self._thread
        if thread is None or thread is threading.current_thread():
            return thread is None
        thread.join(timeout)
        return not thread.is_alive()

    def next_event(
        self, timeout: float | None = None, cancel: threading.Event | None = None
    ) -> DeviceEvent | None:
        """Wait for the next event.

        Parameters
        ----------
        timeout
            Seconds; None waits for as long as the monitor runs.
        cancel
            Set it from any thread to end the wait.

        Returns
        -------
        DeviceEvent or None
            None within 200 ms of the time limit, of the cancel and of `stop`.
        """
        end = None if timeout is None else time.monotonic() + timeout
        with self._news:
            while not self._events:
                left = _SLICE if end is None else min(_SLICE, end - time.monotonic())
                if left <= 0 or self._stopping.is_set() or (cancel and cancel.is_set()):
                    return None
                self._revive()
                self._news.wait(left)
            return self._events.popleft()

    def __iter__(self) -> Iterator[DeviceEvent]:
        while (event := self.next_event()) is not None:
            yield event

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    # The thread.

    def _begin(self) -> None:
        self._thread = threading.Thread(target=self._run, name="ektp_hw hot-plug", daemon=True)
        self._thread.start()

    def _revive(self) -> None:
        """Start the thread again should it have ended without being told to."""
        if not self.is_running:
            self._begin()

    def _run(self) -> None:
        back_off = _FIRST_BACK_OFF
        while not self._stopping.is_set():
            begun = time.monotonic()
            try:
                self._watch()
            except BaseException as error:  # noqa: BLE001  # nothing may end this thread unheard
                _log.exception("watching for devices failed; it begins again")
                self._tell(DeviceEvent(Change.FAILED, error=_typed(error)))
            if time.monotonic() - begun > _LONGEST_BACK_OFF:
                back_off = _FIRST_BACK_OFF
            self._stopping.wait(back_off)
            back_off = min(2 * back_off, _LONGEST_BACK_OFF)

    def _watch(self) -> None:
        """Look until told to stop."""
        try:
            uevents = Uevents()
        except DeviceError as error:
            _log.info("%s", error)
            self._poll(None)
            return
        with uevents:
            self._poll(uevents)

    def _poll(self, uevents: Uevents | None) -> None:
        unsettled_until = next_look = time.monotonic()
        while not self._stopping.is_set():
            self._tell_of_removed()
            now = time.monotonic()
            if now >= next_look or now < unsettled_until:
                self._look()
                next_look = time.monotonic() + self._interval
            if uevents is None:
                self._stopping.wait(_SLICE)
            elif told := uevents.wait(_SLICE):
                self._heed(told, has_udev=uevents.has_udev)
                unsettled_until = time.monotonic() + _SETTLED_AFTER

    def _heed(self, told: list[Uevent], *, has_udev: bool) -> None:
        """Hide what the kernel says has gone, and what udev has not yet prepared."""
        now = time.monotonic()
        for event in told:
            for name in event.names:
                if event.from_udev:
                    if event.action != "remove":
                        self._hidden.pop(name, None)
                elif event.action == "remove":
                    self._hidden[name] = now + _GONE_FOR
                    self._report(self._known, {}, only=name)
                elif event.action == "add" and has_udev:
                    self._hidden[name] = now + _UDEV_NEEDS
                elif event.action == "add":
                    self._hidden.pop(name, None)

    def _look(self) -> None:
        survey = registry.survey(_LOOK_TIMEOUT)
        now = time.monotonic()
        self._hidden = {name: until for name, until in self._hidden.items() if until > now}
        seen = dict(self._known)
        for driver, infos in survey.found.items():
            seen[driver] = {
                info.uri: info
                for info in infos
                if self._kind in {None, info.kind} and not self._is_hidden(info)
            }
        self._tell_failures(survey.failures, now)
        self._report(self._known, seen)
        self._known = seen
        self._ask_open_devices(survey.found)

    def _tell_failures(self, failures: dict[str, BaseException], now: float) -> None:
        """Tell once of each driver that fails; slow ones, as all are at first, have some time."""
        self._failing = {driver: self._failing.get(driver, now) for driver in failures}
        self._told &= failures.keys()
        for driver, failure in failures.items():
            patience = _HUNG_AFTER if isinstance(failure, TimeoutError) else 0.0
            if driver not in self._told and now - self._failing[driver] >= patience:
                self._told.add(driver)
                self._tell(DeviceEvent(Change.FAILED, error=_typed(failure, driver)))

    def _is_hidden(self, info: DeviceInfo) -> bool:
        return any(_ends_with(info.address, name) for name in self._hidden)

    def _report(
        self,
        before: dict[str, dict[str, DeviceInfo]],
        now: dict[str, dict[str, DeviceInfo]],
        *,
        only: str = "",
    ) -> None:
        """Tell the differences; with `only`, take what ends so out of `before` as well."""
        for driver, infos in before.items():
            for uri, info in list(infos.items()):
                if only and _ends_with(info.address, only):
                    del infos[uri]
                elif only or uri in now.get(driver, {}):
                    continue
                for device in open_devices():
                    if device.info.address == info.address:
                        device.note_removal()
                        self._alive.discard(device)
                self._tell(DeviceEvent(Change.REMOVED, info))
        for driver, infos in now.items():
            for uri, info in infos.items():
                if uri not in before.get(driver, {}):
                    self._tell(DeviceEvent(Change.ADDED, info))

    def _ask_open_devices(self, found: dict[str, list[DeviceInfo]]) -> None:
        """Notice open devices that have gone though discovery lists them still, again or never."""
        listed = {info.address for infos in found.values() for info in infos}
        for device in open_devices():
            if self._kind not in {None, device.kind}:
                continue
            is_listed = device.info.address in listed
            if not device.is_removed if is_listed else device.is_there():
                self._alive.add(device)
            elif device in self._alive:
                self._alive.discard(device)
                if device.is_removed:  # not merely closed
                    self._tell_of_one(device)

    def _tell_of_removed(self) -> None:
        """Tell of open devices whose own capture has found them gone, without a look at all."""
        for device in [one for one in self._alive if one.is_removed]:
            self._alive.discard(device)
            self._hidden[device.info.address] = time.monotonic() + _GONE_FOR
            self._tell_of_one(device)

    def _tell_of_one(self, device: Device) -> None:
        for infos in self._known.values():
            infos.pop(device.info.uri, None)  # what is there again is added again
        self._tell(DeviceEvent(Change.REMOVED, device.info))

    def _tell(self, event: DeviceEvent) -> None:
        if self._on_event is not None:
            try:
                self._on_event(event)
            except Exception as error:  # noqa: BLE001  # a caller's callback may raise anything
                _log.exception("the callback for device events failed")
                event = DeviceEvent(Change.FAILED, error=_typed(error))
            else:
                return
        with self._news:
            self._events.append(event)
            self._news.notify_all()


def watch_devices(
    kind: DeviceKind | str | None = None,
    on_event: Callable[[DeviceEvent], None] | None = None,
) -> DeviceMonitor:
    """Start a `DeviceMonitor`; use it in a ``with`` or call its `stop` when you are done.

    ::

        with hw.watch_devices("fingerprint") as monitor:
            for event in monitor:
                print(event.change, event.info)
    """
    return DeviceMonitor(kind, on_event=on_event).start()


def _ends_with(address: str, name: str) -> bool:
    return address.partition("?")[0].endswith(name)


def _typed(error: BaseException, driver: str = "") -> EktpError:
    """Return the error if it is one of this package, else wrap it."""
    if isinstance(error, EktpError):
        return error
    what = f"the driver {driver} finds nothing" if driver else "watching for devices failed"
    wrapped = DeviceError(f"{what} ({error!r}); it is tried again, see the log")
    wrapped.__cause__ = error
    return wrapped
