# SPDX-License-Identifier: Apache-2.0
"""Near-infrared cameras through Linux's video interface: any that the kernel's uvcvideo drives.

The best format it has is read and made 8-bit grey (`ektp_hw.transport.grey_pixels` says what is
lost). Cameras that light every other frame are known by their levels: a frame much darker than
its neighbours is passed over. Listed are cameras with a monochrome format in their descriptors,
those of the table of models, and those that call themselves infrared; any other opens by its URI.
"""

from __future__ import annotations

import logging
import re
import time
from collections import deque
from typing import TYPE_CHECKING, ClassVar

from ektp_hw.devices.base import DeviceInfo, UsbId
from ektp_hw.devices.capabilities import Feature, IrisCapabilities
from ektp_hw.devices.eye_watch import EyeWatch
from ektp_hw.devices.iris_camera import IrisCamera
from ektp_hw.devices.linked import Linked
from ektp_hw.errors import DeviceError, DeviceUnavailable, ProtocolError, UnavailableReason
from ektp_hw.transport import grey_pixels, video, video_places
from ektp_hw.transport.video_quirks import ORDINARY, QUIRKS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import numpy as np
    import numpy.typing as npt

    from ektp_hw.devices.wait import CaptureWait
    from ektp_hw.transport.video import Layout, Mode, VideoConnection
    from ektp_hw.transport.video_places import VideoPlace

    Pixels = npt.NDArray[np.uint8]
    Show = Callable[[Pixels], None]

__all__ = ["V4L2Camera"]

_log = logging.getLogger(__name__)

_INFRARED = re.compile(r"\b(ir|nir|infra-?red|iris)\b", re.IGNORECASE)
_VGA = (640, 480)
_SMALLEST = 64
"""Pixels along a side in which an eye can be looked for."""
_SHORTEST_INTERVAL = 0.033
"""Seconds a frame: faster cameras only make each frame darker."""
_SILENCE = 5.0
"""Seconds without a frame after which the camera counts as broken; slow ones need 2 to start."""
_BROKEN_FRAMES = 15
"""Incomplete frames in a row that are no chance: half a second."""
_NEIGHBOURS = 4
"""Frames whose levels are compared."""
_UNLIT_SHARE = 0.6
"""Share of its brightest neighbour's level below which a frame was taken without the lamp."""
_FEATURES = {"exposure": Feature.EXPOSURE, "gain": Feature.GAIN, "focus": Feature.FOCUS}


class V4L2Camera(Linked["VideoConnection"], IrisCamera):
    """Near-infrared cameras through Linux's video interface (UVC and others).

    Parameters
    ----------
    info
        Which one.
    connect
        How to reach its address; another function replays a transcript.

    Attributes
    ----------
    is_mirrored
        Set it for a camera that shows people as a mirror does: their right eye on the right.
    bits
        How many bits of a 16-bit value carry the picture, None for all; set it before opening.
    """

    name: ClassVar[str] = "v4l2_camera"
    schemes: ClassVar[tuple[str, ...]] = ("video",)
    usb_ids: ClassVar[tuple[UsbId, ...]] = tuple(
        UsbId(*ids, quirk.model) for ids, quirk in QUIRKS.items()
    )

    def __init__(
        self, info: DeviceInfo, connect: Callable[[str], VideoConnection] = video.connect
    ) -> None:
        super().__init__(info)
        self._connect = connect
        self._quirk = QUIRKS.get((info.vendor_id or 0, info.product_id or 0), ORDINARY)
        self.is_mirrored = self._quirk.is_mirrored
        self.bits = self._quirk.bits
        self._modes: list[Mode] = []
        self._mode: Mode | None = None
        self._layout: Layout | None = None
        self._ranges: dict[str, video.ControlRange] = {}
        self._watch = EyeWatch(info.uri)
        self._dropped = 0

    @classmethod
    def discover(cls) -> list[DeviceInfo]:
        """List the cameras that seem to see near infrared; opens none."""
        return [cls._seen(place) for place in video_places.find() if _sees_infrared(place)]

    @classmethod
    def locate(cls, uri: str) -> DeviceInfo | None:
        """Return what is known of any camera's address, None if it is no such address."""
        place = video_places.place_of(uri)
        return None if place is None else cls._seen(place, uri)

    @classmethod
    def _seen(cls, place: VideoPlace, uri: str = "") -> DeviceInfo:
        quirk = QUIRKS.get((place.vendor_id or 0, place.product_id or 0), ORDINARY)
        return DeviceInfo(
            uri or place.uri,
            cls.kind,
            quirk.model or place.name,
            cls.name,
            place.serial,
            place.vendor_id,
            place.product_id,
        )

    @property
    def capabilities(self) -> IrisCapabilities:
        """Formats, size and controls are the camera's own, known once it is open."""
        layout = self._layout
        if layout is None:
            return IrisCapabilities()
        features = {_FEATURES[name] for name in self._ranges if name in _FEATURES}
        features |= {Feature.LIGHT} if self._quirk.emitter else set()
        return IrisCapabilities(
            features=frozenset(features | {Feature.PREVIEW, Feature.CLOCK, Feature.SEQUENCE}),
            formats=tuple(dict.fromkeys(mode.form for mode in self._modes)),
            width=layout.width,
            height=layout.height,
            bits=self.bits or grey_pixels.BITS[layout.form],
            frames_per_second=1 / layout.interval if layout.interval else None,
            eyes=2 if self._widest.width >= 2 * _VGA[0] else 1,
        )

    @property
    def dropped(self) -> int:
        """Frames lost or incomplete in the last capture."""
        return self._dropped

    @property
    def controls(self) -> dict[str, video.ControlRange]:
        """What can be set, by the names of `ektp_hw.transport.video.CONTROLS`."""
        return dict(self._ranges)

    def control(self, name: str) -> int:
        """Read a control.

        Raises
        ------
        ValueError
            If the camera has none of that name.
        """
        self._known(name)
        with self._exclusive():
            return self._wire.control(name)

    def set_control(self, name: str, value: int) -> None:
        """Set a control.

        Raises
        ------
        ValueError
            If the camera has none of that name, or it does not go so far.
        """
        limits = self._known(name)
        if not limits.minimum <= value <= limits.maximum:
            raise ValueError(
                f"{self.info.uri}: {name} goes from {limits.minimum} to {limits.maximum}, not to "
                f"{value}"
            )
        with self._exclusive():
            self._wire.set_control(name, value)

    def _known(self, name: str) -> video.ControlRange:
        if name not in self._ranges:
            there_are = ", ".join(sorted(self._ranges)) or "none"
            raise ValueError(f"{self.info.uri} has no control '{name}'; there are: {there_are}")
        return self._ranges[name]

    def _open(self) -> None:
        super()._open()
        try:
            forms = self._wire.modes()
            self._modes = sorted(filter(_is_readable, forms), key=_rank)
            if not self._modes:
                has = ", ".join(sorted({mode.form for mode in forms})) or "nothing"
                raise DeviceUnavailable(
                    f"the camera offers {has}, none of which can be read; use another camera",
                    reason=UnavailableReason.UNSUPPORTED,
                    device=self.info.uri,
                )
            self._choose(self._modes[0])
            asked = {name: self._wire.control_range(name) for name in video.CONTROLS}
            self._ranges = {name: limits for name, limits in asked.items() if limits}
        except DeviceError:
            self._close()
            raise

    def _close(self) -> None:
        self._layout = self._mode = None
        super()._close()

    def _start(self, wait: CaptureWait) -> None:
        wait.check()
        self._dropped = 0
        self._watch = EyeWatch(self.info.uri)
        self._stream(self._modes[0])

    def _stream(self, mode: Mode) -> None:
        if self._mode is not mode:
            self._choose(mode)
        self._mode = None  # until it has sent frames and stopped, it must be told again
        self._light(on=True)
        self._wire.start()
        self._mode = mode

    def _light(self, *, on: bool) -> None:
        """Switch the lamp of a model that must be told; another firmware may do it itself."""
        lamp = self._quirk.emitter
        if lamp is None:
            return
        try:
            self._wire.set_unit(lamp.unit, lamp.selector, lamp.on if on else lamp.off)
        except DeviceUnavailable as error:
            _log.warning("the lamp is not switched: %s", error)

    def _await_eye(self, wait: CaptureWait, show: Show) -> None:
        self._watch.await_eye(self._pictures(wait), show)

    def _acquire(self, wait: CaptureWait, show: Show) -> Pixels | None:
        return self._watch.choose(self._pictures(wait), show)

    def _acquire_both(self, wait: CaptureWait, show: Show) -> tuple[Pixels, Pixels]:
        if self._widest is not self._mode:
            self._wire.stop()
            self._stream(self._widest)
        left, right = self._watch.choose_both(self._pictures(wait), show)
        return (right, left) if self.is_mirrored else (left, right)

    def _stop(self) -> None:
        if self._link is None:
            return
        for what in (self._link.stop, lambda: self._light(on=False)):
            try:
                what()
            except DeviceError as error:
                self._mode = None
                _log.debug("the camera was not stopped: %s", error)

    def _pictures(self, wait: CaptureWait) -> Iterator[Pixels]:
        """Give the pictures that were taken by light, for as long as the wait allows.

        The first is left out: whether the lamp was on is known from its neighbours only.
        """
        levels: deque[float] = deque(maxlen=_NEIGHBOURS)
        for pixels in self._complete(wait):
            levels.append(float(pixels[::8, ::8].mean()))
            if len(levels) > 1 and levels[-1] >= _UNLIT_SHARE * max(levels):
                yield pixels

    def _complete(self, wait: CaptureWait) -> Iterator[Pixels]:
        """Give the frames of which nothing is missing."""
        camera, layout = self._wire, self._layout
        assert layout is not None  # noqa: S101  # an open camera has one
        heard, broken = time.monotonic(), 0
        while True:
            wait.check()
            try:
                frame = camera.frame(wait.slice())
            except ProtocolError:
                self._mode = None
                raise
            if frame is None:
                self._silent_since(heard)
                continue
            heard = time.monotonic()
            pictures = None
            if not frame.is_damaged:
                pictures = grey_pixels.decode(frame.data, layout, self.bits)
            self._dropped += frame.dropped + (pictures is None)
            broken = 0 if pictures else broken + 1
            if pictures:
                yield pictures[0]
            elif broken >= _BROKEN_FRAMES:
                self._fail(
                    f"{broken} frames in a row came incomplete; plug the camera into another "
                    "socket, without a hub and with a shorter cable"
                )

    def _silent_since(self, heard: float) -> None:
        if time.monotonic() - heard > _SILENCE:
            self._fail(f"no frame came for {_SILENCE:g} s; try again, then plug the camera in anew")

    def _fail(self, what: str) -> None:
        self._mode = None
        raise ProtocolError(what, device=self.info.uri)

    def _choose(self, mode: Mode) -> None:
        self._mode = None
        fast = [one for one in mode.intervals if one >= _SHORTEST_INTERVAL]
        interval = min(fast) if fast else max(mode.intervals, default=None)
        self._layout = self._wire.configure(mode, interval)
        self._mode = mode

    @property
    def _widest(self) -> Mode:
        """The mode with the most pixels, of the best format that has it."""
        return max(self._modes, key=lambda mode: mode.width * mode.height)


def _is_readable(mode: Mode) -> bool:
    return mode.form in grey_pixels.FORMATS and min(mode.width, mode.height) >= _SMALLEST


def _rank(mode: Mode) -> tuple[bool, int, int]:
    """Sort modes: large enough for an eye first, then the better format, then the size nearest."""
    enough = mode.width >= _VGA[0] and mode.height >= _VGA[1]
    area = mode.width * mode.height
    return (not enough, list(grey_pixels.FORMATS).index(mode.form), area if enough else -area)


def _sees_infrared(place: VideoPlace) -> bool:
    ids = (place.vendor_id or 0, place.product_id or 0)
    return bool(place.grey_formats) or ids in QUIRKS or bool(_INFRARED.search(place.name))
