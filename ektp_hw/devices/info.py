# SPDX-License-Identifier: Apache-2.0
"""What is known of a device without any connection to it: kind, ids, address."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["DeviceInfo", "DeviceKind", "UsbId", "UsbPlace"]


class DeviceKind(StrEnum):
    """What a device captures."""

    FINGERPRINT = "fingerprint"
    IRIS = "iris"
    SIGNATURE = "signature"
    CARD = "card"


@dataclass(frozen=True, order=True)
class UsbId:
    """One row of a driver's table of USB devices: vendor, product and the model's name."""

    vendor: int
    product: int
    model: str = ""

    def __str__(self) -> str:
        return f"{self.vendor:04x}:{self.product:04x}"

    def __iter__(self) -> Iterator[int]:
        return iter((self.vendor, self.product))


@dataclass(frozen=True)
class DeviceInfo:
    """A device that was seen, without any connection to it.

    Parameters
    ----------
    uri
        The name applications use: ``usb:1b55:0840@1-4``, ``pcsc:<reader>``, ``video:/dev/video0``,
        ``usbip:host:port/1-1``, ``virtual:fingerprint``.
    kind
        What it captures.
    name
        Maker and model for people to read.
    driver
        Name of the driver that opens it.
    serial
        Serial number, empty where it cannot be read without opening the device.
    vendor_id, product_id
        USB ids, None for devices that are not on a USB bus or do not tell.
    address
        The URI the driver connects to; the same as `uri` unless the device is offered under
        another name, as virtual ones are.
    """

    uri: str
    kind: DeviceKind
    name: str
    driver: str
    serial: str = ""
    vendor_id: int | None = None
    product_id: int | None = None
    address: str = ""

    def __post_init__(self) -> None:
        if not self.address:
            object.__setattr__(self, "address", self.uri)


class UsbPlace(Protocol):
    """What a bus tells of a device before it is opened (`ektp_hw.transport.usb.UsbAddress`)."""

    @property
    def uri(self) -> str:
        """The address."""

    @property
    def vendor_id(self) -> int:
        """The vendor."""

    @property
    def product_id(self) -> int:
        """The product."""

    @property
    def serial(self) -> str:
        """The serial number, empty where it is not known."""
