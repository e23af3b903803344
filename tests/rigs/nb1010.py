# SPDX-License-Identifier: Apache-2.0
"""The NB-1010-U on the bench: the virtual sensor on a USB/IP bus, a striped finger on it."""

import time

import numpy as np

from ektp_hw.drivers.nb1010 import NB1010
from ektp_hw.samples import FingerprintImage
from ektp_hw.virtual.nb1010 import Misbehaviour, VirtualNB1010
from rigs import Fault, Rig
from usb_bench import UsbBench, on_a_bus

_ASKED = {
    Fault.STALL: Misbehaviour.STALL,
    Fault.NAK: Misbehaviour.SILENT,
    Fault.SHORT: Misbehaviour.SHORT,
    Fault.GARBAGE: Misbehaviour.GARBAGE,
    Fault.CHECKSUM: Misbehaviour.MISCOUNT,
    Fault.LATE: Misbehaviour.LATE,
    Fault.UNPLUG: Misbehaviour.UNPLUG,
    Fault.LIFTED: Misbehaviour.LIFTED,
    Fault.POWER_SAG: Misbehaviour.RESET,
}


def striped_finger():
    """Return a picture of stripes that fills the sensor."""
    row = np.where(np.arange(256) // 4 % 2, 90, 210).astype(np.uint8)
    return FingerprintImage(np.tile(row, (180, 1)), ppi=385)


class _Timed(VirtualNB1010):
    last_byte = 0.0

    def on_in(self, endpoint, length):
        part = super().on_in(endpoint, length)
        if part:
            self.last_byte = time.monotonic()
        return part


class _Bench(UsbBench):
    def __init__(self, server):
        self._finger = striped_finger()
        super().__init__(server, NB1010, _Timed(), _ASKED)

    def _present(self):
        self._model.present(self._finger)

    def is_right(self, sample):
        return np.array_equal(sample.pixels, self._finger.pixels)

    def misbehave(self, fault):
        self._model.misbehave(self._asked[fault], times=2)


def _plug_in():
    return on_a_bus(_Bench)


RIG = Rig("nb1010", _plug_in, tuple(_ASKED))
