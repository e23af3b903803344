# SPDX-License-Identifier: Apache-2.0
"""A USB device in the state it has after plugging in, whatever a crashed program left it in.

Only for devices that are one function: a reset also hits the other interfaces of a device, which
somebody else may be using.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from ektp_hw.errors import DeviceNotFound, DeviceRemoved
from ektp_hw.transport import usb

if TYPE_CHECKING:
    from ektp_hw.transport.base import UsbConnection

__all__ = ["connect_afresh"]

_BACK_WITHIN = 1.0
"""Seconds that a device may need to be back on its bus; the kernel takes a few hundredths."""
_PAUSE = 0.02


def connect_afresh(uri: str, **how: Any) -> UsbConnection:  # noqa: ANN401  # as for `usb.connect`
    """Open the device as `usb.connect` does, but reset it first.

    It is reset only once it is ours, so nobody who holds it is disturbed.

    Raises
    ------
    DeviceNotFound, DeviceBusy, DeviceUnavailable, DeviceRemoved, ProtocolError
        As `usb.connect`.
    """
    connection = usb.connect(uri, **how)
    if not isinstance(connection, usb.PyusbConnection):
        return connection
    connection.reset()
    end = time.monotonic() + _BACK_WITHIN
    while True:
        try:
            return usb.connect(uri, **how)
        except (DeviceNotFound, DeviceRemoved):
            if time.monotonic() > end:
                raise
            time.sleep(_PAUSE)
