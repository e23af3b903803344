# SPDX-License-Identifier: Apache-2.0
"""USB devices on another machine or in another process, as a back end of pyusb.

A client of USB/IP version 1.1.1 (Linux kernel, Documentation/usb/usbip_protocol.rst) in pure
Python: no kernel module, no libusb, the same on every system. Transfers that run out of time are
taken back by CMD_UNLINK, so a time limit is exact and the connection stays usable.
"""

from __future__ import annotations

import errno
import struct
from typing import TYPE_CHECKING, Any

import usb.backend
from usb.core import USBError, USBTimeoutError

from ektp_hw.transport import usb_descriptors
from ektp_hw.transport.usbip_link import Link, Refused, list_exported
from ektp_hw.transport.usbip_wire import STATUS

if TYPE_CHECKING:
    from array import array
    from collections.abc import Iterator
    from types import SimpleNamespace

    from ektp_hw.transport.usbip_wire import Exported

__all__ = ["UsbipBackend", "UsbipDevice"]

_CONTROL_TIMEOUT = 2000
_FAILURES = {
    STATUS["stall"]: (errno.EPIPE, "the endpoint stalled"),
    STATUS["gone"]: (errno.ENODEV, "the device is gone"),
    STATUS["shutdown"]: (errno.ENODEV, "the device is gone"),
    STATUS["overflow"]: (errno.EOVERFLOW, "the device sent more than was asked for"),
}


class UsbipDevice:
    """One exported device; its descriptors are read on first need."""

    def __init__(self, host: str, port: int, exported: Exported, timeout: float) -> None:
        self.exported = exported
        self._where = (host, port, exported.bus_id, timeout)
        self._device: SimpleNamespace | None = None
        self._configurations: list[SimpleNamespace] = []

    def open(self) -> Link:
        """Import the device; nobody else can while the link lasts."""
        try:
            return Link(*self._where)
        except Refused as error:
            raise USBError(str(error), None, errno.EBUSY) from error
        except OSError as error:
            raise USBError(str(error), None, errno.ENODEV) from error

    def describe(self, link: Link | None = None) -> tuple[SimpleNamespace, list[SimpleNamespace]]:
        """Return the device's descriptor and its configurations, imported for that if need be."""
        if self._device is not None:
            return self._device, self._configurations
        if link is None:
            with self.open() as own:
                return self.describe(own)
        try:
            device = usb_descriptors.device(_descriptor(link, 0x0100, 18))
            self._configurations = [
                usb_descriptors.configuration(_whole_configuration(link, index))
                for index in range(device.bNumConfigurations)
            ]
        except ValueError as error:
            raise USBError(str(error), None, errno.EIO) from error
        self._device = self._placed(device)
        return self._device, self._configurations

    def _placed(self, device: SimpleNamespace) -> SimpleNamespace:
        device.bus, device.address = self.exported.bus, self.exported.address
        device.speed = self.exported.speed
        ports = self.exported.bus_id.partition("-")[2].split(".")
        device.port_numbers = tuple(int(port) for port in ports if port.isdigit()) or None
        device.port_number = device.port_numbers[-1] if device.port_numbers else None
        return device


class UsbipBackend(usb.backend.IBackend):  # type: ignore[misc]  # pyusb has no types
    """What pyusb calls for the devices of one USB/IP server.

    Parameters
    ----------
    host, port
        Where the server listens; 3240 is the registered port.
    connect_timeout
        Seconds for connecting and for the server's answers outside transfers.
    """

    def __init__(self, host: str, port: int = 3240, connect_timeout: float = 2.0) -> None:
        self.host, self.port = host, port
        self.connect_timeout = connect_timeout

    def enumerate_devices(self) -> Iterator[UsbipDevice]:
        """List the server's devices without importing any."""
        try:
            exported = list_exported(self.host, self.port, self.connect_timeout)
        except OSError as error:
            raise USBError(f"no USB/IP server answers: {error}", None, errno.ENODEV) from error
        for one in exported:
            yield UsbipDevice(self.host, self.port, one, self.connect_timeout)

    def get_parent(self, dev: UsbipDevice) -> None:
        """Return None: the server does not tell of hubs."""

    def get_device_descriptor(self, dev: UsbipDevice) -> SimpleNamespace:
        """Return the device descriptor with bus, address and ports."""
        return dev.describe()[0]

    def get_configuration_descriptor(self, dev: UsbipDevice, config: int) -> SimpleNamespace:
        """Return a configuration; `IndexError` if there is none of that number."""
        return dev.describe()[1][config]

    def get_interface_descriptor(
        self, dev: UsbipDevice, intf: int, alt: int, config: int
    ) -> SimpleNamespace:
        """Return an alternate setting; `IndexError` if there is none of that number."""
        face: SimpleNamespace = dev.describe()[1][config].faces[intf][alt]
        return face

    def get_endpoint_descriptor(
        self, dev: UsbipDevice, ep: int, intf: int, alt: int, config: int
    ) -> SimpleNamespace:
        """Return an endpoint; `IndexError` if there is none of that number."""
        end: SimpleNamespace = dev.describe()[1][config].faces[intf][alt].endpoints[ep]
        return end

    def open_device(self, dev: UsbipDevice) -> Link:
        """Import the device."""
        link = dev.open()
        try:
            dev.describe(link)
        except BaseException:
            link.close()
            raise
        return link

    def close_device(self, dev_handle: Link) -> None:
        """Give the device back."""
        dev_handle.close()

    def set_configuration(self, dev_handle: Link, config_value: int) -> None:
        """Choose a configuration."""
        dev_handle.forget_late()
        self.ctrl_transfer(dev_handle, 0x00, 9, config_value, 0, b"", _CONTROL_TIMEOUT)

    def get_configuration(self, dev_handle: Link) -> int:
        """Return the number of the configuration in use."""
        return _get(dev_handle, 0x80, 8, 0, 0, 1)[0]

    def set_interface_altsetting(self, dev_handle: Link, intf: int, altsetting: int) -> None:
        """Choose an alternate setting."""
        self.ctrl_transfer(dev_handle, 0x01, 11, altsetting, intf, b"", _CONTROL_TIMEOUT)

    def claim_interface(self, dev_handle: Link, intf: int) -> None:
        """Do nothing: importing has claimed the whole device."""

    def release_interface(self, dev_handle: Link, intf: int) -> None:
        """Do nothing: closing gives the whole device back."""

    def is_kernel_driver_active(self, dev_handle: Link, intf: int) -> bool:  # noqa: ARG002
        """Return False: the server has detached the kernel's driver."""
        return False

    def bulk_write(
        self, dev_handle: Link, ep: int, intf: int, data: array[int], timeout: int
    ) -> int:
        """Write; return the number of bytes the device took."""
        del intf
        return _run(dev_handle, ep, length=len(data), data=data.tobytes(), timeout=timeout)[0]

    def bulk_read(
        self, dev_handle: Link, ep: int, intf: int, buff: array[int], timeout: int
    ) -> int:
        """Read into the buffer; return the number of bytes that came."""
        del intf
        count, data = _run(dev_handle, ep, is_in=True, length=len(buff), timeout=timeout)
        memoryview(buff).cast("B")[:count] = data
        return count

    intr_write = bulk_write
    intr_read = bulk_read

    def ctrl_transfer(
        self,
        dev_handle: Link,
        bmRequestType: int,  # noqa: N803
        bRequest: int,  # noqa: N803
        wValue: int,  # noqa: N803
        wIndex: int,  # noqa: N803
        data: Any,  # noqa: ANN401
        timeout: int,
    ) -> int:
        """Run a control transfer; data coming in fills the buffer."""
        is_in = bool(bmRequestType & 0x80)
        setup = struct.pack("<BBHHH", bmRequestType, bRequest, wValue, wIndex, len(data))
        count, came = _run(
            dev_handle,
            0,
            is_in=is_in,
            length=len(data),
            data=b"" if is_in else bytes(data),
            setup=setup,
            timeout=timeout,
        )
        if is_in:
            memoryview(data).cast("B")[:count] = came
        return count

    def clear_halt(self, dev_handle: Link, ep: int) -> None:
        """Take an endpoint out of its stalled state."""
        self.ctrl_transfer(dev_handle, 0x02, 1, 0, ep, b"", _CONTROL_TIMEOUT)

    def reset_device(self, dev_handle: Link) -> None:
        """Reset the port, as Linux's server understands it."""
        dev_handle.forget_late()
        self.ctrl_transfer(dev_handle, 0x23, 3, 4, 0, b"", _CONTROL_TIMEOUT)


def _run(
    link: Link,
    endpoint: int,
    *,
    is_in: bool = False,
    length: int,
    timeout: int,
    data: bytes = b"",
    setup: bytes = bytes(8),
) -> tuple[int, bytes]:
    status, count, came = link.transfer(
        endpoint & 0x0F,
        is_in=is_in,
        length=length,
        data=data,
        setup=setup,
        timeout=timeout / 1000 if timeout else None,
    )
    if status == STATUS["timeout"]:
        raise USBTimeoutError("the device did not answer in time", status, errno.ETIMEDOUT)
    if status:
        number, text = _FAILURES.get(status, (errno.EIO, f"the transfer failed ({status})"))
        raise USBError(text, status, number)
    return count, came


def _get(link: Link, request_type: int, request: int, value: int, index: int, length: int) -> bytes:
    setup = struct.pack("<BBHHH", request_type, request, value, index, length)
    return _run(link, 0, is_in=True, length=length, setup=setup, timeout=_CONTROL_TIMEOUT)[1]


def _descriptor(link: Link, value: int, length: int) -> bytes:
    return _get(link, 0x80, 6, value, 0, length)


def _whole_configuration(link: Link, index: int) -> bytes:
    head = _descriptor(link, 0x0200 | index, 9)
    if len(head) < 4:
        raise ValueError("a USB descriptor is cut short")
    return _descriptor(link, 0x0200 | index, int.from_bytes(head[2:4], "little"))
