# SPDX-License-Identifier: Apache-2.0
"""ePadLink ePad (04df:0012): a signature pad without a screen, plain HID.

Its reports have no ids: a byte of flags, x and y as little-endian words, seven bits of pressure;
about 52 come a second while the pen touches. The layout, ranges and physical size are those of
the report descriptor that CaptainCodeAU/epad-signature-pad-hid-driver read off a unit
(docs/HARDWARE_NOTES.md); that size was not checked with a ruler there, and the pen reaches about
40 % of the ranges. The pad numbers nothing: only reports that came mutilated count as dropped.
"""

from __future__ import annotations

import struct
import time
from typing import TYPE_CHECKING, ClassVar

from ektp_hw.devices.base import UsbId
from ektp_hw.devices.capabilities import Feature, SignatureCapabilities
from ektp_hw.devices.linked import Linked
from ektp_hw.devices.pen_pad import PenPad, PenSample
from ektp_hw.devices.wait import LONGEST_SLICE
from ektp_hw.errors import (
    DeviceError,
    DeviceRemoved,
    DeviceUnavailable,
    ProtocolError,
    UnavailableReason,
)
from ektp_hw.transport import hid
from ektp_hw.transport.found_by_id import FoundByHidId

if TYPE_CHECKING:
    from collections.abc import Callable

    from ektp_hw.devices.base import DeviceInfo
    from ektp_hw.devices.wait import CaptureWait
    from ektp_hw.transport.base import UsbConnection
    from ektp_hw.transport.node import DeviceNode

__all__ = ["Epad"]

_REPORT = struct.Struct("<BHHB")
_REPORT_BYTES = 64
_TOUCH, _UNUSED = 0x20, 0x80
_MAX_X, _MAX_Y, _MAX_PRESSURE = 2896, 1370, 127
_X_PER_MM, _Y_PER_MM = 2896 / (8.960 * 25.4), 1370 / (5.120 * 25.4)
"""Declared range over declared size: 8.960 x 5.120 inches."""
_LAYOUT = bytes.fromhex("0930 3500 460023 26500b")
"""Part of the descriptor that declares x; another layout would not have it."""
_FOREIGN_REPORTS = 16
_OLD_REPORTS = 64


class Epad(FoundByHidId, Linked[hid.HidConnection], PenPad):
    """ePadLink ePad signature pads.

    Parameters
    ----------
    info
        Which one.
    connect
        How to reach its address; another function replays a transcript.
    """

    name: ClassVar[str] = "epad"
    schemes: ClassVar[tuple[str, ...]] = ("usb", "usbip", "hidraw")
    usb_ids: ClassVar[tuple[UsbId, ...]] = (UsbId(0x04DF, 0x0012, "ePadLink ePad"),)
    prefers_hidraw: ClassVar[bool] = True

    def __init__(
        self,
        info: DeviceInfo,
        connect: Callable[[str], UsbConnection | DeviceNode] = hid.open_wire,
    ) -> None:
        super().__init__(info)
        self._connect = connect
        self._foreign = 0
        self._touched: PenSample | None = None

    @property
    def capabilities(self) -> SignatureCapabilities:
        """What its descriptor declares, along x where the axes differ."""
        return SignatureCapabilities(
            width_mm=_MAX_X / _X_PER_MM,
            height_mm=_MAX_Y / _Y_PER_MM,
            per_mm=_X_PER_MM,
            pressure_levels=_MAX_PRESSURE + 1,
            rate=52.0,
            features=frozenset({Feature.PRESENCE, Feature.PREVIEW}),
        )

    def _open(self) -> None:
        connection = hid.over(self._connect(self.info.address), self.info.uri)
        try:
            if _LAYOUT not in connection.report_descriptor():
                raise DeviceUnavailable(
                    "the pad describes its reports in another way than the ePads this driver"
                    " knows; send its report descriptor to the maintainers",
                    reason=UnavailableReason.UNSUPPORTED,
                    device=self.info.uri,
                )
        except DeviceError:
            connection.close()
            raise
        self._link = connection

    def _start(self, wait: CaptureWait) -> None:
        for _ in range(_OLD_REPORTS):
            wait.check()
            if not self._wire.read(_REPORT_BYTES, 0.002):
                break
        self._first, self._touched, self._foreign = None, None, 0

    def _stop(self) -> None:
        """Do nothing: the pad has no capture mode."""

    def _sample(self, wait: CaptureWait, longest: float = LONGEST_SLICE) -> PenSample | None:
        wait.check()
        raw = self._read(wait.slice(longest))
        if not raw:
            return None
        if len(raw) == _REPORT.size:
            flags, x, y, pressure = _REPORT.unpack(raw)
            if not flags & _UNUSED and x <= _MAX_X and y <= _MAX_Y and pressure <= _MAX_PRESSURE:
                lost, self._foreign = self._foreign, 0
                sample = self._converted(bool(flags & _TOUCH), x, y, pressure)
                return sample._replace(dropped=lost)
        self._foreign += 1
        if self._foreign > _FOREIGN_REPORTS:
            raise ProtocolError(
                "the pad sends reports that cannot be right; plug it in again",
                device=self.info.uri,
            )
        return None

    def _converted(self, touches: bool, x: int, y: int, pressure: int) -> PenSample:
        """Convert counts; a lifted pen has no position, so it is put where it left the pad."""
        now = time.monotonic()
        if touches:
            self._touched = PenSample(
                now, x / _X_PER_MM, y / _Y_PER_MM, pressure / _MAX_PRESSURE, tip=True
            )
            return self._touched
        left, self._touched = self._touched, None
        if left is None:
            return PenSample(now, 0.0, 0.0, 0.0, tip=False, near=False)
        return left._replace(at=now, pressure=0.0, tip=False)

    def _read(self, timeout: float) -> bytes:
        try:
            return self._wire.read(_REPORT_BYTES, timeout)
        except DeviceRemoved:
            raise
        except ProtocolError:
            self._wire.clear_halt()
            raise
