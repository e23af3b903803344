# SPDX-License-Identifier: Apache-2.0
import struct
import threading
import time

import pytest

from ektp_hw.devices.base import DeviceInfo, DeviceKind
from ektp_hw.drivers.ccid_reader import CcidReader
from ektp_hw.errors import (
    CaptureCancelled,
    CaptureTimeout,
    CardError,
    DeviceRemoved,
    DeviceUnavailable,
    ProtocolError,
)
from ektp_hw.transport.transcript import Replay
from ektp_hw.virtual.card import VirtualCardReader
from ektp_hw.virtual.ktp_el_card import KtpElCard

READ_UID = bytes.fromhex("FFCA000000")


@pytest.fixture
def model(emulated):
    return VirtualCardReader(KtpElCard(emulated.PHOTO, seed=5))


@pytest.fixture
def reader(model, emulated):
    with emulated.plugged_in(model, CcidReader) as device, device:
        yield device


def test_transcript_of_a_card(emulated):
    info = DeviceInfo("usb:072f:2200", DeviceKind.CARD, "ACR122U", CcidReader.name)
    path = emulated.TRANSCRIPTS / "ccid_reader" / "ktp_el.jsonl"
    with Replay(path) as replay, CcidReader(info, lambda _address: replay) as device:
        contents = device.capture()
    assert contents.files == {"photo": emulated.PHOTO}
    assert contents.uid == KtpElCard(b"x", seed=5).uid


def test_card_over_the_wire(reader, emulated):
    contents = reader.capture(timeout=5)
    assert contents.answer_to_reset == KtpElCard.atr
    assert contents.files["photo"] == emulated.PHOTO
    assert "SAM" in contents.unreadable["biodata"]


def test_preview_shows_what_was_read(reader):
    seen = []
    contents = reader.capture(on_preview=seen.append)
    assert seen[-1] == contents


def test_single_commands(reader, model):
    data, status = reader.transmit(READ_UID)
    assert (len(data), status) == (4, 0x9000)
    model.present(None)
    with pytest.raises(CardError, match="taken away"):
        reader.transmit(READ_UID)
    with pytest.raises(CardError, match="no card"):
        reader.transmit(READ_UID)
    model.present(KtpElCard(b"next", seed=9))
    assert reader.transmit(READ_UID)[0] == KtpElCard(b"next", seed=9).uid


def test_long_answers_and_long_commands_go_in_parts(reader, emulated):
    reader.transmit(bytes.fromhex("00A40000027F0A"))
    reader.transmit(bytes.fromhex("00A40000026FF2"))
    data, status = reader.transmit(bytes.fromhex("00B00000000402"))
    assert (data[2:], status) == (emulated.PHOTO, 0x9000)
    long_command = bytes.fromhex("00D600000002BC") + bytes(700)
    assert reader.transmit(long_command) == (b"", 0x6D00)


def test_card_that_comes_later(reader, model):
    model.present(None)
    threading.Timer(0.15, model.present, [KtpElCard(b"later", seed=2)]).start()
    assert reader.capture(timeout=5).files["photo"] == b"later"


def test_empty_reader_times_out(reader, model):
    model.present(None)
    began = time.monotonic()
    with pytest.raises(CaptureTimeout, match="no card"):
        reader.capture(timeout=0.2)
    assert time.monotonic() - began < 0.4


def test_cancel_within_200_ms(reader, model):
    model.present(None)
    cancel = threading.Event()
    threading.Timer(0.1, cancel.set).start()
    began = time.monotonic()
    with pytest.raises(CaptureCancelled):
        reader.capture(timeout=10, cancel=cancel)
    assert time.monotonic() - began < 0.3


@pytest.mark.parametrize("how", ["slow", "stale"])
def test_patience(reader, model, how, emulated):
    model.misbehave(how)
    assert reader.capture(timeout=5).files["photo"] == emulated.PHOTO


@pytest.mark.parametrize(
    ("how", "kind"),
    [
        ("unplug", DeviceRemoved),
        ("stall", ProtocolError),
        ("garbage", ProtocolError),
        ("removed", CardError),
        ("silent", CaptureTimeout),
        ("forever", CaptureTimeout),
    ],
)
def test_misbehaviour_is_a_typed_error_in_time(reader, model, how, kind):
    model.misbehave(how)
    began = time.monotonic()
    with pytest.raises(kind):
        reader.capture(timeout=0.4)
    assert time.monotonic() - began < 0.6


def test_dead_reader_costs_no_more_than_the_time_limit(reader, model):
    def power_on_only(endpoint, data):
        if data[0] in {0x62, 0x65}:
            VirtualCardReader.on_out(model, endpoint, data)

    model.on_out = power_on_only
    began = time.monotonic()
    with pytest.raises(CaptureTimeout):
        reader.capture(timeout=0.3)
    assert time.monotonic() - began < 0.5


@pytest.mark.parametrize("how", ["stall", "garbage", "silent"])
def test_reader_recovers(reader, model, how, emulated):
    model.misbehave(how)
    with pytest.raises((ProtocolError, CaptureTimeout)):
        reader.capture(timeout=0.3)
    assert reader.capture(timeout=5).files["photo"] == emulated.PHOTO


def test_reader_that_exchanges_tpdus_is_refused(model, emulated):
    plain = model.configuration_descriptor()
    level = plain.index(struct.pack("<I", 0x0004047A))
    tpdu = plain[:level] + struct.pack("<I", 0x0001047A) + plain[level + 4 :]
    model.configuration_descriptor = lambda: tpdu
    with (
        emulated.plugged_in(model, CcidReader) as device,
        pytest.raises(DeviceUnavailable, match="PC/SC"),
    ):
        device.open()


def test_card_with_a_broken_atr(reader, model):
    card = KtpElCard(b"x")
    card.atr = card.atr[:-1] + b"\x00"
    model.present(card)
    with pytest.raises(ProtocolError, match="check byte"):
        reader.capture(timeout=2)
