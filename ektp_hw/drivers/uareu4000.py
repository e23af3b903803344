# SPDX-License-Identifier: Apache-2.0
"""DigitalPersona U.are.U 4000, 4000B and 4500, and Microsoft's Fingerprint Readers.

An optical reader of 384 x 289 pixels that tells by interrupt when a finger comes and goes. The
protocol is that of libfprint's driver uru4000; words and cipher are in `ektp_hw.transport.uareu`.
The reader is powered down and up before every capture, as there: so it recovers from whatever the
capture before has left. Pictures come with light ridges on a dark ground, from 05ba:000a turned by
180 degrees.

Resolution: the maker's data sheet of the 4500 says 512 ppi along both axes, which is what pictures
say here; libfprint takes 500 for all its readers.

What the wire loses: a scrambled block of lines has one pixel less than it should, the last one,
which comes out white.
"""

from __future__ import annotations

import functools
import logging
import secrets
import struct
import time
from typing import TYPE_CHECKING, ClassVar

from ektp_hw.devices.base import DeviceInfo, UsbId
from ektp_hw.devices.capabilities import Feature, FingerprintCapabilities
from ektp_hw.devices.finger_presence import look_at
from ektp_hw.devices.fingerprint_scanner import FingerprintScanner
from ektp_hw.devices.linked import Linked
from ektp_hw.devices.wait import CaptureWait
from ektp_hw.errors import CaptureTimeout, DeviceError, ProtocolError
from ektp_hw.transport import uareu, usb
from ektp_hw.transport.found_by_id import FoundById
from ektp_hw.transport.uareu import Interrupt, Mode, Register

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable
    from typing import NoReturn

    import numpy as np
    import numpy.typing as npt

    from ektp_hw.transport.base import UsbConnection

    Pixels = npt.NDArray[np.uint8]
    Show = Callable[[Pixels], None]

__all__ = ["UareU4000"]

_log = logging.getLogger(__name__)

_connect = functools.partial(usb.connect, interface=(0xFF, 0xFF, 0xFF))
"""In a keyboard the reader is not the first interface."""
_READ, _WRITE, _REQUEST = 0xC0, 0x40, 4
_INTERRUPTS, _PICTURE = 0x81, 0x82
_MESSAGE = 64
_REQUEST_TIMEOUT = 0.15
"""Seconds for a register; libfprint allows 5, but answers come within a few milliseconds."""
_LOW_POWER, _CONFUSED, _READY = 0x80, 0x84, 0x01
_POWER_TRIES = 100
_POWER_PAUSE = 0.01
_POWERED_WITHIN = 0.3
"""Seconds until the reader tells that it is powered; it sometimes forgets, so try again."""
_ROUNDS = 3
_SILENCE = 1.0
"""Seconds without a byte after which a picture counts as lost; the wire carries one in 0.15."""
_BAD_FRAMES = 3
_EMPTY_AFTER = 0.01
"""Seconds without a byte after which nothing of another picture is on its way."""
_PAUSE = 0.03
"""Seconds before a reader that felt a finger and saw none is asked again."""
_LANDING = 4
"""Pictures at most until a finger that is still landing is taken as it is."""
_STILL_GROWING = 1.05
_EMPTY_PICTURES = 3
"""Pictures without a finger, though one is reported, from which the lamp is suspected."""
_TURNED = 0x000A
_NEEDS_ANSWER = 0x00CA


class UareU4000(FoundById, Linked["UsbConnection"], FingerprintScanner):
    """A reader for one finger of the U.are.U 4000 family.

    Parameters
    ----------
    info
        Which one.
    connect
        How to reach its address; another function replays a transcript.
    draw
        Draws the 32 bits with which a key is veiled on the wire.
    """

    name: ClassVar[str] = "uareu4000"
    usb_ids: ClassVar[tuple[UsbId, ...]] = (
        UsbId(0x05BA, 0x0007, "DigitalPersona U.are.U 4000"),
        UsbId(0x05BA, 0x0008, "DigitalPersona U.are.U 4000 keyboard"),
        UsbId(0x05BA, 0x000A, "DigitalPersona U.are.U 4000B/4500"),
        UsbId(0x045E, 0x00BB, "Microsoft keyboard with Fingerprint Reader"),
        UsbId(0x045E, 0x00BC, "Microsoft IntelliMouse with Fingerprint Reader"),
        UsbId(0x045E, 0x00BD, "Microsoft Fingerprint Reader"),
        UsbId(0x045E, _NEEDS_ANSWER, "Microsoft Fingerprint Reader v2"),
    )

    def __init__(
        self,
        info: DeviceInfo,
        connect: Callable[[str], UsbConnection] = _connect,
        draw: Callable[[], int] = lambda: secrets.randbits(32),
    ) -> None:
        super().__init__(info)
        self._connect = connect
        self._draw = draw
        self._answers = True
        self._finger_down = False
        self._empty_pictures = 0
        self._is_owed = False

    @property
    def ppi(self) -> float:
        """512, by the maker's data sheet."""
        return 512.0

    @property
    def capabilities(self) -> FingerprintCapabilities:
        """It tells when a finger comes; the last of its lines never arrives."""
        return FingerprintCapabilities(
            width=uareu.WIDTH,
            height=uareu.MAX_LINES,
            ppi=self.ppi,
            features=frozenset({Feature.PRESENCE, Feature.PREVIEW}),
        )

    def wait_until_lifted(
        self, timeout: float = 10.0, cancel: threading.Event | None = None
    ) -> None:
        """Return when the finger of the last capture has been lifted; at once if none is there.

        Raises
        ------
        CaptureTimeout, CaptureCancelled, DeviceRemoved, ProtocolError, DeviceBusy
            As for `capture`.
        """
        wait = CaptureWait(
            timeout, cancel, self._closing, device=self.info.uri, missing="no finger was lifted"
        )
        with self._exclusive():
            while self._finger_down:
                wait.check()
                self._finger_down = self._interrupt(wait.slice()) != Interrupt.FINGER_OFF
            self._stop()

    def _open(self) -> None:
        super()._open()
        self._answers = True
        self._finger_down = False

    def _close(self) -> None:
        if self._link is not None:
            self._finger_down = False
            self._stop()
        super()._close()

    def _start(self, wait: CaptureWait) -> None:
        self._answers = True
        self._finger_down = False
        self._empty_pictures = 0
        self._wire.clear_halt(_PICTURE)
        for left in reversed(range(_ROUNDS)):
            self._power_up(wait)
            if self._is_powered(wait):
                break
            if not left:
                self._fail("the reader does not power up; plug it in anew, at another socket")
        versions = self._read(Register.INFORMATION, 16)
        _log.debug("%s: versions %s", self.info.uri, versions.hex(" "))
        self._drain(wait)

    def _await_picture(self, wait: CaptureWait, show: Show) -> Pixels:
        try:
            return super()._await_picture(wait, show)
        except CaptureTimeout:
            self._explain_timeout()
            raise

    def _explain_timeout(self) -> None:
        """Raise what the technician should know, if it was not the person who did not come."""
        if self._read(Register.STATUS, 1)[0] & _LOW_POWER:
            self._fail("the reader lost its power for a moment; try another socket or cable")
        if self._empty_pictures >= _EMPTY_PICTURES:
            raise DeviceError(
                "the reader feels a finger but its pictures are empty, so its lamp may be dead; "
                "wipe the glass, then have the reader replaced",
                device=self.info.uri,
            )

    def _await_finger(self, wait: CaptureWait, show: Show) -> None:
        del show
        self._write(Register.MODE, Mode.AWAIT_FINGER_ON)
        while self._interrupt(wait.slice()) != Interrupt.FINGER_ON:
            wait.check()

    def _acquire(self, wait: CaptureWait, show: Show) -> Pixels | None:
        self._drain(wait)
        self._write(Register.MODE, Mode.CAPTURE)
        pixels = self._landed(wait, show)
        self._finger_down = pixels is not None
        if pixels is None:
            self._empty_pictures += 1
            wait.sleep(_PAUSE)
        else:
            self._write(Register.MODE, Mode.AWAIT_FINGER_OFF)
        return pixels

    def _landed(self, wait: CaptureWait, show: Show) -> Pixels | None:
        """Return the first picture on which the finger grows no more; None if it has gone."""
        if self._is_owed:
            self._picture(wait)  # asked for by a capture that failed: perhaps another's finger
        self._is_owed = True
        best: Pixels | None = None
        area = 0.0
        for _ in range(_LANDING):
            try:
                pixels = self._picture(wait)
            except CaptureTimeout:
                if best is None:
                    raise
                return best
            show(pixels)
            look = look_at(pixels)
            if look.is_noise:
                self._fail("what the reader sent is no picture; try again, then plug it in anew")
            self._is_owed = False
            if not look.has_finger:
                return None
            best = pixels
            if area and look.area <= area * _STILL_GROWING:
                break
            area = look.area
        return best

    def _stop(self) -> None:
        if self._finger_down or not self._answers:
            return  # it goes on looking for the finger's end; or the request would only take time
        try:
            self._write(Register.MODE, Mode.OFF)
        except DeviceError as error:
            _log.debug("the reader stays on: %s", error)

    # Power.

    def _power_up(self, wait: CaptureWait) -> None:
        status = self._read(Register.STATUS, 1)[0]
        if status & _CONFUSED == _CONFUSED:
            status = self._reboot(status, wait)
        if not status & _LOW_POWER:
            self._write(Register.STATUS, status | _LOW_POWER)
        for _ in range(_POWER_TRIES):
            wait.check()
            self._write(Register.STATUS, status & 0x0F)
            if not self._read(Register.STATUS, 1)[0] & _LOW_POWER:
                return
            wait.sleep(_POWER_PAUSE)
            if self.info.product_id == _NEEDS_ANSWER:
                challenge = self._read(Register.CHALLENGE, 16)
                self._put(Register.RESPONSE, uareu.answer_to_challenge(challenge))
        self._fail("the reader does not power up; plug it in anew, at another socket")

    def _reboot(self, status: int, wait: CaptureWait) -> int:
        self._write(Register.STATUS, status & 0x0F)
        for _ in range(_POWER_TRIES):
            status = self._read(Register.STATUS, 1)[0]
            if status & _READY:
                break
            wait.sleep(_POWER_PAUSE)
        else:
            self._fail("the reader is confused and does not restart; plug it in anew")
        return status

    def _is_powered(self, wait: CaptureWait) -> bool:
        end = time.monotonic() + _POWERED_WITHIN
        while (left := end - time.monotonic()) > 0:
            wait.check()
            if self._interrupt(wait.slice(min(left, 0.1))) == Interrupt.POWERED:
                return True
        return False

    # Pictures.

    def _picture(self, wait: CaptureWait) -> Pixels:
        """Return the next picture: dark ridges, upright, shape (lines, 384)."""
        import numpy as np

        for _ in range(_BAD_FRAMES):
            frame = self._frame(wait)
            header = uareu.Header.from_bytes(frame)
            if header.is_valid and len(frame) >= header.size:
                break
            _log.debug("%s: %d bytes are no picture: %s", self.info.uri, len(frame), header)
            self._drain(wait)
        else:
            self._fail("the reader sends no whole pictures; try again, then check the cable")
        lines = np.frombuffer(frame, np.uint8)[uareu.HEADER_SIZE : header.size]
        lines = lines.reshape(header.lines, uareu.WIDTH)
        if uareu.looks_scrambled(header, lines):
            lines = uareu.unscrambled(header, lines, self._key)
        picture = 255 - uareu.assembled(header, lines)
        return picture[::-1, ::-1] if self.info.product_id == _TURNED else picture

    def _frame(self, wait: CaptureWait) -> bytes:
        """Return what the reader sends until a picture is whole, wrong, or cut short."""
        content = bytearray()
        heard = time.monotonic()
        while True:
            wait.check()
            part = self._wire.read(_PICTURE, uareu.FRAME_SIZE - len(content), wait.slice())
            content += part
            if part:
                heard = time.monotonic()
            elif time.monotonic() - heard > _SILENCE:
                self._fail(
                    f"the reader stopped after {len(content)} bytes of a picture; try again, "
                    "then check the cable"
                )
            if len(part) % _MESSAGE:
                return bytes(content).ljust(uareu.HEADER_SIZE, b"\0")
            if len(content) >= uareu.HEADER_SIZE:
                header = uareu.Header.from_bytes(content)
                if not header.is_valid or len(content) >= header.size:
                    return bytes(content)

    def _key(self, number: int) -> int:
        veil = self._draw()
        self._put(Register.SCRAMBLE_INDEX, struct.pack("<BI", number, veil))
        (veiled,) = struct.unpack("<I", self._read(Register.SCRAMBLE_KEY, 4))
        return int(veiled) ^ veil

    def _drain(self, wait: CaptureWait) -> None:
        """Throw away what is left of other pictures, so that nobody gets another's finger."""
        left = 2 * uareu.FRAME_SIZE
        while left > 0 and (part := self._wire.read(_PICTURE, uareu.FRAME_SIZE, _EMPTY_AFTER)):
            left -= len(part)
            wait.check()

    # Words.

    def _interrupt(self, timeout: float) -> int | None:
        """Return the next interrupt's type, None when none comes in time."""
        message = self._wire.read(_INTERRUPTS, _MESSAGE, timeout)
        if len(message) < 2:
            return None
        kind = int.from_bytes(message[:2], "big")
        if kind == Interrupt.EMPTY_NEXT:
            _log.info("%s announces an empty picture", self.info.uri)
        return kind

    def _read(self, register: int, length: int) -> bytes:
        self._answers = False
        answer = self._wire.control_in(
            _READ, _REQUEST, register, 0, length, timeout=_REQUEST_TIMEOUT
        )
        if len(answer) != length:
            self._fail(
                f"register {register:#x} came with {len(answer)} of {length} bytes; try again"
            )
        self._answers = True
        return answer

    def _write(self, register: int, value: int) -> None:
        self._put(register, bytes([value]))

    def _put(self, register: int, values: bytes) -> None:
        self._answers = False
        self._wire.control_out(_WRITE, _REQUEST, register, 0, values, timeout=_REQUEST_TIMEOUT)
        self._answers = True

    def _fail(self, what: str) -> NoReturn:
        raise ProtocolError(what, device=self.info.uri)
