# SPDX-License-Identifier: Apache-2.0
"""A reader with two slots: card and SAM, and what is told when cards come and go."""

import threading
import time

import pytest

from ektp_hw.devices.card_reader import CardEvent
from ektp_hw.devices.ktp_el_reading import SamActivation
from ektp_hw.drivers.ccid_reader import CcidReader
from ektp_hw.errors import (
    CardError,
    CardRemoved,
    DeviceError,
    DeviceRemoved,
    DeviceUnavailable,
)
from ektp_hw.virtual.card import VirtualCardReader
from ektp_hw.virtual.ktp_el_card import KtpElCard
from ektp_hw.virtual.sam import EMULATED_CONFIGURATION, EMULATED_PCID, EmulatedSam

READ_UID = bytes.fromhex("FFCA000000")


@pytest.fixture
def model(emulated):
    return VirtualCardReader(KtpElCard(emulated.PHOTO, seed=5), slots=2)


@pytest.fixture
def reader(model, emulated):
    with emulated.plugged_in(model, CcidReader) as device, device:
        yield device


def test_two_slots_are_two_cards(reader, model):
    assert reader.slots == 2
    model.present(KtpElCard(b"other", seed=8), slot=1)
    assert reader.transmit(READ_UID, slot=1)[0] == KtpElCard(b"x", seed=8).uid
    assert reader.transmit(READ_UID)[0] == KtpElCard(b"x", seed=5).uid
    with pytest.raises(CardError, match="no slot 2"):
        reader.transmit(READ_UID, slot=2)


def test_protected_data_through_the_second_slot(reader, model, emulated):
    pytest.importorskip("cryptography")
    activation = SamActivation(EMULATED_PCID, EMULATED_CONFIGURATION)
    with pytest.raises(CardError, match="no SAM answers"):
        reader.capture_with_sam(activation)
    model.present(EmulatedSam(), slot=1)
    seen = []
    reading = reader.capture_with_sam(activation, on_preview=seen.append)
    assert reading.signature_fits is True
    assert reading.checked().files["photo"] == emulated.PHOTO
    assert len(seen) == 6
    with pytest.raises(DeviceUnavailable, match="no slot 7"):
        reader.capture_with_sam(activation, sam_slot=7)


def test_sam_in_another_reader(reader, emulated):
    pytest.importorskip("cryptography")
    other = VirtualCardReader(EmulatedSam())
    with emulated.plugged_in(other, CcidReader) as holder, holder:
        reading = reader.capture_with_sam(
            SamActivation(EMULATED_PCID, EMULATED_CONFIGURATION), sam=holder
        )
    assert reading.checked().files["biodata"]


def test_card_pulled_while_the_sam_works(reader, model):
    pytest.importorskip("cryptography")
    model.present(EmulatedSam(), slot=1)
    answer, left = model._places[0].card.answer, [25]

    def pulled(apdu):
        left[0] -= 1
        if left[0] == 0:
            model.misbehave("removed")
        return answer(apdu)

    model._places[0].card.answer = pulled
    take = model._strikes
    model._strikes = lambda slot, *rest: slot == 0 and take(slot, *rest)
    reading = reader.capture_with_sam(SamActivation(EMULATED_PCID, EMULATED_CONFIGURATION))
    assert isinstance(reading.error, CardRemoved)
    assert reading.contents.files["photo"]
    assert reading.failed is not None


def test_capture_while_another_thread_watches(reader, emulated):
    seen, cancel = [], threading.Event()
    watcher = threading.Thread(target=lambda: seen.extend(reader.events(cancel=cancel)))
    watcher.start()
    for _ in range(5):
        assert reader.capture(timeout=5).files["photo"] == emulated.PHOTO
    cancel.set()
    watcher.join(5)
    assert seen == [CardEvent(is_present=True)]


def test_cards_that_come_and_go_are_told(reader, model):
    events = reader.events(timeout=10)
    assert next(events) == CardEvent(is_present=True)
    model.present(None)
    assert next(events) == CardEvent(is_present=False)
    model.present(KtpElCard(b"sam", seed=3), slot=1)
    assert next(events) == CardEvent(is_present=True, slot=1)
    model.present(KtpElCard(b"new", seed=4))
    assert next(events) == CardEvent(is_present=True)
    assert reader.capture(timeout=5).files["photo"] == b"new"


def test_card_swapped_between_two_looks(reader, model):
    events = reader.events(timeout=10)
    next(events)
    with model.lock:
        model.present(None)
        model.present(KtpElCard(b"new", seed=4))
    assert [next(events), next(events)] == [CardEvent(is_present=False), CardEvent(is_present=True)]


def test_events_end_in_time_and_on_cancel(reader):
    began = time.monotonic()
    assert len(list(reader.events(timeout=0.2))) == 1
    cancel = threading.Event()
    threading.Timer(0.1, cancel.set).start()
    assert len(list(reader.events(cancel=cancel))) == 1
    assert time.monotonic() - began < 3


def test_events_of_a_reader_that_goes(reader, model):
    events = reader.events(timeout=10)
    next(events)
    model.unplug()
    began = time.monotonic()
    with pytest.raises(DeviceRemoved):
        next(events)
    assert time.monotonic() - began < 1.5


def test_events_of_a_closed_reader(reader):
    reader.close()
    with pytest.raises(DeviceError, match="closed"):
        next(reader.events())
