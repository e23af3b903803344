# SPDX-License-Identifier: Apache-2.0
"""Wacom STU signature pads over plain USB: HID class requests and one interrupt endpoint.

The kernel of Linux offers no HID device for them: its tablet driver takes every product of the
vendor and refuses these. Report ids and layouts come from independent descriptions of the family
(pabloko/Wacom-STU-WebHID, le2ni/stusign), not from a specification; no picture is shown on the
pad and encrypted sessions are not spoken.
"""

from __future__ import annotations

import functools
import logging
import struct
import time
from itertools import pairwise
from typing import TYPE_CHECKING, ClassVar, NamedTuple

from ektp_hw.devices.base import UsbId
from ektp_hw.devices.capabilities import Feature, SignatureCapabilities
from ektp_hw.devices.redaction import Redaction, Rule
from ektp_hw.devices.signature_pad import SignaturePad
from ektp_hw.errors import (
    DeviceError,
    DeviceUnavailable,
    ProtocolError,
    RetryAdvice,
    RetryCapture,
    UnavailableReason,
)
from ektp_hw.samples import SignatureTrace
from ektp_hw.transport import usb, usb_interfaces
from ektp_hw.transport.found_by_id import FoundById

if TYPE_CHECKING:
    from collections.abc import Callable

    from ektp_hw.devices.base import DeviceInfo
    from ektp_hw.devices.wait import CaptureWait
    from ektp_hw.transport.base import UsbConnection

    Show = Callable[[SignatureTrace], None]

__all__ = ["Capability", "Information", "WacomStu"]

_log = logging.getLogger(__name__)

_HID_CLASS = 3
_GET_REPORT, _SET_REPORT = (0xA1, 0x01), (0x21, 0x09)
_FEATURE = 3
_INFORMATION, _CAPABILITY, _CLEAR_SCREEN, _INKING = 0x08, 0x09, 0x20, 0x21
_PEN, _PEN_NUMBERED = 0x01, 0x34
_ENCRYPTED = {0x10, 0x33}
_IN_RANGE, _TIP, _FORCE = 0x8000, 0x1000, 0x0FFF
_REPORT_BYTES = 64
_PER_INCH = 2540
"""Counts an inch where the pad does not say: all known pads count hundredths of a millimetre."""
_FOREIGN_REPORTS = 16
"""Reports of unknown kind in a row after which the pad counts as out of step."""
_OLD_REPORTS = 64
_PREVIEW_S = 0.2
_PROMPT_S = 0.1
"""For what a living pad does at once; clearing the screen takes up to 600 ms on some."""
_FEWEST_REPORTS = 20
"""A tenth of a second at 200 reports/s: less is a touch, no signature."""


class Information(NamedTuple):
    """What the pad says it is."""

    model: str
    firmware: str


class Capability(NamedTuple):
    """The pad's measures: greatest coordinates and pressure, counts an inch, reports a second."""

    max_x: int
    max_y: int
    max_pressure: int
    per_inch: int
    rate: int


class _Report(NamedTuple):
    at: float
    in_range: bool
    tip: bool
    force: int
    x: int
    y: int
    number: int | None


_connect = functools.partial(usb.connect, detach_kernel_driver=True)
"""The kernel's tablet driver may hold the pad, of which it makes nothing."""


class WacomStu(FoundById, SignaturePad):
    """Wacom STU signature pads (300, 430, 500, 520, 530, 540) in their HID mode.

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

    def __init__(
        self, info: DeviceInfo, connect: Callable[[str], UsbConnection] = _connect
    ) -> None:
        super().__init__(info)
        self._connect = connect
        self._usb: UsbConnection | None = None
        self._interface = 0
        self._endpoint = 0x81
        self._first: _Report | None = None
        self._foreign = 0
        self.information = Information("", "")
        self.capability = Capability(0, 0, 0, _PER_INCH, 0)

    @property
    def capabilities(self) -> SignatureCapabilities:
        """The pad's own measures, known once it is open."""
        told, features = self.capability, frozenset({Feature.PRESENCE, Feature.PREVIEW})
        if not told.max_x:
            return SignatureCapabilities(features=features)
        per_mm = told.per_inch / 25.4
        return SignatureCapabilities(
            width_mm=told.max_x / per_mm,
            height_mm=told.max_y / per_mm,
            per_mm=per_mm,
            pressure_levels=told.max_pressure + 1,
            rate=told.rate or None,
            features=features,
        )

    # Opening and closing.

    def _open(self) -> None:
        connection = self._connect(self.info.address)
        try:
            self._usb = connection
            self._find_endpoint()
            self.information = _information(self._get(_INFORMATION, 16))
            self.capability = _capability(self._get(_CAPABILITY, 16), self.info.uri)
        except DeviceError:
            self._usb = None
            connection.close()
            raise

    def _find_endpoint(self) -> None:
        for each in usb_interfaces.read(self._wire()):
            pen = each.endpoint(usb_interfaces.INTERRUPT, is_in=True)
            if each.triple[0] == _HID_CLASS and pen is not None:
                self._interface, self._endpoint = each.number, pen.address
                return
        raise DeviceUnavailable(
            "the pad is not in its HID mode; switch it from serial mode with its maker's program",
            reason=UnavailableReason.UNSUPPORTED,
            device=self.info.uri,
        )

    def _close(self) -> None:
        connection, self._usb = self._usb, None
        if connection is not None:
            connection.close()

    # What the base class asks for.

    def _start(self, wait: CaptureWait) -> None:
        for _ in range(_OLD_REPORTS):
            wait.check()
            if not self._wire().read(self._endpoint, _REPORT_BYTES, 0.002):
                break
        self._first, self._foreign = None, 0
        self._set(_INKING, b"\1")
        self._set(_CLEAR_SCREEN, b"\0")

    def _await_pen(self, wait: CaptureWait) -> None:
        while True:
            report = self._report(wait)
            if report is not None and report.tip:
                self._first = report
                return

    def _acquire(self, wait: CaptureWait, rest: float, show: Show) -> SignatureTrace:
        reports = [self._first] if self._first else []
        last_tip = shown = time.monotonic()
        while time.monotonic() - last_tip < rest:
            if wait.remaining <= 0 and not wait.cancelled and not reports[-1].tip:
                break  # the pen is up: what was signed in time counts
            report = self._report(wait)
            if report is not None:
                reports.append(report)
                if report.tip:
                    last_tip = report.at
            if time.monotonic() - shown >= _PREVIEW_S:
                shown = time.monotonic()
                show(self._trace(reports))
        while reports and not reports[-1].tip:
            reports.pop()
        if sum(report.tip for report in reports) < _FEWEST_REPORTS:
            raise RetryCapture(RetryAdvice.SIGN_AGAIN, device=self.info.uri)
        return self._trace(reports)

    def _stop(self) -> None:
        if self._usb is None:
            return
        try:
            self._set(_INKING, b"\0", timeout=_PROMPT_S)
        except DeviceError as error:
            _log.debug("inking stays on: %s", error)

    # Reports.

    def _report(self, wait: CaptureWait) -> _Report | None:
        """Return the next pen report, or None if none came within a slice of the wait."""
        wait.check()
        raw = self._wire().read(self._endpoint, _REPORT_BYTES, wait.slice())
        if not raw:
            return None
        if raw[0] in _ENCRYPTED:
            raise DeviceUnavailable(
                "the pad is in another program's secure session and sends encrypted pen data;"
                " close that program, unplug the pad and plug it in again",
                reason=UnavailableReason.UNSUPPORTED,
                device=self.info.uri,
            )
        number = None
        if raw[0] == _PEN_NUMBERED and len(raw) >= 11:
            (number,) = struct.unpack_from(">H", raw, 9)
        elif raw[0] != _PEN or len(raw) < 7:
            self._foreign += 1
            if self._foreign > _FOREIGN_REPORTS:
                raise ProtocolError(
                    f"the pad sends reports of unknown kind {raw[0]:02X}; plug it in again",
                    device=self.info.uri,
                )
            return None
        self._foreign = 0
        word, x, y = struct.unpack_from(">HHH", raw, 1)
        in_range, tip = bool(word & _IN_RANGE), bool(word & _TIP)
        return _Report(time.monotonic(), in_range, tip, word & _FORCE, x, y, number)

    def _trace(self, reports: list[_Report]) -> SignatureTrace:
        """Convert counts into millimetres and 0..1; times are those of arrival here."""
        import numpy as np

        near = [report for report in reports if report.in_range]
        per_mm = self.capability.per_inch / 25.4
        force = np.array([report.force if report.tip else 0 for report in near])
        return SignatureTrace(
            np.array([report.at for report in near]),
            np.array([report.x for report in near]) / per_mm,
            np.array([report.y for report in near]) / per_mm,
            np.clip(force / self.capability.max_pressure, 0, 1),
            dropped=_dropped([report.number for report in reports]),
            source=self.info.uri,
        )

    def _get(self, report: int, length: int) -> bytes:
        """Fetch a feature report; the content after its id."""
        answer = self._wire().control_in(
            *_GET_REPORT, _FEATURE << 8 | report, self._interface, 1 + length
        )
        if answer[:1] != bytes([report]):
            raise ProtocolError(
                f"the pad answers feature report {report:02X} with another; plug it in again",
                device=self.info.uri,
            )
        return answer[1:]

    def _set(self, report: int, content: bytes, timeout: float = 1.0) -> None:
        message = bytes([report]) + content
        self._wire().control_out(
            *_SET_REPORT, _FEATURE << 8 | report, self._interface, message, timeout
        )

    def _wire(self) -> UsbConnection:
        if self._usb is None:
            raise DeviceError("the pad is closed; open it first", device=self.info.uri)
        return self._usb


def _information(content: bytes) -> Information:
    name = content[:9].split(b"\0")[0].decode("ascii", "replace")
    return Information(name, ".".join(str(part) for part in content[9:11]))


def _capability(content: bytes, uri: str) -> Capability:
    """Read the capability report; old pads end after the screen's size."""
    if len(content) < 10:
        raise ProtocolError("the pad does not tell its measures; plug it in again", device=uri)
    max_x, max_y, max_pressure = struct.unpack_from(">HHH", content)
    rate, per_inch = struct.unpack_from(">BH", content, 10) if len(content) >= 13 else (0, 0)
    if not (max_x and max_y and max_pressure):
        raise ProtocolError("the pad tells impossible measures; plug it in again", device=uri)
    return Capability(max_x, max_y, max_pressure, per_inch or _PER_INCH, rate)


def _dropped(numbers: list[int | None]) -> int:
    """Count the gaps in the pad's own 16-bit numbering, where it numbers its reports."""
    known = [number for number in numbers if number is not None]
    return sum((after - before - 1) & 0xFFFF for before, after in pairwise(known))
