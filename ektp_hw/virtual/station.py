# SPDX-License-Identifier: Apache-2.0
"""The virtual devices of this process, offered under ``virtual:`` by an entry point like any other.

To add a device: write its model, and add one row to `OFFERS` with a function that plugs the model
in and returns the address at which its real driver finds it.
"""

from __future__ import annotations

import atexit
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, TypeVar
from urllib.parse import parse_qsl, urlsplit

from ektp_hw.devices.base import Device, DeviceInfo, DeviceKind, UsbId
from ektp_hw.errors import DeviceNotFound

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ektp_hw.virtual.camera import VirtualIrisCamera
    from ektp_hw.virtual.card import VirtualCardReader
    from ektp_hw.virtual.pad import VirtualSignaturePad
    from ektp_hw.virtual.scanner import VirtualScanner
    from ektp_hw.virtual.serial_line import SerialFunction, SerialLine
    from ektp_hw.virtual.uareu import VirtualUareU
    from ektp_hw.virtual.usb_function import UsbFunction
    from ektp_hw.virtual.usbip_server import UsbipServer
    from ektp_hw.virtual.zfm import VirtualZFM

    Options = Mapping[str, str]
    _F = TypeVar("_F", bound=UsbFunction)
    _S = TypeVar("_S", bound=SerialFunction)

__all__ = ["OFFERS", "Offer", "Station", "VirtualStation", "station"]


class Station:
    """The desk of virtual devices: made once a process, each device plugged in on first use."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._server: UsbipServer | None = None
        self._functions: dict[str, UsbFunction] = {}
        self._lines: dict[str, SerialLine] = {}

    @property
    def scanner(self) -> VirtualScanner:
        """The fingerprint scanner, to be scripted."""
        from ektp_hw.virtual.scanner import VirtualScanner

        return self.function("fingerprint", VirtualScanner)

    @property
    def uareu(self) -> VirtualUareU:
        """The fingerprint reader that tells when a finger comes and goes, to be scripted."""
        from ektp_hw.virtual.uareu import VirtualUareU

        return self.function("uareu", VirtualUareU)

    @property
    def camera(self) -> VirtualIrisCamera:
        """The near-infrared camera, to be scripted."""
        from ektp_hw.virtual.camera import VirtualIrisCamera

        return self.function("iris", VirtualIrisCamera)

    @property
    def pad(self) -> VirtualSignaturePad:
        """The signature pad, to be scripted."""
        from ektp_hw.virtual.pad import VirtualSignaturePad

        return self.function("signature", VirtualSignaturePad)

    @property
    def card_reader(self) -> VirtualCardReader:
        """The card reader, to be scripted; slot 1 is for a SAM."""
        from ektp_hw.virtual.card import VirtualCardReader

        return self.function("card", lambda: VirtualCardReader(slots=2))

    def function(self, name: str, make: Callable[[], _F]) -> _F:
        """Return the USB model of that name, made when first asked for."""
        with self._lock:
            model = self._functions.get(name)
            if model is None:
                model = self._functions[name] = make()
            return model  # type: ignore[return-value]  # each name has one maker

    def usb_address(self, model: UsbFunction) -> str:
        """Plug the model in where it is not, and return the URI of its place on the bus."""
        from ektp_hw.virtual.usbip_server import UsbipServer

        with self._lock:
            if self._server is None:
                self._server = UsbipServer()
            server = self._server
            busid = server.bus_id(model) or server.plug(model)
            return f"usbip:{server.host}:{server.port}/{busid}"

    @property
    def serial_module(self) -> VirtualZFM:
        """The fingerprint module on a serial line, to be scripted."""
        from ektp_hw.virtual.zfm import VirtualZFM

        return self._serial("zfm", VirtualZFM)[1]

    def serial_address(self, name: str, make: Callable[[], SerialFunction]) -> str:
        """Plug the module of that name in where it is not, and return the URI of its port."""
        line, _ = self._serial(name, make)
        line.plug_in()
        return f"serial:{line.path}?driver={name}"

    def _serial(self, name: str, make: Callable[[], _S]) -> tuple[SerialLine, _S]:
        from ektp_hw.virtual.serial_line import SerialLine

        with self._lock:
            line = self._lines.get(name)
            if line is None:
                line = self._lines[name] = SerialLine(make())
            return line, line.function  # type: ignore[return-value]  # each name has one maker

    def close(self) -> None:
        """Unplug everything; the next opening starts afresh."""
        with self._lock:
            server, self._server = self._server, None
            lines = list(self._lines.values())
            self._functions.clear()
            self._lines.clear()
        for line in lines:
            line.close()
        if server is not None:
            server.close()


_STATION = Station()
atexit.register(_STATION.close)


def station() -> Station:
    """Return the virtual devices of this process."""
    return _STATION


@dataclass(frozen=True)
class Offer:
    """One row of the table: what stands behind ``virtual:<name>``."""

    kind: DeviceKind
    title: str
    plug_in: Callable[[Station, Options], str]
    """Makes the device ready as the URI's options ask and returns the real driver's address."""


def _fingerprint(desk: Station, options: Options) -> str:
    scanner = desk.scanner
    scanner.script(options)
    return desk.usb_address(scanner)


def _uareu(desk: Station, options: Options) -> str:
    desk.uareu.script(options)
    return desk.usb_address(desk.uareu)


def _iris(desk: Station, options: Options) -> str:
    desk.camera.script(options)
    return desk.usb_address(desk.camera)


def _signature(desk: Station, options: Options) -> str:
    desk.pad.script(options)
    return desk.usb_address(desk.pad)


def _epad(desk: Station, options: Options) -> str:
    from ektp_hw.virtual.epad import VirtualEpad

    pad = desk.function("epad", VirtualEpad)
    pad.script(options)
    return desk.usb_address(pad)


def _card(desk: Station, options: Options) -> str:
    desk.card_reader.script(options)
    return desk.usb_address(desk.card_reader)


def _nb1010(desk: Station, options: Options) -> str:
    from ektp_hw.virtual.nb1010 import VirtualNB1010

    sensor = desk.function("nb1010", VirtualNB1010)
    sensor.script(options)
    return desk.usb_address(sensor)


def _zfm(desk: Station, options: Options) -> str:
    from ektp_hw.virtual.zfm import VirtualZFM

    desk.serial_module.script(options)
    return desk.serial_address("zfm", VirtualZFM)


OFFERS: dict[str, Offer] = {
    "fingerprint": Offer(
        DeviceKind.FINGERPRINT, "Virtual fingerprint scanner (ZK4500, no hardware)", _fingerprint
    ),
    "uareu": Offer(
        DeviceKind.FINGERPRINT, "Virtual fingerprint reader (U.are.U 4500, no hardware)", _uareu
    ),
    "iris": Offer(DeviceKind.IRIS, "Virtual iris camera (UVC, no hardware)", _iris),
    "signature": Offer(
        DeviceKind.SIGNATURE, "Virtual signature pad (STU-430, no hardware)", _signature
    ),
    "epad": Offer(DeviceKind.SIGNATURE, "Virtual signature pad (ePad, no hardware)", _epad),
    "card": Offer(DeviceKind.CARD, "Virtual card reader (CCID, no hardware)", _card),
    "nb1010": Offer(
        DeviceKind.FINGERPRINT, "Virtual fingerprint sensor (NB-1010-U, no hardware)", _nb1010
    ),
    "zfm": Offer(
        DeviceKind.FINGERPRINT, "Virtual fingerprint module (R307 serial, no hardware)", _zfm
    ),
}


class VirtualStation:
    """Devices without hardware: models on a wire, opened by the real drivers."""

    name: ClassVar[str] = "virtual"
    schemes: ClassVar[tuple[str, ...]] = ("virtual",)
    usb_ids: ClassVar[tuple[UsbId, ...]] = ()

    @classmethod
    def discover(cls) -> list[DeviceInfo]:
        """List every virtual device; nothing is started by it."""
        return [cls._info(name, f"virtual:{name}") for name in OFFERS]

    @classmethod
    def locate(cls, uri: str) -> DeviceInfo | None:
        """Return the device of that name; None if there is none."""
        name = urlsplit(uri).path
        return cls._info(name, uri) if name in OFFERS else None

    @classmethod
    def device(cls, info: DeviceInfo) -> Device:
        """Plug the device in and make the real driver's device for it, still closed."""
        from ektp_hw.registry import make_device

        parts = urlsplit(info.uri)
        offer = OFFERS.get(parts.path)
        if offer is None:
            raise DeviceNotFound(
                f"there is no such virtual device; there are {', '.join(OFFERS)}", device=info.uri
            )
        address = offer.plug_in(station(), dict(parse_qsl(parts.query)))
        return make_device(address, seen_as=info)

    @staticmethod
    def _info(name: str, uri: str) -> DeviceInfo:
        return DeviceInfo(uri, OFFERS[name].kind, OFFERS[name].title, VirtualStation.name)
