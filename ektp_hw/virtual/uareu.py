# SPDX-License-Identifier: Apache-2.0
"""A U.are.U 4500 without hardware: registers, interrupts, scrambled pictures, and misbehaviour.

The device side of what libfprint's driver uru4000 does to a real one; libfprint itself captures
from this model (see the tests).
"""

from __future__ import annotations

import time
import zlib
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, ClassVar

from ektp_hw.transport import uareu
from ektp_hw.transport.uareu import Block, Flag, Header, Interrupt, Mode, Register
from ektp_hw.virtual import wishes
from ektp_hw.virtual.usb_function import INTERRUPT, Endpoint, Interface, Setup, Stall, UsbFunction
from ektp_hw.virtual.visitor import Visitor

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    import numpy.typing as npt

    from ektp_hw.samples import FingerprintImage

    Pixels = npt.NDArray[np.uint8]

__all__ = ["HEIGHT", "PPI", "WIDTH", "Misbehaviour", "VirtualReaderV2", "VirtualUareU"]

WIDTH, HEIGHT, PPI = uareu.WIDTH, uareu.MAX_LINES, 512.0
_INTERRUPTS, _PICTURE = 0x81, 0x82
_PACKET = 64
_READ, _WRITE = (0xC0, 4), (0x40, 4)
_LOW_POWER, _CONFUSED, _READY = 0x80, 0x85, 0x01
_INFORMATION = bytes(range(1, 17))
_FRAME_SECONDS = 0.03
"""From one picture to the next; the real reader needs about five times as long."""
_SHORT = 50_000


class Misbehaviour(StrEnum):
    """What a reader can do wrong."""

    STALL = "stall"
    """The endpoint of pictures stalls and stays halted until the host clears it."""
    UNPLUG = "unplug"
    """The cable is pulled while a picture is being sent; the next opening plugs it in again."""
    SHORT = "short"
    """Pictures end early."""
    GARBAGE = "garbage"
    """Pictures are made of noise behind a good header."""
    WRONG_HEADER = "wrong-header"
    """Headers claim more lines than there can be."""
    SILENT = "silent"
    """A picture is promised and never comes."""
    LATE = "late"
    """The first picture comes `VirtualUareU.late_seconds` after it was asked for."""
    LIFTED = "lifted"
    """The finger is lifted before the picture is taken, and nobody comes again."""
    DEAD_LAMP = "dead-lamp"
    """A finger is felt, and every picture is black."""
    POWER_SAG = "power-sag"
    """The reader falls back to low power while it waits for a finger."""
    EMPTY = "empty"
    """The interrupt that announces it, then a picture without any byte, then good ones."""
    CONFUSED = "confused"
    """The status register asks for a restart, as keyboards do after a program has ended."""
    UNTOLD = "untold"
    """The reader powers up and does not tell."""


_ONCE = {
    Misbehaviour.STALL, Misbehaviour.UNPLUG, Misbehaviour.SILENT, Misbehaviour.LATE,
    Misbehaviour.POWER_SAG, Misbehaviour.EMPTY, Misbehaviour.CONFUSED, Misbehaviour.UNTOLD,
}  # fmt: skip


@dataclass
class _Frame:
    content: bytes
    due: float
    sent: int = 0


class VirtualUareU(UsbFunction):
    """The device side of `ektp_hw.drivers.uareu4000`, and a person with one finger.

    The person lays the finger on when the reader waits for one, and lifts it when the reader waits
    for that.

    Parameters
    ----------
    scrambles
        Whether pictures come scrambled, as newer firmware sends them.
    blocks
        How a picture is divided, in lines and flags; by default two blocks.
    """

    vendor_id: ClassVar[int] = 0x05BA
    product_id: ClassVar[int] = 0x000A
    device_triple: ClassVar[tuple[int, int, int]] = (0xFF, 0xFF, 0xFF)
    interfaces: ClassVar[tuple[Interface, ...]] = (
        Interface(
            (Endpoint(_INTERRUPTS, INTERRUPT, 64, 10), Endpoint(_PICTURE, packet=_PACKET)),
            (0xFF, 0xFF, 0xFF),
        ),
    )
    manufacturer: ClassVar[str] = "DigitalPersona, Inc."
    product: ClassVar[str] = "U.are.U 4500 (virtual)"
    turned: ClassVar[bool] = True
    """Whether pictures come turned by 180 degrees."""
    wants_answer: ClassVar[bool] = False
    """Whether it powers up for those only who answer its challenge."""

    def __init__(
        self,
        *,
        scrambles: bool = True,
        blocks: tuple[Block, ...] = (),
        serial: str = "VIRTUALUAREU1",
    ) -> None:
        super().__init__(serial)
        self.scrambles = scrambles
        flag = Flag.SCRAMBLED if scrambles else 0
        self.blocks = blocks or (Block(flag, 255), Block(flag, HEIGHT - 255))
        self.reaction_seconds = 0.02
        """The person's, and the reader's when it powers up."""
        self.late_seconds = 1.5
        self.stays = False
        """Whether the finger stays on the glass until `stays` is taken back."""
        self._visitor = Visitor("uareu", (HEIGHT, WIDTH), PPI)
        self._faults: list[Misbehaviour] = []
        self._images = 0
        self._reset(_LOW_POWER)

    # The script.

    def present(self, image: FingerprintImage | None) -> None:
        """Give the person this finger, as a reader of 512 ppi sees it; None: nobody is there."""
        self._visitor.present(image)

    def misbehave(self, what: Misbehaviour | str) -> None:
        """Go wrong from the next picture or power-up on, once or until `behave`."""
        fault = Misbehaviour(what)
        with self.lock:
            self._faults.append(fault)
            if fault is Misbehaviour.CONFUSED:
                self._faults.remove(fault)
                self._status = _CONFUSED

    def behave(self) -> None:
        """End all misbehaviour."""
        with self.lock:
            self._faults.clear()

    def script(self, options: Mapping[str, str]) -> None:
        """Do what a ``virtual:uareu`` URI asks for: see `Visitor.come`."""
        wishes.check_names("uareu", options, {"seed", "position"})
        self._visitor.come(options)

    # The device.

    def _reset(self, status: int) -> None:
        self._status = status
        self._restarted = 0.0
        self._mode = 0
        self._answered = not self.wants_answer
        self._challenge = zlib.crc32(self.serial.encode()).to_bytes(4, "big") * 4
        self._interrupts: list[tuple[float, int]] = []
        self._frames: list[_Frame] = []
        self._halted = False
        self._key_number = self._veil = 0

    def on_reset(self) -> None:
        """Wake up in low power."""
        self._reset(self._status if self._status == _CONFUSED else _LOW_POWER)

    def on_clear_halt(self, endpoint: int) -> None:
        """Work again."""
        if endpoint == _PICTURE:
            self._halted = False

    def on_control(self, setup: Setup, data: bytes) -> bytes:
        """Read and write registers."""
        kind = (setup.request_type, setup.request)
        if kind == _READ:
            return self._register(setup.value)[: setup.length]
        if kind == _WRITE and data:
            self._set_register(setup.value, data)
            return b""
        return super().on_control(setup, data)

    def _register(self, register: int) -> bytes:
        match register:
            case Register.STATUS:
                if self._restarted and time.monotonic() >= self._restarted:
                    self._status, self._restarted = _READY, 0.0
                return bytes([self._status])
            case Register.MODE:
                return bytes([self._mode])
            case Register.SCRAMBLE_KEY:
                return (self._key(self._key_number) ^ self._veil).to_bytes(4, "little")
            case Register.INFORMATION:
                return _INFORMATION
            case Register.CHALLENGE:
                return self._challenge
        raise Stall

    def _set_register(self, register: int, data: bytes) -> None:
        match register:
            case Register.STATUS:
                self._set_status(data[0])
            case Register.MODE:
                self._set_mode(data[0])
            case Register.SCRAMBLE_INDEX if len(data) == 5:
                self._key_number, self._veil = data[0], int.from_bytes(data[1:], "little")
            case Register.RESPONSE:
                self._answered = data == uareu.answer_to_challenge(self._challenge)
            case _:
                raise Stall

    def _set_status(self, value: int) -> None:
        now = time.monotonic()
        if self._status == _CONFUSED:
            self._status, self._restarted = 0, now + self.reaction_seconds
            return
        if value & _LOW_POWER or not self._answered:
            self._status |= _LOW_POWER
            self._mode = 0
            return
        was_low, self._status = self._status & _LOW_POWER, value
        if was_low and not self._take(Misbehaviour.UNTOLD):
            self._interrupts.append((now + self.reaction_seconds, Interrupt.POWERED))

    def _set_mode(self, mode: int) -> None:
        if self._status & _LOW_POWER:
            return
        now = time.monotonic()
        self._mode = mode
        self._interrupts = [one for one in self._interrupts if one[0] <= now]
        self._frames = [frame for frame in self._frames if frame.due > now or frame.sent]
        if mode == Mode.AWAIT_FINGER_ON:
            if self._take(Misbehaviour.POWER_SAG):
                self._reset(_LOW_POWER)
            elif self._visitor.glass is not None:
                self._tell(Interrupt.FINGER_ON)
        elif mode == Mode.AWAIT_FINGER_OFF and not self.stays:
            self._tell(Interrupt.FINGER_OFF)
        elif mode == Mode.CAPTURE:
            self._expose(now)

    def _tell(self, interrupt: int) -> None:
        self._interrupts.append((time.monotonic() + self.reaction_seconds, interrupt))

    # Pictures.

    def on_in(self, endpoint: int, length: int) -> bytes | None:
        """Give the next interrupt, or the picture as far as it is asked for."""
        now = time.monotonic()
        if endpoint == _INTERRUPTS:
            if not self._interrupts or self._interrupts[0][0] > now:
                return None
            return self._interrupts.pop(0)[1].to_bytes(2, "big").ljust(_PACKET, b"\0")
        if endpoint != _PICTURE or self._halted:
            raise Stall
        if not self._frames or self._frames[0].due > now:
            return None
        if self._take(Misbehaviour.UNPLUG):
            self._frames.clear()
            self.unplug()
            return None
        return self._send(length)

    def _send(self, length: int) -> bytes:
        frame = self._frames[0]
        part = frame.content[frame.sent : frame.sent + length]
        frame.sent += len(part)
        if frame.sent == len(frame.content):
            self._frames.pop(0)
            if self._mode == Mode.CAPTURE and not self._frames:
                self._expose(time.monotonic() + _FRAME_SECONDS)
        return part

    def _expose(self, due: float) -> None:
        """Take a picture that the host can have from that time on."""
        if self._take(Misbehaviour.SILENT):
            return
        if self._take(Misbehaviour.STALL):
            self._halted = True
        if self._take(Misbehaviour.EMPTY):
            self._tell(Interrupt.EMPTY_NEXT)
            self._frames.append(_Frame(b"", due))
            return
        if self._take(Misbehaviour.LATE):
            due += self.late_seconds
        self._images += 1
        self._frames.append(_Frame(self._picture(self._images & 0xFF), due))

    def _picture(self, key_number: int) -> bytes:
        import numpy as np

        lines = self._seen()
        header = Header(HEIGHT, key_number, self.blocks)
        if self.scrambles:
            lines = self._scrambled(header, lines)
        if self._take(Misbehaviour.GARBAGE):
            lines = np.random.default_rng(1).integers(0, 256, lines.shape, np.uint8)
        if self._take(Misbehaviour.WRONG_HEADER):
            header = Header(2 * HEIGHT, key_number, self.blocks)
        content = header.to_bytes() + lines.tobytes()
        return content[:_SHORT] if self._take(Misbehaviour.SHORT) else content

    def _seen(self) -> Pixels:
        """Return what the sensor sees: light ridges on a dark ground, black without a finger."""
        import numpy as np

        if self._take(Misbehaviour.LIFTED):
            self._visitor.glass = None
        glass = self._visitor.glass
        if glass is None or self._take(Misbehaviour.DEAD_LAMP):
            return np.zeros((HEIGHT, WIDTH), np.uint8)
        seen = 255 - glass
        return seen[::-1, ::-1] if self.turned else seen

    def _scrambled(self, header: Header, lines: Pixels) -> Pixels:
        flat = lines.flatten()
        number = header.key_number
        key, start = self._key(number), 0
        for block in header.blocks:
            if block.flags & Flag.NEW_KEY:
                number = (number + 1) & 0xFF
                key = self._key(number)
            size = block.lines * WIDTH
            if not block.flags & Flag.KEY_RESTS:
                if block.flags & Flag.SCRAMBLED:
                    flat[start : start + size] = uareu.scramble(flat[start : start + size], key)
                key = uareu.later_key(key, size)
            start += size
        return flat.reshape(lines.shape)

    @staticmethod
    def _key(number: int) -> int:
        return zlib.crc32(bytes([number]))

    def _take(self, fault: Misbehaviour) -> bool:
        if fault not in self._faults:
            return False
        if fault in _ONCE:
            self._faults.remove(fault)
        return True


class VirtualReaderV2(VirtualUareU):
    """Microsoft's second Fingerprint Reader, which challenges its host."""

    vendor_id: ClassVar[int] = 0x045E
    product_id: ClassVar[int] = 0x00CA
    manufacturer: ClassVar[str] = "Microsoft"
    product: ClassVar[str] = "Fingerprint Reader (virtual)"
    turned: ClassVar[bool] = False
    wants_answer: ClassVar[bool] = True
