# SPDX-License-Identifier: Apache-2.0
"""NEXT Biometrics NB-1010-U (298d:1010): a thermal press sensor, 256 x 180 at 385 ppi.

Facts are from libfprint's nb1010 driver and from the traffic of a real unit that libfprint records
for its tests; the resolution is the maker's. Commands go to endpoint 0x02, replies of 16 bytes
come from 0x83, and so does the picture: 90 messages of two lines each, numbered 1, 3, 5 and so on.
The sensor tells how much of it is covered, so no picture is needed to wait for a finger.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, ClassVar

from ektp_hw.devices.base import DeviceInfo, UsbId
from ektp_hw.devices.capabilities import Feature, FingerprintCapabilities
from ektp_hw.devices.finger_presence import look_at
from ektp_hw.devices.fingerprint_scanner import FingerprintScanner
from ektp_hw.devices.linked import Linked
from ektp_hw.devices.redaction import Redaction, Rule
from ektp_hw.errors import CaptureTimeout, ProtocolError, RetryAdvice, RetryCapture
from ektp_hw.transport.found_by_id import FoundById
from ektp_hw.transport.usb_reset import connect_afresh

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeVar

    import numpy as np
    import numpy.typing as npt

    from ektp_hw.devices.wait import CaptureWait
    from ektp_hw.transport.base import UsbConnection

    Pixels = npt.NDArray[np.uint8]
    Show = Callable[[Pixels], None]
    _T = TypeVar("_T")

__all__ = ["NB1010"]

_OUT, _IN = 0x02, 0x83
_PACKET = 64
_CHECK_FINGER = bytes.fromhex("8038010008000000")
_PREPARE = bytes.fromhex("800d03000c00000000040000")
_CAPTURE = bytes.fromhex("801204002000000002" + 19 * "00" + "20000000")
_LEVEL, _DONE, _LINES = 0x37, 0x20, 0x21
_REPLY_SIZE = 16
_LEVEL_AT = 12
_FINGER_LEVEL = 0x30
"""Covered share of the sensor, 0 to 255, above which libfprint sees a finger; a whole one: 247."""
_WIDTH, _HEIGHT = 256, 180
_LINES_SIZE = 540
_PIXELS_AT = 25
_LINE_NUMBER_AT = 16
_TAKE_TIMEOUT = 0.15
"""Seconds for a command to be taken; a sensor that needs longer does not listen at all."""
_SILENCE = 0.5
"""Seconds without a byte after which a reply counts as lost (libfprint's time limit)."""
_PAUSE = 0.05
"""Seconds between two questions for a finger (libfprint's pace)."""
_LEFTOVERS = _HEIGHT
"""Messages that a broken capture may leave behind; a picture has half as many."""


class NB1010(FoundById, Linked["UsbConnection"], FingerprintScanner):
    """A thermal press sensor for one finger, NEXT Biometrics NB-1010-U.

    Parameters
    ----------
    info
        Which one.
    connect
        How to reach its address; another function replays a transcript.
    """

    name: ClassVar[str] = "nb1010"
    usb_ids: ClassVar[tuple[UsbId, ...]] = (UsbId(0x298D, 0x1010, "NEXT Biometrics NB-1010-U"),)
    redaction: ClassVar[Redaction] = Redaction(read=Rule(head=b"\xff" * 24))
    """Kept of two lines of a picture: their header, with their number."""

    def __init__(
        self, info: DeviceInfo, connect: Callable[[str], UsbConnection] = connect_afresh
    ) -> None:
        super().__init__(info)
        self._connect = connect
        self._in_step = True

    @property
    def ppi(self) -> float:
        """385, by the maker's data sheet."""
        return 385.0

    @property
    def capabilities(self) -> FingerprintCapabilities:
        """One size of picture; it tells by itself whether a finger is there."""
        return FingerprintCapabilities(
            width=_WIDTH,
            height=_HEIGHT,
            ppi=self.ppi,
            features=frozenset({Feature.PRESENCE, Feature.SEQUENCE}),
        )

    def _open(self) -> None:
        super()._open()
        self._in_step = True

    def _start(self, wait: CaptureWait) -> None:
        if not self._in_step:
            self._resynchronise(wait)

    def _await_finger(self, wait: CaptureWait, show: Show) -> None:
        del show  # without a finger there is no picture
        while self._insist(self._level, wait) <= _FINGER_LEVEL:
            wait.sleep(_PAUSE)

    def _insist(self, step: Callable[[CaptureWait], _T], wait: CaptureWait) -> _T:
        """Do a step once more where it failed: a single lost message is nobody's business."""
        try:
            return step(wait)
        except ProtocolError as error:
            self._slipped(error)
            self._resynchronise(wait)
            return step(wait)

    def _level(self, wait: CaptureWait) -> int:
        return self._ask(_CHECK_FINGER, _LEVEL, wait)[_LEVEL_AT]

    def _acquire(self, wait: CaptureWait, show: Show) -> Pixels | None:
        try:
            pixels = self._insist(self._picture, wait)
        except CaptureTimeout as error:
            raise CaptureTimeout(
                "a finger was there, but its picture did not come in time; try again, then check"
                " the cable",
                device=self.info.uri,
            ) from error
        look = look_at(pixels)
        if look.is_noise:
            raise ProtocolError(
                "what the sensor sent is no picture; try again, then plug it in anew",
                device=self.info.uri,
            )
        show(pixels)
        if look.is_dirty:
            raise RetryCapture(RetryAdvice.CENTRE_FINGER, device=self.info.uri)
        return pixels if look.has_finger else None

    def _picture(self, wait: CaptureWait) -> Pixels:
        import numpy as np

        self._ask(_PREPARE, _DONE, wait)
        self._ask(_CAPTURE, _DONE, wait)
        self._in_step = False
        rows = b"".join(self._two_lines(line, wait) for line in range(1, _HEIGHT, 2))
        self._in_step = True
        return np.frombuffer(rows, np.uint8).reshape(_HEIGHT, _WIDTH)

    def _stop(self) -> None:
        """Do nothing: the sensor rests by itself after a picture."""

    def _ask(self, command: bytes, kind: int, wait: CaptureWait) -> bytes:
        wait.check()
        self._in_step = False
        self._wire.write(_OUT, command, _TAKE_TIMEOUT)
        reply = self._message(_REPLY_SIZE, wait)
        if reply[:2] != bytes((0x80, kind)):
            self._fail(f"it answered command {command[1]:#04x} with {reply[:2].hex(' ')}")
        self._in_step = True
        return reply

    def _two_lines(self, line: int, wait: CaptureWait) -> bytes:
        message = self._message(_LINES_SIZE, wait)
        number = int.from_bytes(message[_LINE_NUMBER_AT : _LINE_NUMBER_AT + 2], "little")
        if message[:2] != bytes((0x80, _LINES)) or number != line:
            self._fail(f"it sent {message[:2].hex(' ')} {number} in place of lines {line}")
        return message[_PIXELS_AT : _PIXELS_AT + 2 * _WIDTH]

    def _message(self, size: int, wait: CaptureWait) -> bytes:
        wait.check()
        message = b""
        heard = time.monotonic()
        while len(message) < size:
            part = self._wire.read(_IN, size - len(message), wait.slice())
            message += part
            if part:
                heard = time.monotonic()
            elif time.monotonic() - heard > _SILENCE:
                self._fail(f"it stopped after {len(message)} of {size} bytes")
            if len(message) < size:
                if len(part) % _PACKET:
                    self._fail(f"it sent {len(message)} bytes in place of {size}")
                wait.check()
        return message

    def _fail(self, what: str) -> None:
        raise ProtocolError(
            f"the sensor is out of step: {what}; try again, then plug it in anew",
            device=self.info.uri,
        )

    def _resynchronise(self, wait: CaptureWait) -> None:
        """Throw away what a broken capture left behind, also what comes only after a command."""
        self._wire.clear_halt(_IN)
        while self._wire.read(_IN, _LINES_SIZE, wait.slice(0.05)):
            wait.check()
        self._wire.write(_OUT, _CHECK_FINGER, _TAKE_TIMEOUT)
        for _ in range(_LEFTOVERS):
            wait.check()
            message = self._wire.read(_IN, _LINES_SIZE, wait.slice())
            if message[:2] == bytes((0x80, _LEVEL)) or not message:
                self._in_step = True
                return
        self._fail("it sends without end")
