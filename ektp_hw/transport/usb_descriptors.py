# SPDX-License-Identifier: Apache-2.0
"""USB descriptors as objects with the attribute names pyusb expects (USB 2.0, chapter 9.6)."""

from __future__ import annotations

import struct
from types import SimpleNamespace

__all__ = ["configuration", "device"]

_DEVICE = [
    "bLength",
    "bDescriptorType",
    "bcdUSB",
    "bDeviceClass",
    "bDeviceSubClass",
    "bDeviceProtocol",
    "bMaxPacketSize0",
    "idVendor",
    "idProduct",
    "bcdDevice",
    "iManufacturer",
    "iProduct",
    "iSerialNumber",
    "bNumConfigurations",
]
_CONFIGURATION = [
    "bLength",
    "bDescriptorType",
    "wTotalLength",
    "bNumInterfaces",
    "bConfigurationValue",
    "iConfiguration",
    "bmAttributes",
    "bMaxPower",
]
_INTERFACE = [
    "bLength",
    "bDescriptorType",
    "bInterfaceNumber",
    "bAlternateSetting",
    "bNumEndpoints",
    "bInterfaceClass",
    "bInterfaceSubClass",
    "bInterfaceProtocol",
    "iInterface",
]
_ENDPOINT = [
    "bLength",
    "bDescriptorType",
    "bEndpointAddress",
    "bmAttributes",
    "wMaxPacketSize",
    "bInterval",
]


def device(descriptor: bytes) -> SimpleNamespace:
    """Read a device descriptor; `ValueError` if it is none."""
    return _named(_DEVICE, "<BBHBBBBHHHBBBB", descriptor, 1)


def configuration(descriptor: bytes) -> SimpleNamespace:
    """Read a configuration with all that belongs to it.

    The result has ``faces``: a list over interface numbers, each a list of alternate settings,
    each with its ``endpoints``; ``extra_descriptors`` holds what lies between, as integers.

    Raises
    ------
    ValueError
        If the descriptors are cut short or do not hold together.
    """
    whole = _named(_CONFIGURATION, "<BBHBBBBB", descriptor, 2)
    whole.faces = {}
    current = whole
    for part in _parts(descriptor[whole.bLength :]):
        if part[1] == 4:
            current = _named(_INTERFACE, "<BBBBBBBBB", part, 4)
            current.endpoints = []
            whole.faces.setdefault(current.bInterfaceNumber, []).append(current)
        elif part[1] == 5 and current is not whole:
            end = _named(_ENDPOINT, "<BBBBHB", part, 5)
            end.bRefresh = end.bSynchAddress = 0
            if len(part) >= 9:
                end.bRefresh, end.bSynchAddress = part[7], part[8]
            current.endpoints.append(end)
        else:
            current.extra_descriptors.extend(part)
    whole.faces = [whole.faces[number] for number in sorted(whole.faces)]
    return whole


def _parts(block: bytes) -> list[bytes]:
    parts = []
    while block:
        length = block[0]
        if length < 2 or length > len(block):
            raise ValueError("a USB descriptor is cut short")
        parts.append(block[:length])
        block = block[length:]
    return parts


def _named(names: list[str], layout: str, descriptor: bytes, kind: int) -> SimpleNamespace:
    size = struct.calcsize(layout)
    if len(descriptor) < size or descriptor[1] != kind:
        raise ValueError("a USB descriptor is cut short or of the wrong type")
    fields = dict(zip(names, struct.unpack(layout, descriptor[:size]), strict=True))
    return SimpleNamespace(**fields, extra_descriptors=[])
