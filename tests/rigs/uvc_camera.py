# SPDX-License-Identifier: Apache-2.0
"""The bulk UVC camera on the bench: the virtual camera on a USB/IP bus, a drawn eye before it."""

import time
from contextlib import contextmanager

import numpy as np

from drivers.emulated import drawn_eye
from ektp_hw.drivers.uvc_camera import UvcCamera
from ektp_hw.virtual.camera import Misbehaviour, VirtualIrisCamera
from ektp_hw.virtual.usbip_server import UsbipServer
from rigs import Fault, Rig

_ASKED = {
    Fault.STALL: Misbehaviour.STALL,
    Fault.NAK: Misbehaviour.SILENT,
    Fault.SHORT: Misbehaviour.TORN,
    Fault.GARBAGE: Misbehaviour.GARBAGE,
    Fault.CHECKSUM: Misbehaviour.ERROR,
    Fault.UNPLUG: Misbehaviour.UNPLUG,
    Fault.DEAD_LAMP: Misbehaviour.DARK,
}
_OURS = (Fault.LIFTED, Fault.FROZEN_CLOCK, Fault.POWER_SAG)
_FRAME_ID = 0x01
_FASTER = 10
"""Times 30 frames a second, so that the tests wait for nothing."""


class _Camera(VirtualIrisCamera):
    """A camera before which somebody may walk away, that may stop counting frames, or sag."""

    def __init__(self, server):
        super().__init__([drawn_eye(9), drawn_eye()], speed=_FASTER)
        self._server = server
        self.last_byte = 0.0
        self.goes_wrong = None

    def on_in(self, endpoint, length):
        payload = super().on_in(endpoint, length)
        if not payload:
            return payload
        if self.goes_wrong is Fault.POWER_SAG:
            self.goes_wrong = None
            self.unplug()
            self._server.plug(self)
            return None
        self.last_byte = time.monotonic()
        if self.goes_wrong is Fault.LIFTED and self._shown:
            self.present()
        if self.goes_wrong is Fault.FROZEN_CLOCK:
            return bytes((payload[0], payload[1] & ~_FRAME_ID)) + payload[2:]
        return payload


class _Bench:
    def __init__(self, server):
        self._server = server
        self._model = _Camera(server)
        self._plug()

    def _plug(self):
        place = self._server.bus_id(self._model) or self._server.plug(self._model)
        self._address = f"usbip:{self._server.host}:{self._server.port}/{place}"

    def device(self):
        return UvcCamera(UvcCamera.locate(self._address))

    def capture(self, device, timeout):
        return device.capture(timeout=timeout)

    def is_right(self, sample):
        return np.array_equal(sample.pixels, drawn_eye().pixels)

    def misbehave(self, fault):
        if fault is Fault.LIFTED:
            self._model.present(drawn_eye())
        if fault in _OURS:
            self._model.goes_wrong = fault
        else:
            self._model.misbehave(_ASKED[fault])

    def behave(self):
        self._model.behave()
        self._model.goes_wrong = None
        self._model.present(drawn_eye(9), drawn_eye())
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


RIG = Rig("uvc_camera", _plug_in, (*_ASKED, *_OURS))
