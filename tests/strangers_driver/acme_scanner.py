# SPDX-License-Identifier: Apache-2.0
"""Acme Touch 1 (1209:0002): a scanner for one finger, 256 x 288 pixels at 500 ppi.

Vendor request 1 answers with one byte, 1 while a finger is on the glass. Request 2 asks for a
picture: 73,728 bytes from endpoint 0x81, ridges light.
"""

import time

from ektp_hw.devices import FingerprintScanner, Linked, UsbId
from ektp_hw.errors import ProtocolError
from ektp_hw.transport import usb
from ektp_hw.transport.found_by_id import FoundById

VENDOR_IN, VENDOR_OUT = 0xC0, 0x40
HAS_FINGER, SEND_PICTURE = 1, 2
ENDPOINT = 0x81
WIDTH, HEIGHT = 256, 288
SLOWEST_S = 2.0


class AcmeTouch(FoundById, Linked, FingerprintScanner):
    """An optical scanner for one finger, Acme Touch 1."""

    name = "acme_touch"
    usb_ids = (UsbId(0x1209, 0x0002, "Acme Touch 1"),)
    ppi = 500.0

    def __init__(self, info, connect=usb.connect):
        super().__init__(info)
        self._connect = connect

    def _start(self, wait):
        """Throw away what a capture that broke off left in the scanner."""
        while self._wire.read(ENDPOINT, WIDTH * HEIGHT, 0.01):
            wait.check()

    def _await_finger(self, wait, show):
        while self._wire.control_in(VENDOR_IN, HAS_FINGER, length=1) != b"\1":
            wait.sleep(0.03)  # ends with an error when the time is over or the caller cancels

    def _acquire(self, wait, show):
        import numpy as np  # here: listing devices shall not load it

        self._wire.control_out(VENDOR_OUT, SEND_PICTURE)
        picture, until = b"", time.monotonic() + SLOWEST_S
        while len(picture) < WIDTH * HEIGHT:
            wait.check()
            if time.monotonic() > until:
                raise ProtocolError(
                    f"the scanner stopped after {len(picture)} bytes; try again, then check the"
                    " cable",
                    device=self.info.uri,
                )
            picture += self._wire.read(ENDPOINT, WIDTH * HEIGHT - len(picture), wait.slice())
        pixels = 255 - np.frombuffer(picture, np.uint8).reshape(HEIGHT, WIDTH)
        show(pixels)
        return pixels

    def _stop(self):
        """Nothing to switch off."""
