# SPDX-License-Identifier: Apache-2.0
"""What all connections share: closing, and the log of wire traffic.

Wire traffic is logged at `WIRE`, a level below DEBUG, and never with its content: a payload may be
somebody's finger. Only its length is written.
"""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

__all__ = ["WIRE", "Connection", "SerialConnection", "UsbConnection", "log_wire"]

WIRE = 5
"""Level of `logging` for wire traffic; DEBUG is 10."""
logging.addLevelName(WIRE, "WIRE")


def log_wire(log: logging.Logger, device: str, what: str, length: int) -> None:
    """Log one transfer: what it was and how many bytes, never which."""
    if log.isEnabledFor(WIRE):
        log.log(WIRE, "%s: %s, %d bytes", device, what, length)


class Connection(ABC):
    """An open way to one device; closing twice is harmless."""

    @abstractmethod
    def close(self) -> None:
        """Let go of the device."""

    def probe(self) -> None:  # noqa: B027  # not every bus has a question that changes nothing
        """Raise `DeviceRemoved` if the device has gone; where the bus cannot tell, do nothing."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


class UsbConnection(Connection):
    """USB transfers as drivers see them; time limits in seconds.

    Every method raises `DeviceRemoved` when the device has gone and `ProtocolError` when it stalls
    or breaks the rules of the bus.
    """

    @abstractmethod
    def control_out(
        self,
        request_type: int,
        request: int,
        value: int = 0,
        index: int = 0,
        data: bytes = b"",
        timeout: float = 1.0,
    ) -> None:
        """Send a control transfer; `ProtocolError` if the device does not take it in time."""

    @abstractmethod
    def control_in(
        self,
        request_type: int,
        request: int,
        value: int = 0,
        index: int = 0,
        length: int = 0,
        timeout: float = 1.0,
    ) -> bytes:
        """Fetch up to `length` bytes; `ProtocolError` if the device does not answer in time."""

    @abstractmethod
    def read(self, endpoint: int, length: int, timeout: float) -> bytes:
        """Read one bulk or interrupt transfer; return what came, nothing when the time is over."""

    @abstractmethod
    def write(self, endpoint: int, data: bytes, timeout: float = 1.0) -> None:
        """Write one bulk or interrupt transfer; `ProtocolError` if it is not taken in time."""

    @abstractmethod
    def clear_halt(self, endpoint: int) -> None:
        """Take an endpoint out of its stalled state."""


class SerialConnection(Connection):
    """A serial line as drivers see it; time limits in seconds.

    Every method raises `DeviceRemoved` when the port has gone.
    """

    @abstractmethod
    def read(self, length: int, timeout: float) -> bytes:
        """Wait for a byte, and return what is there then, `length` bytes at most.

        Nothing when the time is over, or at once when another thread calls `cancel_read`.
        """

    @abstractmethod
    def write(self, data: bytes, timeout: float = 1.0) -> None:
        """Send all of it; `ProtocolError` if the line does not take it in time."""

    @abstractmethod
    def discard(self) -> None:
        """Throw away what has come and was not read."""

    @abstractmethod
    def set_baud(self, baud: int) -> None:
        """Go on at another speed; `DeviceUnavailable` if the port cannot do it."""

    @abstractmethod
    def set_lines(self, *, dtr: bool | None = None, rts: bool | None = None) -> bool:
        """Switch the modem lines; False where the port has none, which is no error."""

    @abstractmethod
    def cancel_read(self) -> None:
        """End a `read` that waits in another thread, or the next one; harmless otherwise."""
