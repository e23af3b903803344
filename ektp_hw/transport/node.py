# SPDX-License-Identifier: Apache-2.0
"""A device node of Linux: reads that end in time, requests (ioctl) that end in time.

A node's read gives one report or a few events and is waited for with poll(2). A request such as
"fetch a feature report" goes to the device inside the kernel, for as long as five seconds if the
device is dead; so it runs in a thread that nobody has to wait for longer than the time given.
"""

from __future__ import annotations

import errno
import logging
import os
import select
import threading
from abc import abstractmethod
from typing import TYPE_CHECKING

from ektp_hw.errors import (
    DeviceBusy,
    DeviceError,
    DeviceNotFound,
    DeviceRemoved,
    DeviceUnavailable,
    ProtocolError,
    UnavailableReason,
)
from ektp_hw.transport.base import Connection, log_wire
from ektp_hw.transport.claim import claim

if TYPE_CHECKING:
    from typing import NoReturn

__all__ = ["DeviceNode", "KernelNode", "request_number"]

_log = logging.getLogger(__name__)

_GONE = {errno.ENODEV, errno.ENXIO, errno.ESHUTDOWN, errno.EBADF}
_REFUSED = {errno.EPIPE, errno.EIO, errno.EPROTO, errno.EOVERFLOW, errno.ETIMEDOUT, errno.EAGAIN}
_PROBE_S = 0.1


def request_number(direction: int, kind: str, number: int, size: int) -> int:
    """Compose an ioctl request as asm-generic/ioctl.h does: direction 1 writes, 2 reads, 3 both."""
    return direction << 30 | size << 16 | ord(kind) << 8 | number


class DeviceNode(Connection):
    """What a driver sees of a node; a model of a device can stand in for the kernel.

    Attributes
    ----------
    uri
        For messages.
    """

    uri: str

    @abstractmethod
    def read(self, length: int, timeout: float) -> bytes:
        """Return what one read gives, nothing when the time is over.

        Raises
        ------
        DeviceRemoved, ProtocolError
            If the device has gone, or the read fails.
        """

    @abstractmethod
    def request(self, number: int, buffer: bytearray, timeout: float = 1.0) -> int:
        """Make an ioctl that changes `buffer` in place; return what it returns.

        Raises
        ------
        DeviceRemoved, DeviceBusy, ProtocolError
            If the device has gone, another program holds it, or it refuses or does not answer.
        """


class KernelNode(DeviceNode):
    """A node under ``/dev``, claimed for this process (`ektp_hw.transport.claim`).

    Parameters
    ----------
    path
        The node.
    uri
        For messages.
    writable
        Whether to open it for writing too.
    rule
        The udev rule that would permit it, for the message if this user is not permitted.
    question
        Number of a request that the kernel answers by itself, for signs of life; 0 for none.

    Raises
    ------
    DeviceNotFound, DeviceUnavailable, DeviceBusy, DeviceRemoved
        As opening it fails.
    """

    def __init__(
        self, path: str, uri: str, *, writable: bool = False, rule: str = "", question: int = 0
    ) -> None:
        self.uri = uri
        mode = os.O_RDWR if writable else os.O_RDONLY
        try:
            self._fd = os.open(path, mode | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError as error:
            _raise_opening(error, uri, rule)
        try:
            self._claim = claim(path, fd=self._fd, device=uri)
        except DeviceError:
            os.close(self._fd)
            raise
        self._poll = select.poll()
        self._poll.register(self._fd, select.POLLIN)
        self._question = question
        self._running: threading.Thread | None = None

    def read(self, length: int, timeout: float) -> bytes:
        """Wait with poll(2), then read once."""
        try:
            if not self._poll.poll(max(1, round(timeout * 1000))):
                return b""
            got = os.read(self._fd, length)
        except BlockingIOError:  # another reader was faster
            return b""
        except OSError as error:
            if error.errno == errno.EIO:  # what hidraw says of a device that has gone
                raise _removed(self.uri) from error
            _raise(error, self.uri, "a read")
        if not got:
            raise _removed(self.uri)
        log_wire(_log, self.uri, "read", len(got))
        return got

    def probe(self) -> None:
        """Make the request that the kernel answers without asking the device."""
        if self._question:
            self.request(self._question, bytearray(self._question >> 16 & 0x3FFF), _PROBE_S)

    def request(self, number: int, buffer: bytearray, timeout: float = 1.0) -> int:
        """Make an ioctl in a thread of its own, so that a dead device cannot hold the caller."""
        if self._running is not None:
            self._running.join(timeout)
            if self._running.is_alive():
                self._no_answer(number)
        outcome: list[int | OSError] = []
        self._running = threading.Thread(
            target=_make, args=(self._fd, number, buffer, outcome), daemon=True
        )
        self._running.start()
        self._running.join(timeout)
        if self._running.is_alive():
            self._no_answer(number)
        self._running = None
        (answer,) = outcome
        if isinstance(answer, OSError):
            _log.debug("%s: request %#x failed: %s", self.uri, number, answer)
            _raise(answer, self.uri, f"the request {number & 0xFF:#04x}")
        log_wire(_log, self.uri, f"request {number:#x}", len(buffer))
        return answer

    def _no_answer(self, number: int) -> NoReturn:
        raise ProtocolError(
            f"the device does not answer the request {number & 0xFF:#04x}; plug it in anew",
            device=self.uri,
        )

    def close(self) -> None:
        """Close the node; a request that still hangs closes it when it comes back."""
        fd, self._fd = self._fd, -1
        if fd < 0:
            return
        self._claim.close()
        if self._running is not None and self._running.is_alive():
            threading.Thread(target=_close_after, args=(self._running, fd), daemon=True).start()
        else:
            os.close(fd)


def _make(fd: int, number: int, buffer: bytearray, outcome: list[int | OSError]) -> None:
    import fcntl

    try:
        outcome.append(fcntl.ioctl(fd, number, buffer))
    except OSError as error:
        outcome.append(error)


def _close_after(thread: threading.Thread, fd: int) -> None:
    thread.join()
    os.close(fd)


def _removed(uri: str) -> DeviceRemoved:
    return DeviceRemoved("the device was unplugged; plug it in and open it again", device=uri)


def _raise(error: OSError, uri: str, what: str) -> NoReturn:
    if error.errno in _GONE:
        raise _removed(uri) from error
    if error.errno == errno.EBUSY:
        raise DeviceBusy("another program holds it; close that program", device=uri) from error
    if error.errno in _REFUSED:
        raise ProtocolError(
            f"{what} failed ({error.strerror}); try again, then plug the device in anew",
            device=uri,
        ) from error
    raise DeviceError(f"{what} failed ({error.strerror}); plug the device in anew", device=uri)


def _raise_opening(error: OSError, uri: str, rule: str) -> NoReturn:
    if error.errno in {errno.ENOENT, errno.ENODEV, errno.ENXIO, errno.ENOTDIR}:
        raise DeviceNotFound("it is not plugged in; check cable and socket", device=uri) from error
    if error.errno in {errno.EACCES, errno.EPERM}:
        raise DeviceUnavailable(
            "you are not permitted to use it; put this line into "
            f"/etc/udev/rules.d/60-ektp-hw.rules and plug the device in again: {rule}",
            reason=UnavailableReason.NOT_PERMITTED,
            device=uri,
        ) from error
    _raise(error, uri, "opening it")
