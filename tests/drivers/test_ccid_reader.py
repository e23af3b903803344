# SPDX-License-Identifier: Apache-2.0
import struct
import threading
import time

import pytest

from ektp_hw.devices import acr122u
from ektp_hw.devices.base import DeviceInfo, DeviceKind
from ektp_hw.devices.card_reader import CardEvent
from ektp_hw.devices.ktp_el_reading import SamActivation
from ektp_hw.drivers.ccid_reader import CcidReader
from ektp_hw.errors import (
    CaptureCancelled,
    CaptureTimeout,
    CardError,
    CardRemoved,
    DeviceBusy,
    DeviceError,
    DeviceRemoved,
    DeviceUnavailable,
    ProtocolError,
)
from ektp_hw.transport import reader_holder, usb
from ektp_hw.transport.ccid_descriptor import Level
from ektp_hw.transport.transcript import Replay
from ektp_hw.transport.usb import UsbAddress
from ektp_hw.virtual.card import VirtualCardReader
from ektp_hw.virtual.card_protocols import BlockFault
from ektp_hw.virtual.ktp_el_card import KtpElCard, contact_atr
from ektp_hw.virtual.sam import EMULATED_CONFIGURATION, EMULATED_PCID, EmulatedSam

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
    assert time.monotonic() - began < 1.5


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


def test_reader_that_exchanges_characters_is_refused(model, emulated):
    plain = model.configuration_descriptor()
    level = plain.index(struct.pack("<I", 0x0004047A))
    character = plain[:level] + struct.pack("<I", 0x0000047A) + plain[level + 4 :]
    model.configuration_descriptor = lambda: character
    with (
        emulated.plugged_in(model, CcidReader) as device,
        pytest.raises(DeviceUnavailable, match="PC/SC"),
    ):
        device.open()


class ContactCard(KtpElCard):
    """The same files behind contacts."""


def speaking(atr):
    card = ContactCard(bytes(range(256)) * 3, seed=5)
    card.atr = atr
    return card


T1_ATR = contact_atr(b"EMULATED")
T0_ATR = bytes.fromhex("3B6800000073C84012009000")


@pytest.mark.parametrize("automatic", [0x047A, 0x0038, 0x0000], ids=["most", "power", "nothing"])
@pytest.mark.parametrize("atr", [T1_ATR, T0_ATR], ids=["T=1", "T=0"])
def test_reader_that_leaves_the_protocol_to_the_host(emulated, automatic, atr):
    card = speaking(atr)
    model = VirtualCardReader(card, level=Level.TPDU, automatic=automatic)
    with emulated.plugged_in(model, CcidReader) as device, device:
        assert device.capture(timeout=5).files["photo"] == bytes(range(256)) * 3
        assert device.transmit(READ_UID)[0] == card.uid


def test_card_of_a_choice_is_told_of_it(emulated):
    """TA1 offers a faster rate: the host asks for it (PPS) where the reader does not."""
    atr = bytearray(bytes.fromhex("3B901801"))
    atr[3:] = b"\x81\x31\xfe\x45"
    check = 0
    for byte in atr[1:]:
        check ^= byte
    model = VirtualCardReader(speaking(bytes(atr) + bytes((check,))), level=Level.TPDU, automatic=0)
    asked = []
    exchange = model._exchange_blocks

    def listen(place, slot, number, body):
        asked.append(body)
        exchange(place, slot, number, body)

    model._exchange_blocks = listen
    with emulated.plugged_in(model, CcidReader) as device, device:
        assert device.transmit(READ_UID)[1] == 0x9000
    assert asked[0].hex() == "ff1118f6"
    assert asked[1].hex() == "00c101fe3e"


@pytest.mark.parametrize("fault", ["damaged", "silent", "more time", "smaller"])
def test_t1_card_is_put_up_with(emulated, fault):
    card = speaking(T1_ATR)
    model = VirtualCardReader(card, level=Level.TPDU, automatic=0)
    with emulated.plugged_in(model, CcidReader) as device, device:
        device.transmit(READ_UID)
        model._places[0].blocks.fault = BlockFault(fault)
        assert device.capture(timeout=5).files["photo"] == bytes(range(256)) * 3


def test_card_of_another_protocol(emulated):
    check = 0x80 ^ 0x0E
    model = VirtualCardReader(
        speaking(bytes((0x3B, 0x80, 0x0E, check))), level=Level.TPDU, automatic=0
    )
    with (
        emulated.plugged_in(model, CcidReader) as device,
        device,
        pytest.raises(CardError, match="T=14"),
    ):
        device.capture(timeout=2)


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
        reader.capture(timeout=1.5)
    assert reader.capture(timeout=5).files["photo"] == emulated.PHOTO


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
    assert time.monotonic() - began < 0.5


def test_capture_while_another_thread_watches(reader, emulated):
    seen, cancel = [], threading.Event()
    watcher = threading.Thread(target=lambda: seen.extend(reader.events(cancel=cancel)))
    watcher.start()
    for _ in range(5):
        assert reader.capture(timeout=5).files["photo"] == emulated.PHOTO
    cancel.set()
    watcher.join(5)
    assert seen == [CardEvent(is_present=True)]


def test_hundred_openings_leave_nothing(model, emulated):
    with emulated.plugged_in(model, CcidReader) as device:
        before = threading.active_count()
        for _ in range(100):
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
    assert time.monotonic() - began < 0.8


def test_events_of_a_reader_that_goes(reader, model):
    events = reader.events(timeout=10)
    next(events)
    model.unplug()
    began = time.monotonic()
    with pytest.raises(DeviceRemoved):
        next(events)
    assert time.monotonic() - began < 0.5


def test_events_of_a_closed_reader(reader):
    reader.close()
    with pytest.raises(DeviceError, match="closed"):
        next(reader.events())


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
