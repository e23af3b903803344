# SPDX-License-Identifier: Apache-2.0
"""An emulated signature pad on USB: a Wacom STU-430 on which somebody signs.

Feature reports travel in class requests GET_REPORT and SET_REPORT on endpoint 0 (USB HID 1.11,
7.2), pen reports on interrupt endpoint 0x81. Report ids and layouts: independent descriptions of
the STU family (pabloko/Wacom-STU-WebHID, le2ni/stusign).
"""

from __future__ import annotations

import struct
import time
from enum import StrEnum
from typing import TYPE_CHECKING, ClassVar

from ektp_hw.virtual import wishes
from ektp_hw.virtual.usb_function import INTERRUPT, Endpoint, Interface, Stall, UsbFunction

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ektp_hw.samples import SignatureTrace
    from ektp_hw.virtual.usb_function import Setup

__all__ = ["Misbehaviour", "VirtualSignaturePad"]

_PEN = 0x81
_GET_REPORT, _SET_REPORT = (0xA1, 1), (0x21, 9)
_FEATURE = 3
_STATUS, _INFORMATION, _CAPABILITY, _CLEAR, _INKING = 0x03, 0x08, 0x09, 0x20, 0x21
_MAX_X, _MAX_Y, _MAX_PRESSURE = 9600, 6000, 1023
_WIDTH, _HEIGHT, _RATE, _PER_INCH = 320, 200, 200, 2540
_PER_MM = _PER_INCH / 25.4
_IN_RANGE, _TIP = 0x8000, 0x1000

_REPORT_DESCRIPTOR = bytes.fromhex(
    "06 00 ff 09 01 a1 01 15 00 26 ff 00 75 08"  # vendor page, one collection, bytes
    "85 01 95 06 09 02 81 02"  # input 0x01, six bytes
    "85 03 95 04 09 03 b1 02 85 08 95 10 09 04 b1 02 85 09 95 10 09 05 b1 02"
    "85 20 95 01 09 06 b1 02 85 21 95 01 09 07 b1 02 c0"
)
_HID = struct.pack("<BBHBBBH", 9, 0x21, 0x0110, 0, 1, 0x22, len(_REPORT_DESCRIPTOR))


class Misbehaviour(StrEnum):
    """What a pad can do wrong, in the middle of a signing."""

    UNPLUG = "unplug"
    """The cable is pulled."""
    STALL = "stall"
    """The endpoint refuses once."""
    SILENT = "silent"
    """No more reports come."""
    GARBAGE = "garbage"
    """Reports of unknown kind and broken length come without end."""
    ENCRYPTED = "encrypted"
    """The reports of a secure session come."""
    ENDLESS = "endless"
    """The tip is never lifted again."""


class VirtualSignaturePad(UsbFunction):
    """A pad; clearing its screen makes the person sign, from the beginning.

    Parameters
    ----------
    trace
        What is signed; by default nobody is there.
    speed
        How many times faster than real the signing goes; the reports stay the same.
    """

    vendor_id: ClassVar[int] = 0x056A
    product_id: ClassVar[int] = 0x00A4
    product: ClassVar[str] = "STU-430 (emulated)"
    interfaces: ClassVar[tuple[Interface, ...]] = (
        Interface((Endpoint(_PEN, INTERRUPT, 64, 4),), (3, 0, 0), _HID),
    )

    def __init__(
        self,
        trace: SignatureTrace | None = None,
        *,
        speed: float = 1.0,
        serial: str = "VIRTUALPAD1",
    ) -> None:
        super().__init__(serial)
        self.speed = speed
        self._reports = _reports(trace) if trace else []
        self._scripted = trace is not None
        self._signings = 0
        self._fault: Misbehaviour | None = None
        self._inking = False
        self._began: float | None = None
        self._given = 0

    def present(self, trace: SignatureTrace | None) -> None:
        """Have this signed after the next clearing of the screen; None: nobody is there."""
        self._scripted = True
        self._lay(trace)

    def _lay(self, trace: SignatureTrace | None) -> None:
        reports = _reports(trace) if trace else []
        with self.lock:
            self._reports, self._began = reports, None

    def misbehave(self, what: Misbehaviour | str) -> None:
        """Go wrong half way through every signing, until `behave`."""
        fault = Misbehaviour(what)
        with self.lock:
            self._fault = fault

    def behave(self) -> None:
        """End all misbehaviour."""
        with self.lock:
            self._fault = None

    def script(self, options: Mapping[str, str]) -> None:
        """Do what a ``virtual:signature`` URI asks for.

        ``seed`` names the synthetic person who signs, anew at every opening; ``speed`` makes the
        hand that many times faster. Without options what a script presented stays; without a
        script person 1 signs.

        Raises
        ------
        ValueError
            If an option is unknown, or no number.
        """
        wishes.check_names("signature", options, {"seed", "speed"})
        seed = wishes.person("signature", options)
        self.speed = wishes.number("signature", options, "speed", self.speed)
        if self._scripted and "seed" not in options:
            return
        from ektp_hw.synthetic import SyntheticPerson

        trace = SyntheticPerson(seed).signature(self._signings)
        self._signings += 1
        self._lay(trace)

    def on_configured(self) -> None:
        """Begin afresh: nobody signs until the screen is cleared."""
        self._began = None

    def on_control(self, setup: Setup, data: bytes) -> bytes:
        """Answer GET_REPORT and SET_REPORT of feature reports, and the report descriptor."""
        kind = (setup.request_type, setup.request)
        if kind == (0x81, 6) and setup.value >> 8 == 0x22:
            return _REPORT_DESCRIPTOR
        if setup.value >> 8 != _FEATURE:
            raise Stall
        report = setup.value & 0xFF
        if kind == _GET_REPORT:
            return bytes([report]) + self._feature(report)
        if kind == _SET_REPORT and data[:1] == bytes([report]):
            self._set(report, data[1:])
            return b""
        return super().on_control(setup, data)

    def _feature(self, report: int) -> bytes:
        match report:
            case 0x03:
                return struct.pack(">BBH", 0, 0, 0)
            case 0x08:
                return b"STU-430".ljust(9, b"\0") + bytes((1, 8, 1)) + b"EMU0"
            case 0x09:
                return struct.pack(
                    ">HHHHHBHBH",
                    _MAX_X, _MAX_Y, _MAX_PRESSURE, _WIDTH, _HEIGHT, _RATE, _PER_INCH, 0x03, 0,
                )  # fmt: skip
            case 0x21:
                return bytes([self._inking])
            case _:
                raise Stall

    def _set(self, report: int, payload: bytes) -> None:
        if report == _CLEAR:
            self._began, self._given = time.monotonic(), 0
        elif report == _INKING and len(payload) == 1:
            self._inking = bool(payload[0])
        elif report not in {0x04, 0x16}:  # reset, end of capture: nothing to do here
            raise Stall

    def on_in(self, endpoint: int, length: int) -> bytes | None:
        """Give the next pen report once it is due."""
        if endpoint != _PEN or self._began is None:
            return None
        if (time.monotonic() - self._began) * self.speed * _RATE < self._given:
            return None
        if self._fault and self._given >= len(self._reports) // 2 > 0:
            return self._strike()
        if self._given >= len(self._reports):
            return None
        self._given += 1
        return self._reports[self._given - 1][:length]

    def _strike(self) -> bytes | None:
        match self._fault:
            case Misbehaviour.UNPLUG:
                self._began = None
                self.unplug()
                return None
            case Misbehaviour.STALL:
                self._fault, self._began = None, None
                raise Stall
            case Misbehaviour.SILENT:
                return None
            case Misbehaviour.GARBAGE:
                return b"\x77\xff\xff"
            case Misbehaviour.ENCRYPTED:
                return b"\x10" + bytes(16)
        self._given += 1
        return struct.pack(">BHHH", 1, _IN_RANGE | _TIP | 500, 1000, 1000)


def _reports(trace: SignatureTrace) -> list[bytes]:
    """Turn a signature into the reports that the pad would send, the last one out of range."""
    import numpy as np

    if not len(trace):
        return []
    when = np.arange(trace.seconds[0], trace.seconds[-1] + 1e-9, 1 / _RATE)
    x, y, pressure = (
        np.clip(np.rint(np.interp(when, trace.seconds, column) * scale), 0, limit).astype(int)
        for column, scale, limit in (
            (trace.x_mm, _PER_MM, _MAX_X),
            (trace.y_mm, _PER_MM, _MAX_Y),
            (trace.pressure, _MAX_PRESSURE, _MAX_PRESSURE),
        )
    )
    reports = [
        struct.pack(">BHHH", 1, _IN_RANGE | (_TIP | force if force else 0), across, down)
        for across, down, force in zip(x.tolist(), y.tolist(), pressure.tolist(), strict=True)
    ]
    return [*reports, struct.pack(">BHHH", 1, 0, 0, 0)]
