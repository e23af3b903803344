# SPDX-License-Identifier: Apache-2.0
"""A serial fingerprint module without hardware: shows what a script presents, and misbehaves.

It answers as the manuals of the R30x and R503 say, at the real speed of its line unless told to be
faster, and goes wrong as users report of the real ones.
"""

from __future__ import annotations

import struct
from enum import StrEnum
from typing import TYPE_CHECKING

from ektp_hw.transport.zfm_packets import BROADCAST, Kind, PacketReader, packed
from ektp_hw.virtual import platen, wishes
from ektp_hw.virtual.serial_line import SerialFunction
from ektp_hw.virtual.visitor import Visitor

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ektp_hw.samples import FingerprintImage

__all__ = ["MODELS", "Misbehaviour", "VirtualZFM"]

MODELS = {"r307": ((288, 256), 500.0), "r503": ((192, 192), 508.0)}
"""(height, width) and resolution of the pictures."""
_TAKE_PICTURE, _SEND_PICTURE, _SET, _PARAMETERS, _VERIFY = 0x01, 0x0A, 0x0E, 0x0F, 0x13
_BAUD, _DATA_SIZE = 4, 6
_OK, _DAMAGED, _NO_FINGER, _FAILED, _MESSY, _FAINT = 0x00, 0x01, 0x02, 0x03, 0x06, 0x07
_CANNOT_SEND, _WRONG_PASSWORD, _NO_PICTURE, _BAD_REGISTER, _LOCKED = 0x0F, 0x13, 0x15, 0x1A, 0x21
_EXPOSURE = 0.15
"""Seconds for taking a picture, divided by the line's speed-up."""
_READY = b"\x55"
"""What an R503 sends when it has started."""
_LATE = 1.3
_NOISE = bytes.fromhex("00ff55ef01ffffffff07ef")
"""Noise with what looks like a packet's start in it."""


class Misbehaviour(StrEnum):
    """What a module and its cable can do wrong; all but the lasting ones once."""

    CHECKSUM = "checksum"
    """A data packet of the next picture has a wrong sum."""
    LOST = "lost"
    """The adapter loses 40 bytes in the middle of the next picture."""
    FAST_LINE = "fast-line"
    """It loses them in every picture sent at more than 38400 baud; lasts."""
    GARBAGE = "garbage"
    """Noise comes before every answer; lasts."""
    LATE = "late"
    """The next answer to 'take a picture' comes 1.3 s late."""
    SILENT = "silent"
    """It does not answer to anything; lasts."""
    REFUSE = "refuse"
    """It takes a picture but says that it cannot send it; lasts."""
    SHORT = "short"
    """Pictures end in the middle, properly marked as ended; lasts."""
    STOP = "stop"
    """The next picture stops in the middle."""
    UNPLUG = "unplug"
    """The cable is pulled in the middle of the next picture."""
    LIFTED = "lifted"
    """The finger is lifted while the picture is taken and stays away; lasts."""
    MESSY = "messy"
    """It finds the finger too messy; lasts."""
    FAINT = "faint"
    """It finds the finger too faint; lasts."""
    DARK = "dark"
    """The lamp is dead, pictures are black; lasts."""
    NOISE = "noise"
    """The sensor's pixels are noise, sent properly; lasts."""
    WAKING = "waking"
    """Power-up: the first command is lost, the answer to the second comes damaged."""
    RESET = "reset"
    """The supply sags in the middle of the next picture: it starts anew and is locked."""


_LASTING = {
    Misbehaviour.FAST_LINE, Misbehaviour.GARBAGE, Misbehaviour.SILENT, Misbehaviour.REFUSE,
    Misbehaviour.SHORT, Misbehaviour.LIFTED, Misbehaviour.MESSY, Misbehaviour.FAINT,
    Misbehaviour.DARK, Misbehaviour.NOISE,
}  # fmt: skip


class VirtualZFM(SerialFunction):
    """The device side of `ektp_hw.drivers.zfm`.

    Parameters
    ----------
    model
        One of `MODELS`.
    baud
        Speed it is set to, kept over power-off as by the real ones.
    speed
        How many times faster than that it works.
    password
        What it is locked with.
    """

    def __init__(
        self,
        model: str = "r307",
        *,
        baud: int = 57_600,
        speed: float = 1.0,
        password: int = 0,
    ) -> None:
        super().__init__(baud, speed=speed)
        self.password = password
        self.commands: list[int] = []
        self._visitor = Visitor("zfm", *MODELS[model])
        self._faults: set[Misbehaviour] = set()
        self._reader = PacketReader()
        self._picture: platen.Pixels | None = None
        self._data_code = 2
        self._asleep = 0
        self._unlocked = password == 0

    # The script.

    def present(self, image: FingerprintImage | None) -> None:
        """Lay a finger on; None takes it off."""
        with self.lock:
            self._visitor.present(image)

    def misbehave(self, what: Misbehaviour | str) -> None:
        """Go wrong from the next answer on."""
        fault = Misbehaviour(what)
        with self.lock:
            self._faults.add(fault)
            if fault is Misbehaviour.WAKING:
                self._asleep = 2

    def behave(self) -> None:
        """End all misbehaviour."""
        with self.lock:
            self._faults.clear()
            self._asleep = 0

    def script(self, options: Mapping[str, str]) -> None:
        """Do what a ``virtual:zfm`` URI asks for: a person (see `Visitor.come`), and ``speed``.

        Raises
        ------
        ValueError
            If an option is unknown or out of range.
        """
        wishes.check_names("zfm", options, {"seed", "position", "speed"})
        speed = wishes.number("zfm", options, "speed", 1.0)
        with self.lock:
            self.speed = speed
            self._visitor.come(options)

    # The module.

    def on_bytes(self, data: bytes) -> None:
        """Answer every whole command."""
        self._reader.feed(data)
        damaged = self._reader.damaged
        while (packet := self._reader.next()) is not None:
            if packet.kind == Kind.COMMAND and not self._sleeps():
                self.commands.append(packet.content[0])
                self._act(packet.content[0], packet.content[1:])
        if self._reader.damaged > damaged:
            self._answer(_DAMAGED)

    def _sleeps(self) -> bool:
        if Misbehaviour.SILENT in self._faults:
            return True
        if self._asleep == 0:
            return False
        self._asleep -= 1
        if self._asleep == 0:
            self.send(_READY + packed(Kind.ACKNOWLEDGE, bytes([_OK]))[:-3])
        return True

    def _act(self, command: int, rest: bytes) -> None:
        if command == _VERIFY:
            self._unlocked = rest == self.password.to_bytes(4, "big")
            self._answer(_OK if self._unlocked else _WRONG_PASSWORD)
        elif command == _PARAMETERS:
            told = (0, 9, 1000, 3, BROADCAST, self._data_code, self.baud // 9600)
            self._answer(_OK, struct.pack(">HHHHIHH", *told))
        elif not self._unlocked:
            self._answer(_LOCKED)
        elif command == _TAKE_PICTURE:
            self._take_picture()
        elif command == _SEND_PICTURE:
            self._send_picture()
        elif command == _SET and len(rest) == 2:
            self._set(*rest)
        else:
            self._answer(_DAMAGED)

    def _answer(self, code: int, content: bytes = b"", after: float = 0.0) -> None:
        noise = _NOISE if Misbehaviour.GARBAGE in self._faults else b""
        self.send(noise + packed(Kind.ACKNOWLEDGE, bytes([code]) + content), after)

    def _set(self, register: int, value: int) -> None:
        if register == _BAUD and 1 <= value <= 12:
            self._answer(_OK)
            self.then(lambda: setattr(self, "baud", 9600 * value))
        elif register == _DATA_SIZE and value <= 3:
            self._data_code = value
            self._answer(_OK)
        else:
            self._answer(_BAD_REGISTER)

    def _take_picture(self) -> None:
        code = _OK
        if Misbehaviour.LIFTED in self._faults and self._visitor.glass is not None:
            self._visitor.glass = None
            code = _FAILED
        elif self._visitor.glass is None:
            code = _NO_FINGER
        elif Misbehaviour.MESSY in self._faults:
            code = _MESSY
        elif Misbehaviour.FAINT in self._faults:
            code = _FAINT
        else:
            self._picture = self._visitor.glass
        late = _LATE if self._take(Misbehaviour.LATE) else 0.0
        self._answer(code, after=late + _EXPOSURE / self.speed)

    def _take(self, fault: Misbehaviour) -> bool:
        if fault not in self._faults:
            return False
        if fault not in _LASTING:
            self._faults.remove(fault)
        return True

    def _send_picture(self) -> None:
        if Misbehaviour.REFUSE in self._faults:
            self._answer(_CANNOT_SEND)
            return
        if self._picture is None:
            self._answer(_NO_PICTURE)
            return
        self._answer(_OK)
        packets = self._packets(self._seen(self._picture))
        middle = len(packets) // 2
        if self._take(Misbehaviour.CHECKSUM):
            packets[middle] = packets[middle][:-1] + bytes([packets[middle][-1] ^ 1])
        is_fast = self.baud > 38_400 and self._take(Misbehaviour.FAST_LINE)
        if self._take(Misbehaviour.LOST) or is_fast:
            packets[middle] = packets[middle][:20] + packets[middle][60:]
        if self._take(Misbehaviour.STOP):
            packets[middle:] = []
        if Misbehaviour.UNPLUG in self._faults or Misbehaviour.RESET in self._faults:
            packets[middle:] = []
        self.send(b"".join(packets))
        if self._take(Misbehaviour.UNPLUG):
            self.then(self.unplug)
        if self._take(Misbehaviour.RESET):
            self._picture, self._unlocked = None, False
            self.send(_READY, 0.1)

    def _seen(self, glass: platen.Pixels) -> bytes:
        """Return the picture with 4 bits a pixel."""
        import numpy as np

        if Misbehaviour.DARK in self._faults:
            glass = glass // 16
        if Misbehaviour.NOISE in self._faults:
            glass = np.random.default_rng(1).integers(0, 256, glass.shape, np.uint8)
        deep = (glass >> 4).reshape(-1, 2)
        content = (deep[:, 0] << 4 | deep[:, 1]).tobytes()
        return content[: len(content) // 3] if Misbehaviour.SHORT in self._faults else content

    def _packets(self, content: bytes) -> list[bytes]:
        size = 32 << self._data_code
        starts = range(0, len(content), size)
        return [
            packed(
                Kind.LAST_DATA if at + size >= len(content) else Kind.DATA, content[at : at + size]
            )
            for at in starts
        ]
