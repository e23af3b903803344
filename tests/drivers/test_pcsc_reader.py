# SPDX-License-Identifier: Apache-2.0
import json
import logging
import threading
import time

import pytest

from ektp_hw.devices import acr122u
from ektp_hw.devices.base import DeviceKind
from ektp_hw.devices.card_reader import CardEvent
from ektp_hw.devices.ktp_el_reading import SamActivation
from ektp_hw.drivers import pcsc_reader
from ektp_hw.drivers.pcsc_reader import PcscReader
from ektp_hw.errors import (
    CaptureCancelled,
    CaptureTimeout,
    CardError,
    CardRemoved,
    DeviceNotFound,
    DeviceRemoved,
    DeviceUnavailable,
    ProtocolError,
    UnavailableReason,
)
from ektp_hw.virtual.ktp_el_card import KtpElCard
from ektp_hw.virtual.pcsc_service import VirtualPcsc
from ektp_hw.virtual.sam import EMULATED_CONFIGURATION, EMULATED_PCID, EmulatedSam

NAME = "ACS ACR122U PICC Interface 00 00"
SAM = "ACS ACR122U PICC Interface 00 01"
PHOTO = bytes(range(256)) * 4
READ_UID = bytes.fromhex("FFCA000000")


class RecordedCard:
    """Answers the recorded commands, in their order."""

    atr = KtpElCard.atr

    def __init__(self, lines):
        self.lines = list(lines)

    def answer(self, apdu):
        line = self.lines.pop(0)
        assert line["command"] == apdu.hex()
        return bytes.fromhex(line["gives"])

    def power_off(self):
        """Nothing to forget."""


@pytest.fixture
def card(emulated):
    path = emulated.TRANSCRIPTS / "pcsc_reader" / "ktp_el.jsonl"
    return RecordedCard(json.loads(line) for line in path.read_text("ascii").splitlines())


@pytest.fixture
def service():
    """Give a service with one reader of two slots and a KTP-el on the first."""
    made = VirtualPcsc()
    made.plug(NAME)
    made.plug(SAM)
    made.present(NAME, KtpElCard(PHOTO, seed=5))
    yield made
    assert made.transactions == 0


@pytest.fixture
def reader(service):
    with PcscReader(PcscReader.locate("pcsc:" + NAME), service.connect) as device:
        yield device
    assert service.open_handles == 0


def test_transcript_of_a_card(reader, service, card, emulated):
    service.present(NAME, card)
    contents = reader.capture()
    assert contents.files == {"photo": emulated.PHOTO}
    assert contents.answer_to_reset == KtpElCard.atr
    assert "SAM" in contents.unreadable["signature"]
    assert card.lines == []


def test_address_names_the_reader():
    info = PcscReader.locate("pcsc:" + NAME)
    assert (info.uri, info.kind, info.name) == ("pcsc:" + NAME, DeviceKind.CARD, NAME)
    assert PcscReader.locate("pcsc:") is None
    assert PcscReader.locate("usb:072f:2200") is None


def test_unknown_reader_is_not_found(service):
    device = PcscReader(PcscReader.locate("pcsc:another"), service.connect)
    with pytest.raises(DeviceNotFound, match=NAME):
        device.open()
    assert service.open_handles == 0


def test_empty_reader_times_out(reader, service):
    service.present(NAME, None)
    began = time.monotonic()
    with pytest.raises(CaptureTimeout, match="no card"):
        reader.capture(timeout=0.2)
    assert time.monotonic() - began < 0.4


def test_cancel_within_200_ms(reader, service):
    service.present(NAME, None)
    cancel = threading.Event()
    threading.Timer(0.1, cancel.set).start()
    began = time.monotonic()
    with pytest.raises(CaptureCancelled):
        reader.capture(timeout=10, cancel=cancel)
    assert time.monotonic() - began < 0.3


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        ("refused", CardError),
        ("short", ProtocolError),
        ("damaged", ProtocolError),
        ("unplug", DeviceRemoved),
        ("removed", CardRemoved),
        ("reset", CardError),
        ("unpowered", CardError),
        ("stopped", DeviceUnavailable),
        ("hangs", CaptureTimeout),
    ],
)
def test_fault_is_a_typed_error_and_then_it_works_again(reader, service, fault, kind):
    service.hang_s = 1.5
    service.misbehave(fault)
    began = time.monotonic()
    with pytest.raises(kind):
        reader.capture(timeout=0.4)
    assert time.monotonic() - began < 1.2
    service.start()
    service.plug(NAME)
    service.plug(SAM)
    service.present(NAME, KtpElCard(PHOTO, seed=5))
    assert reader.open().capture(timeout=5).files["photo"] == PHOTO
    until = time.monotonic() + 5
    while service.open_handles > 1 and time.monotonic() < until:
        time.sleep(0.02)  # the driver that hung comes back and lets go


def test_cancel_while_the_driver_hangs(reader, service):
    service.hang_s = 1.5
    service.misbehave("hangs")
    cancel = threading.Event()
    threading.Timer(0.1, cancel.set).start()
    began = time.monotonic()
    with pytest.raises(CaptureCancelled):
        reader.capture(timeout=10, cancel=cancel)
    assert time.monotonic() - began < 1
    reader.close()
    until = time.monotonic() + 5
    while service.open_handles and time.monotonic() < until:
        time.sleep(0.02)


def test_card_that_went_is_powered_anew(reader, service):
    assert reader.transmit(READ_UID)[0] == KtpElCard(b"x", seed=5).uid
    service.present(NAME, None)
    with pytest.raises(CardRemoved):
        reader.transmit(READ_UID)
    with pytest.raises(CardError, match="no card"):
        reader.transmit(READ_UID)
    service.present(NAME, KtpElCard(b"next", seed=9))
    assert reader.transmit(READ_UID)[0] == KtpElCard(b"next", seed=9).uid


def test_slots_of_one_name_are_one_reader(reader, service):
    assert reader.slots == 2
    service.present(SAM, KtpElCard(b"other", seed=8))
    assert reader.transmit(READ_UID, slot=1)[0] == KtpElCard(b"x", seed=8).uid
    with pytest.raises(CardError, match="no slot 2"):
        reader.transmit(READ_UID, slot=2)


def test_protected_data_with_the_sam_in_the_second_slot(reader, service):
    pytest.importorskip("cryptography")
    service.present(SAM, EmulatedSam())
    reading = reader.capture_with_sam(SamActivation(EMULATED_PCID, EMULATED_CONFIGURATION))
    assert reading.signature_fits is True
    assert len(reading.checked().files) == 6


def test_sign_of_life(reader, service):
    reader._probe()
    service.unplug(NAME)
    with pytest.raises(DeviceRemoved, match="plug it in"):
        reader._probe()


def test_card_upside_down_is_not_called_absent(reader, service):
    mute = KtpElCard(b"x")
    mute.atr = b""
    service.present(NAME, mute)
    with pytest.raises(CardError, match="turn it"):
        reader.capture(timeout=0.3)


def test_transaction_keeps_others_out(reader, service):
    with reader.transaction() as card:
        assert service.transactions == 1
        assert card.transmit(READ_UID)[-2:] == b"\x90\x00"
    assert service.transactions == 0


def test_what_the_reader_says_of_itself(reader):
    features = reader.features()
    assert features.codes == {"TLV properties": 0x42330012}
    assert (features.vendor, features.version) == ("EMULATED", "1.05")
    assert (features.vendor_id, features.product_id, features.longest_apdu) == (0x072F, 0x2200, 266)
    assert features.usb_place == (1, 4)


def test_refused_escape_says_where_it_is_allowed(reader, service):
    with pytest.raises(DeviceUnavailable, match="ifdDriverOptions") as caught:
        reader.escape(bytes.fromhex("FF00480000"))
    assert caught.value.reason is UnavailableReason.NOT_PERMITTED
    service.plug("open 00 00", escape=True)
    with PcscReader(PcscReader.locate("pcsc:open 00 00"), service.connect) as other:
        assert acr122u.firmware(other.escape) == "ACR122U214"


def test_cards_that_come_and_go_are_told(reader, service):
    """Users of other libraries poll, or see a removal seconds later (acsccid 29, CCID 92)."""
    events = reader.events(timeout=10)
    assert next(events) == CardEvent(True, 0, KtpElCard.atr)
    threading.Timer(0.1, service.present, [NAME, None]).start()
    began = time.monotonic()
    assert next(events) == CardEvent(False, 0)
    assert time.monotonic() - began < 2
    service.present(SAM, KtpElCard(b"sam"))
    assert next(events).slot == 1
    service.present(NAME, KtpElCard(PHOTO))
    assert reader.capture(timeout=5).files["photo"] == PHOTO
    events.close()


def test_events_outlive_the_service_and_the_reader(reader, service):
    """Other monitors end silently when pcscd goes away (pyscard 86, yubioath-gtk 16)."""
    events = reader.events(timeout=20)
    assert next(events).is_present
    service.stop()
    assert not next(events).is_present
    service.start()
    assert next(events).is_present
    service.unplug(NAME)
    assert not next(events).is_present
    service.plug(NAME)
    service.present(NAME, KtpElCard(b"new"))
    assert next(events).is_present
    events.close()


def test_swap_between_two_looks_is_two_events(reader, service):
    events = reader.events(timeout=10)
    next(events)
    service.present(NAME, None)
    service.present(NAME, KtpElCard(b"new"))
    assert [next(events).is_present, next(events).is_present] == [False, True]
    events.close()


@pytest.mark.parametrize(
    "reason", [UnavailableReason.LIBRARY_MISSING, UnavailableReason.SERVICE_MISSING]
)
def test_without_pcsc_discovery_costs_a_log_line(monkeypatch, caplog, reason):
    def missing():
        raise DeviceUnavailable("install it", reason=reason)

    monkeypatch.setattr(pcsc_reader, "Context", missing)
    with caplog.at_level(logging.INFO):
        assert PcscReader.discover() == []
    assert "install it" in caplog.text
