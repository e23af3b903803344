# SPDX-License-Identifier: Apache-2.0
"""What the kernel's refusals mean on a video node, and what to do about them."""

from __future__ import annotations

import errno

from ektp_hw.errors import (
    DeviceBusy,
    DeviceError,
    DeviceNotFound,
    DeviceRemoved,
    DeviceUnavailable,
    ProtocolError,
    UnavailableReason,
)
from ektp_hw.transport.claim import holder

__all__ = ["UDEV_RULE", "explained"]

UDEV_RULE = 'SUBSYSTEM=="video4linux", MODE="0660", GROUP="video", TAG+="uaccess"'
"""Lets the person at the desk and the members of the group `video` use every camera."""
_BROKEN = {errno.EIO, errno.EPIPE, errno.EPROTO, errno.ETIMEDOUT, errno.EREMOTEIO, errno.EILSEQ}


def explained(error: Exception, what: str, path: str, uri: str) -> DeviceError:
    """Return the error of this package for one of the system's.

    Parameters
    ----------
    error
        What the system call raised.
    what
        What was being done, as the start of a sentence: "starting the stream failed".
    path, uri
        The node, and the device's name for the message.
    """
    number = getattr(error, "errno", None)
    reason = getattr(error, "strerror", None) or str(error)
    if number in {errno.ENODEV, errno.ENXIO, errno.ESHUTDOWN}:
        return DeviceRemoved("the camera was unplugged; plug it in and open it again", device=uri)
    if number in {errno.ENOENT, errno.ENOTDIR}:
        return DeviceNotFound(
            f"there is no {path}; plug the camera in and look again", device=uri
        )
    if number == errno.EBUSY:
        return DeviceBusy(f"{holder(path)}; close it there and try again", device=uri)
    if number in {errno.EACCES, errno.EPERM}:
        return DeviceUnavailable(
            "you are not permitted to use it; become a member of the group 'video' and log in "
            "anew, or put this line into /etc/udev/rules.d/60-ektp-hw.rules and plug the camera "
            f"in again: {UDEV_RULE}",
            reason=UnavailableReason.NOT_PERMITTED,
            device=uri,
        )
    if number == errno.ENOSPC:
        return DeviceError(
            "the USB has no room for its frames; plug the camera into another socket, without a "
            "hub",
            device=uri,
        )
    if number == errno.ENOTTY:
        return DeviceUnavailable(
            f"{what}, because this is no camera; choose another address",
            reason=UnavailableReason.UNSUPPORTED,
            device=uri,
        )
    if number in _BROKEN:
        return ProtocolError(f"{what} ({reason}); try again, then plug it in anew", device=uri)
    return DeviceError(f"{what} ({reason}); plug it in anew", device=uri)
