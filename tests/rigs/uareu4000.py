# SPDX-License-Identifier: Apache-2.0
"""The U.are.U 4500 on the bench: the virtual reader on a USB/IP bus, scrambled pictures."""

import time
from contextlib import contextmanager

import numpy as np

from ektp_hw.drivers.uareu4000 import UareU4000
from ektp_hw.samples import FingerprintImage
from ektp_hw.virtual.uareu import HEIGHT, PPI, WIDTH, Misbehaviour, VirtualUareU
from ektp_hw.virtual.usbip_server import UsbipServer
from rigs import Fault, Rig

_ASKED = {
    Fault.STALL: Misbehaviour.STALL,
    Fault.NAK: Misbehaviour.SILENT,
    Fault.SHORT: Misbehaviour.SHORT,
    Fault.GARBAGE: Misbehaviour.GARBAGE,
    Fault.CHECKSUM: Misbehaviour.WRONG_HEADER,
    Fault.LATE: Misbehaviour.LATE,
    Fault.UNPLUG: Misbehaviour.UNPLUG,
    Fault.LIFTED: Misbehaviour.LIFTED,
    Fault.DEAD_LAMP: Misbehaviour.DEAD_LAMP,
    Fault.POWER_SAG: Misbehaviour.POWER_SAG,
}
_LOST = ((0, 0), (HEIGHT - 255, 0))
"""The last pixel of each of the two blocks, turned by 180 degrees with the picture."""


def whorl():
    """Draw circles, unlike at the top and at the bottom, so that turning shows."""
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    away = np.hypot(columns - 190.0, (rows - 120.0) * 1.2)
    wave = np.sin(away / 1.6) * np.exp(-(away**2) / 2e4)
    return FingerprintImage(np.rint(150 + 90 * wave).astype(np.uint8), ppi=PPI)


class _Timed(VirtualUareU):
    last_byte = 0.0

    def _send(self, length):
        part = super()._send(length)
        self.last_byte = time.monotonic()
        return part


class _Bench:
    def __init__(self, server):
        self._server = server
        self._model = _Timed()
        self._finger = whorl()
        self._model.present(self._finger)
        self._plug()

    def _plug(self):
        bus_id = self._server.bus_id(self._model) or self._server.plug(self._model)
        self._address = f"usbip:{self._server.host}:{self._server.port}/{bus_id}"

    def device(self):
        return UareU4000(UareU4000.locate(self._address))

    def capture(self, device, timeout):
        return device.capture(timeout=timeout)

    def is_right(self, sample):
        expected = self._finger.pixels.copy()
        for place in _LOST:
            expected[place] = 255
        return np.array_equal(sample.pixels, expected)

    def misbehave(self, fault):
        self._model.misbehave(_ASKED[fault])

    def behave(self):
        self._model.behave()
        self._model.present(self._finger)
        self._plug()

    def last_byte(self):
        return self._model.last_byte


@contextmanager
def _plug_in():
    server = UsbipServer()
    try:
        yield _Bench(server)
    finally:
        server.close()


RIG = Rig("uareu4000", _plug_in, tuple(_ASKED))
