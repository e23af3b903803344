# SPDX-License-Identifier: Apache-2.0
"""Every picture-giving sensor the system's libfprint knows: ``libfprint:<driver>@<place>``.

libfprint's own device id is "0" for nearly all sensors, so the name here is its driver and the
place on the bus, ``libfprint:egis0570@1-4``. What one of our own drivers claims is better opened
by that; `ektp_hw.discover` lists it once, for ours. libfprint waits until the finger is lifted
before it hands the picture over.

What cannot be mended from here: some of libfprint's drivers wait for ever for a transfer that the
sensor owes them. Captures still end in time, but only unplugging such a sensor ends its silence.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, ClassVar

from ektp_hw.devices.base import DeviceInfo
from ektp_hw.devices.capabilities import Feature, FingerprintCapabilities
from ektp_hw.devices.fingerprint_scanner import FingerprintScanner
from ektp_hw.errors import CaptureTimeout, DeviceError, DeviceUnavailable, ProtocolError
from ektp_hw.samples import MAX_PPI, MIN_PPI
from ektp_hw.transport import libfprint

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    import numpy.typing as npt

    from ektp_hw.devices.wait import CaptureWait
    from ektp_hw.transport.libfprint import Picture, Sensor

    Pixels = npt.NDArray[np.uint8]
    Show = Callable[[Pixels], None]

__all__ = ["LibfprintSensor"]

_log = logging.getLogger(__name__)
_SCHEME = "libfprint:"
_MILLIMETRES = 25.4
_USUAL_PPI = 500.0
_FAREWELL = 0.1
"""Seconds that a cancelled capture has to end before the caller gets control back."""


class LibfprintSensor(FingerprintScanner):
    """A sensor driven by the system's libfprint.

    Parameters
    ----------
    info
        Which one.
    connect
        How to reach it, by name and URI; another function stands in for libfprint.
    """

    name: ClassVar[str] = "libfprint"
    schemes: ClassVar[tuple[str, ...]] = ("libfprint",)

    def __init__(
        self, info: DeviceInfo, connect: Callable[[str, str], Sensor] = libfprint.Sensor
    ) -> None:
        super().__init__(info)
        self._connect = connect
        self._sensor: Sensor | None = None
        self._is_suspect = False
        self._ppi = _USUAL_PPI

    @classmethod
    def discover(cls) -> list[DeviceInfo]:
        """Ask libfprint for its sensors; a missing library costs a log line."""
        try:
            return [
                DeviceInfo(
                    f"{_SCHEME}{one.name}", cls.kind, f"{one.title} (by libfprint)", cls.name,
                    vendor_id=one.vendor_id, product_id=one.product_id,
                )
                for one in libfprint.seen()
            ]  # fmt: skip
        except DeviceUnavailable as lack:
            _log.info("no sensors of libfprint: %s", lack)
            return []

    @classmethod
    def locate(cls, uri: str) -> DeviceInfo | None:
        """Return the sensor of that name, without asking whether it is there."""
        name = uri.removeprefix(_SCHEME)
        if not uri.startswith(_SCHEME) or not name:
            return None
        return DeviceInfo(uri, cls.kind, f"{name.partition('@')[0]} (by libfprint)", cls.name)

    @property
    def ppi(self) -> float:
        """As libfprint says with the last picture; before it, and where it does not say, 500."""
        return self._ppi

    @property
    def capabilities(self) -> FingerprintCapabilities:
        """What libfprint tells of a sensor before its first picture is little."""
        return FingerprintCapabilities(features=frozenset({Feature.PRESENCE}))

    def _open(self) -> None:
        self._is_suspect = False
        name = self.info.address.removeprefix(_SCHEME)
        self._sensor = self._connect(name, self.info.address)

    def _close(self) -> None:
        if self._sensor is not None:
            self._sensor.close()
            self._sensor = None

    def _start(self, wait: CaptureWait) -> None:
        if self._sensor is not None:
            self._await_the_end_before(wait)
        if self._is_suspect:
            self._opened().reset()
            self._close()
        if self._sensor is None:
            self._open()
        sensor = self._opened()
        self._discard(sensor)
        sensor.begin_capture()

    def _await_finger(self, wait: CaptureWait, show: Show) -> None:
        del show
        sensor = self._opened()
        while not sensor.is_done and not sensor.has_finger:
            wait.check()
            sensor.turn(wait.slice())

    def _acquire(self, wait: CaptureWait, show: Show) -> Pixels | None:
        self._turn_until_done(wait)
        try:
            picture = self._opened().take()
        except ProtocolError:
            self._is_suspect = True
            raise
        if picture is None:
            raise ProtocolError(
                "libfprint ended the capture without a picture; try again, then bring libfprint "
                "up to date",
                device=self.info.uri,
            )
        pixels = self._pixels(picture)
        show(pixels)
        return pixels

    def _stop(self) -> None:
        if self._sensor is not None and not self._sensor.is_done:
            self._sensor.cancel()
            self._sensor.turn_until_done(_FAREWELL)

    def _opened(self) -> Sensor:
        if self._sensor is None:
            raise DeviceError("the device is closed; open it first", device=self.info.uri)
        return self._sensor

    def _await_the_end_before(self, wait: CaptureWait) -> None:
        """Wait until a capture that was given up has ended."""
        try:
            self._turn_until_done(wait)
        except CaptureTimeout as late:
            raise CaptureTimeout(
                "libfprint has not yet ended the capture before; try again, then unplug the sensor",
                device=self.info.uri,
            ) from late

    def _turn_until_done(self, wait: CaptureWait) -> None:
        sensor = self._opened()
        while not sensor.is_done:
            wait.check()
            sensor.turn(wait.slice())

    def _discard(self, sensor: Sensor) -> None:
        try:
            sensor.take()
        except Exception as error:  # noqa: BLE001  # of a capture that was given up before
            _log.debug("%s: the capture before ended with: %s", self.info.uri, error)

    def _pixels(self, picture: Picture) -> Pixels:
        import numpy as np

        pixels = np.frombuffer(picture.pixels, np.uint8)
        ppi = picture.per_millimetre * _MILLIMETRES or _USUAL_PPI
        if len(pixels) != picture.width * picture.height or not MIN_PPI <= ppi <= MAX_PPI:
            raise ProtocolError(
                f"libfprint gave {len(pixels)} pixels at {ppi:.0f} ppi for a picture of "
                f"{picture.width} x {picture.height}; bring libfprint up to date",
                device=self.info.uri,
            )
        self._ppi = ppi
        return pixels.reshape(picture.height, picture.width)
