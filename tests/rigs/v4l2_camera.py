# SPDX-License-Identifier: Apache-2.0
"""A camera of Linux's video interface on the bench: the virtual one answers the system calls."""

from contextlib import contextmanager

import numpy as np

from ektp_hw.devices import DeviceInfo, DeviceKind
from ektp_hw.drivers.v4l2_camera import V4L2Camera
from ektp_hw.synthetic import SyntheticEye
from ektp_hw.transport.video_node import VideoNode
from ektp_hw.virtual.video_camera import Misbehaviour, VirtualVideoCamera
from rigs import Fault, Rig

_ASKED = {
    Fault.STALL: Misbehaviour.STALL,
    Fault.NAK: Misbehaviour.SILENT,
    Fault.SHORT: Misbehaviour.SHORT,
    Fault.GARBAGE: Misbehaviour.GARBAGE,
    Fault.CHECKSUM: Misbehaviour.BACKWARDS,
    Fault.LATE: Misbehaviour.LATE,
    Fault.UNPLUG: Misbehaviour.UNPLUG,
    Fault.LIFTED: Misbehaviour.GONE,
    Fault.DEAD_LAMP: Misbehaviour.DARK,
    Fault.FROZEN_CLOCK: Misbehaviour.FROZEN,
    Fault.POWER_SAG: Misbehaviour.SAG,
}
_WITH_EMITTER = (0x04F2, 0xB67C)
_FASTER = 10
"""Times 30 frames a second, so that the tests wait for nothing."""


class _Bench:
    def __init__(self):
        eye = SyntheticEye(5)
        self._eyes = [eye.capture(number, opening=1.0).image for number in range(2)]
        self._model = VirtualVideoCamera(self._eyes, speed=_FASTER, ids=_WITH_EMITTER)

    def device(self):
        info = DeviceInfo(
            "video:/dev/video0", DeviceKind.IRIS, "camera", "v4l2_camera", "", *_WITH_EMITTER
        )
        return V4L2Camera(info, lambda uri: VideoNode("/dev/video0", uri, self._model))

    def capture(self, device, timeout):
        return device.capture(timeout=timeout)

    def is_right(self, sample):
        return any(np.array_equal(sample.pixels, eye.pixels) for eye in self._eyes)

    def misbehave(self, fault):
        self._model.misbehave(_ASKED[fault])

    def behave(self):
        self._model.behave()

    def last_byte(self):
        return self._model.last_frame


@contextmanager
def _plug_in():
    bench = _Bench()
    yield bench
    assert bench._model.open_handles == 0, "the camera was left open"


RIG = Rig("v4l2_camera", _plug_in, tuple(_ASKED))
