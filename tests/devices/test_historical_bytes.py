# SPDX-License-Identifier: Apache-2.0
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ektp_hw.devices import historical_bytes
from ektp_hw.devices.historical_bytes import AnswerToSelect
from ektp_hw.errors import ProtocolError


def said(text):
    return historical_bytes.words(bytes.fromhex(text))


def test_compact_objects():
    assert said("80 73C001C0 3160".replace(" ", "")) == [
        "card capabilities: C0 01 C0, command chaining, extended APDUs",
        "card services: 60",
    ]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("8075C0", "card capabilities: cut short"),
        ("1001", "more stands in the card's DIR file, reference 01"),
        ("454D55", "historical bytes of the maker's own kind: 45 4D 55 (EMU)"),
    ],
)
def test_other_forms(text, line):
    assert said(text) == [line]


def test_nothing_says_nothing():
    assert said("") == []


def test_unknown_storage_cards_keep_their_numbers():
    card = historical_bytes.storage_card(bytes.fromhex("804F0CA00000030633ABCD00000000"))
    assert (card.standard, card.name) == ("standard 33", "card ABCD")


def test_answer_to_select_of_a_common_card():
    """A MIFARE DESFire's ATS, as many public logs show it."""
    ats = AnswerToSelect.parse(bytes.fromhex("067577810280"))
    assert ats.frame_bytes == 64
    assert ats.rates_to_card == ats.rates_from_card == (106, 212, 424, 848)
    assert ats.frame_wait_s == pytest.approx(0.0773, rel=0.01)
    assert ats.historical == b"\x80"
    assert "frames of up to 64 bytes" in ats.words()


def test_shortest_answer_to_select():
    ats = AnswerToSelect.parse(b"\x01")
    assert (ats.frame_bytes, ats.rates_to_card, ats.historical) == (32, (106,), b"")


@pytest.mark.parametrize("raw", [b"", b"\x05\x75", b"\x02\x75"])
def test_broken_answer_to_select(raw):
    with pytest.raises(ProtocolError):
        AnswerToSelect.parse(raw)


@given(st.binary(max_size=15))
def test_any_historical_bytes_are_said(raw):
    assert all(isinstance(line, str) for line in historical_bytes.words(raw))
