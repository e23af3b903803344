# SPDX-License-Identifier: Apache-2.0
"""Monitors that die silently or cannot be joined (pyscard 41, 53, 74, 82, 128) as tests."""

import threading
from queue import SimpleQueue

import pytest

from ektp_hw.devices.card_monitor import CardMonitor
from ektp_hw.drivers.ccid_reader import CcidReader
from ektp_hw.drivers.pcsc_reader import PcscReader
from ektp_hw.errors import DeviceError
from ektp_hw.virtual.card import VirtualCardReader
from ektp_hw.virtual.ktp_el_card import KtpElCard
from ektp_hw.virtual.pcsc_service import VirtualPcsc
from ektp_hw.virtual.usbip_server import UsbipServer

NAME = "Reader 00 00"


@pytest.fixture
def service():
    made = VirtualPcsc()
    made.plug(NAME)
    return made


@pytest.fixture
def reader(service):
    with PcscReader(PcscReader.locate("pcsc:" + NAME), service.connect) as device:
        yield device


def test_it_tells_joins_and_leaves_no_thread(reader, service):
    before = threading.active_count()
    seen = SimpleQueue()
    with CardMonitor(reader, seen.put) as monitor:
        service.present(NAME, KtpElCard(b"x"))
        assert seen.get(timeout=5).is_present
        service.present(NAME, None)
        assert not seen.get(timeout=5).is_present
        assert monitor.is_alive
    assert threading.active_count() == before


def test_error_of_a_callback_reaches_the_caller(reader, service):
    def fail(_event):
        raise LookupError("mine")

    called = threading.Event()
    monitor = CardMonitor(reader, lambda event: (called.set(), fail(event)))
    service.present(NAME, KtpElCard(b"x"))
    assert called.wait(5)
    monitor._thread.join(5)
    assert not monitor.is_alive
    with pytest.raises(LookupError, match="mine"):
        monitor.check()
    monitor.close()


def test_error_in_the_block_is_not_replaced(reader):
    with pytest.raises(KeyError), CardMonitor(reader, lambda _event: None):
        raise KeyError


def test_service_that_restarts_is_survived(reader, service):
    seen = SimpleQueue()
    with CardMonitor(reader, seen.put):
        service.stop()
        service.start()
        service.present(NAME, KtpElCard(b"x"))
        assert seen.get(timeout=5).is_present


def test_reader_on_usb_that_is_pulled_is_told_and_watched_again():
    server = UsbipServer()
    model = VirtualCardReader(KtpElCard(b"x"))
    try:
        address = f"usbip:{server.host}:{server.port}/{server.plug(model)}"
        seen, trouble = SimpleQueue(), SimpleQueue()
        reader = CcidReader(CcidReader.locate(address))
        with CardMonitor(reader, seen.put, trouble.put):
            assert seen.get(timeout=5).is_present
            model.unplug()
            assert isinstance(trouble.get(timeout=5), DeviceError)
            server.plug(model)
            assert seen.get(timeout=10).is_present
        reader.close()
    finally:
        server.close()
