# SPDX-License-Identifier: Apache-2.0
"""Near-infrared cameras of the USB video class: waits for a lit eye, takes the sharpest frame.

Understands what `ektp_hw.transport.uvc` does: 8-bit grey over a bulk endpoint. It serves machines
whose system has no driver for such cameras, and remote ones: a camera that Linux's own driver holds
is listed and opened by `ektp_hw.drivers.v4l2_camera`.
"""

from __future__ import annotations

import functools
import logging
from typing import TYPE_CHECKING, ClassVar

from ektp_hw.devices.base import UsbId
from ektp_hw.devices.capabilities import Feature, IrisCapabilities
from ektp_hw.devices.eye_watch import EyeWatch
from ektp_hw.devices.iris_camera import IrisCamera
from ektp_hw.devices.redaction import Redaction, Rule
from ektp_hw.errors import DeviceError
from ektp_hw.transport import usb, uvc, video_places
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
        self._watch = EyeWatch(info.uri)

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

    @classmethod
    def discover(cls) -> list[DeviceInfo]:
        """List the cameras that the system's own driver does not hold. Raises as `usb.find`."""
        held = video_places.usb_places()
        found: list[DeviceInfo] = super().discover()
        return [info for info in found if info.uri.rpartition("@")[2] not in held]

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
        self._watch = EyeWatch(self.info.uri)
        self._camera.start()

    def _await_eye(self, wait: CaptureWait, show: Show) -> None:
        self._watch.await_eye(self._frames(wait), show)

    def _acquire(self, wait: CaptureWait, show: Show) -> Pixels | None:
        return self._watch.choose(self._frames(wait), show)

    def _stop(self) -> None:
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
        while True:
            wait.check()
            frame = camera.frame(wait.slice())
            if frame is not None:
                yield np.frombuffer(frame, dtype=np.uint8).reshape(camera.height, camera.width)

    @property
    def _camera(self) -> uvc.GreyStream:
        if self._stream is None:
            raise DeviceError("the camera is closed; open it first", device=self.info.uri)
        return self._stream
