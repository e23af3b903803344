# SPDX-License-Identifier: Apache-2.0
"""Hot-plug events through the real libusb and udev's messages, on the mock kernel."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

import mock_kernel
from ektp_hw.virtual.scanner import VirtualScanner
from mock_kernel import Machine, UsbDevice, talk

pytestmark = pytest.mark.skipif(bool(mock_kernel.missing()), reason=mock_kernel.missing())

PROMPT = 0.5
LOADED = 0.5
WATCH = """
from pathlib import Path

def event(monitor):
    while True:
        one = monitor.next_event(20)
        if one is None or not one.info.uri.startswith("virtual:"):
            return one

def told(one):
    return one and [one.change, one.info.uri, time.monotonic()]

with hw.watch_devices("fingerprint") as monitor:
    tell(lambda: told(event(monitor)))
    scanner = hw.open_device("usb:1b55:0840@1-1")
    tell(scanner.is_there())
    Path(IDLE).touch()
    tell(lambda: told(event(monitor)))
    tell(scanner.is_removed)
    Path(GONE).touch()
    tell(lambda: told(event(monitor)))
    tell(lambda: scanner.open().is_there())
    scanner.close()
"""


def wait_for(path):
    end = time.monotonic() + 30
    while not path.exists() and time.monotonic() < end:
        time.sleep(0.01)
    return time.monotonic()


def test_an_idle_scanner_is_pulled_and_put_back(tmp_path):
    idle, gone = tmp_path / "idle", tmp_path / "gone"
    with Machine() as machine, ThreadPoolExecutor(1) as pool:
        device = machine.plug(UsbDevice(VirtualScanner()))
        child = pool.submit(
            talk, machine, WATCH, system_libusb=True, IDLE=str(idle), GONE=str(gone)
        )
        pulled = wait_for(idle)
        device.unplug()
        put_back = wait_for(gone)
        machine.plug(device)
        first, there, removed, marked, added, works = [one.value for one in child.result()]
    uri = "usb:1b55:0840@1-1"
    assert (first[:2], there) == (["added", uri], True)
    assert (removed[:2], marked) == (["removed", uri], True)
    assert (added[:2], works) == (["added", uri], True)
    assert removed[2] - pulled < PROMPT + LOADED
    assert added[2] - put_back < PROMPT + LOADED
    assert not [one for one in threading.enumerate() if "hot-plug" in one.name]
