# SPDX-License-Identifier: Apache-2.0
import pytest

from ektp_hw.devices import ktp_el
from ektp_hw.errors import CaptureCancelled, CardError, ProtocolError
from ektp_hw.virtual.ktp_el_card import KtpElCard

PHOTO = bytes(range(256)) * 5


class Wire:
    """Counts commands, and lets a test put its own answer in the way."""

    def __init__(self, card, override=None):
        self.card = card
        self.override = override or {}
        self.log = []

    def __call__(self, apdu):
        self.log.append(apdu)
        for prefix, answer in self.override.items():
            if apdu.hex().upper().startswith(prefix):
                return answer(apdu) if callable(answer) else answer
        return self.card.answer(apdu)


@pytest.fixture
def card():
    return KtpElCard(PHOTO, seed=7)


def test_photo_is_read_in_plain_and_the_rest_says_why_not(card):
    wire = Wire(card)
    contents = ktp_el.read(wire, card.atr, device="test:card")
    assert contents.files == {"photo": PHOTO}
    assert contents.uid == card.uid
    assert contents.answer_to_reset == card.atr
    assert set(contents.unreadable) == set(ktp_el.PROTECTED)
    assert all("SAM" in why and "6982" in why for why in contents.unreadable.values())
    assert len(wire.log) < 30


def test_another_card_is_named_as_one(card):
    wire = Wire(card, {"00A40000027F0A": b"\x6a\x82"})
    contents = ktp_el.read(wire, card.atr)
    assert not contents.files
    assert "no KTP-el" in contents.unreadable["photo"]
    assert len(wire.log) == 2


def test_reader_without_uid_command_leaves_it_empty(card):
    assert ktp_el.read(Wire(card, {"FFCA": b"\x6a\x81"}), card.atr).uid == b""


def test_closed_photo_is_said_not_raised(card):
    contents = ktp_el.read(Wire(card, {"00B0": b"\x69\x82"}), card.atr)
    assert "6982" in contents.unreadable["photo"]


def test_impossible_length_ends_at_once():
    card = KtpElCard(PHOTO, garbage=True)
    wire = Wire(card)
    with pytest.raises(ProtocolError, match="65535"):
        ktp_el.read(wire, card.atr)
    assert len(wire.log) == 4


def test_empty_chunks_never_loop(card):
    wire = Wire(card, {"00B0000A": b"\x90\x00", "00B00008": b"\x90\x00"})
    with pytest.raises(ProtocolError, match="ends after"):
        ktp_el.read(wire, card.atr)


def test_more_than_asked_for_is_a_protocol_error(card):
    wire = Wire(card, {"00B0": bytes(300) + b"\x90\x00"})
    with pytest.raises(ProtocolError, match="where 8 were asked"):
        ktp_el.read(wire, card.atr)


def test_card_that_names_another_length_is_asked_once_more(card):
    def tiny(apdu):
        return b"\x6c\x04" if apdu[-1] > 4 else card.answer(apdu)

    assert ktp_el.read(Wire(card, {"00B0": tiny}), card.atr).files["photo"] == PHOTO


def test_card_that_always_names_another_length_is_refused(card):
    wire = Wire(card, {"00B0": b"\x6c\x04"})
    assert "6C04" in ktp_el.read(wire, card.atr).unreadable["photo"]


def test_answer_without_status_word(card):
    with pytest.raises(ProtocolError):
        ktp_el.read(Wire(card, {"FFCA": b""}), card.atr)


def test_noise_is_no_answer(card):
    with pytest.raises(ProtocolError, match="35A5, which is no status word"):
        ktp_el.read(Wire(card, {"FFCA": b"\x35\xa5"}), card.atr)


def test_check_runs_before_every_command(card):
    left = [5]

    def check():
        left[0] -= 1
        if left[0] < 0:
            raise CaptureCancelled("enough")

    wire = Wire(card)
    with pytest.raises(CaptureCancelled):
        ktp_el.read(wire, card.atr, check=check)
    assert len(wire.log) == 5


def test_silent_card_is_a_card_error(card):
    def gone(_apdu):
        raise CardError("the card was taken away")

    with pytest.raises(CardError, match="taken away"):
        ktp_el.read(Wire(card, {"00B0": gone}), card.atr)
