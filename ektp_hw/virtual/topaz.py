# SPDX-License-Identifier: Apache-2.0
"""An emulated Topaz signature pad on a serial line; layout as `ektp_hw.drivers.topaz_serial`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ektp_hw.virtual.serial_line import SerialFunction
from ektp_hw.virtual.signing import Counts, Misbehaviour, Scale, SignedOn, Signing

if TYPE_CHECKING:
    from ektp_hw.samples import SignatureTrace

__all__ = ["SCALE", "VirtualTopaz"]

_SYNC, _NEAR, _TIP = 0x80, 0x40, 0x01
_TOUCHES = 3
"""Samples after which somebody who only touches takes the pen away."""
_GARBAGE = bytes((k * 37 + 11) & 0x7F for k in range(600))
SCALE = Scale(410 / 25.4, 410 / 25.4, 4095, 4095, 1, 150.0)
"""410 points an inch, no pressure; a rate that 19,200 baud can carry."""


class VirtualTopaz(SignedOn, SerialFunction):
    """A pad; somebody signs when `sign` is called.

    Parameters
    ----------
    trace
        What is signed; by default nobody is there.
    speed
        How many times faster than real the signing goes; the packets stay the same.
    """

    def __init__(self, trace: SignatureTrace | None = None, *, speed: float = 1.0) -> None:
        super().__init__(19_200, speed=speed)
        self.signing = Signing(SCALE, speed)
        self.present(trace)

    def sign(self) -> None:
        """Let the person sign from the beginning, in a moment."""
        packets = [_packed(counts) for counts in self.signing.counts]
        half = len(packets) // 2
        gone = bytes([_SYNC, 0, 0, 0, 0])
        if self._fault is Misbehaviour.LIFTED:
            packets[_TOUCHES:] = [gone]
        elif self._fault in {Misbehaviour.SILENT, Misbehaviour.UNPLUG}:
            packets[half:] = []
        elif self._fault is Misbehaviour.GARBAGE:
            packets[half:] = [_GARBAGE]
        elif self._fault is Misbehaviour.SHORT:
            packets[half] = packets[half][:3]
        elif self._fault is Misbehaviour.SKIP:
            packets[half] = packets[half][1:]
        if self._fault not in {Misbehaviour.SILENT, Misbehaviour.UNPLUG}:
            packets.append(gone)
        self.send(b"", after=0.15)
        for packet in packets:
            self.send(packet, after=1 / SCALE.rate / self.speed)
        if self._fault is Misbehaviour.UNPLUG:
            self.then(self.unplug)


def _packed(counts: Counts) -> bytes:
    flags = _SYNC | _NEAR | (_TIP if counts.force else 0)
    x, y = counts.x, counts.y
    return bytes([flags, x & 0x7F, x >> 7, y & 0x7F, y >> 7])
