# SPDX-License-Identifier: Apache-2.0
"""The whole KTP-el with the emulated SAM: real secure messaging, invented keys."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ektp_hw.devices import ktp_el, ktp_el_flow
from ektp_hw.devices.card_dialogue import PoweredCard
from ektp_hw.devices.ktp_el_reading import SamActivation, Step
from ektp_hw.errors import (
    CaptureCancelled,
    CardError,
    CardRemoved,
    DeviceError,
    ProtocolError,
    SamRefused,
    WrongCard,
)
from ektp_hw.virtual.ktp_el_card import KtpElCard
from ektp_hw.virtual.sam import EMULATED_CONFIGURATION, EMULATED_PCID, EmulatedSam

pytest.importorskip("cryptography")

PHOTO = bytes(range(256)) * 5
ACTIVATION = SamActivation(EMULATED_PCID, EMULATED_CONFIGURATION)


class Wire:
    """Passes commands on; counts them, and lets a test put its own answer in the way."""

    def __init__(self, chip, override=None):
        self.chip = chip
        self.override = override or {}
        self.log = []

    def __call__(self, apdu):
        self.log.append(apdu)
        for prefix, answer in self.override.items():
            if apdu.hex().upper().startswith(prefix):
                return answer(apdu) if callable(answer) else answer
        return self.chip.answer(apdu)


@pytest.fixture
def card():
    return KtpElCard(PHOTO, seed=7)


def read(card, sam=None, *, card_says=None, sam_says=None, activation=ACTIVATION, **others):
    sam = sam or EmulatedSam()
    powered = [
        PoweredCard(chip.atr, Wire(chip, says))
        for chip, says in ((card, card_says), (sam, sam_says))
    ]
    return ktp_el_flow.read(*powered, activation, device="test:card", **others)


def test_everything_is_read_and_the_signature_fits(card):
    reading = read(card)
    assert (reading.failed, reading.error) == (None, None)
    assert reading.done == tuple(Step)
    assert reading.signature_fits is True
    files = reading.checked().files
    assert files["photo"] == PHOTO
    for name, identifier in ktp_el.PROTECTED.items():
        assert files[name] == card.protected[identifier], name
    assert reading.contents.unreadable == {}
    assert "fits" in reading.words()


def test_what_travels_under_secure_messaging_is_hidden(card):
    wire = Wire(card)
    sam = EmulatedSam()
    answers = []

    def listen(apdu):
        answers.append(wire(apdu))
        return answers[-1]

    ktp_el_flow.read(PoweredCard(card.atr, listen), PoweredCard(sam.atr, sam.answer), ACTIVATION)
    assert not any(b"NOBODY" in each for each in answers)
    assert all(len(each) <= 258 for each in answers)


def test_files_are_shown_as_they_come(card):
    seen = []
    read(card, show=lambda contents: seen.append(len(contents.files)))
    assert seen == [1, 2, 3, 4, 5, 6]


def test_another_card_is_no_ktp_el(card):
    reading = read(card, card_says={"00A40000027F0A": b"\x6a\x82"})
    assert reading.failed is Step.SELECT
    with pytest.raises(WrongCard, match="no KTP-el") as caught:
        reading.checked()
    assert caught.value.status_word == 0x6A82
    assert "select the KTP-el directory" in reading.contents.unreadable["photo"]


@pytest.mark.parametrize(
    ("sam", "activation", "step", "said"),
    [
        (EmulatedSam(expired=True), ACTIVATION, Step.OPEN_SAM, "expired"),
        (
            EmulatedSam(),
            SamActivation(EMULATED_PCID, bytes(32)),
            Step.OPEN_SAM,
            "check the settings",
        ),
        (EmulatedSam(master_key=bytes(range(24))), ACTIVATION, Step.PROVE_SAM, "not accept"),
        (KtpElCard(b"x"), ACTIVATION, Step.OPEN_SAM, "put the SAM in"),
    ],
    ids=["expired", "other values", "stranger's SAM", "no SAM at all"],
)
def test_wrong_sam(card, sam, activation, step, said):
    reading = read(card, sam, activation=activation)
    assert reading.failed is step
    with pytest.raises(SamRefused, match=said):
        reading.checked()
    assert reading.contents.files == {"photo": PHOTO}
    assert step.value in reading.words()
    assert set(reading.contents.unreadable) == set(ktp_el.PROTECTED)


def test_card_that_cannot_prove_itself(card):
    reading = read(card, card_says={"0082": bytes(32) + b"\x90\x00"})
    assert reading.failed is Step.PROVE_CARD
    assert isinstance(reading.error, WrongCard)


@pytest.mark.parametrize("left", range(3, 34, 3))
def test_card_pulled_at_any_moment(card, left):
    def pulled(apdu):
        if len(wire.log) > left:
            raise CardRemoved("the card was taken away")
        return card.answer(apdu)

    wire = Wire(card, {"": pulled})
    sam = EmulatedSam()
    reading = ktp_el_flow.read(
        PoweredCard(card.atr, wire), PoweredCard(sam.atr, sam.answer), ACTIVATION
    )
    assert isinstance(reading.error, CardRemoved)
    assert reading.failed is tuple(Step)[len(reading.done)]


def test_answer_changed_on_its_way(card):
    def changed(apdu):
        answer = bytearray(card.answer(apdu))
        answer[3] ^= 1
        return bytes(answer)

    reading = read(card, card_says={"0CB0": changed})
    assert reading.failed is Step.DIGITAL_SIGNATURE
    assert isinstance(reading.error, CardError)
    assert "changed" in str(reading.error)


def test_replayed_command_is_refused(card):
    """A command sent twice does not fit the count any more: the card ends the session."""

    def twice(apdu):
        card.answer(apdu)
        return card.answer(apdu)

    reading = read(card, card_says={"0CB0": twice})
    assert (reading.failed, reading.error.status_word) == (Step.DIGITAL_SIGNATURE, 0x6988)


def test_missing_file_costs_only_itself():
    card = KtpElCard(PHOTO, seed=7, protected={0x6FF5: None})
    reading = read(card)
    assert reading.failed is None
    assert "no such file" in reading.contents.unreadable["minutiae_2"]
    assert reading.signature_fits is True


def test_signature_of_another_card():
    reading = read(KtpElCard(PHOTO, seed=7, tampered=True))
    assert reading.failed is None
    assert reading.signature_fits is False
    assert "DOES NOT FIT" in reading.words()


@pytest.mark.parametrize(
    ("who", "says"),
    [
        ("card_says", {"0CB0": b"\x90\x00"}),
        ("sam_says", {"00F3": b"\x90\x00"}),
        ("sam_says", {"00F4": b"\x90\x00"}),
        ("sam_says", {"00F4": b"\x00\x00\x90\x00\x90\x00"}),
        ("sam_says", {"00F4": b"\x90\x00\x90\x00"}),
        ("sam_says", {"00F1": b"\x90\x00"}),
        ("card_says", {"0084": b"\x01\x90\x00"}),
        ("card_says", {"00A40000026FF0": b"\x6a\x82"}),
    ],
)
def test_nonsense_ends_with_a_typed_error_and_no_loop(card, who, says):
    commands = []
    reading = read(card, check=lambda: commands.append(1), **{who: says})
    assert isinstance(reading.error, (CardError, ProtocolError))
    assert len(commands) < 200


def test_check_runs_before_every_command_and_its_error_passes(card):
    left = [30]

    def check():
        left[0] -= 1
        if left[0] < 0:
            raise CaptureCancelled("enough")

    with pytest.raises(CaptureCancelled):
        read(card, check=check)


STATUS = st.sampled_from([b"\x90\x00", b"\x61\x10", b"\x6c\x08", b"\x62\x82", b"\x69\x82", b"\x12"])
ANSWERS = st.lists(st.tuples(st.binary(max_size=60), STATUS).map(b"".join), max_size=40)


@given(ANSWERS, ANSWERS)
def test_any_card_and_any_sam_end_in_a_reading_with_a_typed_error(card_says, sam_says):
    commands = []

    def answering(answers):
        left = list(answers)

        def transmit(apdu):
            commands.append(apdu)
            return left.pop(0) if left else b"\x90\x00"

        return transmit

    reading = ktp_el_flow.read(
        PoweredCard(b"\x3b\x00", answering(card_says)),
        PoweredCard(b"\x3b\x00", answering(sam_says)),
        ACTIVATION,
    )
    assert isinstance(reading.error, DeviceError)
    assert reading.failed is tuple(Step)[len(reading.done)]
    assert len(commands) < 9000


@pytest.mark.parametrize(("pcid", "configuration"), [(b"short", bytes(32)), (bytes(16), b"")])
def test_activation_values_have_their_lengths(pcid, configuration):
    with pytest.raises(ValueError, match="bytes, not"):
        SamActivation(pcid, configuration)


def test_activation_values_are_never_shown():
    assert "EMULATED" not in repr(ACTIVATION)


def test_type_b_card_tells_its_number_itself(card):
    says = {"FFCA": b"\x6a\x81", "00DD": b"12345678\x90\x00"}
    assert read(card, card_says=says).contents.uid == b"12345678"
