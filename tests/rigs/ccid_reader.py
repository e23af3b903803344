# SPDX-License-Identifier: Apache-2.0
"""A CCID reader on the bench: the virtual reader on a USB/IP bus, an emulated KTP-el on it."""

import time
from contextlib import contextmanager

from ektp_hw.drivers.ccid_reader import CcidReader
from ektp_hw.virtual.card import Misbehaviour, VirtualCardReader
from ektp_hw.virtual.ktp_el_card import KtpElCard
from ektp_hw.virtual.usbip_server import UsbipServer
from rigs import Fault, Rig

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


class _Bench:
    def __init__(self, server):
        self._server = server
        self._card = KtpElCard(PHOTO, seed=5)
        self._model = _Timed(self._card)
        self._plug()

    def _plug(self):
        bus_id = self._server.bus_id(self._model) or self._server.plug(self._model)
        self._address = f"usbip:{self._server.host}:{self._server.port}/{bus_id}"

    def device(self):
        return CcidReader(CcidReader.locate(self._address))

    def capture(self, device, timeout):
        return device.capture(timeout=timeout)

    def is_right(self, sample):
        return sample.files.get("photo") == PHOTO and sample.uid == self._card.uid

    def misbehave(self, fault):
        self._model.misbehave(_ASKED[fault])

    def behave(self):
        self._model.behave()
        self._model.present(self._card)
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


RIG = Rig("ccid_reader", _plug_in, tuple(_ASKED))
