# SPDX-License-Identifier: Apache-2.0
"""HID devices by one contract on two roads: USB class requests, or the kernel's hidraw node.

`open_wire` opens whichever road the address names, and `over` makes the HID contract of it; what
records or replays a conversation sits between the two. Class requests: USB HID 1.11, chapter 7.2.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING

from ektp_hw.errors import DeviceUnavailable, ProtocolError, UnavailableReason
from ektp_hw.transport import hidraw, usb, usb_interfaces
from ektp_hw.transport.base import Connection, UsbConnection

if TYPE_CHECKING:
    from ektp_hw.transport.node import DeviceNode

__all__ = ["HidConnection", "Hidraw", "UsbHid", "open_wire", "over"]

_HID_CLASS = 3
_GET_REPORT, _SET_REPORT = (0xA1, 0x01), (0x21, 0x09)
_GET_DESCRIPTOR, _REPORT_DESCRIPTOR = (0x81, 0x06), 0x22
_FEATURE = 3


class HidConnection(Connection):
    """Reports as drivers see them; time limits in seconds.

    Every method raises `DeviceRemoved` when the device has gone and `ProtocolError` when it
    refuses, or does not answer in time.
    """

    @abstractmethod
    def get_feature(self, report: int, length: int, timeout: float = 1.0) -> bytes:
        """Fetch a feature report of up to `length` bytes, its id counted and first."""

    @abstractmethod
    def set_feature(self, message: bytes, timeout: float = 1.0) -> None:
        """Send a feature report, its id first."""

    @abstractmethod
    def read(self, length: int, timeout: float) -> bytes:
        """Return the next input report (id first where the device has ids), b"" if none came."""

    @abstractmethod
    def clear_halt(self) -> None:
        """Make input work again after it was refused, where the bus knows such a state."""

    @abstractmethod
    def report_descriptor(self) -> bytes:
        """Return what the device says of its reports."""

    def feature_length(self, report: int) -> int | None:
        """Return how long a feature report is, its id counted; None if the road does not tell."""
        del report
        return None


class UsbHid(HidConnection):
    """HID by requests on endpoint 0 and one interrupt endpoint.

    Raises
    ------
    DeviceUnavailable
        If the device has no HID interface with an interrupt endpoint.
    """

    def __init__(self, wire: UsbConnection, device: str) -> None:
        self._wire = wire
        for each in usb_interfaces.read(wire):
            into = each.endpoint(usb_interfaces.INTERRUPT, is_in=True)
            if each.triple[0] == _HID_CLASS and into is not None:
                self._interface, self._endpoint = each.number, into.address
                return
        raise DeviceUnavailable(
            "the device is not in its HID mode; switch its mode with its maker's program",
            reason=UnavailableReason.UNSUPPORTED,
            device=device,
        )

    def get_feature(self, report: int, length: int, timeout: float = 1.0) -> bytes:
        """GET_REPORT."""
        return self._wire.control_in(
            *_GET_REPORT, _FEATURE << 8 | report, self._interface, length, timeout
        )

    def set_feature(self, message: bytes, timeout: float = 1.0) -> None:
        """SET_REPORT."""
        value = _FEATURE << 8 | message[0]
        self._wire.control_out(*_SET_REPORT, value, self._interface, message, timeout)

    def read(self, length: int, timeout: float) -> bytes:
        """Read one interrupt transfer."""
        return self._wire.read(self._endpoint, length, timeout)

    def clear_halt(self) -> None:
        """Clear the interrupt endpoint's halt."""
        self._wire.clear_halt(self._endpoint)

    def report_descriptor(self) -> bytes:
        """GET_DESCRIPTOR of the interface."""
        value = _REPORT_DESCRIPTOR << 8
        return self._wire.control_in(*_GET_DESCRIPTOR, value, self._interface, 4096)

    def close(self) -> None:
        """Close the wire."""
        self._wire.close()


class Hidraw(HidConnection):
    """HID through a hidraw node."""

    def __init__(self, node: DeviceNode) -> None:
        self._node = node

    def get_feature(self, report: int, length: int, timeout: float = 1.0) -> bytes:
        """HIDIOCGFEATURE."""
        return hidraw.get_feature(self._node, report, length, timeout)

    def set_feature(self, message: bytes, timeout: float = 1.0) -> None:
        """HIDIOCSFEATURE."""
        hidraw.set_feature(self._node, message, timeout)

    def read(self, length: int, timeout: float) -> bytes:
        """Read one report."""
        return self._node.read(length, timeout)

    def clear_halt(self) -> None:
        """Do nothing: the kernel's own driver clears halts."""

    def report_descriptor(self) -> bytes:
        """HIDIOCGRDESC."""
        return hidraw.report_descriptor(self._node)

    def close(self) -> None:
        """Close the node."""
        self._node.close()


def open_wire(uri: str) -> UsbConnection | DeviceNode:
    """Open a ``usb:``, ``usbip:`` or ``hidraw:`` address.

    On the USB road a kernel driver that holds the device is told to let it go.

    Raises
    ------
    DeviceNotFound, DeviceBusy, DeviceUnavailable, DeviceRemoved, ProtocolError
        What is in the way, with what to do about it.
    """
    if uri.startswith("hidraw:"):
        return hidraw.connect(uri)
    return usb.connect(uri, detach_kernel_driver=True)


def over(wire: UsbConnection | DeviceNode, device: str) -> HidConnection:
    """Make the HID contract of an open wire; closes the wire if that fails. Raises as `UsbHid`."""
    if not isinstance(wire, UsbConnection):
        return Hidraw(wire)
    try:
        return UsbHid(wire, device)
    except (DeviceUnavailable, ProtocolError):
        wire.close()
        raise
