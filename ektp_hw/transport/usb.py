# SPDX-License-Identifier: Apache-2.0
"""USB through pyusb: libusb for devices of this machine, USB/IP for those of another.

Addresses: ``usb:1b55:0840@1-4`` (vendor, product, bus and port chain; without ``@`` the first of
that kind) and ``usbip:host:port/1-1``. libusb comes with the package libusb-package.
"""

from __future__ import annotations

import errno
import logging
import re
import threading
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ektp_hw.errors import (
    DeviceNotFound,
    DeviceUnavailable,
    UnavailableReason,
)
from ektp_hw.transport import usb_holder, usb_interfaces
from ektp_hw.transport.base import UsbConnection, log_wire
from ektp_hw.transport.udev_rules import udev_rule
from ektp_hw.transport.usb_errors import raise_as_ours

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from ektp_hw.transport.usb_interfaces import Which

__all__ = ["PyusbConnection", "UsbAddress", "connect", "find", "locate"]

_log = logging.getLogger(__name__)

_USB = re.compile(r"usb:([0-9a-fA-F]{4}):([0-9a-fA-F]{4})(?:@([0-9]+-[0-9a.]+))?")
_USBIP = re.compile(r"usbip:([^/]+):([0-9]{1,5})/([0-9a-zA-Z.-]{1,31})")
_SYSFS = Path("/sys/bus/usb/devices")
_LISTING = threading.Lock()
_REMOTE_HOLDER = "another program holds it through that server; close that program"
_IN_STANDARD, _GET_STATUS = 0x80, 0
_STATUS_TIMEOUT = 0.1


@dataclass(frozen=True)
class UsbAddress:
    """A device on a bus, as far as it is known without opening it."""

    uri: str
    vendor_id: int
    product_id: int
    serial: str = ""


def find(ids: Iterable[Iterable[int]]) -> list[UsbAddress]:
    """List this machine's USB devices with one of these (vendor, product) pairs; opens none.

    Raises
    ------
    DeviceUnavailable
        If there is no libusb, or it may not list the devices.
    """
    wanted = {tuple(pair) for pair in ids}
    found = []
    for device in _listed(_libusb(), "usb:"):
        if (device.idVendor, device.idProduct) in wanted:
            place = _place(device)
            uri = f"usb:{device.idVendor:04x}:{device.idProduct:04x}@{place}"
            serial = _from_sysfs(place, "serial")
            found.append(UsbAddress(uri, device.idVendor, device.idProduct, serial))
    return found


def locate(uri: str, ids: Iterable[Iterable[int]]) -> UsbAddress | None:
    """Return what is known of an address, or None if it is none of these devices; opens nothing.

    A ``usbip:`` server is asked for its list.

    Raises
    ------
    DeviceNotFound
        If no USB/IP server answers there.
    """
    wanted = {tuple(pair) for pair in ids}
    if match := _USB.fullmatch(uri):
        vendor, product = int(match[1], 16), int(match[2], 16)
        return UsbAddress(uri, vendor, product) if (vendor, product) in wanted else None
    if match := _USBIP.fullmatch(uri):
        from ektp_hw.transport.usbip_link import list_exported

        try:
            exported = list_exported(match[1], int(match[2]), timeout=2.0)
        except (OSError, OverflowError) as error:
            raise DeviceNotFound(
                f"no USB/IP server answers there ({error}); start it or mend the address",
                device=uri,
            ) from error
        for one in exported:
            if one.bus_id == match[3] and (one.vendor_id, one.product_id) in wanted:
                return UsbAddress(uri, one.vendor_id, one.product_id)
    return None


def connect(
    uri: str, *, interface: Which = 0, configuration: int = 1, detach_kernel_driver: bool = False
) -> UsbConnection:
    """Open the device, choose the configuration and claim the interface, by number or by class.

    Raises
    ------
    DeviceNotFound, DeviceBusy, DeviceUnavailable, DeviceRemoved, ProtocolError
        What is in the way, with what to do about it.
    """
    from usb.core import USBError

    device = _device_at(uri)
    number, detached = 0, False
    try:
        number = usb_interfaces.number_of(device, interface, uri)
        if detach_kernel_driver and _kernel_driver_active(device, number):
            device.detach_kernel_driver(number)
            detached = True
        _configure(device, configuration)
        import usb.util

        usb.util.claim_interface(device, number)
    except BaseException as error:
        is_held = getattr(error, "errno", 0) == errno.EBUSY
        message = _holder(uri, device, number) if is_held else ""
        rule = udev_rule(device.idVendor, device.idProduct)
        _let_go(device, number if detached else None)
        if isinstance(error, USBError):
            raise_as_ours(error, uri, "could not be opened", holder=message, rule=rule)
        raise
    return PyusbConnection(device, uri, number if detached else None)


class PyusbConnection(UsbConnection):
    """A device of pyusb, with this package's errors; made by `connect`.

    The interface that was taken from a driver of the kernel, if any, goes back to it at the end.
    """

    def __init__(self, device: Any, uri: str, detached: int | None = None) -> None:  # noqa: ANN401
        self._device = device
        self._uri = uri
        self._detached = detached
        self._open = True

    def control_out(
        self,
        request_type: int,
        request: int,
        value: int = 0,
        index: int = 0,
        data: bytes = b"",
        timeout: float = 1.0,
    ) -> None:
        """Send a control transfer."""
        what = f"control out {request:#04x} value {value:#06x} index {index:#06x}"
        self._run(
            what,
            lambda: self._device.ctrl_transfer(
                request_type, request, value, index, data, _milliseconds(timeout)
            ),
            len(data),
        )

    def control_in(
        self,
        request_type: int,
        request: int,
        value: int = 0,
        index: int = 0,
        length: int = 0,
        timeout: float = 1.0,
    ) -> bytes:
        """Fetch data by a control transfer."""
        what = f"control in {request:#04x} value {value:#06x} index {index:#06x}"
        answer = self._run(
            what,
            lambda: self._device.ctrl_transfer(
                request_type, request, value, index, length, _milliseconds(timeout)
            ),
        )
        return bytes(answer)

    def read(self, endpoint: int, length: int, timeout: float) -> bytes:
        """Read one transfer; nothing when the time is over."""
        from usb.core import USBTimeoutError

        try:
            answer = self._run(
                f"read {endpoint:#04x}",
                lambda: self._device.read(endpoint, length, _milliseconds(timeout)),
                give=(USBTimeoutError,),
            )
        except USBTimeoutError:
            return b""
        return bytes(answer)

    def write(self, endpoint: int, data: bytes, timeout: float = 1.0) -> None:
        """Write one transfer."""
        what = f"write {endpoint:#04x}"
        self._run(
            what, lambda: self._device.write(endpoint, data, _milliseconds(timeout)), len(data)
        )

    def clear_halt(self, endpoint: int) -> None:
        """Take an endpoint out of its stalled state."""
        self._run(f"clear halt {endpoint:#04x}", lambda: self._device.clear_halt(endpoint), 0)

    def probe(self) -> None:
        """Fetch the device's status, a standard request (USB 2.0, 9.4.5) that changes nothing."""
        self.control_in(_IN_STANDARD, _GET_STATUS, length=2, timeout=_STATUS_TIMEOUT)

    def reset(self) -> None:
        """Reset the device on its bus, which also closes it; one that cannot be stays as it is."""
        from usb.core import USBError

        try:
            self._device.reset()
        except USBError as error:  # or it comes back as a new device
            _log.debug("%s: the reset failed: %s", self._uri, error)
        finally:
            self.close()

    def close(self) -> None:
        """Release the interface and close the device."""
        if self._open:
            self._open = False
            _let_go(self._device, self._detached)

    def _run(
        self,
        what: str,
        transfer: Callable[[], Any],
        sent: int | None = None,
        give: tuple[type[Exception], ...] = (),
    ) -> Any:  # noqa: ANN401
        from usb.core import USBError

        try:
            answer = transfer()
        except give:
            log_wire(_log, self._uri, f"{what}, time over", 0)
            raise
        except USBError as error:
            _log.debug("%s: %s failed: %s", self._uri, what, error)
            raise_as_ours(error, self._uri, f"the transfer '{what}' failed")
        log_wire(_log, self._uri, what, len(answer) if sent is None else sent)
        return answer


def _milliseconds(seconds: float) -> int:
    return max(1, round(seconds * 1000))  # 0 would be for ever


@cache
def _libusb() -> Any:  # noqa: ANN401
    try:
        import libusb_package
        import usb.backend.libusb1

        backend = usb.backend.libusb1.get_backend(find_library=libusb_package.find_library)
    except (ImportError, OSError) as error:
        raise _no_libusb(str(error)) from error
    if backend is None:
        raise _no_libusb("the library could not be loaded")
    return backend


def _no_libusb(why: str) -> DeviceUnavailable:
    return DeviceUnavailable(
        f"USB cannot be used without libusb ({why}); install the package libusb-package",
        reason=UnavailableReason.LIBRARY_MISSING,
        device="usb:",
    )


def _listed(backend: Any, uri: str) -> list[Any]:  # noqa: ANN401
    import usb.core

    try:
        with _LISTING:
            return list(usb.core.find(find_all=True, backend=backend))
    except usb.core.USBError as error:
        raise_as_ours(error, uri, "the devices could not be listed")


def _device_at(uri: str) -> Any:  # noqa: ANN401
    if match := _USB.fullmatch(uri):
        ids = int(match[1], 16), int(match[2], 16)
        for device in _listed(_libusb(), uri):
            if (device.idVendor, device.idProduct) == ids and match[3] in {None, _place(device)}:
                return device
        raise DeviceNotFound("it is not plugged in; check cable and socket", device=uri)
    if match := _USBIP.fullmatch(uri):
        return _remote_device(uri, match[1], int(match[2]), match[3])
    raise DeviceNotFound(
        "that is no USB address; it looks like usb:1b55:0840@1-4 or usbip:host:3240/1-1",
        device=uri,
    )


def _remote_device(uri: str, host: str, port: int, bus_id: str) -> Any:  # noqa: ANN401
    import usb.core

    from ektp_hw.transport.usbip import UsbipBackend

    backend = UsbipBackend(host, port)
    try:
        for remote in backend.enumerate_devices():
            if remote.exported.bus_id == bus_id:
                return usb.core.Device(remote, backend)
    except usb.core.USBError as error:
        if error.errno == errno.ENODEV:
            raise DeviceNotFound(f"{error.strerror}; check that server", device=uri) from error
        raise_as_ours(error, uri, "could not be opened", holder=_REMOTE_HOLDER)
    raise DeviceNotFound("the server does not offer that device; plug it in there", device=uri)


def _configure(device: Any, configuration: int) -> None:  # noqa: ANN401
    """Choose the configuration, unless it is chosen: choosing again would reset the device."""
    import usb.core

    try:
        if device.get_active_configuration().bConfigurationValue == configuration:
            return
    except usb.core.USBError as error:
        if error.errno is not None:
            raise
    device.set_configuration(configuration)


def _kernel_driver_active(device: Any, interface: int) -> bool:  # noqa: ANN401
    try:
        return bool(device.is_kernel_driver_active(interface))
    except NotImplementedError:  # not on this system
        return False


def _place(device: Any) -> str:  # noqa: ANN401
    if device.port_numbers:
        return f"{device.bus}-{'.'.join(str(port) for port in device.port_numbers)}"
    return f"{device.bus}-a{device.address}"


def _from_sysfs(place: str, name: str) -> str:
    """Return a text the kernel read when the device was plugged in, so that nothing is opened."""
    try:
        return (_SYSFS / place / name).read_text(encoding="utf-8", errors="replace").strip()
    except OSError:  # not Linux, or the device has none
        return ""


def _holder(uri: str, device: Any, interface: int) -> str:  # noqa: ANN401
    if not _USB.fullmatch(uri):
        return _REMOTE_HOLDER
    return usb_holder.holder(_place(device), interface, device.bus, device.address)


def _let_go(device: Any, detached: int | None) -> None:  # noqa: ANN401
    """Release everything; give an interface back to the kernel's driver it was taken from."""
    import usb.core
    import usb.util

    try:
        if detached is not None:
            usb.util.release_interface(device, detached)
            device.attach_kernel_driver(detached)
    except usb.core.USBError as error:  # unplugged, or the driver has been unloaded meanwhile
        _log.debug("the kernel's driver does not come back: %s", error)
    finally:
        usb.util.dispose_resources(device)
