# SPDX-License-Identifier: Apache-2.0
import struct

import pytest

from ektp_hw import registry
from ektp_hw.devices.ktp_el_reading import SamActivation
from ektp_hw.errors import CardError, DeviceRemoved
from ektp_hw.synthetic import SyntheticPerson
from ektp_hw.virtual.card import VirtualCardReader
from ektp_hw.virtual.ktp_el_card import KtpElCard
from ektp_hw.virtual.sam import EMULATED_CONFIGURATION, EMULATED_PCID
from ektp_hw.virtual.usb_function import Setup, Stall


@pytest.fixture
def reader():
    return VirtualCardReader(KtpElCard(b"picture"))


def ask(reader, kind, number=1, data=b"", special=b"\0\0\0"):
    reader.on_out(2, struct.pack("<BIBB3s", kind, len(data), 0, number, special) + data)
    raw = reader.on_in(0x82, 271)
    return (*struct.unpack_from("<BIBBBBB", raw), raw[10:])


def test_card_of_a_synthetic_person(desk):
    del desk
    with registry.open_device("virtual:card?seed=3") as device:
        contents = device.capture(timeout=5)
    assert contents.files["photo"] == SyntheticPerson(3).card_photo()
    assert contents.files["photo"][:2] == b"\xff\xd8"
    assert contents.source == "virtual:card?seed=3"
    assert len(contents.unreadable) == 5


def test_what_a_script_presents_stays(desk):
    desk.card_reader.present(KtpElCard(b"mine", seed=9))
    with registry.open_device("virtual:card") as device:
        assert device.capture(timeout=5).files["photo"] == b"mine"


@pytest.mark.parametrize(("how", "kind"), [("unplug", DeviceRemoved), ("removed", CardError)])
def test_things_that_happen_at_a_counter(desk, how, kind):
    with registry.open_device("virtual:card") as device:
        desk.card_reader.misbehave(how)
        with pytest.raises(kind):
            device.capture(timeout=5)


def test_sam_in_the_second_slot(desk):
    del desk
    pytest.importorskip("cryptography")
    activation = SamActivation(EMULATED_PCID, EMULATED_CONFIGURATION)
    with registry.open_device("virtual:card?sam=1&seed=4") as device:
        reading = device.capture_with_sam(activation)
    assert reading.contents.source == "virtual:card?sam=1&seed=4"
    assert len(reading.checked().files) == 6
    with (
        registry.open_device("virtual:card?sam=0") as device,
        pytest.raises(CardError, match=r"virtual:card\?sam=0.*no SAM"),
    ):
        device.capture_with_sam(activation)


@pytest.mark.parametrize("options", ["seed=x", "colour=red", "sam=2"])
def test_wrong_options_are_told(desk, options):
    del desk
    with pytest.raises(ValueError, match="virtual:card"):
        registry.open_device(f"virtual:card?{options}")


def test_power_and_slot_status(reader):
    assert ask(reader, 0x65)[:6] == (0x81, 0, 0, 1, 1, 0)
    kind, length, _, number, status, _, _, atr = ask(reader, 0x62, 2)
    assert (kind, length, number, status, atr) == (0x80, 13, 2, 0, KtpElCard.atr)
    assert ask(reader, 0x65, 3)[4] == 0
    assert ask(reader, 0x63, 4)[4] == 1
    reader.present(None)
    assert ask(reader, 0x65, 5)[4] == 2
    assert ask(reader, 0x62, 6)[4:6] == (0x42, 0xFE)


def test_command_without_power_fails(reader):
    assert ask(reader, 0x6F, 1, bytes.fromhex("FFCA000000"))[4] == 0x41


def test_unknown_message_fails(reader):
    assert ask(reader, 0x99)[4] & 0x40


def test_slot_changes_come_by_interrupt(reader):
    assert reader.on_in(0x81, 8) is None
    reader.present(None)
    assert reader.on_in(0x81, 8) == b"\x50\x02"


def test_message_in_pieces(reader):
    message = struct.pack("<BIBB3s", 0x62, 0, 0, 1, b"\0\0\0")
    reader.on_out(2, message[:4])
    assert reader.on_in(0x82, 271) is None
    reader.on_out(2, message[4:])
    assert reader.on_in(0x82, 4) == b"\x80\x0d\0\0"
    assert reader.on_in(0x82, 271)[6:] == KtpElCard.atr


def test_other_requests_stall(reader):
    assert reader.on_control(Setup(0x21, 1, 0, 0, 0), b"") == b""
    with pytest.raises(Stall):
        reader.on_control(Setup(0xA1, 2, 0, 0, 4), b"")
    with pytest.raises(Stall):
        reader.on_out(3, b"")
