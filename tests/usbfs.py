# SPDX-License-Identifier: Apache-2.0
"""One USB model on a mock machine of its own; `mock_kernel` does more."""

from mock_kernel import LIBRARY, Machine, UsbDevice

__all__ = ["LIBRARY", "Usbfs"]


class Usbfs:
    """A model on bus 1, port 1."""

    def __init__(self, model, *, held_by=None):
        self._machine = Machine()
        self._device = self._machine.plug(UsbDevice(model, held_by=held_by))
        self.environment = self._machine.environment
        self.unplug = self._device.unplug
        self.close = self._machine.close

    @property
    def opened(self):
        return self._device.opened
