# SPDX-License-Identifier: Apache-2.0
"""What all capture devices have in common: identity, opening, closing, one capture at a time."""

from __future__ import annotations

import logging
import threading
import time
import weakref
from abc import ABC, abstractmethod
from collections import deque
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, ClassVar

from ektp_hw.devices.capabilities import Capabilities
from ektp_hw.devices.info import DeviceInfo, DeviceKind, UsbId, UsbPlace
from ektp_hw.devices.redaction import Redaction
from ektp_hw.devices.sleep import SleepWatch
from ektp_hw.devices.states import CaptureState, check_arrow
from ektp_hw.devices.wait import CaptureWait
from ektp_hw.errors import DeviceBusy, DeviceError, DeviceNotFound, DeviceRemoved

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from types import TracebackType
    from typing import Self

__all__ = ["Device", "DeviceInfo", "DeviceKind", "UsbId", "open_devices"]

_log = logging.getLogger(__name__)

_BACK_AFTER_SLEEP = 3.0
"""Seconds that a device may need to be back on its bus after the machine slept."""
_PAUSE = 0.1

_SLIPS_KEPT = 20

_LONGEST_PROBE = 0.12
"""Seconds that `Device.is_there` may keep others waiting; every bus answers it within 100 ms."""


class Device(ABC):
    """A capture device: made closed, opened once, closed as often as you like.

    A driver is a subclass of one kind (`FingerprintScanner`, ...) with the class attributes below
    and the hooks `_open` and `_close`. All public methods may be called from any thread: a second
    capture at the same time gives `DeviceBusy`, closing ends a running capture with
    `CaptureCancelled`. A device that lay idle while the machine slept is opened again on its next
    use.
    """

    name: ClassVar[str]
    """The driver's name, also that of its entry point."""
    kind: ClassVar[DeviceKind]
    """What the driver captures."""
    schemes: ClassVar[tuple[str, ...]] = ("usb", "usbip")
    """Beginnings of the URIs the driver answers for."""
    usb_ids: ClassVar[tuple[UsbId, ...]] = ()
    """Devices the driver knows; empty if it does not go by USB ids."""
    redaction: ClassVar[Redaction] = Redaction()
    """Which payloads of its conversation a transcript must not hold."""
    _missing: ClassVar[str] = "nothing usable was captured"
    _connect: Callable[..., Any]
    """How a driver reaches its device; given to its constructor so that tests can replay."""

    def __init__(self, info: DeviceInfo) -> None:
        self.info = info
        self._state = CaptureState.CLOSED
        self._lock = threading.RLock()
        self._closing = threading.Event()
        self.__sleep = SleepWatch()
        self.__connection: Any = None
        self.__wait: CaptureWait | None = None
        self.__slips: deque[DeviceError] = deque(maxlen=_SLIPS_KEPT)

    @classmethod
    @abstractmethod
    def discover(cls) -> Iterable[DeviceInfo]:
        """List the devices of this driver that are attached, without opening any."""

    @classmethod
    @abstractmethod
    def locate(cls, uri: str) -> DeviceInfo | None:
        """Return what is known of the device at that address, or None if it is not this driver's.

        The registry asks only for URIs that start with one of `schemes`.
        """

    @classmethod
    def describe(cls, place: UsbPlace) -> DeviceInfo:
        """Return the information on a device of this driver that was seen on a USB."""
        ids = (place.vendor_id, place.product_id)
        model = next((one.model for one in cls.usb_ids if tuple(one) == ids), cls.name)
        return DeviceInfo(place.uri, cls.kind, model, cls.name, place.serial, *ids)

    @classmethod
    def device(cls, info: DeviceInfo) -> Device:
        """Make the closed device that `info` describes."""
        return cls(info)

    @property
    def capabilities(self) -> Capabilities:
        """What the device can do; complete once it is open, before that what its model tells."""
        return Capabilities()

    @property
    def state(self) -> CaptureState:
        """Where the device stands now."""
        return self._state

    @property
    def is_removed(self) -> bool:
        """Whether it was found to have gone; `open` looks for it again."""
        return self._state is CaptureState.REMOVED

    @property
    def is_open(self) -> bool:
        """Whether `open` succeeded and `close` has not been called since."""
        return self._state is not CaptureState.CLOSED

    @property
    def slips(self) -> tuple[DeviceError, ...]:
        """What failed since it was opened and the driver tried again by itself, newest last."""
        return tuple(self.__slips)

    def _slipped(self, error: DeviceError) -> None:
        """Note what the driver is about to try again: nobody else hears of it."""
        _log.info("%s: tried again, because: %s", self.info.uri, error)
        self.__slips.append(error)

    def extend_capture(self, seconds: float) -> None:
        """Give the running capture more time, from any thread; harmless where none runs."""
        if (wait := self.__wait) is not None:
            wait.extend(seconds)

    def open(self) -> Self:
        """Connect to the device; harmless when it is open already.

        Raises
        ------
        DeviceNotFound, DeviceBusy, DeviceUnavailable, DeviceRemoved, ProtocolError
            As `ektp_hw.errors` tells them apart.
        """
        if self._state not in (CaptureState.CLOSED, CaptureState.REMOVED):
            return self
        with self._lock:
            if self._state is CaptureState.REMOVED:
                self._let_go()
            if self._state is CaptureState.CLOSED:
                self._closing.clear()
                self.__begin()
        return self

    def __begin(self) -> None:
        self.__sleep.restart()
        self.__slips.clear()
        with self.__noting_connection(), self._under_its_own_name():
            self._open()
        self._enter(CaptureState.READY)
        _remember(self)

    @contextmanager
    def __noting_connection(self) -> Iterator[None]:
        """Keep what the driver connects by while it opens, to ask it for signs of life."""
        connect = getattr(self, "_connect", None)
        if connect is None:
            yield
            return

        def noted(*address: Any) -> Any:  # noqa: ANN401  # whatever the driver connects by
            self.__connection = connect(*address)
            return self.__connection

        self._connect = noted
        try:
            yield
        except BaseException:
            self.__connection = None
            raise
        finally:
            self._connect = connect

    def is_there(self) -> bool:
        """Ask an open device for a sign of life; one that is in use counts as there.

        One that has gone enters the state REMOVED, as if a capture had noticed it.
        """
        if self._state in (CaptureState.WAITING, CaptureState.ACQUIRING) or self.__sleep.has_slept:
            return self.is_open  # a capture sees for itself, one after a sleep opens it again
        try:
            with self._exclusive():
                self._probe()
        except DeviceRemoved:
            return False
        except DeviceError:
            return self.is_open  # busy, or it gave an odd answer, but an answer
        return True

    def note_removal(self) -> None:
        """Take somebody else's word that the device has gone; a running capture sees for itself."""
        if self._lock.acquire(blocking=False):
            try:
                if self._state is CaptureState.READY and not self.__sleep.has_slept:
                    self._enter(CaptureState.REMOVED)
            finally:
                self._lock.release()

    def tap(self, tap: Callable[[Any], Any]) -> None:
        """Put something between the driver and its next connection, a recorder for instance.

        Parameters
        ----------
        tap
            Gets the open connection and returns one that the driver shall use instead.
        """
        connect = self._connect
        self._connect = lambda *address: tap(connect(*address))

    def close(self) -> None:
        """Let go of the device; harmless when it is closed already, ends a running capture."""
        self._closing.set()
        with self._lock:
            if self._state in (CaptureState.WAITING, CaptureState.ACQUIRING):
                return  # called from a callback of the capture, which closes when it ends
            if self._state is not CaptureState.CLOSED:
                self._let_go()

    def _let_go(self) -> None:
        _forget(self)
        try:
            self._close()
        except DeviceError as error:
            _log.debug("closing %s: %s", self.info.uri, error)
        finally:
            self.__connection = None
            self._enter(CaptureState.CLOSED)

    def __enter__(self) -> Self:
        return self.open()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.info.uri} {self._state.name.lower()}>"

    @abstractmethod
    def _open(self) -> None:
        """Connect; leave nothing behind when it fails.

        Whatever a crashed program left of its capture must not show: reset the device on its bus
        (`ektp_hw.transport.usb_reset`), or begin as its protocol says.
        """

    @abstractmethod
    def _close(self) -> None:
        """Disconnect; the device may be gone already."""

    def _probe(self) -> None:
        """Raise `DeviceRemoved` if the open, idle device has gone; answer within 100 ms.

        Asks the connection that `_connect` returned, where it has a ``probe``; otherwise only
        discovery tells that the device has gone.
        """
        probe = getattr(self.__connection, "probe", None)
        if probe is not None:
            probe()

    def _enter(self, state: CaptureState) -> None:
        check_arrow(self._state, state)
        self._state = state

    @contextmanager
    def _exclusive(self, wait: CaptureWait | None = None) -> Iterator[None]:
        """Hold the device for one exchange, from the state READY; note when it disappears."""
        if not self._lock.acquire(
            timeout=_LONGEST_PROBE
        ):  # a sign of life may be asked for just now
            raise DeviceBusy(
                "another thread is using the device; wait for it or cancel its capture",
                device=self.info.uri,
            )
        try:
            self.__rouse(wait)
            self._require_ready()
            try:
                with self._under_its_own_name():
                    yield
            except DeviceRemoved:
                if self._state is not CaptureState.CLOSED:
                    self._enter(CaptureState.REMOVED)
                raise
        finally:
            self._lock.release()

    def __rouse(self, wait: CaptureWait | None) -> None:
        """Open the device again if the machine has slept since it was opened last."""
        if self._state is not CaptureState.READY or not self.__sleep.has_slept:
            return
        _log.info("%s: opened again, because the machine has slept", self.info.uri)
        self._let_go()
        end = time.monotonic() + _BACK_AFTER_SLEEP
        while True:
            try:
                self.__begin()
            except (DeviceNotFound, DeviceRemoved) as error:
                if time.monotonic() > end:
                    raise DeviceRemoved(
                        "the device did not come back when the machine woke from its sleep;"
                        " plug it in anew and open it again",
                        device=self.info.uri,
                    ) from error
            else:
                return
            if wait is None:
                time.sleep(_PAUSE)
            else:
                wait.sleep(_PAUSE)

    @contextmanager
    def _under_its_own_name(self) -> Iterator[None]:
        """Let errors of the wire, which name the address, name the URI that people know."""
        try:
            yield
        except DeviceError as error:
            address, uri = self.info.address, self.info.uri
            if error.device == address != uri:
                error.device = uri
                error.args = (str(error).replace(address, uri, 1), *error.args[1:])
            raise

    def _require_ready(self) -> None:
        if self._state is CaptureState.CLOSED:
            raise DeviceError("the device is closed; open it first", device=self.info.uri)
        if self._state is CaptureState.REMOVED:
            raise DeviceRemoved(
                "the device was unplugged; plug it in and open it again", device=self.info.uri
            )
        if self._state is not CaptureState.READY:
            raise DeviceBusy("a capture is running on this device", device=self.info.uri)

    @contextmanager
    def _capturing(self, timeout: float, cancel: threading.Event | None) -> Iterator[CaptureWait]:
        """Hold the device for one capture: WAITING inside, READY (or REMOVED) after it."""
        wait = CaptureWait(
            timeout, cancel, self._closing, device=self.info.uri, missing=self._missing
        )
        with self._exclusive(wait):
            self._enter(CaptureState.WAITING)
            self.__wait = wait
            gone = False
            try:
                yield wait
            except DeviceRemoved:
                gone = True
                raise
            finally:
                self.__wait = None
                if not gone:
                    self._enter(CaptureState.READY)
                if self._closing.is_set():
                    self._after_capture_close(gone)

    def _after_capture_close(self, gone: bool) -> None:
        if gone:
            self._enter(CaptureState.REMOVED)
        self._let_go()


_OPEN: weakref.WeakSet[Device] = weakref.WeakSet()
_OPEN_LOCK = threading.Lock()


def open_devices() -> list[Device]:
    """Return the devices that this process has open, also those found to have gone."""
    with _OPEN_LOCK:
        return list(_OPEN)


def _remember(device: Device) -> None:
    with _OPEN_LOCK:
        _OPEN.add(device)


def _forget(device: Device) -> None:
    with _OPEN_LOCK:
        _OPEN.discard(device)
