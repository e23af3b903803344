# SPDX-License-Identifier: Apache-2.0
"""The half of a USB driver that finds its devices: by its table of ids, opening nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from ektp_hw.transport import usb

if TYPE_CHECKING:
    from ektp_hw.transport.usb import UsbAddress

__all__ = ["FoundById"]


class _Driver(Protocol):
    usb_ids: ClassVar[Any]

    @classmethod
    def describe(cls, place: UsbAddress) -> Any: ...  # noqa: ANN401  # the driver's own DeviceInfo


class FoundById:
    """Stands before the kind of device in a driver's bases; the driver brings `usb_ids`."""

    @classmethod
    def discover(cls: type[_Driver]) -> list[Any]:
        """List what is attached to this machine's USB. Raises as `usb.find`."""
        return [cls.describe(place) for place in usb.find(cls.usb_ids)]

    @classmethod
    def locate(cls: type[_Driver], uri: str) -> Any:  # noqa: ANN401  # DeviceInfo or None
        """Return what is known of the device at that address, or None. Raises as `usb.locate`."""
        place = usb.locate(uri, cls.usb_ids)
        return None if place is None else cls.describe(place)
