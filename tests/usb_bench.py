# SPDX-License-Identifier: Apache-2.0
"""A bench for devices on a USB/IP bus: a model that is plugged in, and the real driver on it."""

import time
from contextlib import contextmanager

from ektp_hw.virtual.usbip_server import UsbipServer

__all__ = ["TimesPictures", "UsbBench", "on_a_bus"]


class UsbBench:
    """A model on a bus of its own; subclasses say what a right sample is.

    Parameters
    ----------
    server
        The bus.
    driver
        The class of driver that finds the model there.
    model
        The device side; it notes `last_byte`.
    asked
        What to ask of the model for each fault.
    """

    def __init__(self, server, driver, model, asked):
        self._server, self._driver, self._model, self._asked = server, driver, model, asked
        self._present()
        self.plug()

    def _present(self):
        """Put the person there, at first and after every fault."""

    def plug(self):
        """Plug the model in, unless it is."""
        place = self._server.bus_id(self._model) or self._server.plug(self._model)
        self._address = f"usbip:{self._server.host}:{self._server.port}/{place}"

    def device(self):
        return self._driver(self._driver.locate(self._address))

    def capture(self, device, timeout):
        return device.capture(timeout=timeout)

    def misbehave(self, fault):
        self._model.misbehave(self._asked[fault])

    def behave(self):
        self._model.behave()
        self._present()
        self.plug()

    def last_byte(self):
        return self._model.last_byte


class TimesPictures:
    """Stands before a scanner's model: notes when it sent the last piece of a picture."""

    last_byte = 0.0

    def _send(self, length):
        part = super()._send(length)
        self.last_byte = time.monotonic()
        return part


@contextmanager
def on_a_bus(make_bench):
    """Yield a bench made on a fresh bus, which ends with it."""
    server = UsbipServer()
    try:
        yield make_bench(server)
    finally:
        server.close()
