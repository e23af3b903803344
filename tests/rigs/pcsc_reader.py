# SPDX-License-Identifier: Apache-2.0
"""A PC/SC reader on the bench: the emulated service in this process, an emulated KTP-el on it."""

import time
from contextlib import contextmanager

from ektp_hw.drivers.pcsc_reader import PcscReader
from ektp_hw.virtual.ktp_el_card import KtpElCard
from ektp_hw.virtual.pcsc_service import PcscFault, VirtualPcsc
from rigs import Fault, Rig

NAME = "Emulated reader 00 00"
PHOTO = bytes(range(256)) * 4
_ASKED = {
    Fault.STALL: PcscFault.REFUSED,
    Fault.NAK: PcscFault.HANGS,
    Fault.SHORT: PcscFault.SHORT,
    Fault.GARBAGE: PcscFault.GARBAGE,
    Fault.CHECKSUM: PcscFault.DAMAGED,
    Fault.LATE: PcscFault.HANGS,
    Fault.UNPLUG: PcscFault.UNPLUG,
    Fault.LIFTED: PcscFault.REMOVED,
    Fault.DEAD_LAMP: PcscFault.UNPOWERED,
    Fault.POWER_SAG: PcscFault.STOPPED,  # the service and all its handles are new afterwards
}


class _Timed(KtpElCard):
    last_byte = 0.0

    def answer(self, apdu):
        said = super().answer(apdu)
        self.last_byte = time.monotonic()
        return said


class _Bench:
    def __init__(self, service):
        self._service = service
        self._card = _Timed(PHOTO, seed=5)
        self.behave()

    def device(self):
        return PcscReader(PcscReader.locate("pcsc:" + NAME), self._service.connect)

    def capture(self, device, timeout):
        return device.capture(timeout=timeout)

    def is_right(self, sample):
        return sample.files.get("photo") == PHOTO and sample.uid == self._card.uid

    def misbehave(self, fault):
        self._service.misbehave(_ASKED[fault])

    def behave(self):
        self._service.behave()
        self._service.start()
        self._service.plug(NAME)
        self._service.present(NAME, self._card)

    def last_byte(self):
        return self._card.last_byte


@contextmanager
def _plug_in():
    service = VirtualPcsc()
    service.hang_s = 0.8
    yield _Bench(service)


RIG = Rig("pcsc_reader", _plug_in, tuple(_ASKED))
