# SPDX-License-Identifier: Apache-2.0
"""Near-infrared cameras of the USB video class that stream 8-bit grey over a bulk endpoint.

Source: USB-IF, "Universal Serial Bus Device Class Definition for Video Devices", revisions 1.0 to
1.5. Cameras that stream isochronously, which most webcams do, are not opened here: libusb's
isochronous transfers do not reach Python well, so they will come through the system's own video
driver (V4L2).
"""

from __future__ import annotations

import functools
import logging
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from ektp_hw.devices.base import UsbId
from ektp_hw.devices.iris_camera import IrisCamera
from ektp_hw.errors import DeviceError, DeviceUnavailable, ProtocolError, UnavailableReason
from ektp_hw.transport import usb, usb_interfaces

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

_VIDEO, _CONTROL, _STREAMING = 0x0E, 1, 2
_CLASS_INTERFACE, _HEADER, _FORMAT_UNCOMPRESSED, _FRAME_UNCOMPRESSED = 0x24, 1, 4, 5
_GREY_CODES = {b"Y800", b"GREY", b"Y8  "}
_GUID_TAIL = bytes.fromhex("0000 1000 8000 00AA00389B71")
_SET_CUR, _GET_CUR = (0x21, 0x01), (0xA1, 0x81)
_PROBE, _COMMIT = 0x0100, 0x0200
_CONTROL_BYTES = {0x0100: 26, 0x0110: 34, 0x0150: 48}
_FRAME_ID, _END_OF_FRAME, _ERROR = 0x01, 0x02, 0x40
_WANTED = (640, 480)
"""The size that ISO/IEC 19794-6 knows as VGA, enough for one eye."""
_LONGEST_PAYLOAD = 16 * 1024 * 1024
_LONGEST_HEADER = 12
_BAD_IN_A_ROW = 32
"""Impossible payloads or broken frames in a row after which the camera counts as out of step."""
_CHOICES = 5
"""Frames of which the sharpest is taken: a sixth of a second at 30 frames/s."""
_DARKEST, _BRIGHTEST, _LEAST_SPREAD = 20.0, 235.0, 10.0
"""Mean and standard deviation in grey levels: outside, the lamp is off or nobody is there."""


@dataclass(frozen=True)
class _Stream:
    """Where the pictures come from, and how they are asked for."""

    interface: int
    endpoint: int
    control_bytes: int
    form: int
    frame: int
    interval: int
    width: int
    height: int


_connect = functools.partial(usb.connect, interface=1, detach_kernel_driver=True)
"""Interface 0 controls the camera; the stream is in practice interface 1, held by the kernel."""


class UvcCamera(IrisCamera):
    """A camera of the video class with a bulk endpoint and an 8-bit grey format."""

    name: ClassVar[str] = "uvc_camera"
    usb_ids: ClassVar[tuple[UsbId, ...]] = (
        UsbId(0x1209, 0x0001, "UVC near-infrared camera (test id)"),
    )

    def __init__(
        self, info: DeviceInfo, connect: Callable[[str], UsbConnection] = _connect
    ) -> None:
        super().__init__(info)
        self._connect = connect
        self._usb: UsbConnection | None = None
        self._stream = _Stream(0, 0, 0, 0, 0, 0, 0, 0)
        self._payload = 0
        self._part = bytearray()
        self._part_id = -1
        self._seen: Pixels | None = None

    @classmethod
    def discover(cls) -> list[DeviceInfo]:
        """List the cameras on this machine's USB."""
        return [cls.describe(place) for place in usb.find(cls.usb_ids)]

    @classmethod
    def locate(cls, uri: str) -> DeviceInfo | None:
        """Return the camera at that address."""
        place = usb.locate(uri, cls.usb_ids)
        return None if place is None else cls.describe(place)

    # Opening and closing.

    def _open(self) -> None:
        connection = self._connect(self.info.address)
        try:
            self._stream = _stream_of(usb_interfaces.read(connection), self.info.uri)
        except DeviceError:
            connection.close()
            raise
        self._usb = connection

    def _close(self) -> None:
        connection, self._usb = self._usb, None
        if connection is not None:
            connection.close()

    # What the base class asks for.

    def _start(self, wait: CaptureWait) -> None:
        """Negotiate the stream: propose, hear what the camera makes of it, commit to that."""
        wait.check()
        stream = self._stream
        wish = struct.pack("<HBBI", 1, stream.form, stream.frame, stream.interval)
        self._set(_PROBE, wish.ljust(stream.control_bytes, b"\0"))
        offer = self._wire().control_in(*_GET_CUR, _PROBE, stream.interface, stream.control_bytes)
        if len(offer) < 26:
            raise ProtocolError("the camera's offer is cut short", device=self.info.uri)
        frame_bytes, self._payload = struct.unpack_from("<II", offer, 18)
        if frame_bytes != stream.width * stream.height:
            raise ProtocolError(
                f"the camera offers frames of {frame_bytes} bytes for"
                f" {stream.width} x {stream.height} pixels of 8-bit grey",
                device=self.info.uri,
            )
        if not _LONGEST_HEADER < self._payload <= _LONGEST_PAYLOAD:
            raise ProtocolError(
                f"the camera offers payloads of {self._payload} bytes", device=self.info.uri
            )
        self._set(_COMMIT, offer)
        self._part_id, self._seen = -1, None
        self._part.clear()

    def _await_eye(self, wait: CaptureWait, show: Show) -> None:
        for pixels in self._frames(wait):
            show(pixels)
            if _lit(pixels):
                self._seen = pixels
                return

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
        if self._usb is None:
            return
        try:
            self._usb.clear_halt(self._stream.endpoint)  # ends a bulk stream (UVC 1.1, 2.4.3)
        except DeviceError as error:
            _log.debug("the stream goes on: %s", error)

    # Frames.

    def _frames(self, wait: CaptureWait) -> Iterator[Pixels]:
        """Give whole frames for as long as the wait allows; broken ones are skipped."""
        import numpy as np

        bad = 0
        while True:
            wait.check()
            payload = self._wire().read(self._stream.endpoint, self._payload, wait.slice())
            if not payload:
                continue
            frame = self._assemble(payload)
            if frame is None:
                bad += 1
                if bad > _BAD_IN_A_ROW:
                    raise ProtocolError(
                        "the camera sends no whole frames; plug it in again", device=self.info.uri
                    )
            elif frame:
                bad = 0
                pixels = np.frombuffer(frame, dtype=np.uint8)
                yield pixels.reshape(self._stream.height, self._stream.width)

    def _assemble(self, payload: bytes) -> bytes | None:
        """Add one payload to its frame: the frame if that ends it, nothing yet, None if broken."""
        whole = self._stream.width * self._stream.height
        head = payload[0]
        if not 2 <= head <= min(_LONGEST_HEADER, len(payload)):
            return None
        flags = payload[1]
        if flags & _FRAME_ID != self._part_id:
            self._part.clear()
            self._part_id = flags & _FRAME_ID
        self._part += payload[head:]
        if flags & _ERROR or len(self._part) > whole:
            self._part.clear()
            return None
        if not flags & _END_OF_FRAME:
            return b""
        frame = bytes(self._part)
        self._part.clear()
        self._part_id = -1
        return frame if len(frame) == whole else None

    def _set(self, selector: int, content: bytes) -> None:
        self._wire().control_out(*_SET_CUR, selector, self._stream.interface, content)

    def _wire(self) -> UsbConnection:
        if self._usb is None:
            raise DeviceError("the camera is closed; open it first", device=self.info.uri)
        return self._usb


def _stream_of(interfaces: list[usb_interfaces.Interface], uri: str) -> _Stream:
    """Choose the grey format nearest to the wanted size among all bulk streams."""
    control_bytes = _CONTROL_BYTES[0x0110]
    streams = []
    for each in interfaces:
        if each.triple[:2] == (_VIDEO, _CONTROL):
            control_bytes = _control_bytes(each.class_descriptors)
        endpoint = each.endpoint(usb_interfaces.BULK, is_in=True)
        if each.triple[:2] == (_VIDEO, _STREAMING) and endpoint is not None:
            streams += [
                _Stream(each.number, endpoint.address, control_bytes, *frame)
                for frame in _grey_frames(each.class_descriptors)
            ]
    if not streams:
        raise DeviceUnavailable(
            "the camera offers no 8-bit grey pictures over a bulk endpoint, which is all that is"
            " understood here; use another camera",
            reason=UnavailableReason.UNSUPPORTED,
            device=uri,
        )
    wanted = [one for one in streams if (one.width, one.height) == _WANTED]
    return wanted[0] if wanted else max(streams, key=lambda one: one.width * one.height)


def _control_bytes(descriptors: list[bytes]) -> int:
    """Return how long PROBE and COMMIT are in the camera's revision of the class."""
    for one in descriptors:
        if one[1:3] == bytes((_CLASS_INTERFACE, _HEADER)) and len(one) >= 5:
            revision = int.from_bytes(one[3:5], "little")
            return max(
                (size for since, size in _CONTROL_BYTES.items() if since <= revision), default=26
            )
    return _CONTROL_BYTES[0x0110]


def _grey_frames(descriptors: list[bytes]) -> Iterator[tuple[int, int, int, int, int]]:
    """Give format, frame, interval, width and height of each 8-bit grey frame descriptor."""
    form = None
    for one in descriptors:
        if one[1] != _CLASS_INTERFACE or len(one) < 3:
            continue
        if one[2] == _FORMAT_UNCOMPRESSED and len(one) >= 27:
            grey = one[5:9] in _GREY_CODES and one[9:21] == _GUID_TAIL and one[21] == 8
            form = one[3] if grey else None
        elif one[2] == _FRAME_UNCOMPRESSED and len(one) >= 26 and form is not None:
            width, height = struct.unpack_from("<HH", one, 5)
            (interval,) = struct.unpack_from("<I", one, 21)
            if width and height:
                yield form, one[3], interval, width, height
        elif one[2] != _FRAME_UNCOMPRESSED:
            form = None


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
