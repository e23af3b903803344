# SPDX-License-Identifier: Apache-2.0
"""The U.are.U 4500 on the bench: the virtual reader on a USB/IP bus, scrambled pictures."""

import numpy as np

from ektp_hw.drivers.uareu4000 import UareU4000
from ektp_hw.samples import FingerprintImage
from ektp_hw.virtual.uareu import HEIGHT, PPI, WIDTH, Misbehaviour, VirtualUareU
from rigs import Fault, Rig
from usb_bench import TimesPictures, UsbBench, on_a_bus

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


class _Timed(TimesPictures, VirtualUareU):
    """A reader that notes when it sent a byte."""


class _Bench(UsbBench):
    def __init__(self, server):
        self._finger = whorl()
        super().__init__(server, UareU4000, _Timed(), _ASKED)

    def _present(self):
        self._model.present(self._finger)

    def is_right(self, sample):
        expected = self._finger.pixels.copy()
        for place in _LOST:
            expected[place] = 255
        return np.array_equal(sample.pixels, expected)


def _plug_in():
    return on_a_bus(_Bench)


RIG = Rig("uareu4000", _plug_in, tuple(_ASKED))
