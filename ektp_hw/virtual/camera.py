# SPDX-License-Identifier: Apache-2.0
"""An emulated near-infrared camera on USB, with somebody's eye in front of it.

It follows USB-IF's device class for video, revision 1.1: one control interface, one streaming
interface with a bulk endpoint, one uncompressed format of 8-bit grey (Y800) at 640 x 480. Its ids
are a pair that pid.codes keeps free for tests; no camera on sale has them.
"""

from __future__ import annotations

import struct
import time
from enum import StrEnum
from typing import TYPE_CHECKING, ClassVar

from ektp_hw.samples import Eye
from ektp_hw.virtual import wishes
from ektp_hw.virtual.usb_function import Endpoint, Interface, Stall, UsbFunction

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ektp_hw.samples import IrisImage
    from ektp_hw.virtual.usb_function import Setup

__all__ = ["HEIGHT", "WIDTH", "Misbehaviour", "VirtualIrisCamera"]

WIDTH, HEIGHT = 640, 480
_STREAM = 0x81
_STREAMING = 1
_PAYLOAD = 64 * 1024
_HEADER = 2
_FRAME_BYTES = WIDTH * HEIGHT
_FRAME_INTERVAL = 333_333
"""In units of 100 ns: 30 frames a second."""
_FRAME_ID, _END_OF_FRAME, _ERROR, _END_OF_HEADER = 0x01, 0x02, 0x40, 0x80
_SET_CUR, _GET_CUR, _GET_MIN, _GET_MAX, _GET_LEN, _GET_DEF = 0x01, 0x81, 0x82, 0x83, 0x85, 0x87
_PROBE, _COMMIT = 0x0100, 0x0200
_CONTROL_BYTES = 34
_PICTURES = 3
"""Different pictures of the eye that one opening shows."""
_Y800 = b"Y800" + bytes.fromhex("0000 1000 8000 00AA00389B71")


def _control_descriptors() -> bytes:
    """Header, camera terminal, output terminal (UVC 1.1, 3.7.2)."""
    terminals = struct.pack("<BBBBHBBHHHB2s", 17, 0x24, 2, 1, 0x0201, 0, 0, 0, 0, 0, 2, b"\0\0")
    terminals += struct.pack("<BBBBHBBB", 9, 0x24, 3, 2, 0x0101, 0, 1, 0)
    head = struct.pack("<BBBHHIBB", 13, 0x24, 1, 0x0110, 13 + len(terminals), 6_000_000, 1, 1)
    return head + terminals


def _streaming_descriptors() -> bytes:
    """Input header, one format, one frame size (UVC 1.1, 3.9; uncompressed payload 1.1, 3.1)."""
    form = struct.pack("<BBBBB16sBBBBBB", 27, 0x24, 4, 1, 1, _Y800, 8, 1, 0, 0, 0, 0)
    rate = _FRAME_BYTES * 8 * 30
    frame = struct.pack(
        "<BBBBBHHIIIIBI",
        30, 0x24, 5, 1, 0, WIDTH, HEIGHT, rate, rate, _FRAME_BYTES, _FRAME_INTERVAL, 1,
        _FRAME_INTERVAL,
    )  # fmt: skip
    total = 14 + len(form) + len(frame)
    head = struct.pack("<BBBBHBBBBBBBB", 14, 0x24, 1, 1, total, _STREAM, 0, 2, 0, 0, 0, 1, 0)
    return head + form + frame


class Misbehaviour(StrEnum):
    """What a camera can do wrong, from the next stream on."""

    UNPLUG = "unplug"
    """The cable is pulled in the middle of a frame."""
    STALL = "stall"
    """The endpoint refuses once."""
    SILENT = "silent"
    """The payloads end in the middle of a frame."""
    GARBAGE = "garbage"
    """Payloads with an impossible header come without end."""
    ERROR = "error"
    """The first frame of a stream bears the error bit."""
    TORN = "torn"
    """The first frame of a stream lacks its second half."""
    DARK = "dark"
    """Every frame is black."""


_INTERRUPTING = {Misbehaviour.UNPLUG, Misbehaviour.STALL, Misbehaviour.SILENT}


class VirtualIrisCamera(UsbFunction):
    """A camera; committing a stream makes it show its frames, over and over.

    Parameters
    ----------
    images
        What it sees, one picture of 640 x 480 a frame, over and over; by default a dark room.
    speed
        How many times faster than 30 frames a second.
    """

    vendor_id: ClassVar[int] = 0x1209
    product_id: ClassVar[int] = 0x0001
    device_triple: ClassVar[tuple[int, int, int]] = (0xEF, 2, 1)
    product: ClassVar[str] = "near-infrared camera (emulated)"
    interfaces: ClassVar[tuple[Interface, ...]] = (
        Interface((), (0x0E, 1, 0), _control_descriptors()),
        Interface((Endpoint(_STREAM),), (0x0E, 2, 0), _streaming_descriptors()),
    )

    def __init__(
        self, images: Sequence[IrisImage] = (), *, speed: float = 1.0, serial: str = "VIRTUALEYE1"
    ) -> None:
        super().__init__(serial)
        self.speed = speed
        self._frames = [_checked(image) for image in images]
        self._scripted = bool(images)
        self._openings = 0
        self._fault: Misbehaviour | None = None
        self._stop()

    def _stop(self) -> None:
        self._began: float | None = None
        self._probe = self._offer()
        self._shown = self._at = 0
        self._rest = b""

    def present(self, *images: IrisImage) -> None:
        """Show these pictures, one a frame, over and over; none: a dark room."""
        self._scripted = True
        self._lay(images)

    def _lay(self, images: Sequence[IrisImage]) -> None:
        frames = [_checked(image) for image in images]
        with self.lock:
            self._frames = frames

    def misbehave(self, what: Misbehaviour | str) -> None:
        """Go wrong in every stream, until `behave`."""
        fault = Misbehaviour(what)
        with self.lock:
            self._fault = fault

    def behave(self) -> None:
        """End all misbehaviour."""
        with self.lock:
            self._fault = None

    def script(self, options: Mapping[str, str]) -> None:
        """Do what a ``virtual:iris`` URI asks for.

        ``seed`` and ``eye`` (``left`` or ``right``) name an eye of a synthetic person, shown in new
        pictures at every opening. Without them what a script presented stays; without a script
        person 1 shows the left eye.

        Raises
        ------
        ValueError
            If an option is unknown, no number or no eye.
        """
        wishes.check_names("iris", options, {"seed", "eye"})
        seed = wishes.person("iris", options)
        sides = {"left": Eye.LEFT, "right": Eye.RIGHT}
        side = options.get("eye", "left").lower()
        if side not in sides:
            raise ValueError(f"virtual:iris: there is no eye '{side}', only left and right")
        if self._scripted and not options:
            return
        from ektp_hw.synthetic import SyntheticPerson

        person = SyntheticPerson(seed)
        shown = range(self._openings * _PICTURES, (self._openings + 1) * _PICTURES)
        self._openings += 1
        self._lay([person.eye(sides[side], number) for number in shown])

    def on_configured(self) -> None:
        """Begin afresh: no stream."""
        self._stop()

    def on_clear_halt(self, endpoint: int) -> None:
        """End the stream (UVC 1.1, 2.4.3)."""
        if endpoint == _STREAM:
            self._stop()

    def on_control(self, setup: Setup, data: bytes) -> bytes:
        """Answer PROBE and COMMIT of the streaming interface."""
        if setup.index & 0xFF != _STREAMING or setup.value not in {_PROBE, _COMMIT}:
            raise Stall
        kind = (setup.request_type, setup.request)
        if kind == (0x21, _SET_CUR) and len(data) in {26, _CONTROL_BYTES}:
            return self._set(setup.value, data)
        if setup.request_type != 0xA1:
            raise Stall
        if setup.request == _GET_LEN:
            return struct.pack("<H", _CONTROL_BYTES)
        if setup.request in {_GET_CUR, _GET_MIN, _GET_MAX, _GET_DEF}:
            return self._probe
        raise Stall

    def _set(self, selector: int, data: bytes) -> bytes:
        if data[2:4] != b"\x01\x01":  # format 1, frame 1: there is no other
            raise Stall
        if selector == _COMMIT:
            self._stop()
            self._began = time.monotonic()
        else:
            self._probe = self._offer()
        return b""

    @staticmethod
    def _offer() -> bytes:
        return struct.pack(
            "<HBBIHHHHHIIIBBBB",
            1, 1, 1, _FRAME_INTERVAL, 0, 0, 0, 0, 0, _FRAME_BYTES, _PAYLOAD, 6_000_000, 0, 0, 0, 0,
        )  # fmt: skip

    def on_in(self, endpoint: int, length: int) -> bytes | None:
        """Give the next payload once its frame is due, in as many transfers as the host likes."""
        if endpoint != _STREAM or self._began is None:
            return None
        if self._rest:
            return self._part(length)
        due = (time.monotonic() - self._began) * self.speed * 1e7 / _FRAME_INTERVAL
        if self._shown > due:
            return None
        if self._at and self._fault in _INTERRUPTING:
            return self._strike()
        if self._fault is Misbehaviour.GARBAGE:
            return b"\xff\x00\x01"
        self._rest = self._payload()
        return self._part(length)

    def _part(self, length: int) -> bytes:
        part, self._rest = self._rest[:length], self._rest[length:]
        return part

    def _strike(self) -> bytes | None:
        fault, self._began = self._fault, None
        if fault is Misbehaviour.UNPLUG:
            self.unplug()
        if fault is Misbehaviour.STALL:
            self._fault = None
            raise Stall
        return None

    def _payload(self) -> bytes:
        """Return header and the next part of the frame (UVC 1.1, 2.4.3.2)."""
        dark = self._fault is Misbehaviour.DARK or not self._frames
        frame = bytes(_FRAME_BYTES) if dark else self._frames[self._shown % len(self._frames)]
        part = frame[self._at : self._at + _PAYLOAD - _HEADER]
        self._at += len(part)
        flags = _END_OF_HEADER | self._shown & _FRAME_ID
        if self._fault is Misbehaviour.ERROR and self._shown == 0:
            flags |= _ERROR
        torn = (
            self._fault is Misbehaviour.TORN and self._shown == 0 and self._at > _FRAME_BYTES // 2
        )
        if torn or self._at >= _FRAME_BYTES:
            flags |= _END_OF_FRAME
            self._shown, self._at = self._shown + 1, 0
        return bytes((_HEADER, flags)) + part


def _checked(image: IrisImage) -> bytes:
    if image.pixels.shape != (HEIGHT, WIDTH):
        height, width = image.pixels.shape
        raise ValueError(f"this camera shows {WIDTH} x {HEIGHT} pixels, not {width} x {height}")
    return image.pixels.tobytes()
