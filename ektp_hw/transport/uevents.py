# SPDX-License-Identifier: Apache-2.0
"""What Linux's kernel and udev tell of devices that come and go, over a netlink socket.

Two multicast groups carry it: the kernel's own messages (``add@/devices/...`` and NUL-separated
``KEY=value``, lib/kobject_uevent.c) and udev's, sent once it has set a node's rights (a header
that begins with ``libudev`` and tells where the same kind of list begins, libsystemd's
device-monitor). No library is needed, only the socket.
"""

from __future__ import annotations

import errno
import logging
import select
import socket
import struct
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ektp_hw.errors import DeviceUnavailable, UnavailableReason
from ektp_hw.transport.base import Connection

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Uevent", "Uevents", "parse"]

_log = logging.getLogger(__name__)

_NETLINK, _KOBJECT_UEVENT = 16, 15
"""AF_NETLINK and NETLINK_KOBJECT_UEVENT of linux/netlink.h."""
_KERNEL, _UDEV = 1, 2
"""The multicast groups, as bits."""
_UDEV_HEAD = struct.Struct("=8s4xIII")
"""Prefix, magic number, the header's size, where the list begins, its length."""
_LARGEST = 8192
_UDEV_RUNS = Path("/run/udev/control")


@dataclass(frozen=True)
class Uevent:
    """One message.

    Parameters
    ----------
    action
        ``add``, ``remove``, ``bind``, ``unbind``, ``change``, ``move``...
    names
        How addresses of the device end: ``/dev/ttyUSB0``, ``@1-4.2``.
    from_udev
        Whether udev has done its work on it.
    """

    action: str
    names: tuple[str, ...]
    from_udev: bool


class Uevents(Connection):
    """Hears every message from now on.

    Raises
    ------
    DeviceUnavailable
        If this system has no such socket, or does not permit it.
    """

    def __init__(self) -> None:
        if sys.platform != "linux":
            raise _unheard(OSError("only Linux sends them"))
        try:
            self._socket = socket.socket(_NETLINK, socket.SOCK_RAW, _KOBJECT_UEVENT)
        except OSError as error:
            raise _unheard(error) from error
        try:
            self._socket.bind((0, _KERNEL | _UDEV))
            self._socket.setblocking(False)
        except OSError as error:
            self._socket.close()
            raise _unheard(error) from error
        self.has_udev = _UDEV_RUNS.exists()

    def fileno(self) -> int:
        """Return the socket's descriptor, for ``select``."""
        return self._socket.fileno()

    def wait(self, timeout: float) -> list[Uevent]:
        """Return what was told, as soon as something is; nothing when the time is over.

        Messages lost because nobody listened in time are an empty `Uevent`: look for yourself.

        Raises
        ------
        DeviceUnavailable
            If the socket fails.
        """
        try:
            if not select.select([self._socket], [], [], max(0.0, timeout))[0]:
                return []
            return list(self._received())
        except (OSError, ValueError) as error:  # ValueError: closed meanwhile
            raise _unheard(error) from error

    def _received(self) -> Iterator[Uevent]:
        while True:
            try:
                message = self._socket.recv(_LARGEST)
            except BlockingIOError:
                return
            except OSError as error:
                if error.errno != errno.ENOBUFS:
                    raise
                yield Uevent("", (), from_udev=False)
                continue
            event = parse(message)
            if event is not None:
                yield event

    def close(self) -> None:
        """Hear no more."""
        self._socket.close()


def parse(message: bytes) -> Uevent | None:
    """Read one message; None if it is none."""
    from_udev = message.startswith(b"libudev\0")
    if from_udev:
        if len(message) < _UDEV_HEAD.size:
            return None
        _, _, begin, length = _UDEV_HEAD.unpack_from(message)
        message = message[begin : begin + length]
    pairs = (line.partition(b"=") for line in message.split(b"\0"))
    told = {key.decode("ascii", "replace"): _text(value) for key, sign, value in pairs if sign}
    action, path = told.get("ACTION", ""), told.get("DEVPATH", "")
    if not action or not path:
        return None
    names = []
    if node := told.get("DEVNAME"):
        names.append("/dev/" + node.removeprefix("/dev/"))
    if told.get("DEVTYPE") == "usb_device":
        names.append("@" + path.rpartition("/")[2])
    return Uevent(action, tuple(names), from_udev)


def _text(value: bytes) -> str:
    return value.decode("utf-8", "replace")


def _unheard(error: Exception) -> DeviceUnavailable:
    return DeviceUnavailable(
        f"the kernel's messages about devices cannot be heard ({error}); devices are looked for"
        " at intervals instead",
        reason=UnavailableReason.UNSUPPORTED,
        device="netlink",
    )
