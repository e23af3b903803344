# SPDX-License-Identifier: Apache-2.0
"""The system's libfprint, bounded: list its sensors, open one, capture, cancel.

libfprint works on a GLib main context and answers by callbacks. Each open sensor here has a
context of its own that runs only while `Sensor.turn` is called, so nothing happens behind the
caller's back and every wait has an end. What libfprint leaves to the process's default context
runs there too: see `ektp_hw.transport.libfprint_devices`.
"""

from __future__ import annotations

import logging
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ektp_hw.errors import DeviceError
from ektp_hw.transport.libfprint_devices import (
    AT_WORK,
    Home,
    Seen,
    described,
    hear_news,
    listed,
    move_in,
    move_out,
    usb_device,
)
from ektp_hw.transport.libfprint_errors import translated
from ektp_hw.transport.libfprint_library import Library, load

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["Picture", "Seen", "Sensor", "seen"]

_log = logging.getLogger(__name__)

_OPENING = threading.Lock()
"""Held while a sensor is opened or closed: libfprint then uses NSS, which two threads crash."""
_OPEN_TIMEOUT = 5.0
_CLOSE_TIMEOUT = 2.0
_TURN = 0.05
_LOOK = 0.002
"""Seconds between two questions to libfprint whether it has something to do. To wait inside GLib
instead would keep `AT_WORK` from the other threads."""
_FINGER_PRESENT = 2


@dataclass(frozen=True)
class Picture:
    """What a capture gave: grey values row by row, dark ridges, upright.

    libfprint has turned and inverted it already as the sensor's driver there demands.
    """

    width: int
    height: int
    pixels: bytes
    per_millimetre: float
    """0 where libfprint does not know."""


def seen() -> list[Seen]:
    """List the attached sensors that give pictures; opens none of them itself.

    libfprint on its part may ask sensors that match on their own chip for their name.

    Raises
    ------
    DeviceUnavailable
        If there is no libfprint, or listing takes too long.
    """
    library = load()
    devices = listed(library)
    try:
        return [described(library, device) for device in devices]
    finally:
        for device in devices:
            library.functions.g_object_unref(device)


class Sensor:
    """One open sensor; to be used by one thread at a time.

    Parameters
    ----------
    name
        As `Seen.name` has it.
    uri
        Names it in errors.

    Raises
    ------
    DeviceNotFound, DeviceBusy, DeviceUnavailable, DeviceRemoved, ProtocolError, DeviceError
        What is in the way.
    """

    def __init__(self, name: str, uri: str) -> None:
        self._library = load()
        self._call = self._library.functions
        self._uri = uri
        self._action: _Action | None = None
        self._home: Home = move_in(self._library, name, uri)
        self._is_open = True
        try:
            with _OPENING:
                self._begin(self._call.fp_device_open, self._call.fp_device_open_finish)
                self._await_opening()
        except BaseException:
            self._release()
            raise

    def _await_opening(self) -> None:
        if not self.turn_until_done(_OPEN_TIMEOUT):
            self.cancel()
            raise DeviceError(
                f"libfprint does not open it within {_OPEN_TIMEOUT:g} s; plug it in anew",
                device=self._uri,
            )
        self.take()

    def begin_capture(self) -> None:
        """Begin to wait for a finger; `turn` until `is_done`, then `take` the picture."""
        self._begin(
            lambda *rest: self._call.fp_device_capture(rest[0], 1, *rest[1:]),
            self._call.fp_device_capture_finish,
        )

    @property
    def is_done(self) -> bool:
        """Whether what was begun has ended, well or not; True if nothing was begun."""
        return self._action is None or self._action.is_done

    @property
    def has_finger(self) -> bool:
        """Whether libfprint says that a finger is on the sensor."""
        return bool(self._call.fp_device_get_finger_status(self._home.device) & _FINGER_PRESENT)

    def turn(self, seconds: float) -> None:
        """Let libfprint work until something has happened, at most so many seconds."""
        until = time.monotonic() + seconds
        while not self._work() and (left := until - time.monotonic()) > 0:
            time.sleep(min(left, _LOOK))

    def _work(self) -> bool:
        """Let libfprint do what it has to do now; tell whether that was anything."""
        with AT_WORK, self._as_thread_default():
            hear_news(self._library)
            return bool(self._call.g_main_context_iteration(self._home.main, 0))

    def turn_until_done(self, seconds: float) -> bool:
        """Let libfprint work until what was begun has ended; False if the time is over before."""
        end = time.monotonic() + seconds
        while not self.is_done and (left := end - time.monotonic()) > 0:
            self.turn(min(left, _TURN))
        return self.is_done

    def cancel(self) -> None:
        """Ask libfprint to end what was begun; it ends in one of the next turns."""
        if self._action is not None:
            with AT_WORK, self._as_thread_default():
                self._call.g_cancellable_cancel(self._action.cancellable)

    def take(self) -> Picture | None:
        """Return what the ended capture gave, None for what gives nothing.

        Raises
        ------
        RetryCapture, DeviceError
            What went wrong, as `ektp_hw.errors` tells it apart.
        """
        action, self._action = self._action, None
        if action is None:
            return None
        self._call.g_object_unref(action.cancellable)
        if action.error is not None:
            raise action.error
        return action.picture

    def reset(self) -> None:
        """Reset an open sensor on its bus, which ends stalls; those on other buses stay as is."""
        usb = usb_device(self._library, self._home.device)
        if not usb:
            return
        failure = self._library.ffi.new("GError **")
        if not self._call.g_usb_device_reset(usb, failure):
            _log.debug("%s", translated(self._library, failure[0], self._uri))
        self._call.g_object_unref(usb)

    def close(self) -> None:
        """End what is running, close the sensor; harmless when done before."""
        if not self._is_open:
            return
        self.cancel()
        if self.turn_until_done(_CLOSE_TIMEOUT):
            self._end()
            with _OPENING:
                self._begin(self._call.fp_device_close, self._call.fp_device_close_finish)
                self.turn_until_done(_CLOSE_TIMEOUT)
        self._release()

    def _end(self) -> None:
        try:
            self.take()
        except Exception as error:  # noqa: BLE001  # nobody waits for it any more
            _log.debug("%s: ended with: %s", self._uri, error)

    def _begin(self, start: Callable[..., None], finish: Callable[..., Any]) -> None:
        self._action = action = _Action(self._library, finish, self._uri)
        with AT_WORK, self._as_thread_default():
            start(self._home.device, action.cancellable, action.ready, self._library.ffi.NULL)

    @contextmanager
    def _as_thread_default(self) -> Iterator[None]:
        self._call.g_main_context_push_thread_default(self._home.main)
        try:
            yield
        finally:
            self._call.g_main_context_pop_thread_default(self._home.main)

    def _release(self) -> None:
        """Let others use the sensor, unless libfprint still works on it."""
        self._is_open = False
        if not self.is_done:
            _log.warning("%s: libfprint does not end its work; it is left to itself", self._uri)
            _LEFT.append(self)
            return
        self._end()
        move_out(self._library, self._home)


_LEFT: list[Sensor] = []
"""Sensors whose memory libfprint may still write to."""


class _Action:
    """Something that libfprint was asked to do, and how it ended."""

    def __init__(self, library: Library, finish: Callable[..., Any], uri: str) -> None:
        self._library = library
        self._finish = finish
        self._uri = uri
        self.cancellable = library.functions.g_cancellable_new()
        self.ready = library.ffi.callback("Ready", self._ended)
        self.is_done = False
        self.picture: Picture | None = None
        self.error: Exception | None = None

    def _ended(self, device: Any, result: Any, _: Any) -> None:  # noqa: ANN401
        failure = self._library.ffi.new("GError **")
        answer = self._finish(device, result, failure)
        if failure[0]:
            self.error = translated(self._library, failure[0], self._uri)
        elif not isinstance(answer, int):
            self.picture = _picture(self._library, answer)
        self.is_done = True


def _picture(library: Library, image: Any) -> Picture:  # noqa: ANN401
    call, ffi = library.functions, library.ffi
    length = ffi.new("size_t *")
    data = call.fp_image_get_data(image, length)
    picture = Picture(
        call.fp_image_get_width(image),
        call.fp_image_get_height(image),
        bytes(ffi.buffer(data, length[0])),
        call.fp_image_get_ppmm(image),
    )
    call.g_object_unref(image)
    return picture
