# SPDX-License-Identifier: Apache-2.0
"""Packets of the fingerprint modules ZFM-20/60, R30x, AS608 and R503, for both ends of the line.

Source: the packages pyfingerprint 1.5 and adafruit-circuitpython-fingerprint 2.2.25. A packet is
EF 01, an address of 4 bytes, its kind, the length of what follows, content, and a sum of 2 bytes
over kind, length and content; all big-endian.
"""

from __future__ import annotations

import struct
from enum import IntEnum
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

__all__ = ["BROADCAST", "CONTENT_AT_MOST", "Kind", "Packet", "PacketReader", "packed", "pixels_of"]

BROADCAST = 0xFFFFFFFF
"""The address every module listens to, and has when it is new."""
CONTENT_AT_MOST = 256
_START = b"\xef\x01"
_HEAD = struct.Struct(">2sIBH")
_SUM_SIZE = 2


class Kind(IntEnum):
    """What a packet is."""

    COMMAND = 1
    DATA = 2
    ACKNOWLEDGE = 7
    LAST_DATA = 8


class Packet(NamedTuple):
    """A packet that came whole."""

    kind: int
    content: bytes


def packed(kind: int, content: bytes, address: int = BROADCAST) -> bytes:
    """Write one packet; the content has 1 to 256 bytes."""
    length = len(content) + _SUM_SIZE
    return _HEAD.pack(_START, address, kind, length) + content + _sum(kind, length, content)


def pixels_of(picture: bytes) -> npt.NDArray[np.uint8]:
    """Spread a picture's 4 bits a pixel, the left one in the high half, to 8: 15 becomes 255."""
    import numpy as np

    pairs = np.frombuffer(picture, np.uint8)
    return (np.stack([pairs >> 4, pairs & 15], axis=1) * np.uint8(17)).reshape(-1)


class PacketReader:
    """Finds packets in what a line brings, past noise and damaged ones.

    Parameters
    ----------
    address
        Packets of other addresses count as noise.

    Attributes
    ----------
    damaged
        Packets with a wrong sum so far.
    """

    def __init__(self, address: int = BROADCAST) -> None:
        self.damaged = 0
        self._address = address
        self._received = bytearray()

    def feed(self, data: bytes) -> None:
        """Take what the line brought."""
        self._received += data

    def clear(self) -> None:
        """Forget what was received."""
        self._received.clear()

    def next(self) -> Packet | None:
        """Return the next whole packet; None until more has come."""
        while self._seek():
            _, address, kind, length = _HEAD.unpack_from(self._received)
            if address != self._address or not _SUM_SIZE < length <= CONTENT_AT_MOST + _SUM_SIZE:
                self.skip()
                continue
            end = _HEAD.size + length
            if len(self._received) < end:
                return None
            content = bytes(self._received[_HEAD.size : end - _SUM_SIZE])
            if self._received[end - _SUM_SIZE : end] == _sum(kind, length, content):
                del self._received[:end]
                return Packet(kind, content)
            self.damaged += 1
            self.skip()
        return None

    def skip(self) -> bool:
        """Give up the packet that has begun, which may be noise that looks like one.

        Returns whether anything was there to be given up.
        """
        had = bool(self._received)
        del self._received[: len(_START)]
        return had

    def _seek(self) -> bool:
        """Drop noise up to the start of a packet; tell whether its head is there."""
        at = self._received.find(_START)
        if at < 0:
            at = len(self._received) - self._received.endswith(_START[:1])
        del self._received[:at]
        return len(self._received) >= _HEAD.size


def _sum(kind: int, length: int, content: bytes) -> bytes:
    total = kind + (length >> 8) + (length & 0xFF) + sum(content)
    return (total & 0xFFFF).to_bytes(_SUM_SIZE, "big")
