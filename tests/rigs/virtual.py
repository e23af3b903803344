# SPDX-License-Identifier: Apache-2.0
"""The virtual station on the bench: its scanner, opened under the name that applications use."""

from contextlib import contextmanager

from ektp_hw.virtual.station import VirtualStation, station
from rigs import Fault, Rig
from rigs.zk4500 import ASKED, Timed, striped_finger

_URI = "virtual:fingerprint"
_FAULTS = (Fault.STALL, Fault.UNPLUG, Fault.LIFTED)
"""Enough to see that errors bear the URI; the scanner's own bench has them all."""


class _Bench:
    def __init__(self, desk):
        self._desk = desk
        self._model = desk.function("fingerprint", Timed)
        self._finger = striped_finger()
        self._model.present(self._finger)

    def device(self):
        return VirtualStation.device(VirtualStation.locate(_URI))

    def capture(self, device, timeout):
        return device.capture(timeout=timeout)

    def is_right(self, sample):
        same = (sample.pixels[112:368, 192:448] == self._finger.pixels).all()
        return bool(same) and sample.source == _URI

    def misbehave(self, fault):
        self._model.misbehave(ASKED[fault])

    def behave(self):
        self._model.behave()
        self._desk.usb_address(self._model)

    def last_byte(self):
        return self._model.last_byte


@contextmanager
def _plug_in():
    desk = station()
    desk.close()
    try:
        yield _Bench(desk)
    finally:
        desk.close()


RIG = Rig("virtual", _plug_in, _FAULTS)
