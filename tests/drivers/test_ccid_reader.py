# SPDX-License-Identifier: Apache-2.0
import threading
import time

import pytest

from ektp_hw.devices import acr122u
from ektp_hw.devices.base import DeviceInfo, DeviceKind
from ektp_hw.drivers.ccid_reader import CcidReader
from ektp_hw.errors import (
    CaptureCancelled,
    CaptureTimeout,
    CardError,
    DeviceBusy,
    DeviceRemoved,
    ProtocolError,
)
from ektp_hw.transport import reader_holder, usb
from ektp_hw.transport.transcript import Replay
from ektp_hw.transport.usb import UsbAddress
from ektp_hw.virtual.card import VirtualCardReader
from ektp_hw.virtual.ktp_el_card import KtpElCard

READ_UID = bytes.fromhex("FFCA000000")


@pytest.fixture
def model(emulated):
    return VirtualCardReader(KtpElCard(emulated.PHOTO, seed=5), slots=2)


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


def test_card_that_is_still_moving_gets_a_moment(reader, model, emulated):
    do, powered = model._do, []

    def shaky(kind, slot, number, body, special):
        if kind == 0x62:
            powered.append(kind)
        if kind == 0x62 and len(powered) < 4:
            model._reply(0x80, slot, number, failed=0xFE)
        else:
            do(kind, slot, number, body, special)

    model._do = shaky
    assert reader.capture(timeout=5).files["photo"] == emulated.PHOTO
    assert len(powered) == 4


def test_card_that_never_answers(reader, model):
    model._do = lambda kind, slot, number, *_: model._reply(
        0x80, slot, number, failed=0xFE if kind == 0x62 else -1
    )
    began = time.monotonic()
    with pytest.raises(CardError, match="does not answer"):
        reader.capture(timeout=5)
    assert time.monotonic() - began < 3


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


def test_card_with_a_broken_atr(reader, model):
    card = KtpElCard(b"x")
    card.atr = card.atr[:-1] + b"\x00"
    model.present(card)
    with pytest.raises(ProtocolError, match="check byte"):
        reader.capture(timeout=2)


@pytest.mark.parametrize(
    ("how", "kind"),
    [
        ("short", ProtocolError),
        ("out of step", ProtocolError),
        ("mute", CardError),
        ("power sag", CardError),
        ("late", CaptureTimeout),
    ],
)
def test_more_misbehaviour_and_then_it_works_again(reader, model, how, kind, emulated):
    model.misbehave(how)
    with pytest.raises(kind):
        reader.capture(timeout=0.9)
    assert reader.capture(timeout=5).files["photo"] == emulated.PHOTO


def test_card_in_words(reader):
    words = reader.describe_card()
    assert "contactless card; the reader composed this answer (PC/SC part 3)" in words
    assert "frames of up to 256 bytes" in words
    assert any(line.startswith("number 08") for line in words)


def test_closing_ends_a_single_command(reader, model):
    reader.transmit(READ_UID)
    model.misbehave("silent")
    threading.Timer(0.1, reader.close).start()
    began = time.monotonic()
    with pytest.raises(CaptureCancelled):
        reader.transmit(READ_UID)
    assert time.monotonic() - began < 2


def test_many_openings_leave_nothing(model, emulated):
    with emulated.plugged_in(model, CcidReader) as device:
        before = threading.active_count()
        for _ in range(30):
            with device:
                device.transmit(READ_UID)
        assert threading.active_count() <= before


def test_transaction_is_several_commands_to_one_card(reader):
    with reader.transaction() as card:
        assert card.answer_to_reset == KtpElCard.atr
        assert card.transmit(READ_UID)[-2:] == b"\x90\x00"


def test_reader_of_its_makers_own_commands(reader, model):
    assert acr122u.firmware(reader.escape) == "ACR122U214"
    acr122u.set_detection_beep(reader.escape, on=False)
    acr122u.set_lamps(reader.escape, acr122u.Lamp.GREEN)
    acr122u.blink(reader.escape, acr122u.Lamp.RED, on_s=0.5, off_s=0.2, times=3, beep=True)
    assert [command.hex().upper() for command in model.escaped] == [
        "FF00480000",
        "FF00520000",
        "FF00400E0400000000",
        "FF0040500405020301",
    ]
    with pytest.raises(ProtocolError, match="maker's"):
        reader.escape(b"\xff\x00\x99")


def test_reader_that_the_service_holds_is_not_shown_twice(monkeypatch):
    places = [UsbAddress(f"usb:072f:2200@1-{port}", 0x072F, 0x2200) for port in (3, 4)]
    monkeypatch.setattr(usb, "find", lambda _ids: places)
    monkeypatch.setattr(reader_holder, "held_by_service", lambda uri, _serial: uri.endswith("1-3"))
    assert [info.uri for info in CcidReader.discover()] == ["usb:072f:2200@1-4"]


def test_kernel_that_takes_the_reader_is_named(monkeypatch):
    def busy(_address):
        raise DeviceBusy("held")

    monkeypatch.setattr(reader_holder, "kernel_driver", lambda _uri: "pn533_usb")
    info = DeviceInfo("usb:072f:2200@1-4", DeviceKind.CARD, "ACR122U", CcidReader.name)
    with pytest.raises(DeviceBusy, match="blacklist pn533_usb"):
        CcidReader(info, busy).open()
