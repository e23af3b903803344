# SPDX-License-Identifier: Apache-2.0
"""An emulated Wacom STU signature pad on USB on which somebody signs: any model of the family.

Feature reports travel in class requests GET_REPORT and SET_REPORT on endpoint 0 (USB HID 1.11,
7.2), pen reports on interrupt endpoint 0x81. Report ids and layouts: independent descriptions of
the family (pabloko/Wacom-STU-WebHID, le2ni/stusign); sizes of the models: their data sheets.
"""

from __future__ import annotations

import struct
import time
from typing import TYPE_CHECKING, ClassVar, NamedTuple

from ektp_hw.virtual import wishes
from ektp_hw.virtual.pad_screen import PadScreen
from ektp_hw.virtual.signing import Counts, Misbehaviour, Scale, SignedOn, Signing
from ektp_hw.virtual.usb_function import INTERRUPT, Endpoint, Interface, Stall, UsbFunction

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ektp_hw.samples import SignatureTrace
    from ektp_hw.virtual.usb_function import Setup

__all__ = ["MODELS", "SCALE", "Misbehaviour", "StuModel", "VirtualSignaturePad"]

_PEN = 0x81
_GET_REPORT, _SET_REPORT = (0xA1, 1), (0x21, 9)
_FEATURE = 3
_RESET, _END_CAPTURE = 0x04, 0x16
_CLEAR, _INKING, _BEGIN, _BLOCK, _END, _MODE = 0x20, 0x21, 0x25, 0x26, 0x27, 0x32
_WRONG_REPORT = 1
_LENGTHS = {
    _RESET: 1, _END_CAPTURE: 1, _CLEAR: 1, _INKING: 1, _BEGIN: 1, _BLOCK: 255, _END: 1, _MODE: 1,
}  # fmt: skip
"""Bytes of the reports that can be sent to the pad."""
_MAX_PRESSURE, _RATE, _PER_INCH = 1023, 200, 2540
_PER_MM = _PER_INCH / 25.4
SCALE = Scale(_PER_MM, _PER_MM, 9600, 6000, _MAX_PRESSURE, _RATE)
"""Measures of the STU-430."""
_NEAR, _TIP = 0x8000, 0x1000
_LOST = 5
"""Reports that are lost, or come late."""
_LATE_SECONDS = 0.6
_TOUCH = 8
"""Reports after which somebody who only touches takes the pen away."""

_ENDING = {
    Misbehaviour.UNPLUG, Misbehaviour.STALL, Misbehaviour.SAG, Misbehaviour.LATE,
    Misbehaviour.SILENT,
}  # fmt: skip
"""What no report comes after."""

_REPORT_DESCRIPTOR = bytes.fromhex(
    "06 00 ff 09 01 a1 01 15 00 26 ff 00 75 08"  # vendor page, one collection, bytes
    "85 01 95 06 09 02 81 02 85 34 95 0a 09 08 81 02"  # inputs 0x01 and 0x34
    "85 03 95 04 09 03 b1 02 85 08 95 10 09 04 b1 02 85 09 95 10 09 05 b1 02"
    "85 20 95 01 09 06 b1 02 85 21 95 01 09 07 b1 02 85 32 95 01 09 09 b1 02"
    "85 25 95 01 09 0a b1 02 85 26 95 ff 09 0b b1 02 85 27 95 01 09 0c b1 02 c0"
)
_HID = struct.pack("<BBHBBBH", 9, 0x21, 0x0110, 0, 1, 0x22, len(_REPORT_DESCRIPTOR))


class StuModel(NamedTuple):
    """One model: ids, writing area in hundredths of a millimetre, screen, what it can do."""

    product_id: int
    name: str
    max_x: int
    max_y: int
    width: int
    height: int
    encodings: int
    has_modes: bool
    """Whether it can put time and number into its reports."""
    is_old: bool = False
    """Whether its capability report ends after the screen's size."""
    dead_after_clearing: float = 0.0
    """Seconds for which it refuses requests after its screen was cleared."""


MODELS = {
    "300": StuModel(0x00A2, "STU-300", 9900, 2500, 396, 100, 0x03, has_modes=False, is_old=True),
    "430": StuModel(0x00A4, "STU-430", 9600, 6000, 320, 200, 0x03, has_modes=True),
    "430V": StuModel(0x00A6, "STU-430V", 9600, 6000, 320, 200, 0x03, has_modes=True),
    "500": StuModel(0x00A1, "STU-500", 10240, 7680, 640, 480, 0x02, has_modes=False, is_old=True),
    "520": StuModel(
        0x00A3, "STU-520", 10400, 6500, 800, 480, 0x07, has_modes=False, dead_after_clearing=0.55
    ),
    "530": StuModel(0x00A5, "STU-530", 10800, 6500, 800, 480, 0x0F, has_modes=True),
    "540": StuModel(0x00A8, "STU-540", 10800, 6500, 800, 480, 0x0F, has_modes=True),
}
"""Models by the number people call them."""


class VirtualSignaturePad(SignedOn, UsbFunction):
    """A pad; clearing its screen, or turning its ink on, makes the person sign from the beginning.

    Parameters
    ----------
    trace
        What is signed; by default nobody is there.
    speed
        How many times faster than real the signing goes; the reports stay the same.
    model
        A name of `MODELS`.

    Attributes
    ----------
    is_secure
        Whether a program has left it in a secure session: its pen reports are encrypted.
    """

    vendor_id: ClassVar[int] = 0x056A
    interfaces: ClassVar[tuple[Interface, ...]] = (
        Interface((Endpoint(_PEN, INTERRUPT, 64, 4),), (3, 0, 0), _HID),
    )

    def __init__(
        self,
        trace: SignatureTrace | None = None,
        *,
        speed: float = 1.0,
        serial: str = "VIRTUALPAD1",
        model: str = "430",
    ) -> None:
        super().__init__(serial)
        self.model = MODELS[model]
        self.product_id = self.model.product_id  # type: ignore[misc]  # each model has its own
        self.product = f"{self.model.name} (emulated)"  # type: ignore[misc]
        self.screen = PadScreen(self.model.width, self.model.height, self.model.encodings)
        scale = SCALE._replace(max_x=self.model.max_x, max_y=self.model.max_y)
        self.signing = Signing(scale, speed)
        self._scripted = trace is not None
        self._signings = 0
        self.is_secure = False
        self._inking = False
        self._mode = self._result = 0
        self._busy_until = 0.0
        self._stale: list[bytes] = []
        super().present(trace)

    # The script.

    @property
    def speed(self) -> float:
        """How many times faster than real the signing goes."""
        return self.signing.speed

    @speed.setter
    def speed(self, value: float) -> None:
        self.signing.speed = value

    def sign(self) -> None:
        """Do nothing: the person signs when the screen is cleared or the ink turned on."""

    def present(self, trace: SignatureTrace | None) -> None:
        """Have this signed when the next capture begins; None: nobody is there."""
        self._scripted = True
        super().present(trace)

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
        super().present(trace)

    # Requests.

    def on_configured(self) -> None:
        """Begin afresh: nobody signs until the screen is cleared."""
        self._restart()

    def _restart(self) -> None:
        self.signing.end()
        self._inking, self._mode, self._result = False, 0, 0
        self._stale = []

    def on_control(self, setup: Setup, data: bytes) -> bytes:
        """Answer GET_REPORT and SET_REPORT of feature reports, and the report descriptor."""
        kind = (setup.request_type, setup.request)
        if kind == (0x81, 6) and setup.value >> 8 == 0x22:
            return _REPORT_DESCRIPTOR
        if setup.value >> 8 != _FEATURE or time.monotonic() < self._busy_until:
            raise Stall
        report = setup.value & 0xFF
        if kind == _GET_REPORT:
            return bytes([report]) + self._feature(report)
        if kind == _SET_REPORT and data[:1] == bytes([report]):
            self._result = self._set(report, data[1:])
            if self._result:
                raise Stall
            return b""
        return super().on_control(setup, data)

    def _feature(self, report: int) -> bytes:
        match report:
            case 0x03:
                return struct.pack(">BBH", self._state(), self._result, 0)
            case 0x08:
                return self.model.name.encode().ljust(9, b"\0") + bytes((1, 8, 1)) + b"EMU0"
            case 0x09:
                return self._measures()
            case 0x21:
                return bytes([self._inking])
            case 0x32 if self.model.has_modes:
                return bytes([self._mode])
            case _:
                self._result = _WRONG_REPORT
                raise Stall

    def _state(self) -> int:
        return 2 if self.is_secure else int(self.screen.is_receiving)

    def _measures(self) -> bytes:
        model = self.model
        old = struct.pack(
            ">HHHHH", model.max_x, model.max_y, _MAX_PRESSURE, model.width, model.height
        )
        if model.is_old:
            return old
        return old + struct.pack(">BHBH", _RATE, _PER_INCH, model.encodings, 0)

    def _set(self, report: int, payload: bytes) -> int:
        """Do what a report asks for; return the error's code, 0 if there is none."""
        if len(payload) != _LENGTHS.get(report, 0):
            return _WRONG_REPORT
        value = payload[0]
        takers = {_BEGIN: self.screen.begin, _END: self.screen.end}
        if report in takers:
            return takers[report](value)
        if report == _BLOCK:
            return self.screen.receive(payload)
        if report == _MODE and not (self.model.has_modes and value < 4):
            return _WRONG_REPORT
        match report:
            case 0x20:
                self._cleared()
            case 0x21:
                self._ink(on=bool(value))
            case 0x32:
                self._mode = value
            case 0x16:
                self.is_secure = False
            case 0x04:
                self._restart()
        return 0

    def _ink(self, *, on: bool) -> None:
        self._inking = on
        if not on:
            self.signing.end()
        elif not self.signing.is_running:
            self.signing.begin()

    def _cleared(self) -> None:
        self.screen.clear()
        self.signing.begin()
        self._busy_until = time.monotonic() + self.model.dead_after_clearing

    # Pen reports.

    def on_in(self, endpoint: int, length: int) -> bytes | None:
        """Give the next pen report once it is due."""
        if endpoint != _PEN:
            return None
        if self._stale and self.signing.last_byte + _LATE_SECONDS < time.monotonic():
            return self._stale.pop(0)
        if not self.signing.is_due:
            return None
        if self._fault and self.signing.is_half_way:
            report = self._strike(self._fault)
        else:
            if self._fault is Misbehaviour.LIFTED and self.signing.given >= _TOUCH:
                self.signing.given = len(self.signing.counts)
            report = self._next()
        return report if report is None else report[:length]

    def _next(self) -> bytes:
        at = self.signing.given
        counts = self.signing.take()
        if counts is not None:
            return self._packed(counts, at)
        self.signing.end()
        return self._pen_report(0, 0, 0, at)  # the pen has gone

    def _packed(self, counts: Counts, at: int) -> bytes:
        word = _NEAR | (_TIP | counts.force if counts.force else 0)
        return self._pen_report(word, counts.x, counts.y, at)

    def _pen_report(self, word: int, x: int, y: int, at: int) -> bytes:
        if self._fault is Misbehaviour.FROZEN_CLOCK:
            at = min(at, len(self.signing.counts) // 2)
        if self.is_secure:
            return b"\x10" + bytes(16)
        ticks = at * 1000 // _RATE
        if self._mode == 3:
            return struct.pack(">BHHHHH", 0x34, word, x, y, ticks & 0xFFFF, at & 0xFFFF)
        if self._mode:
            option = ticks if self._mode == 1 else at
            return struct.pack(">BHHHH", 0x30, word, x, y, option & 0xFFFF)
        return struct.pack(">BHHH", 1, word, x, y)

    def _strike(self, fault: Misbehaviour) -> bytes | None:
        """Go wrong: with another report, with silence, or with a refusal."""
        if fault in _ENDING:
            self._end_by(fault)
            return None
        if fault is Misbehaviour.GARBAGE:
            return b"\x77\xff\xff"
        if fault is Misbehaviour.ENCRYPTED:
            return b"\x10" + bytes(16)
        if fault is Misbehaviour.ENDLESS:
            self.signing.given += 1
            return self._packed(Counts(1000, 1000, 500), self.signing.given)
        if fault is not Misbehaviour.FROZEN_CLOCK:
            self._fault = None
        if fault is Misbehaviour.SKIP:
            self.signing.given += _LOST
        report = self._next()
        return report[:4] if fault is Misbehaviour.SHORT else report

    def _end_by(self, fault: Misbehaviour) -> None:
        if fault is Misbehaviour.LATE:
            self._stale = [self._next() for _ in range(_LOST)]
        elif fault is Misbehaviour.SAG:
            self._restart()
        elif fault is Misbehaviour.UNPLUG:
            self.unplug()
        self.signing.end()
        if fault is Misbehaviour.STALL:
            self._fault = None
            raise Stall
