# SPDX-License-Identifier: Apache-2.0
"""An NB-1010-U without hardware: shows the finger a script presents, and misbehaves on request.

Replies and picture messages are laid out byte for byte as in the traffic of a real unit.
"""

from __future__ import annotations

import struct
from collections import deque
from enum import StrEnum
from typing import TYPE_CHECKING, ClassVar

from ektp_hw.virtual import platen, wishes
from ektp_hw.virtual.usb_function import INTERRUPT, Endpoint, Interface, Stall, UsbFunction
from ektp_hw.virtual.visitor import Visitor

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ektp_hw.samples import FingerprintImage

__all__ = ["PPI", "SHAPE", "Misbehaviour", "VirtualNB1010"]

SHAPE = (180, 256)
PPI = 385.0
_OUT, _IN = 0x02, 0x83
_LENGTHS = {0x07: 8, 0x0D: 12, 0x12: 32, 0x13: 8, 0x16: 8, 0x38: 8}
_REPLIES = {0x07: 0x29, 0x13: 0x23, 0x38: 0x37}
_DONE, _LINES = 0x20, 0x21
_COVERED, _BARE = 0xF7, 0x05
_LAST_WHOLE = 45
"""Message of a picture from which on a fault shows."""


class Misbehaviour(StrEnum):
    """What the sensor can do wrong while it sends a picture."""

    STALL = "stall"
    """The endpoint stalls in the middle and stays halted until the host clears it."""
    SILENT = "silent"
    """The picture stops in the middle."""
    SHORT = "short"
    """A message of two lines ends early."""
    GARBAGE = "garbage"
    """The pixels are noise."""
    MISCOUNT = "miscount"
    """Two lines are left out, so that the numbers do not follow each other."""
    LATE = "late"
    """The picture stops in the middle; the rest comes before the answer to the next command."""
    UNPLUG = "unplug"
    """The cable is pulled in the middle; the next opening plugs it in again."""
    LIFTED = "lifted"
    """The finger is lifted before the picture is taken and stays away, until `behave`."""
    RESET = "reset"
    """The supply sags in the middle: the sensor starts anew and has forgotten the picture."""


class VirtualNB1010(UsbFunction):
    """The device side of `ektp_hw.drivers.nb1010`."""

    vendor_id: ClassVar[int] = 0x298D
    product_id: ClassVar[int] = 0x1010
    release: ClassVar[int] = 0x0001
    interfaces: ClassVar[tuple[Interface, ...]] = (
        Interface(
            (
                Endpoint(0x81, INTERRUPT, 64, 5),
                Endpoint(_OUT, packet=64),
                Endpoint(_IN, packet=64),
            )
        ),
    )
    manufacturer: ClassVar[str] = "NEXT Biometrics"
    product: ClassVar[str] = "NB-1010-U (virtual)"

    def __init__(self, serial: str = "VIRTUAL1") -> None:
        super().__init__(serial)
        self._visitor = Visitor("nb1010", SHAPE, PPI)
        self._faults: list[Misbehaviour] = []
        self._halted = False
        self._messages: deque[bytes | Misbehaviour] = deque()
        self._withheld: list[bytes] = []
        self._is_lifted = False

    # The script.

    def present(self, image: FingerprintImage | None) -> None:
        """Lay a finger on, as a sensor of 385 ppi sees it; None takes it off."""
        with self.lock:
            self._is_lifted = False
            self._visitor.present(image)

    def misbehave(self, what: Misbehaviour | str, times: int = 1) -> None:
        """Go wrong with that many pictures from the next on."""
        with self.lock:
            self._faults = [Misbehaviour(what)] * times

    def behave(self) -> None:
        """End all misbehaviour; a lifted finger is laid on again."""
        with self.lock:
            self._faults.clear()
            self._is_lifted = False

    def script(self, options: Mapping[str, str]) -> None:
        """Do what a ``virtual:nb1010`` URI asks for: see `Visitor.come`."""
        wishes.check_names("nb1010", options, {"seed", "position"})
        with self.lock:
            self._visitor.come(options)

    # The device.

    def on_configured(self) -> None:
        """Begin a session."""
        self._start_anew()

    def on_reset(self) -> None:
        """Forget whatever was under way."""
        self._start_anew()

    def on_clear_halt(self, endpoint: int) -> None:
        """Work again."""
        if endpoint == _IN:
            self._halted = False

    def on_out(self, endpoint: int, data: bytes) -> None:
        """Act on a command; one that is none is refused."""
        if (
            endpoint != _OUT
            or len(data) < 8
            or data[0] != 0x80
            or len(data) != _LENGTHS.get(data[1])
        ):
            raise Stall(f"no command of this sensor: {data.hex()}")
        self._messages.extend(self._withheld)
        self._withheld.clear()
        command, sequence = data[1], data[2]
        kind = _REPLIES.get(command, _DONE)
        detail = {0x38: self._level(), 0x12: 3}.get(command, 0)
        self._messages.append(struct.pack("<BBBxH6xB3x", 0x80, kind, sequence, 16, detail))
        if command == 0x12:
            self._take_picture()

    def on_in(self, endpoint: int, length: int) -> bytes | None:
        """Send the next message, or as much of it as is asked for."""
        if endpoint != _IN or self._halted:
            raise Stall
        if not self._messages:
            return None
        message = self._messages.popleft()
        if isinstance(message, Misbehaviour):
            self._fail(message)
            return None
        if len(message) > length:
            self._messages.appendleft(message[length:])
        return message[:length]

    def _fail(self, fault: Misbehaviour) -> None:
        if fault is Misbehaviour.STALL:
            self._halted = True
            self._messages.clear()
            raise Stall
        if fault is Misbehaviour.UNPLUG:
            self.unplug()
        self._start_anew()

    def _start_anew(self) -> None:
        self._halted = False
        self._messages.clear()
        self._withheld.clear()

    def _level(self) -> int:
        there = self._visitor.glass is not None and not self._is_lifted
        return _COVERED if there else _BARE

    def _take_picture(self) -> None:
        fault = self._faults.pop() if self._faults else None
        if fault is Misbehaviour.LIFTED:
            self._is_lifted = True
        glass = platen.empty(SHAPE)
        if self._visitor.glass is not None and not self._is_lifted:
            glass = self._visitor.glass
        if fault is Misbehaviour.GARBAGE:
            import numpy as np

            glass = np.random.default_rng(1).integers(0, 256, SHAPE, np.uint8)
        self._messages.extend(self._spoilt(_picture(glass), fault))

    def _spoilt(
        self, messages: list[bytes], fault: Misbehaviour | None
    ) -> list[bytes | Misbehaviour]:
        before, after = messages[:_LAST_WHOLE], messages[_LAST_WHOLE:]
        match fault:
            case Misbehaviour.STALL | Misbehaviour.UNPLUG | Misbehaviour.RESET:
                return [*before, fault]
            case Misbehaviour.SHORT:
                return [*before, after[0][:100]]
            case Misbehaviour.SILENT:
                return [*before]
            case Misbehaviour.LATE:
                self._withheld = after
                return [*before]
            case Misbehaviour.MISCOUNT:
                return [*before, *after[1:]]
            case _:
                return [*messages]


def _picture(glass: platen.Pixels) -> list[bytes]:
    """Return the 90 messages of two lines each that carry a picture."""
    head = struct.Struct("<BBxxH6xB3xH3xBxxB")
    last = SHAPE[0] - 1
    return [
        head.pack(0x80, _LINES, 0x021C, line < last, line, 1, 1)
        + glass[line - 1 : line + 1].tobytes()
        + bytes(3)
        for line in range(1, SHAPE[0], 2)
    ]
