# SPDX-License-Identifier: Apache-2.0
"""Fingerprint modules on a serial line: ZFM-20/60, R301 to R307, FPM10A, AS608, R503.

Facts are from pyfingerprint 1.5, adafruit-circuitpython-fingerprint 2.2.25 and the makers'
manuals. The module is asked for a finger (command 01) until it has one, then sends the picture
(0A) with 4 bits a pixel: 256 x 288 at 500 ppi, or 192 x 192 at 508 from the round R503; pictures
of 36,864 bytes take 7 s at 57,600 baud.

What users of such modules report is met here: a first command after power-up that is lost and a
second whose answer is damaged (pyfingerprint issue 34), leftovers of an earlier session (1, 52,
71), adapters that lose bytes of a picture at high speed (52), modules set to another speed.

Nobody can tell from a USB adapter what hangs on it, so discovery lists only ports that somebody
named (`ektp_hw.transport.serial_ports`); ``serial:/dev/ttyUSB0`` opens any. Behind the question
mark ``baud=`` says the speed, which is found out else, and ``password=`` (hexadecimal) what the
module was locked with.
"""

from __future__ import annotations

import logging
import re
import time
from typing import TYPE_CHECKING, ClassVar

from ektp_hw.devices.base import DeviceInfo
from ektp_hw.devices.capabilities import Feature, FingerprintCapabilities
from ektp_hw.devices.finger_presence import look_at
from ektp_hw.devices.fingerprint_scanner import FingerprintScanner
from ektp_hw.devices.redaction import Redaction, Rule
from ektp_hw.errors import (
    CaptureCancelled,
    CaptureTimeout,
    DeviceError,
    DeviceNotFound,
    DeviceUnavailable,
    ProtocolError,
    RetryAdvice,
    RetryCapture,
    UnavailableReason,
)
from ektp_hw.transport import serial, serial_ports
from ektp_hw.transport.zfm_module import Module, SystemParameters
from ektp_hw.transport.zfm_packets import pixels_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import numpy as np
    import numpy.typing as npt

    from ektp_hw.devices.wait import CaptureWait
    from ektp_hw.transport.base import SerialConnection
    from ektp_hw.transport.serial_ports import SerialAddress

    Pixels = npt.NDArray[np.uint8]
    Show = Callable[[Pixels], None]

__all__ = ["ZFM"]

_log = logging.getLogger(__name__)

_TITLE = "ZFM/R30x/R503 fingerprint module"
_TAKE_PICTURE, _SEND_PICTURE = b"\x01", b"\x0a"
_OK, _DAMAGED, _NO_FINGER, _BLURRED = 0x00, 0x01, 0x02, 0x03
_WRONG_PASSWORD, _NO_PICTURE, _LOCKED = 0x13, 0x15, 0x21
_ADVICE = {
    0x06: RetryAdvice.PRESS_LIGHTER,  # ridges run into each other
    0x07: RetryAdvice.PRESS_HARDER,  # too little of the finger, or too dry
}
_SIZES = {36_864: (288, 256, 500.0), 18_432: (192, 192, 508.0)}
"""Bytes of a picture to its height, width and resolution."""
_BAUD = 57_600
_OTHER_BAUDS = (115_200, 9_600, 19_200, 38_400)
"""Speeds that are tried when nobody named one, after the usual one."""
_SLOWEST_BY_US = 19_200
"""A picture takes 21 s there; slower than this no driver should make a module on its own."""
_HELLO = 0.3
"""Seconds for the first answer of all; it needs 10 ms, from a module that is just waking 200."""
_PAUSE = 0.03
"""Seconds between two looks for a finger."""
_SLOWEST_PICTURE = 0.7
"""Seconds after which any module has said whether there is a finger."""
_BLURRED_AT_MOST = 5
_DOWNLOADS = 4
_DAMAGED_AT_A_SPEED = 2
_PAUSE_AT_NEW_SPEED = 0.1
_BLACK = 48
"""Grey above which any lit picture has pixels."""


class ZFM(FingerprintScanner):
    """A fingerprint module on a serial line: ZFM-20/60, R30x, FPM10A, AS608, R503.

    Parameters
    ----------
    info
        Which one.
    connect
        How to reach its address; another function replays a transcript.

    Attributes
    ----------
    parameters
        What the module told of itself when it was opened; None before.
    """

    name: ClassVar[str] = "zfm"
    schemes: ClassVar[tuple[str, ...]] = ("serial",)
    redaction: ClassVar[Redaction] = Redaction(sent=Rule(longest=12, head=b"\xff" * 10))
    """Kept of a command that has more than its name: the name, and not the password."""

    def __init__(
        self, info: DeviceInfo, connect: Callable[[str], SerialConnection] = serial.connect
    ) -> None:
        super().__init__(info)
        self._connect = connect
        self._line: SerialConnection | None = None
        self._module: Module | None = None
        self._baud = _BAUD
        self._ppi = 500.0
        self._shape: tuple[int, int] | None = None
        self.parameters: SystemParameters | None = None

    @classmethod
    def discover(cls) -> list[DeviceInfo]:
        """List the ports that somebody named as such modules, without opening any."""
        named = serial_ports.named_ports(cls.name, r"r503|zfm-|as608|fpm10")
        return [
            DeviceInfo(
                f"{port.uri}?driver={cls.name}", cls.kind, f"{_TITLE} on {port.title}", cls.name,
                port.serial, port.vendor_id, port.product_id,
            )
            for port in named
        ]  # fmt: skip

    @classmethod
    def locate(cls, uri: str) -> DeviceInfo | None:
        """Return what is known of the port, None if the address names another driver.

        Raises
        ------
        DeviceNotFound
            If it cannot be an address.
        """
        place = serial_ports.locate(uri)
        if place.driver not in {None, cls.name}:
            return None
        _password(place)
        said = {"driver": place.driver, "baud": place.baud}
        shown = "&".join(f"{name}={value}" for name, value in said.items() if value)
        shown = f"serial:{place.path}?{shown}".removesuffix("?")
        title = f"{_TITLE} on {place.path}"
        return DeviceInfo(shown, cls.kind, title, cls.name, address=uri)

    @property
    def ppi(self) -> float:
        """500, or 508 for the R503, by the makers' data sheets; known after the first picture."""
        return self._ppi

    @property
    def capabilities(self) -> FingerprintCapabilities:
        """The size is known after the first picture: the modules do not tell theirs."""
        height, width = self._shape or (None, None)
        return FingerprintCapabilities(
            width=width,
            height=height,
            ppi=self.ppi,
            bits=4,
            features=frozenset({Feature.PRESENCE, Feature.COMPARISON}),
        )

    def _open(self) -> None:
        self._line = self._connect(self.info.address)
        try:
            self._module = Module(self._line, self.info.uri)
            self._find_speed()
            self.parameters = self._module.parameters(self._while_opening)
        except BaseException:
            self._close()
            raise

    def _close(self) -> None:
        line, self._line, self._module = self._line, None, None
        if line is not None:
            line.close()

    def _while_opening(self) -> None:
        """End the opening if another thread closes the device; else each step has its limit."""
        if self._closing.is_set():
            raise CaptureCancelled("the device was closed while opening", device=self.info.uri)

    @property
    def _address(self) -> SerialAddress:
        return serial_ports.locate(self.info.address)

    @property
    def _talk(self) -> Module:
        if self._module is None:
            raise DeviceError("the device is closed; open it first", device=self.info.uri)
        return self._module

    def _find_speed(self) -> None:
        """Say hello at one speed after the other until the module answers."""
        for baud in self._attempts():
            self._talk.listen_at(baud, self._while_opening)
            try:
                answer = self._hello()
            except ProtocolError as error:
                _log.debug("no module at %d baud: %s", baud, error)
                continue
            if answer == _WRONG_PASSWORD:
                raise DeviceUnavailable(
                    "the module is locked; give its password in the address (?password=1234abcd)",
                    reason=UnavailableReason.NOT_PERMITTED,
                    device=self.info.uri,
                )
            if answer == _OK:
                self._baud = baud
                return
        raise DeviceUnavailable(
            "no fingerprint module answers on this port; check its supply, that TX and RX are"
            " crossed, and its speed",
            reason=UnavailableReason.POWERED_OFF,
            device=self.info.uri,
        )

    def _attempts(self) -> Iterator[int]:
        """Give the speeds to try: waking modules swallow a command or two at any."""
        named = self._address.baud
        yield from [named or _BAUD] * 3
        if named is None:
            for baud in _OTHER_BAUDS:
                yield from [baud] * 2
        yield named or _BAUD

    def _hello(self) -> int:
        return self._talk.hello(_password(self._address), self._while_opening, _HELLO)

    def _start(self, wait: CaptureWait) -> None:
        if not self._talk.in_step:
            self._mend(wait)

    def _await_finger(self, wait: CaptureWait, show: Show) -> None:
        del show  # without a finger there is no picture
        blurred = 0
        while True:
            code = self._take_picture(wait)
            if code == _OK:
                return
            if code in _ADVICE:
                raise RetryCapture(_ADVICE[code], device=self.info.uri)
            if code == _BLURRED:
                blurred += 1
                if blurred == _BLURRED_AT_MOST:
                    raise RetryCapture(RetryAdvice.REMOVE_FINGER, device=self.info.uri)
            elif code == _LOCKED:  # it has started anew
                self._hello()
            elif code not in {_NO_FINGER, _DAMAGED}:
                raise ProtocolError(
                    f"the module cannot take a picture (code {code:02X}); plug it in anew",
                    device=self.info.uri,
                )
            wait.sleep(_PAUSE)

    def _take_picture(self, wait: CaptureWait) -> int:
        """Return the module's answer, _DAMAGED also where none came and the line was mended."""
        asked = time.monotonic()
        try:
            return self._talk.ask(_TAKE_PICTURE, wait.check)[0]
        except CaptureTimeout as error:
            if time.monotonic() - asked < _SLOWEST_PICTURE:
                raise
            raise self._mute() from error
        except ProtocolError as error:
            self._slipped(error)
            self._mend(wait)
            return _DAMAGED

    def _acquire(self, wait: CaptureWait, show: Show) -> Pixels | None:
        packed = self._download(wait)
        if packed is None:
            return None
        height, width, self._ppi = _SIZES[len(packed)]
        self._shape = height, width
        pixels = pixels_of(packed).reshape(self._shape)
        self._judge(pixels)
        show(pixels)
        return pixels

    def _judge(self, pixels: Pixels) -> None:
        if pixels.max() < _BLACK:
            raise DeviceError(
                "the picture is black: lamp or sensor of the module have failed; replace it",
                device=self.info.uri,
            )
        look = look_at(pixels)
        if look.is_noise:
            raise ProtocolError(
                "what the module sent is no picture; try again, then plug it in anew",
                device=self.info.uri,
            )
        if not look.has_finger:
            raise RetryCapture(RetryAdvice.CENTRE_FINGER, device=self.info.uri)

    def _download(self, wait: CaptureWait) -> bytes | None:
        """Fetch the picture the module holds, more slowly if need be; None if it holds none."""
        why, damaged, remedy = "", 0, "plug the module in anew, then replace it"
        for _ in range(_DOWNLOADS):
            try:
                code, content = self._fetch(wait)
                if code in {_NO_PICTURE, _LOCKED}:
                    return None
                if len(content) in _SIZES:
                    return content
                why = f"the module sent {len(content)} bytes and code {code:02X}"
            except ProtocolError as error:
                why, damaged = str(error).removeprefix(f"{self.info.uri}: "), damaged + 1
                remedy = "use a shorter cable or another USB adapter"
            self._slipped(ProtocolError(why, device=self.info.uri))
            self._mend(wait)
            if damaged == _DAMAGED_AT_A_SPEED:
                damaged = 0
                self._slow_down(wait)
        raise ProtocolError(
            f"the picture did not come whole in {_DOWNLOADS} attempts ({why}); {remedy}",
            device=self.info.uri,
        )

    def _fetch(self, wait: CaptureWait) -> tuple[int, bytes]:
        """Return the module's answer and what it sent behind it."""
        try:
            code = self._talk.ask(_SEND_PICTURE, wait.check)[0]
            return code, self._talk.data(wait.check, max(_SIZES)) if code == _OK else b""
        except CaptureTimeout as error:
            seconds = max(_SIZES) * 10 * 1.1 / self._baud
            raise CaptureTimeout(
                "a finger was there, but its picture did not come in time: over this line it takes"
                f" up to {seconds:.0f} s; wait longer, or set the module to a higher speed",
                device=self.info.uri,
            ) from error

    def _mend(self, wait: CaptureWait) -> None:
        """Get in step with the module again."""
        try:
            self._talk.resynchronise(wait.check)
        except CaptureTimeout as error:
            raise self._mute() from error

    def _mute(self) -> CaptureTimeout:
        """Return the error that does not blame the person for a module that says nothing."""
        return CaptureTimeout(
            "the module did not answer any more; check its supply and cable, then try again",
            device=self.info.uri,
        )

    def _slow_down(self, wait: CaptureWait) -> None:
        """Set module and line to the next lower speed, unless the address names one.

        The module keeps it when it is switched off; the next opening finds it out.
        """
        slower = [baud for baud in (_BAUD, *_OTHER_BAUDS) if _SLOWEST_BY_US <= baud < self._baud]
        if self._address.baud is not None or not slower:
            return
        baud = max(slower)
        if not self._talk.change_speed(baud, wait.check):
            return
        _log.warning(
            "%s: pictures come damaged at %d baud; the module is set to %d now",
            self.info.uri,
            self._baud,
            baud,
        )
        self._baud = baud
        wait.sleep(_PAUSE_AT_NEW_SPEED)
        self._mend(wait)

    def _stop(self) -> None:
        """Do nothing: the module rests by itself between pictures."""


def _password(place: SerialAddress) -> int:
    """Return the password an address names, 0 as in new modules if none.

    Raises
    ------
    DeviceNotFound
        If it is none, or the address has other options.
    """
    text = place.options.get("password", "0")
    unknown = set(place.options) - {"password"}
    if unknown or not re.fullmatch("[0-9a-fA-F]{1,8}", text):
        wrong = f"no option '{min(unknown)}' is known" if unknown else "the password is no number"
        raise DeviceNotFound(
            f"{wrong}; such a module's address looks like"
            " serial:/dev/ttyUSB0?baud=57600&password=1234abcd",
            device=place.path,
        )
    return int(text, 16)
