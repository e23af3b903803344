# SPDX-License-Identifier: Apache-2.0
"""Grey pictures from USB cameras of the video class that stream over a bulk endpoint.

Source: USB-IF, "Universal Serial Bus Device Class Definition for Video Devices", revisions 1.0 to
1.5. Cameras that stream isochronously, which most webcams do, are refused: libusb's isochronous
transfers do not reach Python well, so they will come through the system's own video driver (V4L2).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ektp_hw.errors import DeviceUnavailable, ProtocolError, UnavailableReason
from ektp_hw.transport import usb_interfaces

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ektp_hw.transport.base import UsbConnection

__all__ = ["GreyStream"]

_VIDEO, _CONTROL, _STREAMING = 0x0E, 1, 2
_CLASS_INTERFACE, _HEADER, _FORMAT_UNCOMPRESSED, _FRAME_UNCOMPRESSED = 0x24, 1, 4, 5
_GREY_CODES = {b"Y800", b"GREY", b"Y8  "}
_GUID_TAIL = bytes.fromhex("0000 1000 8000 00AA00389B71")
_SET_CUR, _GET_CUR = (0x21, 0x01), (0xA1, 0x81)
_PROBE, _COMMIT = 0x0100, 0x0200
_CONTROL_BYTES = {0x0100: 26, 0x0110: 34, 0x0150: 48}
_FRAME_ID, _END_OF_FRAME, _ERROR = 0x01, 0x02, 0x40
_UNITS_A_SECOND = 1e7
"""Frame intervals count 100 ns."""
_WANTED = (640, 480)
"""The size that ISO/IEC 19794-6 knows as VGA, enough for one eye."""
_LONGEST_PAYLOAD = 16 * 1024 * 1024
_LONGEST_HEADER = 12
_BAD_IN_A_ROW = 32
"""Impossible payloads or broken frames in a row after which the camera counts as out of step."""


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


class GreyStream:
    """A camera's stream of 8-bit grey frames; the size nearest to VGA is chosen.

    Parameters
    ----------
    usb
        The open way to the camera, its streaming interface claimed; not closed by this.
    device
        The camera's address, for messages.

    Raises
    ------
    DeviceUnavailable
        If the camera has no such stream.
    """

    def __init__(self, usb: UsbConnection, device: str) -> None:
        self._usb = usb
        self._device = device
        self._stream = _stream_of(usb_interfaces.read(usb), device)
        self._payload = 0
        self._part = bytearray()
        self._part_id = -1
        self._is_over = False
        self._bad = 0

    @property
    def width(self) -> int:
        """Columns of a frame."""
        return self._stream.width

    @property
    def height(self) -> int:
        """Rows of a frame."""
        return self._stream.height

    @property
    def frames_per_second(self) -> float | None:
        """The default of the camera's frame descriptor, None where it tells none."""
        return _UNITS_A_SECOND / self._stream.interval if self._stream.interval else None

    def start(self) -> None:
        """Negotiate: propose, hear what the camera makes of it, commit to that.

        Raises
        ------
        ProtocolError
            If the camera's offer contradicts its descriptors.
        """
        stream = self._stream
        wish = struct.pack("<HBBI", 1, stream.form, stream.frame, stream.interval)
        self._set(_PROBE, wish.ljust(stream.control_bytes, b"\0"))
        offer = self._usb.control_in(*_GET_CUR, _PROBE, stream.interface, stream.control_bytes)
        if len(offer) < 26:
            raise ProtocolError("the camera's offer is cut short", device=self._device)
        frame_bytes, self._payload = struct.unpack_from("<II", offer, 18)
        if frame_bytes != stream.width * stream.height:
            raise ProtocolError(
                f"the camera offers frames of {frame_bytes} bytes for"
                f" {stream.width} x {stream.height} pixels of 8-bit grey",
                device=self._device,
            )
        if not _LONGEST_HEADER < self._payload <= _LONGEST_PAYLOAD:
            raise ProtocolError(
                f"the camera offers payloads of {self._payload} bytes", device=self._device
            )
        self._set(_COMMIT, offer)
        self._bad = 0
        self._begin(-1)

    def stop(self) -> None:
        """End the stream: on a bulk endpoint by clearing its halt (UVC 1.1, 2.4.3)."""
        self._usb.clear_halt(self._stream.endpoint)

    def frame(self, timeout: float) -> bytes | None:
        """Take one payload; the frame if that completes one, else None.

        Parameters
        ----------
        timeout
            Longest wait for the payload in seconds; a frame takes several payloads.

        Raises
        ------
        ProtocolError
            After too many impossible payloads and broken frames in a row; single ones are skipped.
        """
        payload = self._usb.read(self._stream.endpoint, self._payload, timeout)
        if not payload:
            return None
        frame = self._assemble(payload)
        if frame is None:
            self._bad += 1
            if self._bad > _BAD_IN_A_ROW:
                raise ProtocolError(
                    "the camera sends no whole frames; plug it in again", device=self._device
                )
        elif frame:
            self._bad = 0
        return frame or None

    def _assemble(self, payload: bytes) -> bytes | None:
        """Add one payload to its frame: the frame if complete, b"" if not yet, None if broken.

        A frame is complete by its size; the end mark, which some cameras send late or never, only
        tells where a new one may begin. So does the toggling frame identifier.
        """
        whole = self.width * self.height
        head = payload[0]
        if not 2 <= head <= min(_LONGEST_HEADER, len(payload)):
            return None
        flags = payload[1]
        ended = bool(flags & _END_OF_FRAME)
        if flags & _FRAME_ID != self._part_id:
            self._begin(flags & _FRAME_ID)
        elif self._is_over:
            if ended:
                self._begin(-1)
            return b""
        self._part += payload[head:]
        is_broken = bool(flags & _ERROR) or len(self._part) > whole
        is_complete = not is_broken and len(self._part) == whole
        if not (is_broken or is_complete or ended):
            return b""
        frame = bytes(self._part) if is_complete else None
        self._begin(-1 if ended else self._part_id)
        self._is_over = not ended
        return frame

    def _begin(self, identifier: int) -> None:
        """Expect a frame with that identifier, -1 for any."""
        self._part.clear()
        self._part_id = identifier
        self._is_over = False

    def _set(self, selector: int, content: bytes) -> None:
        self._usb.control_out(*_SET_CUR, selector, self._stream.interface, content)


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
