# SPDX-License-Identifier: Apache-2.0
"""Which USB devices are capture devices: by our drivers' tables, else by maker and class.

Makers: usb.ids and the drivers of libfprint, whose public tables of supported and unsupported
sensors name them. A maker's table entry is no promise that a driver exists for the model.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from ektp_hw.devices.base import DeviceInfo, DeviceKind

if TYPE_CHECKING:
    from ektp_hw.diagnostics.surroundings import Surroundings
    from ektp_hw.diagnostics.usb_bus import UsbPlug

__all__ = [
    "CARD_READER_CLASS",
    "VIDEO_CLASS",
    "Known",
    "capture_kind",
    "found_devices",
    "known_models",
    "looks_like",
    "portrait_cameras",
    "takes_portraits",
]

CARD_READER_CLASS, VIDEO_CLASS = 0x0B, 0x0E
_FINGERPRINT_MAKERS = {
    0x05BA: "DigitalPersona",
    0x061A: "Veridicom",
    0x08FF: "AuthenTec",
    0x1162: "SecuGen",
    0x113F: "Integrated Biometrics",
    0x138A: "Validity",
    0x147E: "UPEK",
    0x1491: "Futronic",
    0x16D1: "Suprema",
    0x1B55: "ZKTeco",
    0x1C7A: "Egis",
    0x1FAE: "Lumidigm",
    0x27C6: "Goodix",
    0x298D: "NEXT Biometrics",
}
_PAD_MAKERS = {0x06A8: "Topaz", 0x04DF: "ePadLink"}
_WACOM, _STU_PADS = 0x056A, range(0x00A0, 0x00B0)
"""Wacom's other products are drawing tablets."""
_INFRARED = re.compile(r"\b(ir|nir|infra-?red|iris)\b", re.IGNORECASE)
_PATIENCE = 4.0
"""Seconds for all drivers to look for their devices."""


class Known(NamedTuple):
    """A model of a driver's table."""

    driver: str
    kind: DeviceKind
    model: str
    schemes: tuple[str, ...]
    prefers_hidraw: bool = False

    def goes_by(self, way: str) -> bool:
        """Tell whether the driver takes that way to a device that has several."""
        if way not in self.schemes:
            return False
        if "usb" not in self.schemes or way == "usb":
            return way != "usb" or not self.prefers_hidraw
        return way == "hidraw" and self.prefers_hidraw


def known_models() -> dict[tuple[int, int], list[Known]]:
    """Return the models of every driver that loads, by vendor and product."""
    from ektp_hw.registry import drivers

    models: dict[tuple[int, int], list[Known]] = {}
    for driver in drivers():
        kind = getattr(driver, "kind", None)
        if kind is None:
            continue
        for row in driver.usb_ids:
            known = Known(
                driver.name,
                DeviceKind(kind),
                row.model,
                tuple(driver.schemes),
                prefers_hidraw=bool(getattr(driver, "prefers_hidraw", False)),
            )
            models.setdefault((row.vendor, row.product), []).append(known)
    return models


def looks_like(plug: UsbPlug) -> DeviceKind | None:
    """Guess what an unknown device captures, from maker and class; None if nothing says so."""
    if plug.has_class(CARD_READER_CLASS):
        return DeviceKind.CARD
    if plug.vendor_id in _FINGERPRINT_MAKERS:
        return DeviceKind.FINGERPRINT
    if plug.vendor_id in _PAD_MAKERS:
        return DeviceKind.SIGNATURE
    if plug.vendor_id == _WACOM and plug.product_id in _STU_PADS:
        return DeviceKind.SIGNATURE
    return None


def capture_kind(plug: UsbPlug, models: dict[tuple[int, int], list[Known]]) -> DeviceKind | None:
    """Return what a device captures, known or guessed."""
    if known := models.get(plug.ids):
        return known[0].kind
    return looks_like(plug)


def found_devices(around: Surroundings, kind: DeviceKind | None = None) -> list[DeviceInfo]:
    """List what the drivers find, nothing opened.

    Real devices count only where the machine's own files are looked at: a test's folder in place
    of ``/`` has no devices that could be opened.
    """
    from ektp_hw.registry import discover

    is_real = around.root == Path("/")
    if not is_real and not around.virtual:
        return []
    return [
        info
        for info in discover(kind, timeout=_PATIENCE)
        if (around.virtual if info.driver == "virtual" else is_real)
    ]


def takes_portraits(plug: UsbPlug, models: dict[tuple[int, int], list[Known]]) -> bool:
    """Tell whether it is a camera, and none for irises as far as ids and name tell."""
    is_camera = plug.has_class(VIDEO_CLASS) and plug.ids not in models
    return is_camera and not _INFRARED.search(plug.title)


def portrait_cameras(around: Surroundings) -> list[DeviceInfo]:
    """List the cameras of the kernel that no driver takes for an iris camera; opens none."""
    from ektp_hw.registry import discover
    from ektp_hw.transport import video_places

    if around.root != Path("/"):
        return []
    irises = {info.uri for info in discover(DeviceKind.IRIS, timeout=_PATIENCE)}
    return [
        DeviceInfo(place.uri, DeviceKind.IRIS, place.name, "v4l2_camera", place.serial)
        for place in video_places.find()
        if place.uri not in irises
    ]
