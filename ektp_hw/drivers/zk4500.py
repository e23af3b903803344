# SPDX-License-Identifier: Apache-2.0
"""ZKTeco ZK4500 (1b55:0840): an optical scanner for one finger, 640 x 480 at 500 ppi.

The protocol is two vendor requests and one bulk read, as the public program H3x.Zkteco (class
Zk4500) shows it: request 0xE1 switches lamps and buzzer, 0xE5 asks for a picture, which comes as
307,200 bytes from endpoint 0x82. The first picture after opening is an old one. The scanner does
not tell whether a finger is there; the picture does. Which way round the pixels come is not
stated there; a class attribute mirrors them should a unit differ.
"""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, ClassVar

from ektp_hw.devices.base import DeviceInfo, UsbId
from ektp_hw.devices.capabilities import Feature, FingerprintCapabilities
from ektp_hw.devices.finger_presence import Look, look_at
from ektp_hw.devices.fingerprint_scanner import FingerprintScanner
from ektp_hw.devices.linked import Linked
from ektp_hw.errors import CaptureTimeout, DeviceError, ProtocolError, RetryAdvice, RetryCapture
from ektp_hw.transport.found_by_id import FoundById
from ektp_hw.transport.usb_reset import connect_afresh

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    import numpy.typing as npt

    from ektp_hw.devices.wait import CaptureWait
    from ektp_hw.transport.base import UsbConnection

    Pixels = npt.NDArray[np.uint8]
    Show = Callable[[Pixels], None]

__all__ = ["ZK4500"]

_log = logging.getLogger(__name__)

_VENDOR_OUT = 0x40
_SWITCH, _SEND_PICTURE = 0xE1, 0xE5
_GREEN, _RED, _BUZZER, _WHITE = 0, 1, 2, 3
_ENDPOINT = 0x82
_WIDTH, _HEIGHT = 640, 480
_PACKET = 512
_PICTURE_SIZE = _WIDTH * _HEIGHT
_REQUEST_TIMEOUT = 0.15
"""Seconds for one try of a request without data."""
_TRIES = 5
"""Tries of a request; on a busy machine its confirmation comes late."""
_SILENCE = 1.0
"""Seconds without a byte after which a picture counts as lost (the public program's time limit)."""
_SLOWEST_PICTURE = 0.5
"""Seconds after which a picture should have come; it takes 10 to 100 ms on a healthy cable."""
_PAUSE = 0.03
"""Seconds between two looks at an empty glass, so that waiting costs no processor."""
_LANDING = 5
"""Pictures at most until a finger that is still landing is taken as it is."""
_STILL_GROWING = 1.05
_DARK = 40
"""Grey value that no pixel of a lit glass with or without a finger stays below everywhere."""


class ZK4500(FoundById, Linked["UsbConnection"], FingerprintScanner):
    """An optical scanner for one finger, ZKTeco ZK4500.

    Parameters
    ----------
    info
        Which one.
    connect
        How to reach its address; another function replays a transcript.
    """

    name: ClassVar[str] = "zk4500"
    usb_ids: ClassVar[tuple[UsbId, ...]] = (UsbId(0x1B55, 0x0840, "ZKTeco ZK4500"),)
    mirrored: ClassVar[bool] = False

    def __init__(
        self, info: DeviceInfo, connect: Callable[[str], UsbConnection] = connect_afresh
    ) -> None:
        super().__init__(info)
        self._connect = connect
        self._stale = True
        self._in_step = True
        self._asked: float | None = None

    @property
    def ppi(self) -> float:
        """500, by the maker's data sheet."""
        return 500.0

    @property
    def capabilities(self) -> FingerprintCapabilities:
        """One size of picture, three lamps, a buzzer."""
        return FingerprintCapabilities(
            width=_WIDTH,
            height=_HEIGHT,
            ppi=self.ppi,
            features=frozenset({Feature.LIGHT, Feature.LAMP, Feature.BUZZER, Feature.PREVIEW}),
        )

    def _open(self) -> None:
        super()._open()
        self._stale = self._in_step = True

    def _start(self, wait: CaptureWait) -> None:
        self._asked = None
        if not self._in_step:
            self._resynchronise(wait)
        self._light(wait, _WHITE)
        if self._stale:
            self._picture(wait)
            self._stale = False

    def _await_finger(self, wait: CaptureWait, show: Show) -> None:
        dirty = dark = False
        try:
            while True:
                pixels = self._picture(wait)
                show(pixels)
                dark = bool(pixels.max() < _DARK)
                look = self._judge(pixels)
                if look.has_finger:
                    return
                dirty = look.is_dirty
                wait.sleep(_PAUSE)
        except CaptureTimeout as over:
            if dark:
                raise DeviceError(
                    "the glass stays dark though its lamp was switched on; the lamp or its supply"
                    " is broken, have the scanner repaired",
                    device=self.info.uri,
                ) from over
            if dirty:
                raise RetryCapture(RetryAdvice.WIPE_SCANNER, device=self.info.uri) from None
            raise

    def _acquire(self, wait: CaptureWait, show: Show) -> Pixels | None:
        area = 0.0
        pixels = None
        for _ in range(_LANDING):
            pixels = self._picture(wait)
            show(pixels)
            look = self._judge(pixels)
            if not look.has_finger:
                return None
            if area and look.area <= area * _STILL_GROWING:
                break
            area = look.area
        self._light(wait, _GREEN)
        return pixels

    def _stop(self) -> None:
        try:
            self._switch(_WHITE, on=False)
            self._switch(_GREEN, on=False)
        except DeviceError as error:
            _log.debug("the lamps stay as they are: %s", error)

    def _judge(self, pixels: Pixels) -> Look:
        look = look_at(pixels)
        if look.is_noise:
            raise ProtocolError(
                "what the scanner sent is no picture; try again, then plug it in anew",
                device=self.info.uri,
            )
        return look

    def _switch(self, lamp: int, *, on: bool) -> None:
        self._wire.control_out(_VENDOR_OUT, _SWITCH, int(on), lamp, timeout=_REQUEST_TIMEOUT)

    def _light(self, wait: CaptureWait, lamp: int) -> None:
        self._until_confirmed(lambda: self._switch(lamp, on=True), wait.check)

    @staticmethod
    def _until_confirmed(request: Callable[[], None], between: Callable[[], None]) -> None:
        """Make a request until it is confirmed in time; a refusal counts at once."""
        for left in reversed(range(_TRIES)):
            begun = time.monotonic()
            try:
                request()
            except ProtocolError:
                if not left or time.monotonic() - begun < _REQUEST_TIMEOUT:
                    raise
                between()
            else:
                return

    def _picture(self, wait: CaptureWait) -> Pixels:
        import numpy as np

        wait.check()
        self._asked = time.monotonic()
        self._in_step = False
        is_old = False

        def give_up_the_other() -> None:
            nonlocal is_old
            is_old = True
            self._drain(wait)  # a request that was not confirmed may have been understood

        self._until_confirmed(
            lambda: self._wire.control_out(_VENDOR_OUT, _SEND_PICTURE, timeout=_REQUEST_TIMEOUT),
            give_up_the_other,
        )
        content = bytearray()
        heard = time.monotonic()
        while len(content) < _PICTURE_SIZE:
            part = self._wire.read(_ENDPOINT, _PICTURE_SIZE - len(content), wait.slice())
            content += part
            if part:
                heard = time.monotonic()
            elif time.monotonic() - heard > _SILENCE:
                self._fail("the scanner stopped", len(content))
            if len(part) % _PACKET:
                self._fail("the scanner ended the picture", len(content))
            if len(content) < _PICTURE_SIZE:
                self._check(wait)
        self._in_step = True
        self._asked = None
        if is_old:
            return self._picture(wait)
        pixels = np.frombuffer(bytes(content), np.uint8).reshape(_HEIGHT, _WIDTH)
        return pixels[:, ::-1] if self.mirrored else pixels

    def _check(self, wait: CaptureWait) -> None:
        """Check the time limit; do not blame the person where the scanner sent no picture."""
        try:
            wait.check()
        except CaptureTimeout as over:
            if self._asked is None or time.monotonic() - self._asked < _SLOWEST_PICTURE:
                raise
            raise CaptureTimeout(
                "no picture came from the scanner in time; try again, then check the cable",
                device=self.info.uri,
            ) from over

    def _fail(self, what: str, count: int) -> None:
        raise ProtocolError(
            f"{what} after {count} of {_PICTURE_SIZE} bytes; try again, then check the cable",
            device=self.info.uri,
        )

    def _resynchronise(self, wait: CaptureWait) -> None:
        """Throw away what a broken capture left behind; the next picture is an old one."""
        self._drain(wait)
        self._in_step = self._stale = True

    def _drain(self, wait: CaptureWait) -> None:
        self._wire.clear_halt(_ENDPOINT)
        left = 2 * _PICTURE_SIZE
        while left > 0 and (part := self._wire.read(_ENDPOINT, _PICTURE_SIZE, wait.slice(0.05))):
            left -= len(part)
            wait.check()
