# SPDX-License-Identifier: Apache-2.0
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ektp_hw.errors import CardError, EktpError, ProtocolError
from ektp_hw.transport import t1
from ektp_hw.transport.t1 import Block, BlockProtocol
from ektp_hw.virtual.card_protocols import BlockFault, T1Card


class Echo:
    """Answers with its command and a good status."""

    atr = b"\x3b\x00"

    def __init__(self):
        self.commands = []

    def answer(self, apdu):
        self.commands.append(apdu)
        return apdu[4:] + b"\x90\x00"

    def power_off(self):
        """Nothing to forget."""


def linked(card, *, with_crc=False, takes=32):
    return BlockProtocol(
        lambda block, _waiting: card.exchange(block),
        card_takes=takes,
        with_crc=with_crc,
        device="test:card",
    )


def test_blocks_are_the_standards_bytes():
    assert t1.pack(Block(0x00, b"\x00\xa4\x00\x00"), with_crc=False).hex() == "00000400a40000a0"
    assert t1.pack(Block(0xC1, b"\xfe"), with_crc=False).hex() == "00c101fe3e"


def test_crc_as_published():
    """The check value of CRC-16/X-25, as catalogues of CRCs list it."""
    assert t1.crc(b"123456789") == 0x906E


@pytest.mark.parametrize("raw", ["", "000001", "00000201", "0000000001", "000000FF"])
def test_damaged_blocks_are_noticed(raw):
    with pytest.raises(t1.Broken):
        t1.unpack(bytes.fromhex(raw), with_crc=False)


@pytest.mark.parametrize("with_crc", [False, True])
@pytest.mark.parametrize("length", [0, 1, 28, 32, 33, 200, 700])
def test_commands_and_answers_of_any_length(length, with_crc):
    chip = Echo()
    protocol = linked(T1Card(chip, with_crc=with_crc), with_crc=with_crc)
    protocol.offer_block_length(50)
    for turn in range(3):
        command = bytes((0, turn, 0, 0)) + bytes(range(256)) * 3
        command = command[: 4 + length]
        assert protocol.exchange(command) == command[4:] + b"\x90\x00"
    assert len(chip.commands) == 3


@pytest.mark.parametrize("fault", ["damaged", "silent", "more time", "smaller"])
@pytest.mark.parametrize("length", [10, 100])
def test_what_a_card_may_do_is_served(fault, length):
    chip = Echo()
    card = T1Card(chip)
    protocol = linked(card)
    for turn in range(3):
        card.fault = BlockFault(fault)
        command = bytes((0, turn, 0, 0)) + bytes(length)
        assert protocol.exchange(command) == bytes(length) + b"\x90\x00"
    assert len(chip.commands) == 3, "nothing was done twice"


@pytest.mark.parametrize(
    ("fault", "said"),
    [("hopeless", "damaged blocks"), ("endless", "without end"), ("abort", "aborts")],
)
def test_what_it_may_not_do_is_a_card_error(fault, said):
    card = T1Card(Echo())
    protocol = linked(card)
    card.fault = BlockFault(fault)
    with pytest.raises(CardError, match=said):
        protocol.exchange(bytes(20))


def test_after_damage_the_next_command_works():
    chip = Echo()
    card = T1Card(chip)
    protocol = linked(card)
    protocol.exchange(b"\0\1\0\0")
    card.fault = BlockFault.HOPELESS
    with pytest.raises(CardError):
        protocol.exchange(b"\0\2\0\0")
    assert protocol.exchange(b"\0\3\0\0last") == b"last\x90\x00"


def test_card_that_does_not_agree_on_a_length():
    protocol = BlockProtocol(
        lambda _block, _waiting: b"", card_takes=32, with_crc=False, device="test:card"
    )
    with pytest.raises(CardError, match="block length"):
        protocol.offer_block_length(254)


def test_parts_without_end_are_a_protocol_error():
    numbers = iter([0, 1] * 400)
    protocol = BlockProtocol(
        lambda _block, _waiting: t1.pack(
            Block(0x20 | next(numbers) << 6, bytes(250)), with_crc=False
        ),
        card_takes=32,
        with_crc=False,
        device="test:card",
    )
    with pytest.raises(ProtocolError, match="without end"):
        protocol.exchange(b"\0\0\0\0")


@given(st.lists(st.binary(max_size=12), max_size=12))
def test_any_card_gives_an_answer_or_a_typed_error(blocks):
    left = list(blocks)
    protocol = BlockProtocol(
        lambda _block, _waiting: left.pop(0) if left else b"",
        card_takes=32,
        with_crc=False,
        device="test:card",
    )
    try:
        answer = protocol.exchange(b"\0\0\0\0")
    except EktpError:
        return
    assert isinstance(answer, bytes)
