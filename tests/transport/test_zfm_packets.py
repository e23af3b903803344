# SPDX-License-Identifier: Apache-2.0
"""Packets are found in whatever a line brings; the examples are those of the R305's manual."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ektp_hw.transport.zfm_packets import BROADCAST, Kind, Packet, PacketReader, packed, pixels_of

VERIFY = bytes.fromhex("ef01 ffffffff 01 0007 13 00000000 001b")
TAKE = bytes.fromhex("ef01 ffffffff 01 0003 01 0005")


def found(*chunks, address=BROADCAST):
    reader = PacketReader(address)
    packets = []
    for chunk in chunks:
        reader.feed(chunk)
        while (packet := reader.next()) is not None:
            packets.append(packet)
    return packets, reader


def test_published_examples():
    assert packed(Kind.COMMAND, b"\x13\0\0\0\0") == VERIFY
    assert packed(Kind.COMMAND, b"\x01") == TAKE
    assert found(VERIFY + TAKE)[0] == [Packet(1, b"\x13\0\0\0\0"), Packet(1, b"\x01")]


@given(
    st.lists(st.binary(min_size=1, max_size=256), max_size=5),
    st.lists(st.binary(max_size=30).filter(lambda noise: b"\xef" not in noise), min_size=6),
    st.integers(1, 40),
)
def test_packets_are_found_between_noise_in_any_pieces(contents, noise, step):
    stream = b"".join(
        gap + packed(Kind.DATA, content) for gap, content in zip(noise, contents, strict=False)
    )
    pieces = [stream[at : at + step] for at in range(0, len(stream), step)]
    assert [packet.content for packet in found(*pieces)[0]] == contents


@given(st.binary(min_size=1, max_size=256), st.data())
def test_one_wrong_byte_never_gives_another_packet(content, data):
    packet = bytearray(packed(Kind.DATA, content))
    at = data.draw(st.integers(0, len(packet) - 1))
    packet[at] ^= data.draw(st.integers(1, 255))
    packets, _ = found(bytes(packet))
    assert [one for one in packets if one.content != content or one.kind != Kind.DATA] == []


def test_a_wrong_sum_is_counted_and_the_next_packet_found():
    packets, reader = found(VERIFY[:-1] + b"\0" + TAKE)
    assert packets == [Packet(1, b"\x01")]
    assert reader.damaged == 1


def test_noise_that_looks_like_a_start_can_be_given_up():
    packets, reader = found(bytes.fromhex("ef01ffffffff070100") + TAKE)
    assert packets == []
    while reader.skip():
        if (packet := reader.next()) is not None:
            break
    assert packet == Packet(1, b"\x01")
    assert reader.skip() is False


@pytest.mark.parametrize("head", ["ef01 00000000 01 0003 01 0005", "ef01 ffffffff 01 0200 01 0005"])
def test_other_addresses_and_impossible_lengths_are_noise(head):
    assert found(bytes.fromhex(head) + TAKE)[0] == [Packet(1, b"\x01")]


def test_a_module_of_another_address():
    assert found(packed(Kind.ACKNOWLEDGE, b"\0", 7), address=7)[0] == [Packet(7, b"\0")]


def test_four_bits_a_pixel_become_eight():
    assert pixels_of(bytes([0x0F, 0x18])).tolist() == [0, 255, 17, 136]
