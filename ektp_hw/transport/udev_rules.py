# SPDX-License-Identifier: Apache-2.0
"""Udev rules: what lets the person at the desk use the devices, from the drivers' own ids.

``TAG+="uaccess"`` gives a device to whoever is logged in at the seat (systemd-logind, which acts on
it in its own file 73-seat-late.rules, so ours must sort before); ``MODE`` keeps all others out.
No rule suspends an idle device: one that sleeps when the next citizen comes is the complaint that
users of sensors make most, and Linux leaves such devices awake by itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["RULES_FILE", "rules_of", "udev_rule"]

RULES_FILE = "/etc/udev/rules.d/60-ektp-hw.rules"

_NODES = {"hidraw": "hidraw", "evdev": "input", "serial": "tty", "video": "video4linux"}
"""Scheme of a driver's addresses -> kernel subsystem of the node below the USB device."""
_ACCESS = 'MODE="0660", TAG+="uaccess"'
_NO_MODEM = ', ENV{ID_MM_DEVICE_IGNORE}="1"'
"""Keeps ModemManager from talking to a serial port."""


class Row(Protocol):
    """One row of a driver's table of USB devices."""

    @property
    def vendor(self) -> int:
        """The maker's number."""

    @property
    def product(self) -> int:
        """The model's number."""

    @property
    def model(self) -> str:
        """Maker and model for people."""


def udev_rule(vendor_id: int, product_id: int) -> str:
    """Return the rule for one model of USB device."""
    return (
        f'SUBSYSTEM=="usb", ATTR{{idVendor}}=="{vendor_id:04x}", '
        f'ATTR{{idProduct}}=="{product_id:04x}", {_ACCESS}'
    )


def rules_of(driver: str, ids: Iterable[Row], schemes: Iterable[str]) -> list[str]:
    """Return a driver's rules, each model's under a comment; none for one without USB ids.

    Drivers that reach their devices by nodes of the kernel, too, get a rule for those.
    """
    nodes = [_NODES[scheme] for scheme in schemes if scheme in _NODES]
    lines = []
    for row in sorted(ids, key=lambda row: (row.vendor, row.product)):
        model = " ".join(row.model.split()) or "unnamed model"
        lines.append(f"# {model} ({driver})")
        lines.append(udev_rule(row.vendor, row.product))
        lines += [
            f'SUBSYSTEM=="{node}", ATTRS{{idVendor}}=="{row.vendor:04x}", '
            f'ATTRS{{idProduct}}=="{row.product:04x}", {_ACCESS}'
            + (_NO_MODEM if node == "tty" else "")
            for node in nodes
        ]
    return lines
