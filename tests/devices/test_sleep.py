# SPDX-License-Identifier: Apache-2.0
"""A machine that slept between two captures: the device is opened again, unseen by the caller."""

import time

import pytest

from ektp_hw.devices import CaptureState, sleep
from ektp_hw.devices.sleep import SleepWatch
from ektp_hw.drivers.ccid_reader import CcidReader
from ektp_hw.drivers.zk4500 import ZK4500
from ektp_hw.errors import CaptureTimeout, DeviceRemoved
from ektp_hw.virtual.card import VirtualCardReader
from ektp_hw.virtual.scanner import VirtualScanner
from ektp_hw.virtual.usbip_server import UsbipServer


@pytest.fixture
def slumber(monkeypatch):
    """Make the machine sleep for so many seconds."""
    total = 0.0
    monkeypatch.setattr(sleep, "_seconds_asleep", lambda: total)

    def for_seconds(seconds):
        nonlocal total
        total += seconds

    return for_seconds


@pytest.fixture
def bus():
    server = UsbipServer()
    yield server
    server.close()


def plugged(bus, model, driver):
    address = f"usbip:{bus.host}:{bus.port}/{bus.plug(model)}"
    return driver(driver.locate(address))


def test_two_clocks_tell_sleep(slumber):
    watch = SleepWatch()
    assert not watch.has_slept
    slumber(60)
    assert watch.has_slept
    watch.restart()
    assert not watch.has_slept


@pytest.mark.skipif(not hasattr(time, "CLOCK_BOOTTIME"), reason="a clock of Linux")
def test_a_machine_that_is_awake_does_not_sleep():
    watch = SleepWatch()
    time.sleep(0.01)
    assert not watch.has_slept


def test_a_scanner_is_opened_again_after_sleep(slumber, bus):
    model = VirtualScanner()
    with plugged(bus, model, ZK4500) as scanner:
        slumber(60)
        bus.unplug(model)  # as ports without power do to what hangs on them
        bus.plug(model)
        assert scanner.is_there()
        scanner.note_removal()
        for _ in range(2):
            with pytest.raises(CaptureTimeout):
                scanner.capture(timeout=0.1)
            assert scanner.state is CaptureState.READY


def test_a_single_command_opens_the_reader_again_too(slumber, bus):
    model = VirtualCardReader()
    with plugged(bus, model, CcidReader) as reader:
        slumber(60)
        bus.unplug(model)
        bus.plug(model)
        with pytest.raises(Exception, match="no card"):
            reader.transmit(bytes(4))


def test_one_that_does_not_come_back_is_removed(slumber, bus, monkeypatch):
    monkeypatch.setattr("ektp_hw.devices.base._BACK_AFTER_SLEEP", 0.0)
    model = VirtualScanner()
    with plugged(bus, model, ZK4500) as scanner:
        slumber(60)
        bus.unplug(model)
        with pytest.raises(DeviceRemoved, match="woke from its sleep") as caught:
            scanner.capture(timeout=5)
        assert str(caught.value).startswith(scanner.info.uri)
        bus.plug(model)
        assert scanner.open().is_there()


def test_the_time_limit_holds_while_it_comes_back(slumber, bus):
    model = VirtualScanner()
    with plugged(bus, model, ZK4500) as scanner:
        slumber(60)
        bus.unplug(model)
        began = time.monotonic()
        with pytest.raises(CaptureTimeout):
            scanner.capture(timeout=0.2)
        assert time.monotonic() - began < 0.7
