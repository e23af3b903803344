# SPDX-License-Identifier: Apache-2.0
"""Readers that leave T=0 and T=1 to the host: the whole of it over a real socket."""

import struct

import pytest

from ektp_hw.drivers.ccid_reader import CcidReader
from ektp_hw.errors import (
    CardError,
    DeviceUnavailable,
)
from ektp_hw.transport.ccid_descriptor import Level
from ektp_hw.virtual.card import VirtualCardReader
from ektp_hw.virtual.card_protocols import BlockFault
from ektp_hw.virtual.ktp_el_card import KtpElCard, contact_atr

READ_UID = bytes.fromhex("FFCA000000")


@pytest.fixture
def model(emulated):
    return VirtualCardReader(KtpElCard(emulated.PHOTO, seed=5), slots=2)


def test_reader_that_exchanges_characters_is_refused(model, emulated):
    plain = model.configuration_descriptor()
    level = plain.index(struct.pack("<I", 0x0004047A))
    character = plain[:level] + struct.pack("<I", 0x0000047A) + plain[level + 4 :]
    model.configuration_descriptor = lambda: character
    with (
        emulated.plugged_in(model, CcidReader) as device,
        pytest.raises(DeviceUnavailable, match="PC/SC"),
    ):
        device.open()


class ContactCard(KtpElCard):
    """The same files behind contacts."""


def speaking(atr):
    card = ContactCard(bytes(range(256)) * 3, seed=5)
    card.atr = atr
    return card


T1_ATR = contact_atr(b"EMULATED")
T0_ATR = bytes.fromhex("3B6800000073C84012009000")


@pytest.mark.parametrize("automatic", [0x047A, 0x0038, 0x0000], ids=["most", "power", "nothing"])
@pytest.mark.parametrize("atr", [T1_ATR, T0_ATR], ids=["T=1", "T=0"])
def test_reader_that_leaves_the_protocol_to_the_host(emulated, automatic, atr):
    card = speaking(atr)
    model = VirtualCardReader(card, level=Level.TPDU, automatic=automatic)
    with emulated.plugged_in(model, CcidReader) as device, device:
        assert device.capture(timeout=5).files["photo"] == bytes(range(256)) * 3
        assert device.transmit(READ_UID)[0] == card.uid


def test_card_of_a_choice_is_told_of_it(emulated):
    """TA1 offers a faster rate: the host asks for it (PPS) where the reader does not."""
    atr = bytearray(bytes.fromhex("3B901801"))
    atr[3:] = b"\x81\x31\xfe\x45"
    check = 0
    for byte in atr[1:]:
        check ^= byte
    model = VirtualCardReader(speaking(bytes(atr) + bytes((check,))), level=Level.TPDU, automatic=0)
    asked = []
    exchange = model._exchange_blocks

    def listen(place, slot, number, body):
        asked.append(body)
        exchange(place, slot, number, body)

    model._exchange_blocks = listen
    with emulated.plugged_in(model, CcidReader) as device, device:
        assert device.transmit(READ_UID)[1] == 0x9000
    assert asked[0].hex() == "ff1118f6"
    assert asked[1].hex() == "00c101fe3e"


@pytest.mark.parametrize("fault", ["damaged", "silent", "more time", "smaller"])
def test_t1_card_is_put_up_with(emulated, fault):
    card = speaking(T1_ATR)
    model = VirtualCardReader(card, level=Level.TPDU, automatic=0)
    with emulated.plugged_in(model, CcidReader) as device, device:
        device.transmit(READ_UID)
        model._places[0].blocks.fault = BlockFault(fault)
        assert device.capture(timeout=5).files["photo"] == bytes(range(256)) * 3


def test_card_of_another_protocol(emulated):
    check = 0x80 ^ 0x0E
    model = VirtualCardReader(
        speaking(bytes((0x3B, 0x80, 0x0E, check))), level=Level.TPDU, automatic=0
    )
    with (
        emulated.plugged_in(model, CcidReader) as device,
        device,
        pytest.raises(CardError, match="T=14"),
    ):
        device.capture(timeout=2)
