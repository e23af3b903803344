# SPDX-License-Identifier: Apache-2.0
"""One bench for every driver: its device without hardware, a person in front of it, and faults.

Each driver has a file here with its own name that defines ``RIG``. The conformance tests take them
all: every driver against every fault it can suffer, unplugging, thousands of openings, latency.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from ektp_hw.devices import Device

__all__ = ["Bench", "Fault", "Rig", "rigs"]


class Fault(StrEnum):
    """What a device, its cable or its supply can do wrong, whatever its bus."""

    STALL = "stall"
    """Refuses a transfer (USB stall, EIO, an error reply)."""
    NAK = "nak"
    """Says nothing at all."""
    SHORT = "short"
    """Ends a transfer early."""
    GARBAGE = "garbage"
    """Sends noise of the right length."""
    CHECKSUM = "checksum"
    """Sends a wrong checksum, length or sequence number, where the protocol has one."""
    LATE = "late"
    """Answers after the driver's time limit, so that the answer meets the next request."""
    UNPLUG = "unplug"
    """The cable is pulled in the middle of a transfer."""
    LIFTED = "lifted"
    """The person goes in the middle: finger, pen, eye or card is taken away."""
    DEAD_LAMP = "dead-lamp"
    """The lamp, emitter or field stays dark."""
    FROZEN_CLOCK = "frozen-clock"
    """Time stamps or sequence numbers stand still."""
    POWER_SAG = "power-sag"
    """The device resets itself and comes back with its settings lost."""


class Bench(Protocol):
    """A device that is plugged in, and the person in front of it."""

    def device(self) -> Device:
        """Return the driver's device for what is plugged in, still closed."""

    def capture(self, device: Any, timeout: float) -> Any:
        """Let the person act (finger on, pen down, card in) and return the driver's sample."""

    def is_right(self, sample: Any) -> bool:
        """Whether the sample equals what was presented, to the stated loss of the wire."""

    def misbehave(self, fault: Fault) -> None:
        """Go wrong with the next transfers of a capture."""

    def behave(self) -> None:
        """Work again; plugged in again after UNPLUG."""

    def last_byte(self) -> float:
        """`time.monotonic()` when the last byte of the sample left the device."""


@dataclass(frozen=True)
class Rig:
    """How to put one driver on the bench."""

    driver: str
    """The driver's stem, also that of this file."""
    plug_in: Callable[[], AbstractContextManager[Bench]]
    """Makes a fresh device and plugs it in; leaves nothing behind when it ends."""
    faults: tuple[Fault, ...]
    """The faults that this device can suffer."""
    missing: str = ""
    """What this machine lacks to run it (a package, a service); empty if nothing."""


def rigs() -> list[Rig]:
    """Return every driver's rig, by name."""
    here = Path(__file__).parent
    stems = sorted(path.stem for path in here.glob("*.py") if path.stem != "__init__")
    return [import_module(f"rigs.{stem}").RIG for stem in stems]
