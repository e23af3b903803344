# SPDX-License-Identifier: Apache-2.0
"""Topaz signature pads on a serial line: five bytes a sample, nothing is sent to the pad.

Layout: topaz_serial.cpp of a public tablet adapter (2011, author given as Bernard): byte 0 has
bit 7 set in no other byte, bit 6 for a pen that is near, bit 0 for the tip; two bytes each for x
and y, seven low bits first, then five high ones. There is no pressure and no numbering: only
packets that came mutilated count as dropped. Speed and parity (19,200 baud, odd) and the 410
points an inch are what is commonly said of these pads and were not checked on a unit; an address
can say otherwise: ``serial:/dev/ttyUSB0?driver=topaz_serial&baud=9600&parity=none&per_inch=400``.
"""

from __future__ import annotations

import re
import time
from collections import deque
from typing import TYPE_CHECKING, ClassVar

from ektp_hw.devices.base import DeviceInfo, DeviceKind
from ektp_hw.devices.capabilities import Feature, SignatureCapabilities
from ektp_hw.devices.linked import Linked
from ektp_hw.devices.pen_pad import PenPad, PenSample
from ektp_hw.devices.wait import LONGEST_SLICE
from ektp_hw.errors import DeviceNotFound, ProtocolError
from ektp_hw.transport import serial, serial_ports

if TYPE_CHECKING:
    from collections.abc import Callable

    from ektp_hw.devices.wait import CaptureWait
    from ektp_hw.transport.base import SerialConnection

__all__ = ["TopazSerial"]

_BAUD, _PARITY, _PER_INCH = 19_200, "odd", 410.0
_PACKET = 5
_SYNC, _NEAR, _TIP = 0x80, 0x40, 0x01
_MOST = 0x0FFF
_RUBBISH = 400
"""Bytes in a row (0.2 s) without one packet after which speed or parity must be wrong."""
_GOOD_FOR_A_BAD = 4
"""Whole packets that must have come for each mutilated one; at a wrong speed fewer come."""
_BAD_AT_LEAST = 10
_READ_BYTES = 256
_LOOK_S = 0.02
"""Seconds of one read, nearly always the same: another time limit sets a port up anew."""


def _connect(uri: str) -> SerialConnection:
    options = serial_ports.locate(uri).options
    return serial.connect(uri, baud=_BAUD, parity=options.get("parity", _PARITY))


class TopazSerial(Linked["SerialConnection"], PenPad):
    """A Topaz signature pad on a serial line.

    Parameters
    ----------
    info
        Which one.
    connect
        How to reach its address; another function replays a transcript.
    """

    name: ClassVar[str] = "topaz_serial"
    schemes: ClassVar[tuple[str, ...]] = ("serial",)

    def __init__(
        self, info: DeviceInfo, connect: Callable[[str], SerialConnection] = _connect
    ) -> None:
        super().__init__(info)
        self._connect = connect
        self._per_mm = _per_inch(info.address) / 25.4
        self._packet = bytearray()
        self._rubbish = self._lost = self._good = self._bad = 0
        self._ready: deque[PenSample] = deque()

    @classmethod
    def discover(cls) -> list[DeviceInfo]:
        """List the ports that somebody named as such pads, without opening any."""
        return [
            DeviceInfo(
                f"{port.uri}?driver={cls.name}", cls.kind, f"Topaz signature pad ({port.title})",
                cls.name, port.serial, port.vendor_id, port.product_id,
            )
            for port in serial_ports.named_ports(cls.name)
        ]  # fmt: skip

    @classmethod
    def locate(cls, uri: str) -> DeviceInfo | None:
        """Return what is known of the pad at that address; None unless it names this driver.

        Raises
        ------
        DeviceNotFound
            If an option of the address cannot be.
        """
        address = serial_ports.locate(uri)
        if address.driver != cls.name:
            return None
        if address.options.get("parity", _PARITY) not in {"none", "even", "odd"}:
            raise DeviceNotFound("parity= is none, even or odd; mend the address", device=uri)
        _per_inch(uri)
        return DeviceInfo(uri, DeviceKind.SIGNATURE, "Topaz signature pad", cls.name)

    @property
    def capabilities(self) -> SignatureCapabilities:
        """What the protocol tells; the size of the sensor is not in it."""
        return SignatureCapabilities(
            per_mm=self._per_mm,
            pressure_levels=1,
            features=frozenset({Feature.PRESENCE, Feature.PREVIEW}),
        )

    def _start(self, wait: CaptureWait) -> None:
        wait.check()
        self._wire.discard()
        self._packet.clear()
        self._ready.clear()
        self._first, self._rubbish = None, 0
        self._lost = self._good = self._bad = 0

    def _stop(self) -> None:
        """Do nothing: the pad has no capture mode."""

    def _sample(self, wait: CaptureWait, longest: float = LONGEST_SLICE) -> PenSample | None:
        wait.check()
        if not self._ready:
            for byte in self._wire.read(_READ_BYTES, wait.slice(min(longest, _LOOK_S))):
                self._take(byte)
        return self._ready.popleft() if self._ready else None

    def _take(self, byte: int) -> None:
        """Add a byte; a byte with the top bit begins a packet, wherever it comes."""
        if byte & _SYNC:
            self._lost += bool(self._packet)
            self._packet[:] = [byte]
        elif self._packet:
            self._packet.append(byte)
        else:
            self._lost = max(self._lost, 1)
        self._rubbish += 1
        if len(self._packet) == _PACKET:
            self._end_packet()
        too_bad = self._bad > _BAD_AT_LEAST and self._bad * _GOOD_FOR_A_BAD > self._good
        if self._rubbish > _RUBBISH or too_bad:
            raise ProtocolError(
                "what comes is nothing a Topaz pad sends; check the address's baud= and parity=,"
                " then the cable",
                device=self.info.uri,
            )

    def _end_packet(self) -> None:
        flags, x_low, x_high, y_low, y_high = self._packet
        self._packet.clear()
        x, y = x_high << 7 | x_low, y_high << 7 | y_low
        if x > _MOST or y > _MOST:
            self._lost += 1
            return
        self._rubbish, lost, self._lost = 0, self._lost, 0
        self._good, self._bad = self._good + 1, self._bad + lost
        tip = bool(flags & _TIP)
        self._ready.append(
            PenSample(
                time.monotonic(), x / self._per_mm, y / self._per_mm, float(tip), tip,
                near=bool(flags & _NEAR), dropped=lost,
            )
        )  # fmt: skip


def _per_inch(uri: str) -> float:
    """Return the points an inch that an address names, or the usual ones."""
    if not uri.startswith("serial:"):
        return _PER_INCH
    text = serial_ports.locate(uri).options.get("per_inch", "")
    if not text:
        return _PER_INCH
    if not re.fullmatch(r"[1-9][0-9]{0,4}", text):
        raise DeviceNotFound(
            f"per_inch={text} is no number of points an inch; mend the address", device=uri
        )
    return float(text)
