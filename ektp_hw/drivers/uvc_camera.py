# SPDX-License-Identifier: Apache-2.0
"""Near-infrared cameras of the USB video class: waits for a lit eye, takes the sharpest frame.

Understands what `ektp_hw.transport.uvc` does: 8-bit grey over a bulk endpoint. Others will come
through the system's own video driver.
"""

from __future__ import annotations

import functools
import logging
import time
from typing import TYPE_CHECKING, ClassVar

from ektp_hw.devices.base import UsbId
from ektp_hw.devices.capabilities import Feature, IrisCapabilities
from ektp_hw.devices.iris_camera import IrisCamera
from ektp_hw.devices.redaction import Redaction, Rule
from ektp_hw.errors import CaptureTimeout, DeviceError
from ektp_hw.transport import usb, uvc
from ektp_hw.transport.found_by_id import FoundById

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import numpy as np
    import numpy.typing as npt

    from ektp_hw.devices.base import DeviceInfo
    from ektp_hw.devices.wait import CaptureWait
    from ektp_hw.transport.base import UsbConnection

    Pixels = npt.NDArray[np.uint8]
    Show = Callable[[Pixels], None]

__all__ = ["UvcCamera"]

_log = logging.getLogger(__name__)

_CHOICES = 5
"""Frames of which the sharpest is taken: a sixth of a second at 30 frames/s."""
_SLOWEST_FRAME = 0.5
"""Seconds after which a frame should have come; cameras give 5 to 30 a second."""
_DARKEST, _BRIGHTEST, _LEAST_SPREAD = 20.0, 235.0, 10.0
"""Mean and standard deviation in grey levels: outside, the lamp is off or nobody is there."""


_connect = functools.partial(usb.connect, interface=1, detach_kernel_driver=True)
"""Interface 0 controls the camera; the stream is in practice interface 1, held by the kernel."""


class UvcCamera(FoundById, IrisCamera):
    """Near-infrared cameras of the USB video class with 8-bit grey over a bulk endpoint.

    Parameters
    ----------
    info
        Which one.
    connect
        How to reach its address; another function replays a transcript.
    """

    name: ClassVar[str] = "uvc_camera"
    usb_ids: ClassVar[tuple[UsbId, ...]] = (
        UsbId(0x1209, 0x0001, "UVC near-infrared camera (test id)"),
    )
    redaction: ClassVar[Redaction] = Redaction(read=Rule(longest=64, head=b"\xff" * 2))
    """Kept of a payload: its header's length and flags."""

    def __init__(
        self, info: DeviceInfo, connect: Callable[[str], UsbConnection] = _connect
    ) -> None:
        super().__init__(info)
        self._connect = connect
        self._usb: UsbConnection | None = None
        self._stream: uvc.GreyStream | None = None
        self._seen: Pixels | None = None
        self._asked = 0.0

    @property
    def capabilities(self) -> IrisCapabilities:
        """The size of the pictures is the camera's own, known once it is open."""
        stream = self._stream
        return IrisCapabilities(
            width=stream.width if stream else None,
            height=stream.height if stream else None,
            frames_per_second=stream.frames_per_second if stream else None,
            formats=("GREY",),
            features=frozenset({Feature.PREVIEW}),
        )

    def _open(self) -> None:
        connection = self._connect(self.info.address)
        try:
            self._stream = uvc.GreyStream(connection, self.info.uri)
        except DeviceError:
            connection.close()
            raise
        self._usb = connection

    def _close(self) -> None:
        connection, self._usb, self._stream = self._usb, None, None
        if connection is not None:
            connection.close()

    def _start(self, wait: CaptureWait) -> None:
        wait.check()
        self._seen = None
        self._camera.start()

    def _await_eye(self, wait: CaptureWait, show: Show) -> None:
        dark = False
        try:
            for pixels in self._frames(wait):
                show(pixels)
                if _lit(pixels):
                    self._seen = pixels
                    return
                dark = bool(pixels[::4, ::4].mean() <= _DARKEST)
        except CaptureTimeout as over:
            if dark:
                raise CaptureTimeout(
                    "the pictures are dark; see whether the infrared lamp works and nothing covers"
                    " the lens",
                    device=self.info.uri,
                ) from over
            raise

    def _acquire(self, wait: CaptureWait, show: Show) -> Pixels | None:
        best, seen = self._seen, 1
        if best is None:
            return None
        sharpest = _sharpness(best)
        for pixels in self._frames(wait):
            show(pixels)
            seen += 1
            if _lit(pixels) and (sharpness := _sharpness(pixels)) > sharpest:
                best, sharpest = pixels, sharpness
            if seen >= _CHOICES:
                break
        return best

    def _stop(self) -> None:
        self._seen = None
        if self._stream is None:
            return
        try:
            self._stream.stop()
        except DeviceError as error:
            _log.debug("the stream goes on: %s", error)

    def _frames(self, wait: CaptureWait) -> Iterator[Pixels]:
        """Give frames for as long as the wait allows."""
        import numpy as np

        camera = self._camera
        self._asked = time.monotonic()
        while True:
            self._check(wait)
            frame = camera.frame(wait.slice())
            if frame is not None:
                yield np.frombuffer(frame, dtype=np.uint8).reshape(camera.height, camera.width)
                self._asked = time.monotonic()

    def _check(self, wait: CaptureWait) -> None:
        """Check the time limit; do not blame the person where the camera sent no frame."""
        try:
            wait.check()
        except CaptureTimeout as over:
            if time.monotonic() - self._asked < _SLOWEST_FRAME:
                raise
            raise CaptureTimeout(
                "no frame came from the camera in time; try again, then plug it in anew",
                device=self.info.uri,
            ) from over

    @property
    def _camera(self) -> uvc.GreyStream:
        if self._stream is None:
            raise DeviceError("the camera is closed; open it first", device=self.info.uri)
        return self._stream


def _lit(pixels: Pixels) -> bool:
    """Tell a lit picture of something from a dark one, a dazzled one and a blank wall."""
    sparse = pixels[::4, ::4]
    return bool(_DARKEST < sparse.mean() < _BRIGHTEST and sparse.std() > _LEAST_SPREAD)


def _sharpness(pixels: Pixels) -> float:
    """Return the mean square of the Laplacian in the middle of the picture."""
    import numpy as np

    height, width = pixels.shape
    middle = pixels[height // 4 : -height // 4, width // 4 : -width // 4].astype(np.float32)
    around = middle[:-2, 1:-1] + middle[2:, 1:-1] + middle[1:-1, :-2] + middle[1:-1, 2:]
    return float(np.mean((4 * middle[1:-1, 1:-1] - around) ** 2))
