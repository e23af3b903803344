# SPDX-License-Identifier: Apache-2.0
"""A serial fingerprint module on the bench: the model on a pseudo terminal, a striped finger.

The line runs 200 times faster than 57600 baud; pictures keep 4 of 8 bits, as on the real wire.
"""

from contextlib import contextmanager

import numpy as np

from ektp_hw.drivers.zfm import ZFM
from ektp_hw.samples import FingerprintImage
from ektp_hw.virtual.serial_line import SerialLine
from ektp_hw.virtual.zfm import Misbehaviour, VirtualZFM
from rigs import Fault, Rig

_ASKED = {
    Fault.STALL: Misbehaviour.REFUSE,
    Fault.NAK: Misbehaviour.SILENT,
    Fault.SHORT: Misbehaviour.SHORT,
    Fault.GARBAGE: Misbehaviour.NOISE,
    Fault.CHECKSUM: Misbehaviour.CHECKSUM,
    Fault.LATE: Misbehaviour.LATE,
    Fault.UNPLUG: Misbehaviour.UNPLUG,
    Fault.LIFTED: Misbehaviour.LIFTED,
    Fault.DEAD_LAMP: Misbehaviour.DARK,
    Fault.POWER_SAG: Misbehaviour.RESET,
}


def striped_finger():
    """Return a picture of stripes that fills the sensor."""
    row = np.where(np.arange(256) // 4 % 2, 90, 210).astype(np.uint8)
    return FingerprintImage(np.tile(row, (288, 1)))


def as_sent(image):
    """Return a picture's pixels as 4 bits each can say them."""
    return (image.pixels >> 4) * np.uint8(17)


class _Bench:
    def __init__(self):
        self._finger = striped_finger()
        self._model = VirtualZFM(speed=200)
        self._model.present(self._finger)
        self.line = SerialLine(self._model)

    def device(self):
        return ZFM(ZFM.locate(f"serial:{self.line.path}"))

    def capture(self, device, timeout):
        return device.capture(timeout=timeout)

    def is_right(self, sample):
        return np.array_equal(sample.pixels, as_sent(self._finger))

    def misbehave(self, fault):
        self._model.misbehave(_ASKED[fault])

    def behave(self):
        self._model.behave()
        self._model.present(self._finger)
        self.line.plug_in()

    def last_byte(self):
        return self.line.last_byte


@contextmanager
def _plug_in():
    bench = _Bench()
    try:
        yield bench
    finally:
        bench.line.close()


RIG = Rig("zfm", _plug_in, tuple(_ASKED))
