# SPDX-License-Identifier: Apache-2.0
"""A HID model behind a hidraw node that exists only inside this process.

Requests become the class requests the kernel's HID driver would send (USB HID 1.11, 7.2); reads
give what the model's interrupt endpoint gives. Request numbers: linux/hidraw.h.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from ektp_hw.errors import DeviceRemoved, ProtocolError
from ektp_hw.transport.node import DeviceNode
from ektp_hw.virtual.usb_function import INTERRUPT, Setup, Stall

if TYPE_CHECKING:
    from ektp_hw.virtual.usb_function import UsbFunction

__all__ = ["HidrawPort"]

_DESCRIPTOR_SIZE, _DESCRIPTOR, _SET_FEATURE, _GET_FEATURE = 0x01, 0x02, 0x06, 0x07
_FEATURE = 3
_LOOK_S = 0.001


class HidrawPort(DeviceNode):
    """An open node; plugging the model in again needs another one.

    Parameters
    ----------
    model
        A HID device with an interrupt endpoint on its first interface.
    uri
        For messages.
    """

    def __init__(self, model: UsbFunction, uri: str) -> None:
        self.uri = uri
        self._model = model
        ends = model.interfaces[0].endpoints
        self._endpoint = next(end.address for end in ends if end.transfer == INTERRUPT)
        self._here = True
        with model.lock:
            model.attached(lambda: None, self._pulled)
            model.control(Setup(0, 9, 1, 0, 0), b"")

    def _pulled(self) -> None:
        self._here = False
        self._model.detached()

    def read(self, length: int, timeout: float) -> bytes:
        """Return the next report; a refusal is cleared and passed over, as the kernel does."""
        end = time.monotonic() + timeout
        while True:
            with self._model.lock:
                self._check()
                report = self._next(length)
            if report:
                return report
            if time.monotonic() >= end:
                return b""
            time.sleep(_LOOK_S)

    def _next(self, length: int) -> bytes | None:
        try:
            return self._model.on_in(self._endpoint, length)
        except Stall:
            self._model.on_clear_halt(self._endpoint)
            return None

    def request(self, number: int, buffer: bytearray, timeout: float = 1.0) -> int:
        """Answer an ioctl."""
        del timeout
        kind, room = number & 0xFF, number >> 16 & 0x3FFF
        with self._model.lock:
            self._check()
            if kind == _SET_FEATURE:
                self._control(Setup(0x21, 9, _FEATURE << 8 | buffer[0], 0, room), bytes(buffer))
                return room
            if kind == _GET_FEATURE:
                answer = self._control(Setup(0xA1, 1, _FEATURE << 8 | buffer[0], 0, room))
                buffer[: len(answer)] = answer
                return len(answer)
            descriptor = self._control(Setup(0x81, 6, 0x2200, 0, 4096))
        size = len(descriptor).to_bytes(4, "little")
        answer = size if kind == _DESCRIPTOR_SIZE else size + descriptor
        buffer[: len(answer)] = answer
        return 0

    def _control(self, setup: Setup, data: bytes = b"") -> bytes:
        try:
            return self._model.control(setup, data)[: setup.length]
        except Stall as refusal:
            raise ProtocolError(
                "the request failed (Broken pipe); try again", device=self.uri
            ) from refusal

    def _check(self) -> None:
        if not self._here:
            raise DeviceRemoved("the device was unplugged; plug it in again", device=self.uri)

    def probe(self) -> None:
        """Look whether the device is there."""
        self._check()

    def close(self) -> None:
        """Let the device go."""
        if self._here:
            self._here = False
            with self._model.lock:
                self._model.detached()
