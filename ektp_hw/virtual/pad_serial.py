# SPDX-License-Identifier: Apache-2.0
"""An emulated STU-540 in its serial mode: the model of the pad behind the frames of a line."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from ektp_hw.transport.stu_serial import FrameReader, frame
from ektp_hw.virtual.pad import VirtualSignaturePad
from ektp_hw.virtual.serial_line import SerialFunction
from ektp_hw.virtual.usb_function import Setup, Stall

if TYPE_CHECKING:
    from ektp_hw.samples import SignatureTrace

__all__ = ["VirtualSerialPad"]

_GET_REPORT, _RESULT, _SIZES, _CLEAR, _INK, _BLOCK = 0x80, 0x81, 0xFF, 0x20, 0x21, 0x26
_FEATURE = 3
_PEN = 0x81
_LENGTHS = {
    0x03: 5, 0x04: 2, 0x08: 17, 0x09: 17, 0x20: 2, 0x21: 2, 0x25: 2, 0x26: 2560, 0x27: 2,
    0x32: 2, 0xFF: 512,
}  # fmt: skip
_AT_ONCE = 1e9
"""The line keeps the pace, so the pad has every report ready."""


class VirtualSerialPad(SerialFunction):
    """A pad on a serial line; the person signs when the screen is cleared.

    Parameters
    ----------
    trace
        What is signed; by default nobody is there.
    speed
        How many times faster than real the signing goes.
    """

    def __init__(self, trace: SignatureTrace | None = None, *, speed: float = 1.0) -> None:
        super().__init__(115_200, speed=20)
        self.pad = VirtualSignaturePad(trace, speed=_AT_ONCE, model="540")
        self._pause = 1 / self.pad.signing.scale.rate / speed
        self._reader = FrameReader()
        self._streaming = False

    def on_bytes(self, data: bytes) -> None:
        """Answer every whole frame."""
        for report in self._reader.take(data):
            if report[0] == _GET_REPORT and len(report) == 2:
                self._give(report[1])
            else:
                self._set(report)

    def _give(self, report: int) -> None:
        if report == _SIZES:
            sizes = [_SIZES << 8, *(_LENGTHS.get(one, 0) for one in range(1, 256))]
            self.send(frame(struct.pack(">256H", *sizes)))
            return
        try:
            answer = self.pad.on_control(Setup(0xA1, 1, _FEATURE << 8 | report, 0, 512), b"")
        except Stall:
            answer = bytes([_RESULT, 1])
        self.send(frame(answer))

    def _set(self, report: bytes) -> None:
        result = 0
        try:
            for part in _as_hid(report):
                self.pad.on_control(Setup(0x21, 9, _FEATURE << 8 | part[0], 0, len(part)), part)
        except Stall:
            result = self.pad._result  # noqa: SLF001  # one device, two faces
        self.send(frame(bytes([_RESULT, result]), checked=False))
        if report[0] in {_CLEAR, _INK} and not self._streaming:
            self._streaming = True
            self.then(self._stream)

    def _stream(self) -> None:
        """Send what the pen does, a report at a time, so that answers come in between."""
        report = self.pad.on_in(_PEN, 64)
        self._streaming = report is not None
        if report is not None:
            self.send(frame(report), after=self._pause)
            self.then(self._stream)


def _as_hid(report: bytes) -> list[bytes]:
    """Cut a long image block into those of the HID mode."""
    if report[0] != _BLOCK:
        return [report]
    count = int.from_bytes(report[1:3], "little")
    data = report[3 : 3 + count]
    parts = [data[at : at + 253] for at in range(0, len(data), 253)]
    return [
        bytes([_BLOCK]) + len(part).to_bytes(2, "little") + part.ljust(253, b"\0") for part in parts
    ]
