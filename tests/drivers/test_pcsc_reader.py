# SPDX-License-Identifier: Apache-2.0
import json
import logging
import threading
import time

import pytest

from ektp_hw.devices.base import DeviceKind
from ektp_hw.drivers import pcsc_reader
from ektp_hw.drivers.pcsc_reader import PcscReader
from ektp_hw.errors import (
    CaptureCancelled,
    CaptureTimeout,
    CardError,
    DeviceNotFound,
    DeviceUnavailable,
    UnavailableReason,
)
from ektp_hw.transport.pcsc import ReaderState
from ektp_hw.virtual.ktp_el_card import KtpElCard

NAME = "ACS ACR122U PICC Interface 00 00"


class RecordedCard:
    """Answers the recorded commands, in their order."""

    def __init__(self, lines):
        self.lines = list(lines)
        self.closed = 0

    def answer_to_reset(self):
        return KtpElCard.atr

    def transmit(self, apdu):
        line = self.lines.pop(0)
        assert line["command"] == apdu.hex()
        return bytes.fromhex(line["gives"])

    def close(self):
        self.closed += 1


class Service:
    """Stands in for the connection to the PC/SC service."""

    def __init__(self, card):
        self.card = card
        self.present = True
        self.closed = False

    def readers(self):
        return [NAME]

    def wait(self, reader, *, present, timeout):
        assert reader == NAME
        if self.present is present:
            return ReaderState(present, KtpElCard.atr, 0x22)
        time.sleep(timeout)
        return None

    def connect(self, reader):
        assert reader == NAME
        return self.card

    def close(self):
        self.closed = True


@pytest.fixture
def card(emulated):
    path = emulated.TRANSCRIPTS / "pcsc_reader" / "ktp_el.jsonl"
    return RecordedCard(json.loads(line) for line in path.read_text("ascii").splitlines())


@pytest.fixture
def service(card):
    return Service(card)


@pytest.fixture
def reader(service):
    with PcscReader(PcscReader.locate("pcsc:" + NAME), lambda: service) as device:
        yield device


def test_transcript_of_a_card(reader, card, emulated):
    contents = reader.capture()
    assert contents.files == {"photo": emulated.PHOTO}
    assert contents.answer_to_reset == KtpElCard.atr
    assert "SAM" in contents.unreadable["signature"]
    assert card.lines == []
    assert card.closed == 1


def test_address_names_the_reader():
    info = PcscReader.locate("pcsc:" + NAME)
    assert (info.uri, info.kind, info.name) == ("pcsc:" + NAME, DeviceKind.CARD, NAME)
    assert PcscReader.locate("pcsc:") is None
    assert PcscReader.locate("usb:072f:2200") is None


def test_unknown_reader_is_not_found(service):
    device = PcscReader(PcscReader.locate("pcsc:another"), lambda: service)
    with pytest.raises(DeviceNotFound, match=NAME):
        device.open()
    assert service.closed


def test_empty_reader_times_out(reader, service):
    service.present = False
    began = time.monotonic()
    with pytest.raises(CaptureTimeout, match="no card"):
        reader.capture(timeout=0.2)
    assert time.monotonic() - began < 0.4


def test_cancel_within_200_ms(reader, service):
    service.present = False
    cancel = threading.Event()
    threading.Timer(0.1, cancel.set).start()
    began = time.monotonic()
    with pytest.raises(CaptureCancelled):
        reader.capture(timeout=10, cancel=cancel)
    assert time.monotonic() - began < 0.3


def test_card_that_stops_answering_is_let_go(reader, card):
    def gone(_apdu):
        raise CardError("the card was taken away")

    card.transmit = gone
    with pytest.raises(CardError):
        reader.transmit(bytes.fromhex("FFCA000000"))
    assert card.closed == 1


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
