# SPDX-License-Identifier: Apache-2.0
import sys

import pytest

from ektp_hw.devices.answer_to_reset import AnswerToReset
from ektp_hw.errors import DeviceUnavailable
from ektp_hw.virtual import sealed_messages
from ektp_hw.virtual.ktp_el_card import contact_atr
from ektp_hw.virtual.sam import EMULATED_CONFIGURATION, EMULATED_PCID, EmulatedSam
from ektp_hw.virtual.sealed_messages import Channel, Forged

pytest.importorskip("cryptography")


def opening():
    twice = EMULATED_PCID * 2
    return bytes(a ^ b for a, b in zip(twice, EMULATED_CONFIGURATION, strict=True))


def say(sam, text, data=b""):
    head = bytes.fromhex(text)
    return sam.answer(head + bytes((len(data),)) + data if data else head).hex().upper()


@pytest.fixture
def sam():
    return EmulatedSam()


def test_it_says_that_it_is_emulated():
    atr = AnswerToReset.parse(EmulatedSam.atr)
    assert atr.historical == b"EMUL-SAM"
    assert (atr.protocols, atr.t1_block_bytes) == ((1,), 254)
    with pytest.raises(ValueError, match="15"):
        contact_atr(bytes(16))


def test_nothing_before_it_is_opened(sam):
    assert say(sam, "00FF000000") == "6982"
    assert say(sam, "00F00000", bytes(32)) == "6300"
    assert say(sam, "00F00000", opening()) == "9000"
    assert say(sam, "00FF000000") == "9000"


@pytest.mark.parametrize(
    ("text", "status"),
    [
        ("00", "6700"),
        ("80FF0000", "6D00"),
        ("00EE0000", "6D00"),
        ("00F1000000", "6700"),
        ("00F20000", "6300"),
        ("00F30000", "6982"),
        ("00F40000", "6982"),
        ("00FA0600", "6985"),
        ("00F10000AABB", "6700"),
    ],
)
def test_odd_commands_are_refused(sam, text, status):
    say(sam, "00F00000", opening())
    assert say(sam, text) == status


def test_missing_package_is_told_at_once(monkeypatch):
    monkeypatch.setitem(sys.modules, "cryptography.hazmat.primitives.ciphers", None)
    with pytest.raises(DeviceUnavailable, match="install it"):
        EmulatedSam()


def test_triple_des_as_published():
    """Known answer of NIST SP 800-67's example keys: one block, started with zeros."""
    key = bytes.fromhex("0123456789ABCDEF23456789ABCDEF01456789ABCDEF0123")
    clear = b"The qufc"
    assert sealed_messages.encrypt(key, clear).hex().upper() == "A826FD8CE53B855F"
    assert sealed_messages.decrypt(key, bytes.fromhex("A826FD8CE53B855F")) == clear


def test_both_ends_understand_each_other_and_nobody_else():
    ours, theirs, strangers = (Channel.of(secret) for secret in (b"a", b"a", b"b"))
    sealed = ours.wrap(bytes.fromhex("00B0000008"))
    assert theirs.open_command(sealed) == bytes.fromhex("00B0000008")
    with pytest.raises(Forged):
        strangers.open_command(sealed)
    assert ours.open_answer(theirs.seal_answer(b"data\x90\x00")) == b"data\x90\x00"
    with pytest.raises(Forged):
        theirs.open_command(sealed)
