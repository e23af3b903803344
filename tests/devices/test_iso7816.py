# SPDX-License-Identifier: Apache-2.0
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ektp_hw.devices import iso7816
from ektp_hw.errors import CardError, EktpError, ProtocolError

CONTACTLESS = bytes.fromhex("3B888001000000007781810 07E".replace(" ", ""))


def test_contactless_atr_is_taken_apart():
    atr = iso7816.AnswerToReset.parse(CONTACTLESS)
    assert atr.historical == bytes.fromhex("0000000077818100")
    assert atr.protocols == (0, 1)
    assert atr.interface_bytes == {"TD1": 0x80, "TD2": 0x01}


def test_t0_card_has_no_check_byte():
    atr = iso7816.AnswerToReset.parse(bytes.fromhex("3B021450"))
    assert atr.protocols == (0,)
    assert atr.historical == b"\x14\x50"


def test_bytes_behind_the_atr_are_cut():
    assert iso7816.AnswerToReset.parse(CONTACTLESS + b"\0\0").raw == CONTACTLESS


@pytest.mark.parametrize(
    "raw",
    [b"", b"\x3b", CONTACTLESS[:-1], CONTACTLESS[:3], b"\x12\x00", b"\x3b" * 40],
    ids=["empty", "one", "no check", "cut", "convention", "long"],
)
def test_broken_atr_is_a_protocol_error(raw):
    with pytest.raises(ProtocolError):
        iso7816.AnswerToReset.parse(raw)


def test_flipped_bit_is_noticed():
    damaged = bytearray(CONTACTLESS)
    damaged[6] ^= 0x10
    with pytest.raises(ProtocolError, match="check byte"):
        iso7816.AnswerToReset.parse(bytes(damaged))


@given(st.binary(max_size=40))
def test_any_bytes_give_an_atr_or_a_typed_error(raw):
    try:
        atr = iso7816.AnswerToReset.parse(raw)
    except EktpError:
        return
    assert raw.startswith(atr.raw)


@pytest.mark.parametrize(
    ("built", "wanted"),
    [
        (iso7816.select_file(0x7F0A), "00A40000027F0A"),
        (iso7816.read_binary(0x102, 8), "00B0010208"),
        (iso7816.command(0xFF, 0xCA, 0, 0, expected=256), "FFCA000000"),
        (iso7816.read_binary(0, 0x10000), "00B00000000000"),
        (iso7816.command(0, 0xD6, 0, 0, b"\1\2", 300), "00D60000000002" + "0102" + "012C"),
        (iso7816.command(0, 0x84, 0, 0), "00840000"),
    ],
)
def test_commands_are_the_standards_bytes(built, wanted):
    assert built.hex().upper() == wanted


@pytest.mark.parametrize("expected", [0, -1, 0x10001])
def test_impossible_expectation_is_refused(expected):
    with pytest.raises(ValueError, match="APDU"):
        iso7816.command(0, 0xB0, 0, 0, expected=expected)


def test_response_says_what_was_refused():
    answer = iso7816.Response.parse(b"\x69\x82")
    with pytest.raises(CardError, match=r"open the vault.*authentication.*6982") as caught:
        answer.checked("open the vault")
    assert caught.value.status_word == 0x6982


def test_answer_without_status_word_is_a_protocol_error():
    with pytest.raises(ProtocolError):
        iso7816.Response.parse(b"\x90")
