# SPDX-License-Identifier: Apache-2.0
"""Acme Ice: a driver over its maker's closed library, which lives in a process of its own."""

from __future__ import annotations

import os
from pathlib import Path

from ektp_hw.devices import DeviceInfo, FingerprintScanner
from ektp_hw.errors import DeviceBusy, DeviceError, DeviceRemoved
from ektp_hw.transport.vendor_child import load_library
from ektp_hw.transport.vendor_process import VendorProcess

LIBRARY = os.environ.get("ACME_LIBRARY", "/opt/acme/libacme_ice.so")
DEFINITIONS = """
int acme_open(void);
int acme_finger_is_on(void);
int acme_capture(unsigned char *pixels, int room, int *width, int *height);
void acme_close(void);
"""
LIFTED = -4
ERRORS = {
    -2: DeviceBusy("another program holds the scanner; close that program"),
    -3: DeviceRemoved("the scanner was unplugged; plug it in and open it again"),
}


class AcmeKit:
    """Beside the library, in the child: its codes become errors, its picture goes to memory."""

    def __init__(self, memory, library):
        self._ffi, self._library = load_library(DEFINITIONS, library)
        self._pixels = self._ffi.from_buffer("unsigned char[]", memory)
        self._check(self._library.acme_open())

    def finger_is_on(self):
        return bool(self._library.acme_finger_is_on())

    def capture(self):
        """Return the picture's width and height, None if the finger was lifted."""
        size = self._ffi.new("int[2]")
        code = self._library.acme_capture(self._pixels, len(self._pixels), size, size + 1)
        self._check(0 if code == LIFTED else code)
        return None if code == LIFTED else list(size)

    def close(self):
        self._library.acme_close()

    def _check(self, code):
        if code in ERRORS:
            raise ERRORS[code]
        if code < 0:
            raise DeviceError(f"the maker's library fails with code {code}; see its manual")


class AcmeIce(FingerprintScanner):
    """In the station: an ordinary driver whose bus is the process."""

    name = "acme_ice"
    schemes = ("acme",)
    ppi = 500.0

    def __init__(self, info):
        super().__init__(info)
        self.kit = VendorProcess("acme:AcmeKit", LIBRARY, device=info.uri, picture_bytes=64 * 48)

    @classmethod
    def discover(cls):
        return [cls.locate("acme:1")] if Path(LIBRARY).exists() else []

    @classmethod
    def locate(cls, uri):
        return DeviceInfo(uri, cls.kind, "Acme Ice", cls.name) if uri == "acme:1" else None

    def _open(self):
        self.kit.start()

    def _close(self):
        self.kit.close()

    def _start(self, wait):
        self.kit.start(check=wait.check)  # where a fault ended it

    def _await_finger(self, wait, show):
        while not self.kit.call("finger_is_on", check=wait.check):
            wait.sleep(0.03)

    def _acquire(self, wait, show):
        import numpy as np  # here, so that the child does without

        size = self.kit.call("capture", timeout=2.0, check=wait.check)
        if size is None:
            return None
        width, height = size
        return np.frombuffer(self.kit.picture(height, width), np.uint8).reshape(height, width)

    def _stop(self):
        """Nothing to switch off: the library does it."""
