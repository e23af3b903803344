# SPDX-License-Identifier: Apache-2.0
"""The ZK4500 on the bench: the virtual scanner on a USB/IP bus, a striped finger on its glass."""

import time
from contextlib import contextmanager

import numpy as np

from ektp_hw.drivers.zk4500 import ZK4500
from ektp_hw.samples import FingerprintImage
from ektp_hw.virtual.scanner import Misbehaviour, VirtualScanner
from ektp_hw.virtual.usbip_server import UsbipServer
from rigs import Fault, Rig

ASKED = {
    Fault.STALL: Misbehaviour.STALL,
    Fault.NAK: Misbehaviour.SILENT,
    Fault.SHORT: Misbehaviour.SHORT,
    Fault.GARBAGE: Misbehaviour.GARBAGE,
    Fault.LATE: Misbehaviour.SLOW,
    Fault.UNPLUG: Misbehaviour.UNPLUG,
    Fault.LIFTED: Misbehaviour.NO_FINGER,
    Fault.DEAD_LAMP: Misbehaviour.DEAD_LAMP,
}


def striped_finger():
    row = np.where(np.arange(256) // 4 % 2, 90, 210).astype(np.uint8)
    return FingerprintImage(np.tile(row, (256, 1)))


FAULTS = (*ASKED, Fault.POWER_SAG)


class Timed(VirtualScanner):
    """A scanner that notes when it sent a byte, is late when slow, and may lose its power."""

    def __init__(self):
        super().__init__()
        self.slow_seconds = 1.5
        self.last_byte = 0.0
        self.sags = False
        self.plug_in = None

    def on_in(self, endpoint, length):
        if self.sags and self._picture:
            self.sags = False
            self.lamps.clear()
            self.unplug()
            self.plug_in()
            return None
        return super().on_in(endpoint, length)

    def _send(self, length):
        part = super()._send(length)
        self.last_byte = time.monotonic()
        return part


class _Bench:
    def __init__(self, server):
        self._server = server
        self._model = Timed()
        self._model.plug_in = self._plug
        self._finger = striped_finger()
        self._model.present(self._finger)
        self._plug()

    def _plug(self):
        place = self._server.bus_id(self._model) or self._server.plug(self._model)
        self._address = f"usbip:{self._server.host}:{self._server.port}/{place}"

    def device(self):
        return ZK4500(ZK4500.locate(self._address))

    def capture(self, device, timeout):
        return device.capture(timeout=timeout)

    def is_right(self, sample):
        return np.array_equal(sample.pixels[112:368, 192:448], self._finger.pixels)

    def misbehave(self, fault):
        if fault is Fault.POWER_SAG:
            self._model.sags = True
        else:
            self._model.misbehave(ASKED[fault])

    def behave(self):
        self._model.behave()
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


RIG = Rig("zk4500", _plug_in, FAULTS)
