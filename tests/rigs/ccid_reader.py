# SPDX-License-Identifier: Apache-2.0
"""A CCID reader on the bench: the virtual reader on a USB/IP bus, an emulated KTP-el on it."""

import time

from ektp_hw.drivers.ccid_reader import CcidReader
from ektp_hw.virtual.card import Misbehaviour, VirtualCardReader
from ektp_hw.virtual.ktp_el_card import KtpElCard
from rigs import Fault, Rig
from usb_bench import UsbBench, on_a_bus

PHOTO = bytes(range(256)) * 4
_ASKED = {
    Fault.STALL: Misbehaviour.STALL,
    Fault.NAK: Misbehaviour.SILENT,
    Fault.SHORT: Misbehaviour.SHORT,
    Fault.GARBAGE: Misbehaviour.GARBAGE,
    Fault.CHECKSUM: Misbehaviour.OUT_OF_STEP,
    Fault.LATE: Misbehaviour.LATE,
    Fault.UNPLUG: Misbehaviour.UNPLUG,
    Fault.LIFTED: Misbehaviour.REMOVED,
    Fault.DEAD_LAMP: Misbehaviour.MUTE,  # no field: the card does not answer the reader
    Fault.POWER_SAG: Misbehaviour.POWER_SAG,
}


class _Timed(VirtualCardReader):
    last_byte = 0.0

    def on_in(self, endpoint, length):
        part = super().on_in(endpoint, length)
        if part and part[:1] == b"\x80":
            self.last_byte = time.monotonic()
        return part


class _Bench(UsbBench):
    def __init__(self, server):
        self._card = KtpElCard(PHOTO, seed=5)
        super().__init__(server, CcidReader, _Timed(), _ASKED)

    def _present(self):
        self._model.present(self._card)

    def is_right(self, sample):
        return sample.files.get("photo") == PHOTO and sample.uid == self._card.uid


def _plug_in():
    return on_a_bus(_Bench)


RIG = Rig("ccid_reader", _plug_in, tuple(_ASKED))
