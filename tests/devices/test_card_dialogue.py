# SPDX-License-Identifier: Apache-2.0
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ektp_hw.devices.card_dialogue import Command, converse
from ektp_hw.devices.iso7816 import command
from ektp_hw.errors import CardError, EktpError, ProtocolError


class Card:
    """Gives the answers in their order and keeps what it was asked."""

    def __init__(self, *answers):
        self.answers = [bytes.fromhex(answer) for answer in answers]
        self.asked = []

    def __call__(self, sent):
        self.asked.append(sent.hex().upper())
        return self.answers.pop(0)


def talk(apdu, *answers, protocol=0):
    card = Card(*answers)
    return converse(card, bytes.fromhex(apdu), protocol=protocol).hex().upper(), card.asked


@pytest.mark.parametrize(
    ("apdu", "on_the_wire"),
    [
        ("00A40000", "00A4000000"),
        ("00B0000008", "00B0000008"),
        ("00A40000027F0A", "00A40000027F0A"),
        ("00A40000027F0A00", "00A40000027F0A"),
        ("00B00000000100", "00B0000000"),
        ("00D60000000002AABB", "00D6000002AABB"),
    ],
)
def test_commands_are_reshaped_for_t0(apdu, on_the_wire):
    assert talk(apdu, "9000") == ("9000", [on_the_wire])


def test_announced_answer_is_fetched():
    answer, asked = talk("00F1000002AABB00", "6103", "0102036102", "04059000")
    assert answer == "01020304059000"
    assert asked == ["00F1000002AABB", "00C0000003", "00C0000002"]


def test_nothing_is_fetched_that_nobody_wants():
    assert talk("00A40000027F0A", "6110") == ("6110", ["00A40000027F0A"])


@pytest.mark.parametrize("protocol", [0, 1])
def test_named_length_is_asked_for_once(protocol):
    answer, asked = talk("00B0000000", "6C02", "01029000", protocol=protocol)
    assert answer == "01029000"
    assert asked == ["00B0000000", "00B0000002"]


def test_reader_that_leaves_get_response_to_the_host_under_t1():
    answer, asked = talk("00CA000000", "6102", "01029000", protocol=1)
    assert (answer, asked[1]) == ("01029000", "00C0000002")


def test_long_command_travels_in_envelopes():
    card = Card("9000", "9000")
    sent = command(0, 0xD6, 0, 0, bytes(range(250)) * 2)
    assert converse(card, sent, protocol=0) == b"\x90\x00"
    assert [line[:10] for line in card.asked] == ["00C20000FF", "00C20000FC"]
    assert bytes.fromhex(card.asked[0][10:] + card.asked[1][10:]) == sent


def test_card_that_takes_no_envelope():
    card = Card("6D00")
    with pytest.raises(CardError, match="T=0") as caught:
        converse(card, command(0, 0xD6, 0, 0, bytes(300)), protocol=0)
    assert caught.value.status_word == 0x6D00


def test_more_and_more_without_end():
    with pytest.raises(ProtocolError, match="without end"):
        converse(lambda _sent: b"\x61\x10", bytes.fromhex("00B0000000"), protocol=1)


@pytest.mark.parametrize(
    "apdu", ["00A400", "00A4000005AABB", "00A40000000005AA", "00A4000001AABBCC"]
)
def test_malformed_commands_are_the_callers_mistake(apdu):
    with pytest.raises(ValueError, match="command"):
        converse(lambda _sent: b"\x90\x00", bytes.fromhex(apdu), protocol=1)


@given(st.binary(max_size=300), st.one_of(st.none(), st.integers(1, 65536)))
def test_every_command_we_build_is_read_back(data, expected):
    built = command(0, 0xD6, 1, 2, data, expected)
    assert Command.parse(built) == (b"\x00\xd6\x01\x02", data, expected)


@given(st.lists(st.binary(max_size=20), max_size=6), st.sampled_from([0, 1]))
def test_any_card_gives_an_answer_or_a_typed_error(answers, protocol):
    left = list(answers)
    try:
        whole = converse(
            lambda _sent: left.pop(0) if left else b"\x6f\x00",
            bytes.fromhex("00CA000000"),
            protocol=protocol,
        )
    except EktpError:
        return
    assert len(whole) >= 2
