# SPDX-License-Identifier: Apache-2.0
"""A pen tablet on the bench: the virtual tablet behind a node of this process."""

from contextlib import contextmanager

from ektp_hw.devices import DeviceInfo, DeviceKind
from ektp_hw.drivers.evdev_tablet import EvdevTablet
from ektp_hw.virtual.evdev_tablet import SCALE, VirtualTablet
from ektp_hw.virtual.signing import Misbehaviour
from pad_bench import Signer, signature
from rigs import Fault, Rig

_ASKED = {
    Fault.NAK: Misbehaviour.SILENT,
    Fault.SHORT: Misbehaviour.SHORT,
    Fault.GARBAGE: Misbehaviour.GARBAGE,
    Fault.CHECKSUM: Misbehaviour.SKIP,
    Fault.UNPLUG: Misbehaviour.UNPLUG,
    Fault.LIFTED: Misbehaviour.LIFTED,
    Fault.FROZEN_CLOCK: Misbehaviour.FROZEN_CLOCK,
}
INFO = DeviceInfo("evdev:/dev/input/event7", DeviceKind.SIGNATURE, "Pen tablet", "evdev_tablet")


class _Bench(Signer):
    _asked = _ASKED

    def __init__(self):
        self._truth = signature(SCALE)
        self._model = VirtualTablet(self._truth)

    def device(self):
        return EvdevTablet(INFO, connect=self._model.node)


@contextmanager
def _plug_in():
    yield _Bench()


RIG = Rig("evdev_tablet", _plug_in, tuple(_ASKED))
