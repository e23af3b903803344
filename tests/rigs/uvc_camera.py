# SPDX-License-Identifier: Apache-2.0
"""The bulk UVC camera on the bench: the virtual camera on a USB/IP bus, a drawn eye before it."""

import time

import numpy as np

from drivers.emulated import drawn_eye
from ektp_hw.drivers.uvc_camera import UvcCamera
from ektp_hw.virtual.camera import Misbehaviour, VirtualIrisCamera
from rigs import Fault, Rig
from usb_bench import UsbBench, on_a_bus

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


class _Bench(UsbBench):
    def __init__(self, server):
        super().__init__(server, UvcCamera, _Camera(server), _ASKED)

    def _present(self):
        self._model.present(drawn_eye(9), drawn_eye())

    def is_right(self, sample):
        return np.array_equal(sample.pixels, drawn_eye().pixels)

    def misbehave(self, fault):
        if fault is Fault.LIFTED:
            self._model.present(drawn_eye())
        if fault in _OURS:
            self._model.goes_wrong = fault
        else:
            super().misbehave(fault)

    def behave(self):
        self._model.goes_wrong = None
        super().behave()


def _plug_in():
    return on_a_bus(_Bench)


RIG = Rig("uvc_camera", _plug_in, (*_ASKED, *_OURS))
