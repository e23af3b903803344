# SPDX-License-Identifier: Apache-2.0
import pytest

from ektp_hw.devices import iso7816
from ektp_hw.errors import CardError, ProtocolError


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
