# SPDX-License-Identifier: Apache-2.0
import pytest

from ektp_hw.devices.answer_to_reset import AnswerToReset
from ektp_hw.virtual.ktp_el_card import KtpElCard, contactless_atr


@pytest.fixture
def card():
    return KtpElCard(b"picture", seed=3)


def say(card, text):
    return card.answer(bytes.fromhex(text)).hex().upper()


def test_it_says_that_it_is_emulated(card):
    assert AnswerToReset.parse(card.atr).historical == b"EMULATED"
    say(card, "00A40000027F0A")
    assert say(card, "00A40000026FF0") == "9000"
    assert b"EMULATED".hex().upper() in say(card, "00B0000035")


def test_files_are_there_only_inside_the_directory(card):
    assert say(card, "00A40000026FF2") == "6A82"
    assert say(card, "00A40000027F0A") == "9000"
    assert say(card, "00A40000026FF2") == "9000"
    assert say(card, "00B0000009") == "0007" + b"picture".hex().upper() + "9000"


def test_power_off_forgets_the_selection(card):
    say(card, "00A40000027F0A")
    say(card, "00A40000026FF2")
    card.power_off()
    assert say(card, "00B0000008") == "6986"


@pytest.mark.parametrize("identifier", ["6FF1", "6FF3", "6FF4", "6FF5", "6FF6"])
def test_protected_files_ask_for_authentication(card, identifier):
    say(card, "00A40000027F0A")
    assert say(card, "00A4000002" + identifier) == "9000"
    assert say(card, "00B0000008") == "6982"


@pytest.mark.parametrize(
    ("apdu", "status"),
    [("00", "6700"), ("00A4000001AA", "6700"), ("00EE0000", "6D00"), ("0082000028", "6300")],
)
def test_odd_commands_are_refused(card, apdu, status):
    assert say(card, apdu) == status


def test_reading_past_the_end(card):
    say(card, "00A40000027F0A")
    say(card, "00A40000026FF2")
    assert say(card, "00B00007FF") == b"re".hex().upper() + "6282"
    assert say(card, "00B07FFF08") == "6B00"
    assert say(card, "00B00000000100").endswith("6282")


def test_same_seed_same_number(card):
    assert KtpElCard(b"x", seed=3).uid == card.uid != KtpElCard(b"x", seed=4).uid


@pytest.mark.parametrize("photo", [b"", bytes(9000)])
def test_photo_that_no_chip_holds(photo):
    with pytest.raises(ValueError, match="photo file"):
        KtpElCard(photo)


def test_atr_has_room_for_fifteen_bytes():
    assert AnswerToReset.parse(contactless_atr(b"")).historical == b""
    with pytest.raises(ValueError, match="15"):
        contactless_atr(bytes(16))
