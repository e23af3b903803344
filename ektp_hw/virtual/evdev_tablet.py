# SPDX-License-Identifier: Apache-2.0
"""An emulated pen tablet behind an evdev node that exists only inside this process.

It sends what the kernel would: only what changes, in frames that SYN_REPORT ends. `frames` gives
the same events to whoever plays the kernel elsewhere. Codes: linux/input-event-codes.h.
"""

from __future__ import annotations

import struct
import threading
import time
from typing import TYPE_CHECKING

from ektp_hw.errors import DeviceBusy, DeviceRemoved
from ektp_hw.transport.node import DeviceNode
from ektp_hw.virtual.signing import Counts, Misbehaviour, Scale, SignedOn, Signing

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ektp_hw.samples import SignatureTrace

    Frame = list[tuple[int, int, int]]

__all__ = ["AXES", "KEYS", "SCALE", "VirtualTablet"]

_SYN, _KEY, _ABS = 0, 1, 3
_DROPPED = 3
_PEN, _TOUCH = 0x140, 0x14A
_X, _Y, _PRESSURE = 0, 1, 24
_KEYS_NOW, _FIRST_AXIS, _GRAB, _CLOCK = 0x18, 0x40, 0x90, 0xA0
_EVENT = struct.Struct("@llHHi")
_LOOK_S = 0.001
_TOUCHES = 3
"""Samples after which somebody who only touches takes the pen away."""
_LOST = 5
SCALE = Scale(100.0, 100.0, 15200, 9500, 2047, 133.0)
"""Measures of the tablet: 152 x 95 mm in hundredths of a millimetre."""
AXES = {
    _X: (0, SCALE.max_x, 4, 0, 100),
    _Y: (0, SCALE.max_y, 4, 0, 100),
    _PRESSURE: (0, SCALE.max_force, 0, 0, 0),
}
"""Each axis: least, greatest, fuzz, flat, units a millimetre."""
KEYS = (_PEN, _TOUCH, 0x14B)
"""Pen, tip and barrel button."""


class VirtualTablet(SignedOn):
    """A tablet; somebody begins to sign when the host listens, or when `sign` is called.

    Parameters
    ----------
    trace
        What is signed; by default nobody is there.
    speed
        How many times faster than real the signing goes; the samples stay the same.
    """

    def __init__(self, trace: SignatureTrace | None = None, *, speed: float = 1.0) -> None:
        self.lock = threading.RLock()
        self.signing = Signing(SCALE, speed)
        self.is_plugged = True
        self.has_resolution = True
        self.holder: DeviceNode | None = None
        self._state: dict[tuple[int, int], int] = {}
        self._frozen_at = 0.0
        self.present(trace)

    def behave(self) -> None:
        """End all misbehaviour; be plugged in."""
        with self.lock:
            super().behave()
            self.is_plugged, self._frozen_at = True, 0.0

    def node(self, uri: str) -> DeviceNode:
        """Open the node, as a driver's way to connect."""
        return _TabletNode(self, uri)

    def frames(self) -> Iterator[Frame]:
        """Give the events of one whole signing, frame by frame."""
        state: dict[tuple[int, int], int] = {}
        for counts in [*self.signing.counts, None]:
            if frame := _changed(state, _wanted(counts, state)):
                yield frame

    # The device.

    def axis(self, code: int) -> bytes:
        """Answer EVIOCGABS."""
        least, most, fuzz, flat, resolution = AXES.get(code, (0, 0, 0, 0, 0))
        value = self._state.get((_ABS, code), 0)
        return struct.pack(
            "=6i", value, least, most, fuzz, flat, resolution if self.has_resolution else 0
        )

    def keys(self) -> bytes:
        """Answer EVIOCGKEY."""
        down = [code for (kind, code), value in self._state.items() if kind == _KEY and value]
        return sum(1 << code for code in down).to_bytes(96, "little")

    def events(self) -> bytes:
        """Give the next frame once it is due, as the node's read does; empty if there is none."""
        self.signing.heard()
        if not self.signing.is_due:
            return b""
        if self._fault is Misbehaviour.LIFTED and self.signing.given >= _TOUCHES:
            self.signing.given = len(self.signing.counts)
        elif self._fault and self.signing.is_half_way:
            return self._strike(self._fault)
        return self._next()

    def _next(self) -> bytes:
        counts = self.signing.take()
        if counts is None:
            self.signing.end()
        frame = _changed(self._state, _wanted(counts, self._state))
        return self._packed(frame) if frame else b""

    def _packed(self, frame: Frame) -> bytes:
        now = self._frozen_at or time.monotonic()
        moment = int(now), int(now % 1 * 1e6)
        return b"".join(_EVENT.pack(*moment, *event) for event in [*frame, (_SYN, 0, 0)])

    def _strike(self, fault: Misbehaviour) -> bytes:
        if fault is Misbehaviour.UNPLUG:
            self.is_plugged = False
        if fault in {Misbehaviour.UNPLUG, Misbehaviour.SILENT}:
            self.signing.end()
            return b""
        if fault is Misbehaviour.GARBAGE:
            return self._packed([(_ABS, _X, 99_999), (_ABS, _Y, -5)])
        if fault is Misbehaviour.ENDLESS:
            self.signing.given += 1
            return self._packed(_changed(self._state, _wanted(Counts(1000, 1000, 500), {})))
        if fault is Misbehaviour.FROZEN_CLOCK:
            self._frozen_at = self._frozen_at or time.monotonic()
            return self._next()
        self._fault = None
        if fault is Misbehaviour.SHORT:
            return self._next()[:30]
        for _ in range(_LOST):
            self._next()
        return self._packed([(_SYN, _DROPPED, 0), (_ABS, _X, 1)]) + self._next()


class _TabletNode(DeviceNode):
    """The tablet's node, opened once."""

    def __init__(self, tablet: VirtualTablet, uri: str) -> None:
        self.uri = uri
        self._tablet = tablet
        if not tablet.is_plugged:
            raise DeviceRemoved("the device was unplugged; plug it in again", device=uri)

    def read(self, length: int, timeout: float) -> bytes:
        """Return a frame of events."""
        end = time.monotonic() + timeout
        while True:
            with self._tablet.lock:
                self._check()
                raw = self._tablet.events()
            if raw:
                return raw[:length]
            if time.monotonic() >= end:
                return b""
            time.sleep(_LOOK_S)

    def request(self, number: int, buffer: bytearray, timeout: float = 1.0) -> int:
        """Answer an ioctl."""
        del timeout
        kind = number & 0xFF
        with self._tablet.lock:
            self._check()
            if kind == _GRAB:
                self._grab()
            elif kind == _KEYS_NOW:
                buffer[:] = self._tablet.keys()[: len(buffer)]
            elif kind != _CLOCK:
                buffer[:] = self._tablet.axis(kind - _FIRST_AXIS)
        return 0

    def _grab(self) -> None:
        if self._tablet.holder not in {None, self}:
            raise DeviceBusy("another program holds it; close that program", device=self.uri)
        self._tablet.holder = self

    def _check(self) -> None:
        if not self._tablet.is_plugged:
            raise DeviceRemoved("the device was unplugged; plug it in again", device=self.uri)

    def probe(self) -> None:
        """Look whether the device is there."""
        self._check()

    def close(self) -> None:
        """Let go."""
        with self._tablet.lock:
            if self._tablet.holder is self:
                self._tablet.holder = None


def _wanted(counts: Counts | None, state: dict[tuple[int, int], int]) -> Frame:
    """Return how keys and axes stand with the pen there; None: it has gone."""
    if counts is None:
        return [(kind, code, 0) for kind, code in state if (kind, code) not in _PLACES]
    return [
        (_KEY, _PEN, 1),
        (_KEY, _TOUCH, int(counts.force > 0)),
        (_ABS, _X, counts.x),
        (_ABS, _Y, counts.y),
        (_ABS, _PRESSURE, counts.force),
    ]


_PLACES = {(_ABS, _X), (_ABS, _Y)}


def _changed(state: dict[tuple[int, int], int], wanted: Frame) -> Frame:
    """Note the new state and return what is new in it."""
    frame = [one for one in wanted if state.get(one[:2]) != one[2]]
    state.update({(kind, code): value for kind, code, value in frame})
    return frame
