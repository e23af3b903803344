# SPDX-License-Identifier: Apache-2.0
"""What libfprint's, libgusb's and GIO's errors mean in this package's classes.

Codes as in the public headers fp-device.h, gusb-device.h and gioenums.h.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ektp_hw.errors import (
    CaptureCancelled,
    DeviceBusy,
    DeviceError,
    DeviceRemoved,
    DeviceUnavailable,
    ProtocolError,
    RetryAdvice,
    RetryCapture,
    UnavailableReason,
)

if TYPE_CHECKING:
    from ektp_hw.transport.libfprint_library import Library

__all__ = ["translated"]

_ADVICE = {
    0: RetryAdvice.REMOVE_FINGER,
    1: RetryAdvice.SWIPE_AGAIN,
    2: RetryAdvice.CENTRE_FINGER,
    3: RetryAdvice.REMOVE_FINGER,
    4: RetryAdvice.SWIPE_AGAIN,
}
"""By FpDeviceRetry: general, too short, centre, remove, too fast."""
_NOT_SUPPORTED, _BUSY, _REMOVED, _TOO_HOT = 1, 4, 0x100, 0x101
_OF_PROTOCOL = {2, 3, 5, 6, 7, 8, 9}
_USB_NO_DEVICE, _USB_NOT_PERMITTED, _USB_BUSY = 4, 9, 10
_CANCELLED = 19


def translated(library: Library, error: Any, uri: str) -> Exception:  # noqa: ANN401
    """Turn a GError into an error of this package, and free it."""
    call = library.functions
    domain, code, text = error.domain, error.code, library.text(error.message)
    call.g_error_free(error)
    if domain == call.fp_device_retry_quark():
        return RetryCapture(_ADVICE.get(code, RetryAdvice.REMOVE_FINGER), device=uri)
    if domain == call.g_io_error_quark() and code == _CANCELLED:
        return CaptureCancelled(
            "the capture was cancelled; start it again when the person is ready", device=uri
        )
    if domain == call.fp_device_error_quark():
        return _of_device(code, text, uri)
    if domain == call.g_usb_device_error_quark():
        return _of_usb(code, text, uri)
    return DeviceError(f"libfprint failed ({text}); plug the sensor in anew", device=uri)


def _of_device(code: int, text: str, uri: str) -> DeviceError:
    if code == _REMOVED:
        return _removed(uri)
    if code == _BUSY:
        return _busy(uri)
    if code == _NOT_SUPPORTED:
        return DeviceUnavailable(
            f"libfprint cannot do this with the sensor ({text}); use another one",
            reason=UnavailableReason.UNSUPPORTED,
            device=uri,
        )
    if code == _TOO_HOT:
        return DeviceError("the sensor is too hot; let it cool for some minutes", device=uri)
    if code in _OF_PROTOCOL:
        return ProtocolError(
            f"the sensor and libfprint do not understand each other ({text}); try again, then "
            "plug it in anew",
            device=uri,
        )
    return DeviceError(f"the sensor failed ({text}); try again, then plug it in anew", device=uri)


def _of_usb(code: int, text: str, uri: str) -> DeviceError:
    if code == _USB_NO_DEVICE:
        return _removed(uri)
    if code == _USB_BUSY:
        return _busy(uri)
    if code == _USB_NOT_PERMITTED:
        return DeviceUnavailable(
            "you are not permitted to use the sensor; write the udev rule that libfprint's package "
            "leaves out for it, or run as its owner",
            reason=UnavailableReason.NOT_PERMITTED,
            device=uri,
        )
    return ProtocolError(
        f"a transfer to the sensor failed ({text}); try again, then plug it in anew", device=uri
    )


def _removed(uri: str) -> DeviceRemoved:
    return DeviceRemoved("the sensor was unplugged; plug it in and open it again", device=uri)


def _busy(uri: str) -> DeviceBusy:
    return DeviceBusy(
        "another program holds the sensor, perhaps fprintd; end it or wait for it", device=uri
    )
