# SPDX-License-Identifier: Apache-2.0
"""The words that DigitalPersona's U.are.U readers speak: registers, picture header, scrambling.

Facts from the source of libfprint's driver uru4000 (registers, modes, interrupts, header, cipher).
Newer firmware scrambles a picture with a shift register of 32 bits whose start value the host asks
for, block by block. The register's steps are linear over GF(2), so the keys of a whole picture are
made by doubling: with the keys of n steps and a table of what n steps do to each byte of a key, the
next n keys are four look-ups away.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import IntEnum, IntFlag
from functools import cache
from typing import TYPE_CHECKING

from ektp_hw.transport.aes128 import encrypt_block

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    import numpy.typing as npt

    Pixels = npt.NDArray[np.uint8]
    Keys = npt.NDArray[np.uint32]

__all__ = [
    "FRAME_SIZE",
    "HEADER_SIZE",
    "MAX_LINES",
    "WIDTH",
    "Block",
    "Flag",
    "Header",
    "Interrupt",
    "Mode",
    "Register",
    "answer_to_challenge",
    "assembled",
    "descramble",
    "later_key",
    "looks_scrambled",
    "scramble",
    "unscrambled",
]

WIDTH = 384
MAX_LINES = 289
"""Lines a picture may have; the header of a valid one never says more."""
HEADER_SIZE = 64
FRAME_SIZE = HEADER_SIZE + (MAX_LINES + 1) * WIDTH
"""Bytes to ask for, so that every picture ends its transfer by itself."""
_BLOCKS = 15
_TAPS = 0x9248144D
_PICKED = (4, 8, 11, 14, 18, 21, 24, 29)
"""Bits of the shift register that make a byte of the key stream, lowest first."""
_LEAPS = 17
"""Doublings: 131,072 keys, and a picture needs 110,976."""
_NOISE = 5000
"""Mean squared deviation of two summed lines from which they are noise."""
_READER_V2_KEY = bytes.fromhex("79ac91795ca1478e98e00f3c598f5f4b")
"""The same in every second Microsoft reader, and printed in libfprint: no secret of anybody's."""


class Register(IntEnum):
    """What vendor request 4 reads (0xC0) and writes (0x40), by its wValue."""

    STATUS = 0x07
    SCRAMBLE_INDEX = 0x33
    SCRAMBLE_KEY = 0x34
    MODE = 0x4E
    INFORMATION = 0xF0
    RESPONSE = 0x2000
    CHALLENGE = 0x2010


class Mode(IntEnum):
    """What the reader does."""

    AWAIT_FINGER_ON = 0x10
    AWAIT_FINGER_OFF = 0x12
    CAPTURE = 0x20
    OFF = 0x70


class Interrupt(IntEnum):
    """The first two bytes of a message of 64."""

    POWERED = 0x56AA
    FINGER_ON = 0x0101
    FINGER_OFF = 0x0200
    EMPTY_NEXT = 0x0800
    """The next picture will come as a transfer without bytes."""


class Flag(IntFlag):
    """What is said of a block of lines."""

    NOT_PRESENT = 0x01
    SCRAMBLED = 0x02
    KEY_RESTS = 0x04
    NEW_KEY = 0x80


@dataclass(frozen=True)
class Block:
    """Some lines of a picture."""

    flags: int
    lines: int


@dataclass(frozen=True)
class Header:
    """What precedes the pixels."""

    lines: int
    key_number: int
    blocks: tuple[Block, ...]

    @classmethod
    def from_bytes(cls, head: bytes | bytearray) -> Header:
        """Read the 64 bytes; blocks end at the first without lines."""
        lines, key_number = struct.unpack_from("<HB", head, 4)
        blocks = []
        for place in range(16, 16 + 2 * _BLOCKS, 2):
            if not head[place + 1]:
                break
            blocks.append(Block(head[place], head[place + 1]))
        return cls(lines, key_number, tuple(blocks))

    def to_bytes(self) -> bytes:
        """Write the 64 bytes."""
        head = bytearray(HEADER_SIZE)
        struct.pack_into("<HB", head, 4, self.lines, self.key_number)
        for place, block in enumerate(self.blocks):
            head[16 + 2 * place : 18 + 2 * place] = bytes((block.flags, block.lines))
        return bytes(head)

    @property
    def size(self) -> int:
        """Bytes of the frame, header and all."""
        return HEADER_SIZE + self.lines * WIDTH

    @property
    def is_valid(self) -> bool:
        """Whether a reader can mean it."""
        return 0 < self.lines <= MAX_LINES and bool(self.blocks)


def looks_scrambled(header: Header, lines: Pixels) -> bool:
    """Whether the blocks' flags say so and the first two lines are noise, as libfprint demands."""
    import numpy as np

    if not any(block.flags & Flag.SCRAMBLED for block in header.blocks):
        return False
    total = lines[:2].astype(np.int64).sum(axis=0)
    return bool(total.var() >= _NOISE)


def unscrambled(header: Header, lines: Pixels, ask_key: Callable[[int], int]) -> Pixels:
    """Return the lines in plain; the last pixel of each scrambled block is lost and becomes 0.

    Parameters
    ----------
    header, lines
        As they came; lines of shape (n, 384).
    ask_key
        Gets a key number and returns the reader's key for it.
    """
    flat = lines.ravel().copy()
    number = header.key_number
    key = ask_key(number)
    start = 0
    for block in header.blocks:
        if block.flags & Flag.NEW_KEY:
            number = (number + 1) & 0xFF
            key = ask_key(number)
        size = block.lines * WIDTH
        present = not block.flags & Flag.NOT_PRESENT
        if not block.flags & Flag.KEY_RESTS:
            if block.flags & Flag.SCRAMBLED and present:
                part = flat[start : start + size]
                part[:] = descramble(part, key)
            key = later_key(key, size)
        start += size if present else 0
    return flat.reshape(lines.shape)


def assembled(header: Header, lines: Pixels) -> Pixels:
    """Put the lines where the blocks say; lines that are not present become 0 (no finger)."""
    import numpy as np

    parts, row = [], 0
    for block in header.blocks:
        if block.flags & Flag.NOT_PRESENT:
            parts.append(np.zeros((block.lines, WIDTH), np.uint8))
        else:
            parts.append(lines[row : row + block.lines])
            row += block.lines
    return np.concatenate(parts)


def descramble(scrambled: Pixels, key: int) -> Pixels:
    """Return one block's bytes in plain, the last one 0."""
    import numpy as np

    plain = np.zeros_like(scrambled)
    plain[:-1] = scrambled[1:] ^ _stream(key, len(scrambled) - 1)
    return plain


def scramble(plain: Pixels, key: int) -> Pixels:
    """Return one block's bytes as a reader sends them; the last one is not among them."""
    import numpy as np

    scrambled = np.zeros_like(plain)
    scrambled[1:] = plain[:-1] ^ _stream(key, len(plain) - 1)
    return scrambled


def later_key(key: int, steps: int) -> int:
    """Return the shift register after that many steps, 131,071 at most."""
    return int(_keys(key, steps)[steps])


def answer_to_challenge(challenge: bytes) -> bytes:
    """Return what Microsoft's second reader wants to hear before it powers up, 16 bytes."""
    return encrypt_block(_READER_V2_KEY, challenge)


def _step(keys: Keys) -> Keys:
    """Step the shift register once: the parity of the taps enters at the top."""
    import numpy as np

    parity = keys & np.uint32(_TAPS)
    for distance in (16, 8, 4, 2, 1):
        parity ^= parity >> np.uint32(distance)
    return ((parity & 1) << 31 | keys >> 1).astype(keys.dtype)


def _mapped(keys: Keys, table: Keys) -> Keys:
    """Apply a linear map, given as what it makes of each byte of a key, shape (4, 256)."""
    parts = keys.view("u1").reshape(-1, 4)
    return (  # type: ignore[no-any-return]  # numpy takes indexing for Any
        table[0][parts[:, 0]]
        ^ table[1][parts[:, 1]]
        ^ table[2][parts[:, 2]]
        ^ table[3][parts[:, 3]]
    )


@cache
def _leaps() -> list[Keys]:
    """Return the maps of 1, 2, 4, ... steps."""
    import numpy as np

    places = np.arange(4, dtype="<u4")[:, None] * 8
    single = np.arange(256, dtype="<u4")[None, :] << places
    tables = [_step(single)]
    while len(tables) < _LEAPS:
        tables.append(_mapped(tables[-1].ravel(), tables[-1]).reshape(4, 256))
    return tables


@cache
def _picks() -> Keys:
    """Return the map from a key to its byte of the stream."""
    import numpy as np

    places = np.arange(4, dtype="<u4")[:, None] * 8
    single = np.arange(256, dtype="<u4")[None, :] << places
    picked: Keys = np.zeros_like(single)
    for to, place in enumerate(_PICKED):
        picked |= (single >> place & 1) << to
    return picked


def _keys(key: int, steps: int) -> Keys:
    """Return the shift register before the first step and after each, shape (steps + 1,)."""
    import numpy as np

    keys = np.empty(steps + 1, "<u4")
    keys[0] = key
    done = 1
    for leap in _leaps():
        more = min(done, len(keys) - done)
        if not more:
            break
        keys[done : done + more] = _mapped(keys[:more], leap)
        done += more
    return keys


def _stream(key: int, length: int) -> Pixels:
    import numpy as np

    return _mapped(_keys(key, length)[:length], _picks()).astype(np.uint8)
