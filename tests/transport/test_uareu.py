# SPDX-License-Identifier: Apache-2.0
"""The U.are.U words: the cipher against a slow twin that steps bit by bit, headers, blocks."""

import numpy as np
import pytest

from ektp_hw.transport import uareu
from ektp_hw.transport.uareu import WIDTH, Block, Flag, Header

TAPS = [bit for bit in range(32) if 0x9248144D >> bit & 1]
PICKED = (4, 8, 11, 14, 18, 21, 24, 29)


def stepped(key):
    """Do one step as the description says it: the parity of the taps comes in at the top."""
    parity = sum(key >> bit & 1 for bit in TAPS) & 1
    return parity << 31 | key >> 1


def slowly_descrambled(scrambled, key):
    plain = []
    for following in scrambled[1:]:
        plain.append(following ^ sum((key >> bit & 1) << to for to, bit in enumerate(PICKED)))
        key = stepped(key)
    return [*plain, 0], stepped(key)


def noise(lines, seed=3):
    return np.random.default_rng(seed).integers(0, 256, (lines, WIDTH), np.uint8)


@pytest.mark.parametrize("key", [0x12345678, 1, 0xFFFFFFFF, 0x80000000])
def test_the_fast_cipher_equals_the_slow_one(key):
    scrambled = noise(2).ravel()
    plain, last = slowly_descrambled(scrambled.tolist(), key)
    assert uareu.descramble(scrambled, key).tolist() == plain
    assert uareu.later_key(key, len(scrambled)) == last


def test_a_whole_picture_of_keys_is_right_to_the_last():
    key = 0xDEADBEEF
    for _ in range(289 * WIDTH):
        key = stepped(key)
    assert uareu.later_key(0xDEADBEEF, 289 * WIDTH) == key


def test_scrambling_loses_the_last_pixel_only():
    plain = noise(3).ravel()
    back = uareu.descramble(uareu.scramble(plain, 7), 7)
    assert back[:-1].tolist() == plain[:-1].tolist()
    assert back[-1] == 0


def test_a_header_survives_writing_and_reading():
    header = Header(289, 7, (Block(0x82, 255), Block(2, 34)))
    raw = header.to_bytes()
    assert len(raw) == 64
    assert Header.from_bytes(raw) == header
    assert (header.is_valid, header.size) == (True, 64 + 289 * 384)


@pytest.mark.parametrize(
    "header", [Header(290, 1, (Block(0, 255),)), Header(0, 1, (Block(0, 1),)), Header(9, 1, ())]
)
def test_headers_no_reader_can_mean(header):
    assert not Header.from_bytes(header.to_bytes()).is_valid


def test_each_kind_of_block_moves_the_key_as_the_reader_moves_it():
    """Scrambled, plain but counted, plain and not counted, a new key, absent, scrambled again."""
    keys = {5: 0xCAFE0001, 6: 0x0BADF00D}
    blocks = (
        Block(Flag.SCRAMBLED, 3), Block(0, 2), Block(Flag.KEY_RESTS, 2), Block(Flag.SCRAMBLED, 1),
        Block(Flag.NEW_KEY | Flag.SCRAMBLED, 2), Block(Flag.NOT_PRESENT | Flag.KEY_RESTS, 4),
        Block(Flag.SCRAMBLED, 2),
    )  # fmt: skip
    sent = noise(12)
    expected, key, row = sent.copy(), keys[5], 0
    for block in blocks:
        if block.flags & Flag.NEW_KEY:
            key = keys[6]
        if block.flags & Flag.NOT_PRESENT:
            continue
        here = expected[row : row + block.lines]
        row += block.lines
        if block.flags & Flag.SCRAMBLED:
            plain, key = slowly_descrambled(here.ravel().tolist(), key)
            here[:] = np.array(plain).reshape(here.shape)
        elif not block.flags & Flag.KEY_RESTS:
            for _ in range(here.size):
                key = stepped(key)
    asked = []
    lines = uareu.unscrambled(
        Header(12, 5, blocks), sent, lambda number: asked.append(number) or keys[number]
    )
    assert asked == [5, 6]
    assert np.array_equal(lines, expected)


def test_the_key_after_255_is_0():
    asked = []
    header = Header(2, 255, (Block(Flag.NEW_KEY | Flag.SCRAMBLED, 2),))
    uareu.unscrambled(header, noise(2), lambda number: asked.append(number) or 1)
    assert asked == [255, 0]


def test_absent_lines_are_black():
    lines = noise(3)
    whole = uareu.assembled(Header(3, 1, (Block(0, 1), Block(1, 2), Block(0, 2))), lines)
    assert whole.shape == (5, WIDTH)
    assert not whole[1:3].any()
    assert np.array_equal(whole[[0, 3, 4]], lines)


def test_only_noise_that_is_said_to_be_scrambled_is():
    scrambled, plain = Header(9, 1, (Block(2, 9),)), Header(9, 1, (Block(0, 9),))
    assert uareu.looks_scrambled(scrambled, noise(9))
    assert not uareu.looks_scrambled(scrambled, np.full((9, WIDTH), 90, np.uint8))
    assert not uareu.looks_scrambled(plain, noise(9))


def test_the_answer_depends_on_the_challenge():
    answers = {uareu.answer_to_challenge(bytes([number]) * 16) for number in range(4)}
    assert {len(answer) for answer in answers} == {16}
    assert len(answers) == 4
