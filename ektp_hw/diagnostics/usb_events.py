# SPDX-License-Identifier: Apache-2.0
"""What the kernel's log says of USB ports: devices that do not answer, vanish, come back, overload.

The sentences are those of Linux's drivers/usb/core/hub.c and message.c, and of the undervoltage
monitor drivers/hwmon/raspberrypi-hwmon.c.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ektp_hw.diagnostics.usb_bus import port_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ektp_hw.diagnostics.kernel_log import Note

__all__ = ["PortEvents", "read_port_events", "undervoltage_ago"]

_WINDOW = 3600.0
"""Seconds for which disconnections and resets are counted."""
_OF_DEVICE = re.compile(r"usb (\d+-[\d.]+): (.+)")
_OF_PORT = re.compile(r"(?:usb|hub) (usb\d+-port\d+|\d+-[\d.]+-port\d+): (.+)")
_UNANSWERED = re.compile(
    r"device descriptor read/|device not accepting address|unable to enumerate"
    r"|unable to read config|can't read configurations|unable to get BOS|can't set config"
)
_DISCONNECT = re.compile(r"USB disconnect")
_NEW = re.compile(r"new .*speed\S* .*USB device number")
_RESET = re.compile(r"reset .*speed\S* .*USB device number")
_OVER_CURRENT = re.compile(r"over-current", re.IGNORECASE)
_TOO_LITTLE_POWER = re.compile(r"insufficient available bus power")
_SLOWED = re.compile(r"not running at top speed")
_UNDERVOLTAGE = re.compile(r"under-?voltage detected", re.IGNORECASE)


@dataclass
class PortEvents:
    """What happened at one port; times are seconds ago, None for never.

    Attributes
    ----------
    counts
        Events of the last hour by name: ``disconnects``, ``resets``, ``errors``.
    """

    place: str
    unanswered_ago: float | None = None
    unanswered: str = ""
    disconnected_ago: float | None = None
    over_current_ago: float | None = None
    underpowered_ago: float | None = None
    slowed_ago: float | None = None
    counts: Counter[str] = field(default_factory=Counter)


def read_port_events(notes: Iterable[Note]) -> dict[str, PortEvents]:
    """Return the events of every port that the log names, by place."""
    ports: dict[str, PortEvents] = {}
    for note in notes:
        if match := _OF_DEVICE.match(note.text):
            place = match[1]
        elif match := _OF_PORT.match(note.text):
            place = port_of(match[1])
        else:
            continue
        _take(ports.setdefault(place, PortEvents(place)), note.ago, match[2])
    return ports


def undervoltage_ago(notes: Iterable[Note]) -> float | None:
    """Return how long ago the board last complained of too low a voltage."""
    return min((note.ago for note in notes if _UNDERVOLTAGE.search(note.text)), default=None)


def _take(port: PortEvents, ago: float, text: str) -> None:
    counted = ""
    if _UNANSWERED.search(text):
        port.unanswered_ago, port.unanswered, counted = ago, text, "errors"
    elif _DISCONNECT.search(text):
        port.disconnected_ago, counted = ago, "disconnects"
        port.unanswered_ago = None  # what is unplugged is judged anew when it is back
    elif _RESET.search(text):
        counted = "resets"
    elif _OVER_CURRENT.search(text):
        port.over_current_ago = ago
    elif _TOO_LITTLE_POWER.search(text):
        port.underpowered_ago = ago
    elif _SLOWED.search(text):
        port.slowed_ago = ago
    elif _NEW.search(text):
        port.slowed_ago = None
    if counted and ago <= _WINDOW:
        port.counts[counted] += 1
