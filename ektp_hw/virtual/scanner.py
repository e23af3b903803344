# SPDX-License-Identifier: Apache-2.0
"""A ZK4500 without hardware: shows the finger a script presents, and misbehaves on request."""

from __future__ import annotations

import time
from enum import StrEnum
from typing import TYPE_CHECKING, ClassVar

from ektp_hw.virtual import platen, wishes
from ektp_hw.virtual.usb_function import Endpoint, Interface, Setup, Stall, UsbFunction
from ektp_hw.virtual.visitor import Visitor

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ektp_hw.samples import FingerprintImage

__all__ = ["Misbehaviour", "VirtualScanner"]

_PICTURE = 0x82
_PACKET = 512
_SHORT = 100_000
_WHITE = 3
_DARK = 12
"""Grey of the glass while its lamp is off."""


class Misbehaviour(StrEnum):
    """What a scanner can do wrong."""

    STALL = "stall"
    """The endpoint stalls and stays halted until the host clears it."""
    UNPLUG = "unplug"
    """The cable is pulled while a picture is being sent; the next opening plugs it in again."""
    SHORT = "short"
    """A picture ends early."""
    GARBAGE = "garbage"
    """A picture is made of noise."""
    NO_FINGER = "no-finger"
    """The glass shows no finger, whatever is presented."""
    DIRTY = "dirty"
    """Dirt lies on the glass."""
    SLOW = "slow"
    """A picture takes `VirtualScanner.slow_seconds`."""
    SILENT = "silent"
    """A picture is promised and never comes."""
    DEAD_LAMP = "dead-lamp"
    """The white lamp stays dark though it is switched on."""


_LASTING = {
    Misbehaviour.NO_FINGER,
    Misbehaviour.DIRTY,
    Misbehaviour.SLOW,
    Misbehaviour.DEAD_LAMP,
}


class VirtualScanner(UsbFunction):
    """The device side of `ektp_hw.drivers.zk4500`."""

    vendor_id: ClassVar[int] = 0x1B55
    product_id: ClassVar[int] = 0x0840
    interfaces: ClassVar[tuple[Interface, ...]] = (Interface((Endpoint(_PICTURE),)),)
    manufacturer: ClassVar[str] = "ZKTeco Inc."
    product: ClassVar[str] = "ZK4500 (virtual)"

    def __init__(self, serial: str = "VIRTUAL1") -> None:
        super().__init__(serial)
        self.slow_seconds = 0.5
        self.lamps: dict[int, bool] = {}
        self._visitor = Visitor("fingerprint", (platen.HEIGHT, platen.WIDTH), platen.PPI)
        self._old = platen.empty()
        self._is_stale = True
        self._faults: list[Misbehaviour] = []
        self._halted = False
        self._picture = b""
        self._sent = 0
        self._asked = 0.0
        self._dawdle = 0.0

    # The script.

    def present(self, image: FingerprintImage | None) -> None:
        """Put a finger on the glass, as a scanner of 500 ppi sees it; None takes it off."""
        self._visitor.present(image)

    def misbehave(self, what: Misbehaviour | str, times: int = 1) -> None:
        """Go wrong from the next picture on.

        ``no-finger``, ``dirty``, ``slow`` and ``dead-lamp`` last until `behave`; the others happen
        `times` times.
        """
        fault = Misbehaviour(what)
        with self.lock:
            self._faults.extend([fault] * (1 if fault in _LASTING else times))

    def behave(self) -> None:
        """End all misbehaviour."""
        with self.lock:
            self._faults.clear()

    def script(self, options: Mapping[str, str]) -> None:
        """Do what a ``virtual:fingerprint`` URI asks for: see `Visitor.come`."""
        wishes.check_names("fingerprint", options, {"seed", "position"})
        self._visitor.come(options)

    # The device.

    def on_configured(self) -> None:
        """Begin a session: whatever the frame memory holds is old."""
        self._is_stale = True
        self._halted = False
        self._picture, self._sent = b"", 0

    def on_clear_halt(self, endpoint: int) -> None:
        """Work again."""
        if endpoint == _PICTURE:
            self._halted = False

    def on_control(self, setup: Setup, data: bytes) -> bytes:
        """Switch a lamp, or begin to send a picture."""
        if (setup.request_type, setup.request) == (0x40, 0xE1):
            self.lamps[setup.index] = bool(setup.value)
            return b""
        if (setup.request_type, setup.request) == (0x40, 0xE5):
            self._begin()
            return b""
        return super().on_control(setup, data)

    def on_in(self, endpoint: int, length: int) -> bytes | None:
        """Send the picture, or as much of it as is asked for."""
        if endpoint != _PICTURE or self._halted:
            raise Stall
        if self._picture and self._take(Misbehaviour.UNPLUG):
            self._picture = b""
            self.unplug()
            return None
        if self._sent >= len(self._picture):
            return None
        if self._ready() < min(length, len(self._picture) - self._sent):
            return None
        return self._send(length)

    def on_unlink(self, endpoint: int, length: int) -> bytes:
        """Return the packets that came before the host gave up."""
        ready = min(length, self._ready()) if endpoint == _PICTURE else 0
        return self._send(ready // _PACKET * _PACKET)

    def _send(self, length: int) -> bytes:
        part = self._picture[self._sent : self._sent + length]
        self._sent += len(part)
        return part

    def _ready(self) -> int:
        share = 1.0
        if self._dawdle:
            share = min(1.0, (time.monotonic() - self._asked) / self._dawdle)
        return int(share * len(self._picture)) - self._sent

    def _take(self, fault: Misbehaviour) -> bool:
        if fault not in self._faults:
            return False
        if fault not in _LASTING:
            self._faults.remove(fault)
        return True

    def _begin(self) -> None:
        """Expose a picture; the first of a session is what the memory held before."""
        import numpy as np

        was_stale, self._is_stale = self._is_stale, False
        seen = self._exposed()
        shown, self._old = (self._old if was_stale else seen), seen
        self._picture, self._sent = shown.tobytes(), 0
        self._asked = time.monotonic()
        self._dawdle = self.slow_seconds if self._take(Misbehaviour.SLOW) else 0.0
        if was_stale:
            return  # a host drops this picture unseen, and a fault with it
        if self._take(Misbehaviour.STALL):
            self._halted = True
        if self._take(Misbehaviour.SHORT):
            self._picture = self._picture[:_SHORT]
        if self._take(Misbehaviour.GARBAGE):
            self._picture = np.random.default_rng(1).bytes(len(self._picture))
        if self._take(Misbehaviour.SILENT):
            self._picture = b""

    def _exposed(self) -> platen.Pixels:
        import numpy as np

        glass = self._visitor.glass
        if glass is None or self._take(Misbehaviour.NO_FINGER):
            glass = platen.empty()
        if not self.lamps.get(_WHITE) or self._take(Misbehaviour.DEAD_LAMP):
            return np.full_like(glass, _DARK)
        return platen.dirt_on(glass) if self._take(Misbehaviour.DIRTY) else glass
