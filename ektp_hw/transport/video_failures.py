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
_GONE = (DeviceRemoved, "the camera was unplugged; plug it in and open it again")
_ABSENT = (DeviceNotFound, "there is no {path}; plug the camera in and look again")
_FORBIDDEN = (
    DeviceUnavailable,
    "you are not permitted to use it; become a member of the group 'video' and log in anew, or put "
    "this line into /etc/udev/rules.d/60-ektp-hw.rules and plug the camera in again: " + UDEV_RULE,
)
_NO_CAMERA = (DeviceUnavailable, "{what}, because this is no camera; choose another address")
_CROWDED = (
    DeviceError,
    "the USB has no room for its frames; plug the camera into another socket, without a hub",
)
_BROKEN = (ProtocolError, "{what} ({why}); try again, then plug it in anew")
_MEANINGS: dict[int, tuple[type[DeviceError], str]] = {
    **dict.fromkeys((errno.ENODEV, errno.ENXIO, errno.ESHUTDOWN), _GONE),
    **dict.fromkeys((errno.ENOENT, errno.ENOTDIR), _ABSENT),
    **dict.fromkeys((errno.EACCES, errno.EPERM), _FORBIDDEN),
    errno.ENOTTY: _NO_CAMERA,
    errno.ENOSPC: _CROWDED,
    **dict.fromkeys(
        (errno.EIO, errno.EPIPE, errno.EPROTO, errno.ETIMEDOUT, errno.EREMOTEIO, errno.EILSEQ),
        _BROKEN,
    ),
}
_REASONS = {
    errno.EACCES: UnavailableReason.NOT_PERMITTED,
    errno.EPERM: UnavailableReason.NOT_PERMITTED,
    errno.ENOTTY: UnavailableReason.UNSUPPORTED,
}


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
    if number == errno.EBUSY:
        return DeviceBusy(f"{holder(path)}; close it there and try again", device=uri)
    kind, sentence = _MEANINGS.get(number or 0, (DeviceError, "{what} ({why}); plug it in anew"))
    why = getattr(error, "strerror", None) or str(error)
    message = sentence.format(what=what, why=why, path=path)
    if kind is DeviceUnavailable:
        return DeviceUnavailable(message, reason=_REASONS[number or 0], device=uri)
    return kind(message, device=uri)
