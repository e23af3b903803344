# SPDX-License-Identifier: Apache-2.0
"""The USB devices of a station as the kernel shows them in /sys, without opening any.

Attributes: Linux, Documentation/ABI/testing/sysfs-bus-usb and Documentation/driver-api/usb. A
device is named by its bus and port chain, ``1-4.2``: port 2 of the hub at port 4 of bus 1.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from ektp_hw.diagnostics.surroundings import Surroundings

__all__ = ["HUB", "UsbFace", "UsbPlug", "has_usb", "plug_at", "port_of", "usb_devices"]

HUB = 0x09
"""Class of hubs."""
_FOLDER = "sys/bus/usb/devices"
_DEVICE = re.compile(r"[0-9]+-[0-9]+(\.[0-9]+)*")
_SELF_POWERED = 0x40
"""Bit of bmAttributes (USB 2.0, 9.6.3)."""


@dataclass(frozen=True)
class UsbFace:
    """An interface: its number, class and the kernel's driver that holds it, empty for none."""

    number: int
    device_class: int
    driver: str
    module: str
    folder: Path


@dataclass(frozen=True)
class UsbPlug:
    """A device, or a hub, at its place.

    Parameters
    ----------
    place
        Bus and port chain.
    speed
        Megabits a second: 1.5, 12, 480, 5000, ...
    milliamperes
        What it may draw, as it says itself.
    configuration
        The one in use; None while the kernel has chosen none, as for a device it cannot read.
    is_authorized
        Whether the kernel may use it.
    """

    place: str
    vendor_id: int
    product_id: int
    bus: int
    address: int
    device_class: int
    speed: float
    milliamperes: int
    is_self_powered: bool
    configuration: int | None
    is_authorized: bool
    title: str
    runtime_status: str
    power_control: str
    transfers: int | None
    faces: tuple[UsbFace, ...]

    @property
    def uri(self) -> str:
        """The address by which this package's drivers name it."""
        return f"usb:{self.vendor_id:04x}:{self.product_id:04x}@{self.place}"

    @property
    def ids(self) -> tuple[int, int]:
        """Vendor and product."""
        return self.vendor_id, self.product_id

    @property
    def hub(self) -> str:
        """The place of the hub it hangs on; empty at a socket of the computer."""
        return self.place.rpartition(".")[0]

    @property
    def depth(self) -> int:
        """How many hubs stand between it and the computer."""
        return self.place.count(".")

    @property
    def is_hub(self) -> bool:
        """Whether it is a hub."""
        return self.device_class == HUB

    @property
    def name(self) -> str:
        """What it calls itself, else its numbers."""
        return self.title or f"{self.vendor_id:04x}:{self.product_id:04x}"

    @property
    def node(self) -> str:
        """Where programs open it."""
        return f"dev/bus/usb/{self.bus:03d}/{self.address:03d}"

    def has_class(self, number: int) -> bool:
        """Tell whether the device or one of its interfaces is of a class."""
        return self.device_class == number or any(
            face.device_class == number for face in self.faces
        )


def has_usb(around: Surroundings) -> bool:
    """Tell whether the kernel shows any USB."""
    return around.path(_FOLDER).is_dir()


def usb_devices(around: Surroundings) -> list[UsbPlug]:
    """List devices and hubs, by place; what vanishes meanwhile is left out."""
    try:
        folders = sorted(around.path(_FOLDER).iterdir())
    except OSError:
        return []
    plugs = [_plug(folder) for folder in folders if _DEVICE.fullmatch(folder.name)]
    return [plug for plug in plugs if plug is not None]


def plug_at(plugs: list[UsbPlug], place: str) -> UsbPlug | None:
    """Return the device at a place."""
    return next((plug for plug in plugs if plug.place == place), None)


def port_of(name: str) -> str:
    """Return the place behind a port as the kernel writes it: ``usb1-port4`` is ``1-4``."""
    hub, _, port = name.rpartition("-port")
    return f"{hub.removeprefix('usb')}-{port}" if hub.startswith("usb") else f"{hub}.{port}"


def _plug(folder: Path) -> UsbPlug | None:
    vendor, product = _number(folder / "idVendor", 16), _number(folder / "idProduct", 16)
    if vendor is None or product is None:
        return None
    attributes = _number(folder / "bmAttributes", 16) or 0
    drawn = re.match(r"[0-9]+", _text(folder / "bMaxPower"))
    try:
        speed = float(_text(folder / "speed"))
    except ValueError:
        speed = 0.0
    return UsbPlug(
        place=folder.name,
        vendor_id=vendor,
        product_id=product,
        bus=_number(folder / "busnum") or 0,
        address=_number(folder / "devnum") or 0,
        device_class=_number(folder / "bDeviceClass", 16) or 0,
        speed=speed,
        milliamperes=int(drawn[0]) if drawn else 0,
        is_self_powered=bool(attributes & _SELF_POWERED),
        configuration=_number(folder / "bConfigurationValue"),
        is_authorized=_text(folder / "authorized") != "0",
        title=" ".join(_text(folder / name) for name in ("manufacturer", "product")).strip(),
        runtime_status=_text(folder / "power/runtime_status"),
        power_control=_text(folder / "power/control"),
        transfers=_number(folder / "urbnum"),
        faces=tuple(_faces(folder)),
    )


def _faces(folder: Path) -> list[UsbFace]:
    faces = []
    beside = {*folder.glob(f"{folder.name}:*"), *folder.parent.glob(f"{folder.name}:*")}
    by_name = {face.name: face for face in beside}
    for name in sorted(by_name):
        face = by_name[name]
        number = name.rpartition(".")[2]
        kind = _number(face / "bInterfaceClass", 16) or 0
        if number.isdecimal():
            driver, module = _link(face / "driver"), _link(face / "driver" / "module")
            faces.append(UsbFace(int(number), kind, driver, module, face))
    return faces


def _link(path: Path) -> str:
    try:
        return path.readlink().name
    except OSError:
        return ""


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8", errors="replace").strip()
    except OSError:
        return ""


def _number(path: Path, base: int = 10) -> int | None:
    try:
        return int(_text(path), base)
    except ValueError:
        return None
