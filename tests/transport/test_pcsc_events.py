# SPDX-License-Identifier: Apache-2.0
import sys
import threading
import time

import pytest

from ektp_hw.drivers.pcsc_reader import PcscReader
from ektp_hw.errors import CaptureTimeout, DeviceUnavailable, UnavailableReason
from ektp_hw.transport import pcsc_events
from ektp_hw.transport.pcsc_events import Change, changes
from ektp_hw.virtual.ktp_el_card import KtpElCard
from ektp_hw.virtual.pcsc_service import VirtualPcsc

NAME = "Reader 00 00"


@pytest.fixture
def service():
    return VirtualPcsc()


def test_readers_and_cards_in_the_order_of_what_happened(service):
    told = changes(timeout=20, connect=service.connect)
    service.plug(NAME)
    service.present(NAME, KtpElCard(b"x"))
    assert [next(told).change for _ in range(2)] == [Change.READER_CAME, Change.CARD_CAME]
    service.unplug(NAME)
    assert [next(told).change for _ in range(2)] == [Change.CARD_WENT, Change.READER_WENT]
    told.close()
    assert service.open_handles == 0


def test_a_reader_that_comes_wakes_the_wait(service):
    told = changes(timeout=20, connect=service.connect)
    threading.Timer(0.15, service.plug, [NAME]).start()
    began = time.monotonic()
    assert next(told) == (Change.READER_CAME, NAME, b"")
    assert 0.1 < time.monotonic() - began < 2
    told.close()


def test_restart_of_the_service_is_told_and_all_is_told_anew(service):
    service.plug(NAME)
    service.present(NAME, KtpElCard(b"x"))
    told = changes(timeout=20, connect=service.connect)
    assert [next(told).change for _ in range(2)] == [Change.READER_CAME, Change.CARD_CAME]
    service.stop()
    assert [next(told).change for _ in range(3)] == [
        Change.CARD_WENT,
        Change.READER_WENT,
        Change.SERVICE_WENT,
    ]
    service.start()
    assert [next(told).change for _ in range(3)] == [
        Change.SERVICE_CAME,
        Change.READER_CAME,
        Change.CARD_CAME,
    ]
    told.close()


def test_service_that_starts_later(service):
    service.stop()
    service.plug(NAME)
    told = changes(timeout=20, connect=service.connect)
    assert next(told).change is Change.SERVICE_WENT
    service.start()
    assert [next(told).change for _ in range(2)] == [Change.SERVICE_CAME, Change.READER_CAME]
    told.close()


@pytest.mark.parametrize("running", [True, False])
def test_it_ends_in_time_and_on_cancel(service, running):
    if not running:
        service.stop()
    began = time.monotonic()
    list(changes(timeout=0.2, connect=service.connect))
    cancel = threading.Event()
    threading.Timer(0.1, cancel.set).start()
    list(changes(cancel=cancel, connect=service.connect))
    assert time.monotonic() - began < 3
    assert service.open_handles == 0


def test_the_callers_check_ends_it_by_raising(service):
    def over():
        raise CaptureTimeout("over")

    with pytest.raises(CaptureTimeout):
        next(changes(check=over, connect=service.connect))


def test_what_waiting_cannot_mend_is_raised():
    def missing():
        raise DeviceUnavailable("install it", reason=UnavailableReason.LIBRARY_MISSING)

    with pytest.raises(DeviceUnavailable, match="install it"):
        next(changes(connect=missing))


def test_idle_watching_costs_little(service):
    service.plug(NAME)
    cpu, looks = time.process_time(), []
    list(changes(timeout=0.5, check=lambda: looks.append(1), connect=service.connect))
    assert len(looks) < 60
    assert time.process_time() - cpu < 0.3


class Deaf(VirtualPcsc):
    """Misses what happens at a reader until a connection to it ends, as libccid can."""

    missed = ()

    def SCardDisconnect(self, handle, disposition):  # noqa: N802
        code = super().SCardDisconnect(handle, disposition)
        if self.missed:
            missed, self.missed = self.missed, ()
            self.present(*missed)
        return code


@pytest.mark.skipif(sys.platform != "linux", reason="only pcsc-lite's driver misses anything")
def test_what_the_service_missed_at_a_reader_of_two_slots_is_told(monkeypatch):
    monkeypatch.setattr(pcsc_events, "LOOK_ANEW_S", 0.1)
    service = Deaf()
    service.plug(NAME)
    service.plug("Reader 00 01")
    service.present(NAME, KtpElCard(b"x"))
    told = changes(timeout=20, connect=service.connect)
    assert [next(told).change for _ in range(3)].count(Change.READER_CAME) == 2
    service.missed = (NAME, None)
    assert next(told) == (Change.CARD_WENT, NAME, b"")
    with PcscReader(PcscReader.locate(f"pcsc:{NAME}"), service.connect) as reader:
        service.missed = (NAME, KtpElCard(b"x"))
        assert reader.capture(timeout=20).files["photo"] == b"x"
    told.close()
