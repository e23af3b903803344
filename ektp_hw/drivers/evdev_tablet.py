# SPDX-License-Identifier: Apache-2.0
"""Pen tablets that the kernel knows: any input device with a pen, read through evdev.

What the codes mean: Documentation/input/event-codes.rst of the kernel. The kernel sends only what
changes, stamps it with the monotonic clock when asked to, and says when it had to drop events.
A tablet counts if it has BTN_TOOL_PEN and both coordinates; its size comes from the axes' range
and resolution.
"""

from __future__ import annotations

import time
from collections import deque
from typing import TYPE_CHECKING, ClassVar

from ektp_hw.devices.base import DeviceInfo, DeviceKind
from ektp_hw.devices.capabilities import Feature, SignatureCapabilities
from ektp_hw.devices.linked import Linked
from ektp_hw.devices.pen_pad import PenPad, PenSample
from ektp_hw.devices.wait import LONGEST_SLICE
from ektp_hw.errors import DeviceError, DeviceUnavailable, ProtocolError, UnavailableReason
from ektp_hw.transport import evdev

if TYPE_CHECKING:
    from collections.abc import Callable

    from ektp_hw.devices.wait import CaptureWait
    from ektp_hw.transport.node import DeviceNode

__all__ = ["EvdevTablet"]

_PEN, _TOUCH = 0x140, 0x14A
_X, _Y, _PRESSURE = 0, 1, 24
_FOREIGN_FRAMES = 16
"""Frames in a row that cannot be right after which the tablet counts as out of step."""
_OLD_READS = 64


class EvdevTablet(Linked[evdev.EventConnection], PenPad):
    """A pen tablet under ``/dev/input``.

    Parameters
    ----------
    info
        Which one.
    connect
        How to reach its address; another function opens a model.
    """

    name: ClassVar[str] = "evdev_tablet"
    schemes: ClassVar[tuple[str, ...]] = ("evdev",)
    _clock_is_ours: ClassVar[bool] = True

    def __init__(
        self, info: DeviceInfo, connect: Callable[[str], DeviceNode] = evdev.connect
    ) -> None:
        super().__init__(info)
        self._connect = connect
        self._axes: dict[int, evdev.Axis] = {}
        self._now: dict[int, int] = {}
        self._near = self._tip = False
        self._foreign = 0
        self._ready: deque[PenSample] = deque()

    @classmethod
    def discover(cls) -> list[DeviceInfo]:
        """List the pen tablets the kernel knows, without opening any."""
        return [_info(one) for one in evdev.find(_is_pen_tablet)]

    @classmethod
    def locate(cls, uri: str) -> DeviceInfo | None:
        """Return what is known of the tablet at that address; None if there is none."""
        one = evdev.locate(uri)
        return _info(one) if one is not None and _is_pen_tablet(one) else None

    @property
    def capabilities(self) -> SignatureCapabilities:
        """What the axes tell, known once it is open."""
        features = frozenset({Feature.PRESENCE, Feature.PREVIEW, Feature.CLOCK})
        if not self._axes:
            return SignatureCapabilities(features=features)
        x, y, pressure = self._axes[_X], self._axes[_Y], self._axes.get(_PRESSURE)
        return SignatureCapabilities(
            width_mm=(x.maximum - x.minimum) / x.resolution,
            height_mm=(y.maximum - y.minimum) / y.resolution,
            per_mm=x.resolution,
            pressure_levels=pressure.maximum - pressure.minimum + 1 if pressure else 1,
            features=features,
        )

    # Opening and closing.

    def _open(self) -> None:
        connection = evdev.EventConnection(self._connect(self.info.address))
        try:
            axes = {code: connection.axis(code) for code in (_X, _Y, _PRESSURE)}
            if axes[_PRESSURE].maximum <= axes[_PRESSURE].minimum:
                del axes[_PRESSURE]  # it only knows touch
            for axis in (axes[_X], axes[_Y]):
                if axis.resolution <= 0 or axis.maximum <= axis.minimum:
                    raise DeviceUnavailable(
                        "the tablet does not tell its size; give the axes' resolution in units a"
                        " millimetre as EVDEV_ABS_00 and EVDEV_ABS_01 in /etc/udev/hwdb.d",
                        reason=UnavailableReason.UNSUPPORTED,
                        device=self.info.uri,
                    )
        except DeviceError:
            connection.close()
            raise
        self._axes, self._link = axes, connection

    # What the base class asks for.

    def _start(self, wait: CaptureWait) -> None:
        for _ in range(_OLD_READS):
            wait.check()
            if not self._wire.read(0.001):
                break
        self._ready.clear()
        self._first, self._foreign = None, 0
        self._ask_state()

    def _stop(self) -> None:
        """Do nothing: a tablet has no capture mode."""

    def _sample(self, wait: CaptureWait, longest: float = LONGEST_SLICE) -> PenSample | None:
        wait.check()
        if not self._ready:
            for event in self._wire.read(wait.slice(longest)):
                if (event.kind, event.code) == (evdev.SYN, evdev.SYN_DROPPED):
                    self._catch_up(event.seconds)
                    break
                self._take(event)
        return self._ready.popleft() if self._ready else None

    def _take(self, event: evdev.Event) -> None:
        """Note an event; a whole frame of them makes a sample."""
        if (event.kind, event.code) == (evdev.SYN, 0):
            self._end_frame(event.seconds)
        elif event.kind == evdev.ABS:
            self._now[event.code] = event.value
        elif event.kind == evdev.KEY and event.code == _PEN:
            self._near = bool(event.value)
        elif event.kind == evdev.KEY and event.code == _TOUCH:
            self._tip = bool(event.value)

    def _catch_up(self, seconds: float) -> None:
        """Throw away what is waiting, which is older than the state that can be asked for."""
        for _ in range(_OLD_READS):
            events = self._wire.read(0.001)
            if not events:
                break
            seconds = events[-1].seconds
        self._ask_state()
        self._end_frame(seconds, dropped=1)  # at least one; the kernel does not say how many

    def _end_frame(self, seconds: float, dropped: int = 0) -> None:
        if not all(self._fits(code) for code in self._axes):
            self._foreign += 1
            if self._foreign > _FOREIGN_FRAMES:
                raise ProtocolError(
                    "the tablet sends positions outside of its own range; plug it in again",
                    device=self.info.uri,
                )
            return
        self._foreign = 0
        tip = self._tip and self._near
        self._ready.append(
            PenSample(
                time.monotonic(),
                self._scaled(_X),
                self._scaled(_Y),
                self._force() if tip else 0.0,
                tip,
                self._near,
                clock=seconds,
                dropped=dropped,
            )
        )

    def _fits(self, code: int) -> bool:
        axis = self._axes[code]
        return axis.minimum <= self._now[code] <= axis.maximum

    def _scaled(self, code: int) -> float:
        axis = self._axes[code]
        return (self._now[code] - axis.minimum) / axis.resolution

    def _force(self) -> float:
        axis = self._axes.get(_PRESSURE)
        if axis is None:
            return 1.0
        return (self._now[_PRESSURE] - axis.minimum) / (axis.maximum - axis.minimum)

    def _ask_state(self) -> None:
        """Ask for what the events since the last frame would have told."""
        self._now = {code: self._wire.axis(code).value for code in self._axes}
        self._near, self._tip = self._wire.is_pressed(_PEN), self._wire.is_pressed(_TOUCH)


def _is_pen_tablet(one: evdev.EventDevice) -> bool:
    return _PEN in one.keys and {_X, _Y} <= one.axes


def _info(one: evdev.EventDevice) -> DeviceInfo:
    return DeviceInfo(
        one.uri, DeviceKind.SIGNATURE, one.name, EvdevTablet.name, one.serial,
        one.vendor_id, one.product_id,
    )  # fmt: skip
