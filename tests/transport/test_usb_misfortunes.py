# SPDX-License-Identifier: Apache-2.0
"""What users of USB devices curse: devices left claimed, swallowed errors, lost kernel drivers."""

import errno
import subprocess
import sys
import threading
import time

import numpy as np
import pytest
import usb.core
import usb.util

from ektp_hw.drivers.zk4500 import ZK4500
from ektp_hw.errors import CaptureCancelled, DeviceBusy
from ektp_hw.samples import FingerprintImage
from ektp_hw.transport import usb as transport
from ektp_hw.virtual.scanner import VirtualScanner
from ektp_hw.virtual.usbip_server import UsbipServer

FINGER = FingerprintImage(np.tile(np.repeat(np.uint8([90, 210] * 32), 4), (256, 1)))


@pytest.fixture
def bus():
    server = UsbipServer()
    model = VirtualScanner()
    yield model, f"usbip:{server.host}:{server.port}/{server.plug(model)}"
    server.close()


def captures(address):
    with ZK4500(ZK4500.locate(address)) as scanner:
        pixels = scanner.capture(timeout=10).pixels
    return np.array_equal(pixels[112:368, 192:448], FINGER.pixels)


CAPTURING = """
import sys, ektp_hw as hw
with hw.open_device(sys.argv[1]) as scanner:
    scanner.capture(timeout=60, on_preview=lambda image: print(flush=True))
"""


def test_a_capturing_process_that_is_killed_leaves_nothing_claimed(bus):
    model, address = bus
    with subprocess.Popen(
        [sys.executable, "-c", CAPTURING, address], stdout=subprocess.PIPE
    ) as process:
        process.stdout.readline()  # it captures, and no finger comes
        with pytest.raises(DeviceBusy):
            transport.connect(address)
        process.kill()
    model.present(FINGER)
    until = time.monotonic() + 5
    while True:
        try:
            assert captures(address)
        except DeviceBusy:  # the bus has yet to hear of the end
            assert time.monotonic() < until
            time.sleep(0.01)
        else:
            return


def test_what_a_callback_raises_reaches_the_caller_and_costs_nothing_else(bus):
    model, address = bus
    model.present(FINGER)
    scanner = ZK4500(ZK4500.locate(address)).open()

    def broken(_):
        raise KeyError("the application's own mistake")

    for _ in range(3):
        with pytest.raises(KeyError, match="own mistake"):
            scanner.capture(timeout=10, on_preview=broken)
    assert scanner.capture(timeout=10).ppi == 500
    scanner.close()
    assert captures(address)


def test_a_cancelled_capture_leaves_nothing_claimed(bus):
    model, address = bus
    scanner = ZK4500(ZK4500.locate(address)).open()
    cancel = threading.Event()
    with pytest.raises(CaptureCancelled):
        scanner.capture(timeout=60, on_preview=lambda _: cancel.set(), cancel=cancel)
    model.present(FINGER)
    assert scanner.capture(timeout=10).ppi == 500  # in the same process, without opening again
    with pytest.raises(CaptureCancelled):
        scanner.capture(timeout=60, cancel=cancel)
    scanner.close()
    assert captures(address)


# Interfaces that a driver of the kernel holds.


class Held:
    """A device of pyusb whose interface a driver of the kernel holds; notes what is done."""

    idVendor, idProduct, bus, address, port_numbers = 0x1B55, 0x0840, 9, 9, (9,)  # noqa: N815

    def __init__(self):
        self.done = []
        self.attach_fails = False

    def is_kernel_driver_active(self, interface):
        return interface == 1

    def detach_kernel_driver(self, interface):
        self.done.append(f"detach {interface}")

    def attach_kernel_driver(self, interface):
        self.done.append(f"attach {interface}")
        if self.attach_fails:
            raise usb.core.USBError("unplugged", None, errno.ENODEV)

    def get_active_configuration(self):
        return type("Configuration", (), {"bConfigurationValue": 1})


@pytest.fixture
def held(monkeypatch):
    device = Held()
    monkeypatch.setattr(transport, "_device_at", lambda _: device)
    for name in ("claim_interface", "release_interface"):
        verb = name.partition("_")[0]
        note = lambda one, number, verb=verb: one.done.append(f"{verb} {number}")  # noqa: E731
        monkeypatch.setattr(usb.util, name, note)
    monkeypatch.setattr(usb.util, "dispose_resources", lambda one: one.done.append("dispose"))
    return device


def test_the_kernel_s_driver_gets_its_interface_back(held):
    connection = transport.connect("usb:1b55:0840", interface=1, detach_kernel_driver=True)
    assert held.done == ["detach 1", "claim 1"]
    connection.close()
    connection.close()
    assert held.done[2:] == ["release 1", "attach 1", "dispose"]


def test_an_interface_that_was_free_is_given_to_nobody(held):
    transport.connect("usb:1b55:0840", interface=0, detach_kernel_driver=True).close()
    assert held.done == ["claim 0", "dispose"]


def test_closing_an_unplugged_device_is_no_error(held):
    held.attach_fails = True
    transport.connect("usb:1b55:0840", interface=1, detach_kernel_driver=True).close()
    assert held.done[-1] == "dispose"


@pytest.mark.parametrize(
    ("error", "kind"),
    [(usb.core.USBError("", None, errno.EBUSY), DeviceBusy), (KeyboardInterrupt(), BaseException)],
)
def test_an_opening_that_fails_halfway_gives_everything_back(held, monkeypatch, error, kind):
    def fail(*_):
        raise error

    monkeypatch.setattr(usb.util, "claim_interface", fail)
    with pytest.raises(kind):
        transport.connect("usb:1b55:0840", interface=1, detach_kernel_driver=True)
    assert held.done == ["detach 1", "release 1", "attach 1", "dispose"]
