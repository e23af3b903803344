# SPDX-License-Identifier: Apache-2.0
"""The half of a USB driver that finds its devices: by its table of ids, opening nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from ektp_hw.errors import DeviceUnavailable
from ektp_hw.transport import hidraw, usb

if TYPE_CHECKING:
    from ektp_hw.transport.hidraw import HidrawAddress
    from ektp_hw.transport.usb import UsbAddress

__all__ = ["FoundByHidId", "FoundById"]


class _Driver(Protocol):
    usb_ids: ClassVar[Any]

    @classmethod
    def describe(cls, place: UsbAddress | HidrawAddress) -> Any: ...  # noqa: ANN401  # DeviceInfo


class _HidDriver(_Driver, Protocol):
    prefers_hidraw: ClassVar[bool]


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


class FoundByHidId(FoundById):
    """The same for HID devices, which one machine may offer on two roads: as USB and as hidraw.

    A device that is seen on both is listed once, on the road that `prefers_hidraw` says.
    """

    prefers_hidraw: ClassVar[bool] = False

    @classmethod
    def discover(cls: type[_HidDriver]) -> list[Any]:
        """List what is attached; one road that cannot be searched leaves the other."""
        nodes = hidraw.find(cls.usb_ids)
        try:
            devices = usb.find(cls.usb_ids)
        except DeviceUnavailable:
            if not nodes:
                raise
            devices = []
        at_nodes = {node.place for node in nodes if node.place}
        at_devices = {device.uri.partition("@")[2] for device in devices}
        if cls.prefers_hidraw:
            devices = [one for one in devices if one.uri.partition("@")[2] not in at_nodes]
        else:
            nodes = [one for one in nodes if one.place not in at_devices]
        return [*map(cls.describe, devices), *map(cls.describe, nodes)]

    @classmethod
    def locate(cls: type[_Driver], uri: str) -> Any:  # noqa: ANN401  # DeviceInfo or None
        """Return what is known of the device at that address, or None. Raises as `usb.locate`."""
        if not uri.startswith("hidraw:"):
            place = usb.locate(uri, cls.usb_ids)
            return None if place is None else cls.describe(place)
        node = hidraw.locate(uri, cls.usb_ids)
        return None if node is None else cls.describe(node)
