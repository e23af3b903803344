# SPDX-License-Identifier: Apache-2.0
"""Wacom STU signature pads: pen data, screen and status, by whichever road there is.

The kernel of Linux offers no hidraw node for most of them: its tablet driver takes every product
of the vendor and refuses these, so USB class requests are the usual road. What the reports mean is
in `ektp_hw.transport.stu_reports`. Encrypted sessions are not spoken, only noticed; backlight and
contrast are left alone, because the pad keeps them in a flash memory that wears out.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, ClassVar

from ektp_hw.devices.base import DeviceInfo, UsbId
from ektp_hw.devices.capabilities import Feature, SignatureCapabilities
from ektp_hw.devices.linked import Linked
from ektp_hw.devices.pad_display import PadDisplay, Screen
from ektp_hw.devices.pen_pad import PenPad, PenSample
from ektp_hw.devices.redaction import Redaction, Rule
from ektp_hw.devices.signature_pad import SignaturePad
from ektp_hw.devices.wait import LONGEST_SLICE
from ektp_hw.errors import (
    DeviceError,
    DeviceRemoved,
    DeviceUnavailable,
    ProtocolError,
    UnavailableReason,
)
from ektp_hw.transport import hid, serial, serial_ports, stu_pictures, stu_reports
from ektp_hw.transport.base import SerialConnection
from ektp_hw.transport.found_by_id import FoundByHidId
from ektp_hw.transport.stu_reports import Capability, EncodingFlag, Information, Report
from ektp_hw.transport.stu_requests import StuRequests
from ektp_hw.transport.stu_serial import StuSerial

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    import numpy.typing as npt

    from ektp_hw.devices.wait import CaptureWait
    from ektp_hw.transport.base import UsbConnection
    from ektp_hw.transport.node import DeviceNode

__all__ = ["Capability", "Information", "WacomStu"]

_REPORT_BYTES = 64
_FOREIGN_REPORTS = 16
"""Reports of unknown kind in a row after which the pad counts as out of step."""
_OLD_REPORTS = 64
_AFTER_CLEARING_S: dict[int, float] = {0x00A3: 0.6}
"""Seconds for which a model (here the 520) answers wrongly after its screen was cleared."""
_WRAP = 0x10000
_BAUD = 128_000
"""Of the STU-540's virtual port; its RS-232 kit runs at 115,200."""


def _connect(uri: str) -> UsbConnection | DeviceNode | SerialConnection:
    if uri.startswith("serial:"):
        return serial.connect(uri, baud=_BAUD, dtr=False, rts=True)
    return hid.open_wire(uri)


class WacomStu(FoundByHidId, Linked[hid.HidConnection], PadDisplay, PenPad):
    """Wacom STU signature pads (300, 430, 500, 520, 530, 540) by HID, the 540 also in serial mode.

    Parameters
    ----------
    info
        Which one.
    connect
        How to reach its address; another function replays a transcript.

    Attributes
    ----------
    information, capability
        What the pad says it is and measures; known once it is open.
    """

    name: ClassVar[str] = "wacom_stu"
    schemes: ClassVar[tuple[str, ...]] = ("usb", "usbip", "hidraw", "serial")
    usb_ids: ClassVar[tuple[UsbId, ...]] = (
        UsbId(0x056A, 0x00A1, "Wacom STU-500"),
        UsbId(0x056A, 0x00A2, "Wacom STU-300"),
        UsbId(0x056A, 0x00A3, "Wacom STU-520"),
        UsbId(0x056A, 0x00A4, "Wacom STU-430"),
        UsbId(0x056A, 0x00A5, "Wacom STU-530"),
        UsbId(0x056A, 0x00A6, "Wacom STU-430V"),
        UsbId(0x056A, 0x00A8, "Wacom STU-540"),
    )
    redaction: ClassVar[Redaction] = Redaction(
        read=Rule(longest=0, head=b"\xff\xf0" + bytes(5) + b"\xff" * 4)
    )
    """Kept of a report: its id, whether the pen is near and touches, the pad's clock and count."""
    _silence: ClassVar[float] = 0.5
    """A pen that is near is reported 200 times a second, whether it moves or not."""
    _fewest: ClassVar[int] = 20

    def __init__(
        self,
        info: DeviceInfo,
        connect: Callable[[str], UsbConnection | DeviceNode | SerialConnection] = _connect,
    ) -> None:
        super().__init__(info)
        if info.address.startswith("serial:"):  # in a frame the mask would show the pen's place
            self.redaction = SignaturePad.redaction  # type: ignore[misc]
        self._connect = connect
        self._pad: StuRequests | None = None
        self._mode = 0
        self._foreign = 0
        self._last: stu_reports.Pen | None = None
        self._ticks = self._number = 0
        self.information = Information("", "")
        self.capability = Capability(0, 0, 0, stu_reports.PER_INCH, 0)

    @classmethod
    def discover(cls) -> list[DeviceInfo]:
        """List the pads that are attached, and the serial ports that somebody named as pads."""
        ports = [
            DeviceInfo(
                f"{port.uri}?driver={cls.name}", cls.kind, "Wacom STU-540 (serial)", cls.name,
                port.serial, port.vendor_id, port.product_id,
            )
            for port in serial_ports.named_ports(cls.name)
        ]  # fmt: skip
        return [*super().discover(), *ports]

    @classmethod
    def locate(cls, uri: str) -> DeviceInfo | None:
        """Return what is known of the pad at that address; a serial one must name the driver."""
        if not uri.startswith("serial:"):
            seen: DeviceInfo | None = super().locate(uri)
            return seen
        if serial_ports.locate(uri).driver != cls.name:
            return None
        return DeviceInfo(uri, cls.kind, "Wacom STU-540 (serial)", cls.name)

    @property
    def capabilities(self) -> SignatureCapabilities:
        """The pad's own measures, known once it is open."""
        told = self.capability
        features = {Feature.PRESENCE, Feature.PREVIEW, Feature.DISPLAY, Feature.ENCRYPTION}
        if not told.max_x:
            return SignatureCapabilities(features=frozenset(features))
        if self._mode == stu_reports.TIME_AND_SEQUENCE:
            features |= {Feature.CLOCK, Feature.SEQUENCE}
        per_mm = told.per_inch / 25.4
        return SignatureCapabilities(
            width_mm=told.max_x / per_mm,
            height_mm=told.max_y / per_mm,
            per_mm=per_mm,
            pressure_levels=told.max_pressure + 1,
            rate=told.rate or None,
            screen=(told.width, told.height) if told.width and told.height else None,
            features=frozenset(features),
            formats=tuple(flag.name or "" for flag in EncodingFlag if flag in told.encodings),
        )

    @property
    def screen(self) -> Screen:
        """The screen as the pad describes it."""
        told = self.capability
        colours = bool(told.encodings & (EncodingFlag.RGB565 | EncodingFlag.BGR24))
        return Screen(told.width, told.height, colours)

    # Opening and closing.

    def _open(self) -> None:
        wire = self._connect(self.info.address)
        connection = (
            StuSerial(wire, self.info.uri)
            if isinstance(wire, SerialConnection)
            else hid.over(wire, self.info.uri)
        )
        pad = StuRequests(connection, self.info.uri)
        try:
            self.information = stu_reports.information(pad.get(Report.INFORMATION, 16))
            content = pad.get(Report.CAPABILITY, 16)
            self.capability = stu_reports.capability(content, self.info.uri)
            pad.end_leftovers()
            self._mode = pad.choose_mode()
        except DeviceError:
            connection.close()
            raise
        self._link, self._pad, self._is_written = connection, pad, False

    def _close(self) -> None:
        pad, self._pad = self._pad, None
        try:
            if pad is not None and self._mode:  # other programs expect plain reports
                pad.try_to_set(Report.PEN_OPTION_MODE, b"\0")
        finally:
            super()._close()

    # What the base classes ask for.

    def _start(self, wait: CaptureWait) -> None:
        for _ in range(_OLD_REPORTS):
            wait.check()
            if not self._wire.read(_REPORT_BYTES, 0.002):
                break
        if self._mode:
            self._ask.set(Report.PEN_OPTION_MODE, bytes([self._mode]))
        self._prepare_screen(wait)
        self._ask.set(Report.INKING, b"\1")
        self._first, self._last, self._foreign = None, None, 0

    def _stop(self) -> None:
        if self._pad is not None:
            self._pad.try_to_set(Report.INKING, b"\0")

    def _still_well(self) -> None:
        if self._ask.get(Report.INKING, 1)[:1] != b"\1":
            raise ProtocolError(
                "the pad restarted during the signing; sign again, then check its cable and the"
                " supply of its USB socket",
                device=self.info.uri,
            )

    def _clear(self, wait: CaptureWait) -> None:
        self._ask.set(Report.CLEAR_SCREEN, b"\0")
        wait.sleep(_AFTER_CLEARING_S.get(self.info.product_id or 0, 0))
        self._ask.until_ready(wait.sleep)

    def _show(self, picture: npt.NDArray[np.uint8], wait: CaptureWait) -> None:
        encoding = stu_pictures.choose(picture, self.capability.encodings)
        self._ask.draw(picture, encoding, wait.sleep)

    # Reports.

    def _sample(self, wait: CaptureWait, longest: float = LONGEST_SLICE) -> PenSample | None:
        wait.check()
        raw = self._read(wait.slice(longest))
        if not raw:
            return None
        if raw[0] in stu_reports.ENCRYPTED:
            raise DeviceUnavailable(
                "the pad is in another program's secure session and sends encrypted pen data;"
                " close that program, unplug the pad and plug it in again",
                reason=UnavailableReason.UNSUPPORTED,
                device=self.info.uri,
            )
        seen = stu_reports.pen(raw, self._mode)
        told = self.capability
        if seen is None or seen.x > told.max_x or seen.y > told.max_y:
            self._foreign += 1
            if self._foreign > _FOREIGN_REPORTS:
                raise ProtocolError(
                    f"the pad sends reports that cannot be right (kind {raw[0]:02X}); plug it in"
                    " again",
                    device=self.info.uri,
                )
            return None
        lost, self._foreign = self._foreign, 0
        return self._converted(seen, lost)

    def _read(self, timeout: float) -> bytes:
        try:
            return self._wire.read(_REPORT_BYTES, timeout)
        except DeviceRemoved:
            raise
        except ProtocolError:
            self._wire.clear_halt()
            raise

    def _converted(self, seen: stu_reports.Pen, lost: int) -> PenSample:
        """Convert counts into millimetres and 0..1; let the 16-bit counters count on."""
        last, self._last = self._last, seen
        if last is None:
            self._ticks = self._number = 0
        if last is not None and last.ticks is not None and seen.ticks is not None:
            self._ticks += (seen.ticks - last.ticks) % _WRAP
        if last is not None and last.number is not None and seen.number is not None:
            self._number += (seen.number - last.number) % _WRAP
        per_mm = self.capability.per_inch / 25.4
        return PenSample(
            time.monotonic(),
            seen.x / per_mm,
            seen.y / per_mm,
            seen.force / self.capability.max_pressure if seen.tip else 0.0,
            seen.tip,
            seen.in_range,
            None if seen.ticks is None else self._ticks / 1000,
            None if seen.number is None else self._number,
            lost if seen.number is None else 0,  # numbers tell it better
        )

    @property
    def _ask(self) -> StuRequests:
        if self._pad is None:
            raise DeviceError("the pad is closed; open it first", device=self.info.uri)
        return self._pad
