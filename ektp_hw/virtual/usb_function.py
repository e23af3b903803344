# SPDX-License-Identifier: Apache-2.0
"""What a USB device does, seen from inside the device: descriptors, control, data out, data in.

A model of a real device is a subclass with its ids and endpoints that answers `on_control`,
`on_out` and `on_in`. `ektp_hw.virtual.usbip_server` puts it on a socket. Descriptor layouts and
standard requests follow the USB 2.0 specification, chapter 9.
"""

from __future__ import annotations

import struct
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["BULK", "INTERRUPT", "Endpoint", "Interface", "Setup", "Stall", "UsbFunction"]

BULK = 2
INTERRUPT = 3

_DEVICE, _CONFIGURATION, _STRING = 1, 2, 3
_US_ENGLISH = 0x0409


class Stall(Exception):
    """Raised by a model to refuse a transfer; the host sees a stalled endpoint."""


@dataclass(frozen=True)
class Endpoint:
    """One endpoint: address with bit 7 for IN, transfer type, packet size, polling interval."""

    address: int
    transfer: int = BULK
    packet: int = 512
    interval: int = 0


@dataclass(frozen=True)
class Interface:
    """One interface with its endpoints; `extra` holds class descriptors such as that of HID."""

    endpoints: tuple[Endpoint, ...]
    triple: tuple[int, int, int] = (0xFF, 0, 0)
    extra: bytes = b""


@dataclass(frozen=True)
class Setup:
    """The eight bytes that start a control transfer."""

    request_type: int
    request: int
    value: int
    index: int
    length: int

    @classmethod
    def from_bytes(cls, packet: bytes) -> Setup:
        """Read the packet as it is on the wire."""
        return cls(*struct.unpack("<BBHHH", packet))

    @property
    def is_in(self) -> bool:
        """Whether the data stage goes to the host."""
        return bool(self.request_type & 0x80)


class UsbFunction:
    """A USB device without hardware; the server calls it from one thread, holding `lock`.

    Attributes
    ----------
    lock
        Held around every hook; hold it when a script changes the model from another thread.
    """

    vendor_id: ClassVar[int]
    product_id: ClassVar[int]
    release: ClassVar[int] = 0x0100
    device_triple: ClassVar[tuple[int, int, int]] = (0, 0, 0)
    interfaces: ClassVar[tuple[Interface, ...]]
    manufacturer: ClassVar[str] = "ektp_hw"
    product: ClassVar[str] = "virtual device"

    def __init__(self, serial: str = "VIRTUAL1") -> None:
        self.serial = serial
        self.lock = threading.RLock()
        self._configuration = 0
        self._wake: Callable[[], None] | None = None
        self._unplug: Callable[[], None] | None = None

    # What a model answers.

    def on_control(self, setup: Setup, data: bytes) -> bytes:
        """Answer a control transfer that is not a standard one of the device itself."""
        raise Stall(f"the device does not know {setup} with {len(data)} bytes")

    def on_out(self, endpoint: int, data: bytes) -> None:
        """Take data sent to an OUT endpoint (address without bit 7)."""
        raise Stall(f"endpoint {endpoint} takes no data ({len(data)} bytes)")

    def on_in(self, endpoint: int, length: int) -> bytes | None:
        """Return data for an IN endpoint (address with bit 7), or None while there is none.

        Asked again after every `wake`, and every few milliseconds while a transfer waits.
        """
        del endpoint, length
        return None

    def on_unlink(self, endpoint: int, length: int) -> bytes:
        """Return what of a waiting IN transfer has already reached the host when it gives up."""
        del endpoint, length
        return b""

    def on_configured(self) -> None:
        """Note that the host has just chosen a configuration: a new session begins."""

    def on_clear_halt(self, endpoint: int) -> None:
        """Note that the host takes an endpoint out of its stalled state."""

    def on_reset(self) -> None:
        """Note that the host has reset the port."""

    # What a script or a model may cause.

    def wake(self) -> None:
        """Tell the server that `on_in` may have something now."""
        if self._wake is not None:
            self._wake()

    def unplug(self) -> None:
        """Pull the cable: every transfer ends, the device is off the bus."""
        if self._unplug is not None:
            self._unplug()

    @property
    def is_plugged(self) -> bool:
        """Whether the device is on a bus."""
        return self._unplug is not None

    def attached(self, wake: Callable[[], None], unplug: Callable[[], None]) -> None:
        """Note who carries the device; called by the server."""
        self._wake, self._unplug = wake, unplug

    def detached(self) -> None:
        """Note that nobody carries the device any more; called by the server."""
        self._wake = self._unplug = None
        self._configuration = 0

    def released(self) -> None:
        """Note that the host let the device go, which resets it; called by the server."""
        self._configuration = 0
        self.on_reset()

    # What every USB device answers.

    def control(self, setup: Setup, data: bytes) -> bytes:
        """Answer a control transfer: standard requests here, all others by `on_control`."""
        match setup.request_type, setup.request:
            case 0x80, 6:
                answer = self._descriptor(setup.value >> 8, setup.value & 0xFF)
            case 0x80, 8:
                answer = bytes([self._configuration])
            case 0x00, 9:
                answer = self._configure(setup.value)
            case ((0x80 | 0x82), 0):  # GET_STATUS
                answer = bytes(2)
            case 0x02, 1:  # CLEAR_FEATURE(ENDPOINT_HALT)
                self.on_clear_halt(setup.index)
                answer = b""
            case 0x01, 11:  # SET_INTERFACE: no model has alternate settings
                answer = b""
            case _:
                answer = self.on_control(setup, data)
        return answer

    def _configure(self, configuration: int) -> bytes:
        self._configuration = configuration
        if configuration:
            self.on_configured()
        return b""

    def _descriptor(self, kind: int, index: int) -> bytes:
        if kind == _DEVICE:
            return self.device_descriptor()
        if kind == _CONFIGURATION and index == 0:
            return self.configuration_descriptor()
        if kind == _STRING:
            return self._string(index)
        raise Stall

    def device_descriptor(self) -> bytes:
        """Return the 18 bytes that name the device."""
        return struct.pack(
            "<BBHBBBBHHHBBBB",
            18, _DEVICE, 0x0200, *self.device_triple, 64,
            self.vendor_id, self.product_id, self.release, 1, 2, 3, 1,
        )  # fmt: skip

    def configuration_descriptor(self) -> bytes:
        """Return the configuration with its interfaces and endpoints."""
        body = b"".join(
            struct.pack("<BBBBBBBBB", 9, 4, number, 0, len(face.endpoints), *face.triple, 0)
            + face.extra
            + b"".join(
                struct.pack("<BBBBHB", 7, 5, end.address, end.transfer, end.packet, end.interval)
                for end in face.endpoints
            )
            for number, face in enumerate(self.interfaces)
        )
        count = len(self.interfaces)
        head = struct.pack("<BBHBBBBB", 9, _CONFIGURATION, 9 + len(body), count, 1, 0, 0x80, 250)
        return head + body

    def _string(self, index: int) -> bytes:
        if index == 0:
            return struct.pack("<BBH", 4, _STRING, _US_ENGLISH)
        texts = (self.manufacturer, self.product, self.serial)
        if index > len(texts):
            raise Stall
        text = texts[index - 1].encode("utf-16-le")
        return bytes([len(text) + 2, _STRING]) + text
