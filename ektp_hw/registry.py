# SPDX-License-Identifier: Apache-2.0
"""One road in: drivers register by the entry-point group ``ektp_hw.drivers``, ours and others'.

Discovery asks all drivers at once, each in a thread of its own under one common time limit; a
driver that is broken or slow costs a line in the log and nothing else. Nothing is opened by it.
"""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import replace
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, Protocol, TypeVar

from ektp_hw.devices.base import Device, DeviceInfo, DeviceKind, UsbId
from ektp_hw.errors import DeviceError, DeviceNotFound, DeviceUnavailable, UnavailableReason

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from importlib.metadata import EntryPoint
    from pathlib import Path

__all__ = [
    "GROUP",
    "Driver",
    "Survey",
    "discover",
    "drivers",
    "make_device",
    "open_device",
    "survey",
]

_log = logging.getLogger(__name__)
_T = TypeVar("_T")

GROUP = "ektp_hw.drivers"
"""Entry-point group under which a package offers its drivers."""
_LOAD_TIMEOUT = 10.0
"""Seconds for all drivers' modules to be imported when a device is opened."""
_FRESH = 1.0
"""Seconds for which a late answer of a search may stand for one asked now."""


class Driver(Protocol):
    """What stands behind an entry point: usually a subclass of `Device`, itself not an instance."""

    name: str
    schemes: tuple[str, ...]
    usb_ids: tuple[UsbId, ...]

    def discover(self) -> Iterable[DeviceInfo]:
        """List attached devices without opening any."""

    def locate(self, uri: str) -> DeviceInfo | None:
        """Return what is known of that address, None if it is not this driver's."""

    def device(self, info: DeviceInfo) -> Device:
        """Make the closed device."""


def discover(kind: DeviceKind | str | None = None, timeout: float = 5.0) -> list[DeviceInfo]:
    """List the capture devices that are attached; opens none of them.

    Parameters
    ----------
    kind
        Only this kind: a `DeviceKind` or its name; None for all.
    timeout
        Seconds for all drivers together; what a slower driver would find is left out.

    Raises
    ------
    ValueError
        If there is no such kind or the timeout is negative.

    Notes
    -----
    A device that a driver finds on the USB is listed once, even if a library of the system's, such
    as libfprint, knows it as well.
    """
    wanted = None if kind is None else DeviceKind(kind)
    if not timeout >= 0:
        raise ValueError(f"a timeout of {timeout} s cannot be; give 0 or more seconds")
    found, failures = survey(timeout)
    _complain(failures)
    unique = {
        info.uri: info for infos in found.values() for info in infos if wanted in {None, info.kind}
    }
    return sorted(unique.values(), key=lambda info: (info.uri.startswith("virtual:"), info.uri))


class Survey(NamedTuple):
    """What every driver found, and why the others found nothing (`TimeoutError`: too slow)."""

    found: dict[str, list[DeviceInfo]]
    failures: dict[str, BaseException]


def survey(timeout: float = 5.0) -> Survey:
    """Ask every driver for its devices and log nothing; opens none of them.

    A driver that was too slow for the last survey and has answered just now is not asked again.
    """
    entries = sorted(entry_points(group=GROUP), key=lambda entry: entry.name)
    late = {name: one.answers[0] for name, one in list(_hung.items()) if one.is_fresh}
    for name in late:
        _hung.pop(name, None)
    searches = {entry.name: _searcher(entry) for entry in entries if entry.name not in late}
    found, failures = _all_at_once(searches, timeout, _hung)
    answers = late | found
    kept = set(_seen_once([info for infos in answers.values() for info in infos]))
    once = {name: [info for info in infos if info in kept] for name, infos in answers.items()}
    return Survey(once, failures)


def drivers() -> list[Driver]:
    """Return every driver that can be loaded, by name; the others cost a line in the log."""
    entries = sorted(entry_points(group=GROUP), key=lambda entry: entry.name)
    loaders = {entry.name: _loader(entry) for entry in entries}
    found, failures = _all_at_once(loaders, _LOAD_TIMEOUT, _hung_loading)
    _complain(failures)
    return list(found.values())


def open_device(
    device: DeviceInfo | str, *, record: str | Path | None = None, keep_payloads: bool = False
) -> Device:
    """Open a device; the driver is found by the address.

    Parameters
    ----------
    device
        One of `discover`'s answers, or a URI: ``usb:1b55:0840@1-4``, ``usbip:host:port/1-1``,
        ``pcsc:<reader>``, ``video:/dev/video0``, ``virtual:fingerprint``.
    record
        File for a transcript of the traffic (`ektp_hw.transport.transcript`), written when the
        device is closed. What may be somebody's body is replaced by its length and hash, as the
        driver's class attribute ``redaction`` says.
    keep_payloads
        Keep everything in the transcript; only for phantoms and virtual devices.

    Raises
    ------
    DeviceNotFound
        If nothing answers there or no driver knows it.
    DeviceBusy, DeviceUnavailable, DeviceRemoved, ProtocolError
        As the driver finds it; `DeviceUnavailable` also if the traffic shall be recorded and the
        device is neither on a USB nor on a serial line.
    """
    uri = device.uri if isinstance(device, DeviceInfo) else device
    seen = device if isinstance(device, DeviceInfo) else None
    made = make_device(uri, seen_as=seen)
    if record is not None:
        _record(made, record, keep_payloads=keep_payloads)
    return made.open()


def _seen_once(infos: list[DeviceInfo]) -> list[DeviceInfo]:
    """Leave out what a system's library shows of a USB device that one of the drivers drives."""
    driven = {(info.vendor_id, info.product_id) for info in infos if info.uri.startswith("usb:")}
    return [
        info
        for info in infos
        if info.uri.startswith("usb:") or (info.vendor_id, info.product_id) not in driven
    ]


def _record(device: Device, path: str | Path, *, keep_payloads: bool) -> None:
    if not {"usb", "serial", "evdev", "video"} & set(device.schemes):
        raise DeviceUnavailable(
            "only the traffic of USB devices, nodes, serial lines and cameras can be recorded;"
            " open it without recording",
            reason=UnavailableReason.UNSUPPORTED,
            device=device.info.uri,
        )
    from ektp_hw.transport.base import SerialConnection
    from ektp_hw.transport.node import DeviceNode
    from ektp_hw.transport.node_transcript import NodeRecorder
    from ektp_hw.transport.serial_transcript import SerialRecorder
    from ektp_hw.transport.transcript import Notes, Recorder
    from ektp_hw.transport.video import VideoConnection
    from ektp_hw.transport.video_transcript import VideoRecorder

    notes = Notes(path, None if keep_payloads else device.redaction)

    def recorded(connection: Any) -> Any:  # noqa: ANN401  # whatever the driver connects by
        if isinstance(connection, SerialConnection):
            return SerialRecorder(connection, notes)
        if isinstance(connection, DeviceNode):
            return NodeRecorder(connection, notes)
        if isinstance(connection, VideoConnection):
            return VideoRecorder(connection, notes)
        return Recorder(connection, notes)

    device.tap(recorded)


def make_device(uri: str, *, seen_as: DeviceInfo | None = None) -> Device:
    """Make the closed device at that address.

    Parameters
    ----------
    uri
        Where the driver shall connect.
    seen_as
        What applications shall see as the device's identity, if not what the driver says.

    Raises
    ------
    TypeError, DeviceNotFound
        If the address is no text, or no driver knows it.
    """
    if not isinstance(uri, str):
        raise TypeError(f"a device is named by its URI or DeviceInfo, not by {type(uri).__name__}")
    scheme = uri.partition(":")[0]
    known = drivers()
    for driver in known:
        if scheme in driver.schemes:
            info = driver.locate(uri)
            if info is not None:
                if seen_as is not None and seen_as.uri != uri:
                    info = replace(info, uri=seen_as.uri, name=seen_as.name, address=uri)
                return driver.device(info)
    schemes = sorted({f"{scheme}:" for driver in known for scheme in driver.schemes})
    raise DeviceNotFound(
        "no driver knows a device there; addresses start with " + ", ".join(schemes), device=uri
    )


def _loader(entry: EntryPoint) -> Callable[[], Driver]:
    def load() -> Driver:
        driver: Any = entry.load()
        for needed in ("name", "schemes", "usb_ids", "discover", "locate", "device"):
            if not hasattr(driver, needed):
                raise TypeError(f"{entry.value} has no '{needed}', so it is no driver")
        loaded: Driver = driver
        return loaded

    return load


def _searcher(entry: EntryPoint) -> Callable[[], list[DeviceInfo]]:
    def search() -> list[DeviceInfo]:
        infos = list(_loader(entry)().discover())
        for info in infos:
            if not isinstance(info, DeviceInfo):
                raise TypeError(f"it listed a {type(info).__name__} instead of a DeviceInfo")
        return infos

    return search


class _Asked(threading.Thread, Generic[_T]):
    """One driver's answer, fetched in a thread that nobody has to wait for."""

    def __init__(self, name: str, task: Callable[[], _T]) -> None:
        super().__init__(name=f"ektp_hw driver {name}", daemon=True)
        self.driver = name
        self.answers: list[_T] = []
        self.failure: BaseException | None = None
        self._answered = 0.0
        self._task = task

    def run(self) -> None:
        try:
            self.answers.append(self._task())
            self._answered = time.monotonic()
        except (Exception, SystemExit) as error:  # noqa: BLE001  # a stranger's: may raise anything
            self.failure = error

    @property
    def is_fresh(self) -> bool:
        """Whether the answer has come, and not long ago."""
        return bool(self.answers) and time.monotonic() - self._answered < _FRESH


_hung: dict[str, _Asked[list[DeviceInfo]]] = {}
"""Searches that did not come back; a driver is not asked again while its thread still runs."""
_hung_loading: dict[str, _Asked[Driver]] = {}
"""The same for drivers whose import did not come back."""


def _all_at_once(
    tasks: dict[str, Callable[[], _T]], timeout: float, hung: dict[str, _Asked[_T]]
) -> tuple[dict[str, _T], dict[str, BaseException]]:
    """Return the answers and the failures, by name."""
    end = time.monotonic() + timeout
    asked: list[_Asked[_T]] = []
    failures: dict[str, BaseException] = {}
    for name, task in tasks.items():
        if name in hung and hung[name].is_alive():
            failures[name] = TimeoutError("it still hangs from the last time")
            continue
        asked.append(_Asked(name, task))
        asked[-1].start()
    found = {}
    for one in asked:
        one.join(max(0.0, end - time.monotonic()))
        if one.is_alive():
            hung[one.driver] = one
            failures[one.driver] = TimeoutError(f"it did not answer in {timeout:g} s")
        elif one.failure is not None:
            failures[one.driver] = one.failure
        elif one.answers:
            found[one.driver] = one.answers[0]
    return found, failures


def _complain(failures: dict[str, BaseException]) -> None:
    for driver, failure in failures.items():
        if isinstance(failure, DeviceError | TimeoutError):
            _log.warning("the driver %s was left out: %s", driver, failure)
        else:
            _log.error("the driver %s is broken and was left out", driver, exc_info=failure)
