# SPDX-License-Identifier: Apache-2.0
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ektp_hw.devices.answer_to_reset import AnswerToReset
from ektp_hw.errors import EktpError, ProtocolError

CONTACTLESS = bytes.fromhex("3B888001000000007781810 07E".replace(" ", ""))


def test_contactless_atr_is_taken_apart():
    atr = AnswerToReset.parse(CONTACTLESS)
    assert atr.historical == bytes.fromhex("0000000077818100")
    assert atr.protocols == (0, 1)
    assert atr.interface_bytes == {"TD1": 0x80, "TD2": 0x01}


def test_t0_card_has_no_check_byte():
    atr = AnswerToReset.parse(bytes.fromhex("3B021450"))
    assert atr.protocols == (0,)
    assert atr.historical == b"\x14\x50"


def test_bytes_behind_the_atr_are_cut():
    assert AnswerToReset.parse(CONTACTLESS + b"\0\0").raw == CONTACTLESS


@pytest.mark.parametrize(
    "raw",
    [b"", b"\x3b", CONTACTLESS[:-1], CONTACTLESS[:3], b"\x12\x00", b"\x3b" * 40],
    ids=["empty", "one", "no check", "cut", "convention", "long"],
)
def test_broken_atr_is_a_protocol_error(raw):
    with pytest.raises(ProtocolError):
        AnswerToReset.parse(raw)


def test_flipped_bit_is_noticed():
    damaged = bytearray(CONTACTLESS)
    damaged[6] ^= 0x10
    with pytest.raises(ProtocolError, match="check byte"):
        AnswerToReset.parse(bytes(damaged))


@given(st.binary(max_size=40))
def test_any_bytes_give_an_atr_or_a_typed_error(raw):
    try:
        atr = AnswerToReset.parse(raw)
    except EktpError:
        return
    assert raw.startswith(atr.raw)
    assert all(isinstance(line, str) for line in atr.words())


CLASSIC_1K = bytes.fromhex("3B8F8001804F0CA000000306030001000000006A")


def with_check_byte(text):
    raw = bytes.fromhex(text)
    check = 0
    for byte in raw[1:]:
        check ^= byte
    return raw + bytes((check,))


def test_storage_card_is_named():
    atr = AnswerToReset.parse(CLASSIC_1K)
    assert atr.is_contactless
    assert "MIFARE Classic 1K (ISO/IEC 14443 A part 3)" in " ".join(atr.words())


def test_processor_card_in_words():
    atr = AnswerToReset.parse(with_check_byte("3BFA1800008131FE450031C173C84000009000"))
    assert not atr.is_contactless
    assert (atr.protocols, atr.clock_cycles_a_bit) == ((1,), 31)
    assert (atr.t1_block_bytes, atr.t1_waiting, atr.t1_uses_crc) == (254, 0x45, False)
    assert atr.words() == [
        "TS 3B: direct convention",
        "T0 FA: 10 historical bytes",
        "TA1 18: 31 clock cycles a bit",
        "TB1 00: programming voltage, no longer used",
        "TC1 00: extra guard time 0 bits",
        "TD1 81: next group is for T=1",
        "TD2 31: next group is for T=1",
        "TA3 FE: T=1 blocks of up to 254 bytes to the card",
        "TB3 45: T=1 waiting integers: block 4, character 5",
        "protocols: T=1",
        "card services: C1",
        "card capabilities: C8 40 00",
        "status indicator 00 90 00",
        "TCK " + f"{atr.raw[-1]:02X}: check byte fits",
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("3F00", "inverse convention"),
        ("3B10F0", "reserved rate"),
        ("3B40FF", "least guard time"),
        ("3B0110", "maker's own kind"),
        ("3B80801F43", "supply 5 V, 3 V; the clock may stop in state low"),
        ("3B801080", "speaks T=0 only, cannot change"),
    ],
)
def test_single_bytes_in_words(text, said):
    raw = bytes.fromhex(text)
    if "1F" in text:
        raw = with_check_byte(text)  # T=15 beside T=0 brings a check byte too
    assert said in " ".join(AnswerToReset.parse(raw).words())


def test_a_specific_protocol_leaves_no_choice():
    assert AnswerToReset.parse(bytes.fromhex("3B801080")).specific_protocol == 0
    assert AnswerToReset.parse(CLASSIC_1K).specific_protocol is None
