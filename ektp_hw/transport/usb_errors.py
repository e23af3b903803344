# SPDX-License-Identifier: Apache-2.0
"""Errors of the bus, as pyusb raises them, turned into this package's own."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Any

from ektp_hw.errors import (
    DeviceBusy,
    DeviceError,
    DeviceRemoved,
    DeviceUnavailable,
    ProtocolError,
    UnavailableReason,
)
from ektp_hw.transport.udev_rules import RULES_FILE

if TYPE_CHECKING:
    from typing import NoReturn

__all__ = ["raise_as_ours"]


def raise_as_ours(
    error: Any,  # noqa: ANN401  # pyusb has no types
    uri: str,
    what: str,
    *,
    holder: str = "",
    rule: str = "",
) -> NoReturn:
    """Raise what an error of pyusb means.

    Parameters
    ----------
    error
        A `usb.core.USBError`; its errno decides.
    uri, what
        The device and what was tried, for the message.
    holder
        Who holds a busy device and what to do about it.
    rule
        The udev rule that would permit its use.

    Raises
    ------
    DeviceRemoved, DeviceBusy, DeviceUnavailable, ProtocolError, DeviceError
        One of them, always.
    """
    number = error.errno
    if number in {errno.ENODEV, errno.ENXIO, errno.ESHUTDOWN, errno.ENOENT}:
        raise DeviceRemoved(
            "the device was unplugged; plug it in and open it again", device=uri
        ) from error
    if number == errno.EBUSY:
        raise DeviceBusy(holder or "another program holds it; close that program", device=uri)
    if number in {errno.EACCES, errno.EPERM}:
        raise DeviceUnavailable(
            f"you are not permitted to use it; put this line into {RULES_FILE} and plug the device"
            f" in again: {rule}",
            reason=UnavailableReason.NOT_PERMITTED,
            device=uri,
        ) from error
    if number in {errno.EPIPE, errno.EIO, errno.EOVERFLOW, errno.EPROTO, errno.ETIMEDOUT}:
        raise ProtocolError(
            f"{what} ({error.strerror}); try again, then plug the device in anew", device=uri
        ) from error
    raise DeviceError(f"{what} ({error.strerror}); plug the device in anew", device=uri) from error
