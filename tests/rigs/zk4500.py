# SPDX-License-Identifier: Apache-2.0
"""The ZK4500 on the bench: the virtual scanner on a USB/IP bus, a striped finger on its glass."""

import numpy as np

from ektp_hw.drivers.zk4500 import ZK4500
from ektp_hw.samples import FingerprintImage
from ektp_hw.virtual.scanner import Misbehaviour, VirtualScanner
from rigs import Fault, Rig
from usb_bench import TimesPictures, UsbBench, on_a_bus

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


class Timed(TimesPictures, VirtualScanner):
    """A scanner that notes when it sent a byte, is late when slow, and may lose its power."""

    def __init__(self):
        super().__init__()
        self.slow_seconds = 1.5
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


class _Bench(UsbBench):
    def __init__(self, server):
        self._finger = striped_finger()
        super().__init__(server, ZK4500, Timed(), ASKED)
        self._model.plug_in = self.plug

    def _present(self):
        self._model.present(self._finger)

    def is_right(self, sample):
        return np.array_equal(sample.pixels[112:368, 192:448], self._finger.pixels)

    def misbehave(self, fault):
        if fault is Fault.POWER_SAG:
            self._model.sags = True
        else:
            super().misbehave(fault)


def _plug_in():
    return on_a_bus(_Bench)


RIG = Rig("zk4500", _plug_in, FAULTS)
