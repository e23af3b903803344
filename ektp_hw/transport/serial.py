# SPDX-License-Identifier: Apache-2.0
"""Serial lines through pySerial: modules behind USB adapters, virtual COM ports, RS-232.

`ektp_hw.transport.serial_ports` says how they are addressed and found.
"""

from __future__ import annotations

import errno
import logging
from pathlib import Path
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
from ektp_hw.transport.base import SerialConnection, log_wire
from ektp_hw.transport.claim import claim, holder
from ektp_hw.transport.serial_ports import locate, rule_for

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import NoReturn, TypeVar

    import serial

    from ektp_hw.transport.claim import Claim
    from ektp_hw.transport.serial_ports import SerialAddress

    _T = TypeVar("_T")

__all__ = ["PyserialConnection", "connect"]

_log = logging.getLogger(__name__)

_PARITIES = {"none": "N", "even": "E", "odd": "O"}
_WRITE_TIMEOUT = 1.0


def connect(
    uri: str,
    *,
    baud: int = 57600,
    parity: str = "none",
    dtr: bool | None = None,
    rts: bool | None = None,
) -> SerialConnection:
    """Open a port for this program alone, 8 data bits and 1 stop bit, and empty its buffer.

    Parameters
    ----------
    uri
        The address; the speed it names goes before `baud`.
    baud
        Speed in bits per second.
    parity
        ``none``, ``even`` or ``odd``.
    dtr, rts
        Levels of the modem lines, from the moment of opening; both are on by default.

    Raises
    ------
    DeviceNotFound, DeviceBusy, DeviceUnavailable, DeviceRemoved
        What is in the way, with what to do about it.
    ValueError
        If there is no such parity.
    """
    import serial

    if parity not in _PARITIES:
        raise ValueError(f"a parity of {parity!r} cannot be; it is none, even or odd")
    address = locate(uri)
    port = serial.Serial(exclusive=True, timeout=0.1, write_timeout=_WRITE_TIMEOUT)
    port.port, port.parity = address.path, _PARITIES[parity]
    if dtr is not None:
        port.dtr = dtr
    if rts is not None:
        port.rts = rts
    try:
        port.baudrate = address.baud or baud
        port.open()
    except ValueError as error:
        raise _impossible_speed(uri, address.baud or baud) from error
    except _failures() as error:
        _refuse(error, address)
    try:
        held = claim(address.path, fd=_descriptor(port), device=uri)
    except DeviceError:
        port.close()
        raise
    return PyserialConnection(port, uri, held)


class PyserialConnection(SerialConnection):
    """A port of pySerial, with this package's errors; made by `connect`."""

    def __init__(self, port: serial.Serial, uri: str, held: Claim) -> None:
        self._port = port
        self._claim = held
        self._uri = uri
        self._name = uri.partition("?")[0]  # for the log: options may hold a password

    def read(self, length: int, timeout: float) -> bytes:
        """Wait for a byte, and return what is there then."""

        def read() -> bytes:
            if self._port.timeout != timeout:
                self._port.timeout = timeout
            first = bytes(self._port.read(1))
            more = min(self._port.in_waiting, length - 1) if first else 0
            return first + bytes(self._port.read(more)) if more else first

        answer = self._run("read", read)
        log_wire(_log, self._name, "read", len(answer))
        return answer

    def write(self, data: bytes, timeout: float = 1.0) -> None:
        """Send all of it."""

        def write() -> None:
            if self._port.write_timeout != timeout:
                self._port.write_timeout = timeout
            self._port.write(data)

        self._run("write", write)
        log_wire(_log, self._name, "write", len(data))

    def discard(self) -> None:
        """Throw away what has come and was not read."""
        self._run("discard", self._port.reset_input_buffer)

    def set_baud(self, baud: int) -> None:
        """Go on at another speed."""
        try:
            self._run(f"set {baud} baud", lambda: setattr(self._port, "baudrate", baud))
        except ValueError as error:
            raise _impossible_speed(self._uri, baud) from error

    def set_lines(self, *, dtr: bool | None = None, rts: bool | None = None) -> bool:
        """Switch the modem lines; False where the port has none."""
        try:
            for name, level in (("dtr", dtr), ("rts", rts)):
                if level is not None:
                    setattr(self._port, name, level)
        except OSError as error:
            if error.errno in {errno.ENOTTY, errno.EINVAL, errno.EOPNOTSUPP}:
                return False
            self._gone("modem lines", error)
        return True

    def cancel_read(self) -> None:
        """End a `read` that waits in another thread, or the next one."""
        if self._port.is_open:
            self._port.cancel_read()

    def probe(self) -> None:
        """Raise `DeviceRemoved` if the port has gone; nothing is sent for it."""
        self._run("probe", lambda: self._port.in_waiting)

    def close(self) -> None:
        """Let go of the port."""
        self._claim.close()
        self._port.close()

    def _run(self, what: str, step: Callable[[], _T]) -> _T:
        import serial

        if not self._port.is_open:
            raise DeviceError("the port is closed; open the device again", device=self._uri)
        try:
            return step()
        except serial.SerialTimeoutException as error:
            raise ProtocolError(
                "the line does not take what is sent; check cable and flow control",
                device=self._uri,
            ) from error
        except _failures() as error:
            self._gone(what, error)

    def _gone(self, what: str, error: Exception) -> NoReturn:
        _log.debug("%s: %s failed: %s", self._name, what, error)
        raise DeviceRemoved(
            "the serial port is gone; plug the adapter in and open the device again",
            device=self._uri,
        ) from error


def _descriptor(port: serial.Serial) -> int | None:
    """Return the open port's descriptor, None on systems that have none."""
    try:
        return int(port.fileno())
    except (AttributeError, OSError):
        return None


def _failures() -> tuple[type[Exception], ...]:
    """Return what a port may raise: the terminal interface has an error of its own."""
    try:
        from termios import error
    except ImportError:  # not on this system
        return (OSError,)
    return OSError, error


def _refuse(error: Exception, address: SerialAddress) -> NoReturn:
    """Turn what kept a port from being opened into an error of this package."""
    number = error.errno if isinstance(error, OSError) else None
    uri, path = address.uri, address.path
    if number in {errno.EBUSY, errno.EAGAIN}:
        raise DeviceBusy(
            f"{holder(path)}; close it there and try again (ModemManager holds a new port for some"
            " seconds: wait, or see the udev rule that keeps it away)",
            device=uri,
        ) from error
    if number in {errno.EACCES, errno.EPERM}:
        raise DeviceUnavailable(
            "you are not permitted to use the port; become a member of the group dialout and log"
            " in again, or put this line into /etc/udev/rules.d/60-ektp-hw.rules and plug the"
            f" adapter in again: {rule_for(path)}",
            reason=UnavailableReason.NOT_PERMITTED,
            device=uri,
        ) from error
    if number in {errno.ENOENT, errno.ENOTDIR, errno.ENODEV, errno.ENXIO}:
        raise DeviceNotFound(
            "there is no such port; check that the adapter is plugged in", device=uri
        ) from error
    if number == errno.EIO:
        raise DeviceRemoved(
            "the port is there but its device is gone; plug the adapter in anew", device=uri
        ) from error
    if not Path(path).is_char_device():
        raise DeviceNotFound("that is no serial port; check the address", device=uri) from error
    raise DeviceUnavailable(
        f"the port cannot be set up ({error}); plug the adapter in anew",
        reason=UnavailableReason.UNSUPPORTED,
        device=uri,
    ) from error


def _impossible_speed(uri: str, baud: int) -> DeviceUnavailable:
    return DeviceUnavailable(
        f"the port cannot run at {baud} baud; choose another speed",
        reason=UnavailableReason.UNSUPPORTED,
        device=uri,
    )
