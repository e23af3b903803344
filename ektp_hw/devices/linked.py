# SPDX-License-Identifier: Apache-2.0
"""The half of a driver that holds its one connection: there while it is open, else an error."""

from __future__ import annotations

from typing import Generic, Protocol, TypeVar

from ektp_hw.devices.base import Device
from ektp_hw.errors import DeviceError

__all__ = ["Linked"]


class _Link(Protocol):
    def close(self) -> None: ...


_L = TypeVar("_L", bound=_Link)


class Linked(Device, Generic[_L]):
    """Stands before the kind of device in a driver's bases; the driver brings `_connect`.

    A driver that has more to do says so in its own `_open`, which leaves the connection in `_link`,
    and `_close`, which ends with this one.
    """

    _link: _L | None = None

    def _open(self) -> None:
        self._link = self._connect(self.info.address)

    def _close(self) -> None:
        link, self._link = self._link, None
        if link is not None:
            link.close()

    @property
    def _wire(self) -> _L:
        """The open connection."""
        if self._link is None:
            raise DeviceError("the device is closed; open it first", device=self.info.uri)
        return self._link
