# SPDX-License-Identifier: Apache-2.0
"""AES-128 of one block (FIPS 197), for devices that ask whether they are talked to by a driver.

Written out because the standard library has no AES and one block a session is worth no compiled
dependency. The keys concerned are printed in public sources, so nothing here guards a secret, and
the running time may depend on them; do not use it where it must not.
"""

from __future__ import annotations

from functools import cache

__all__ = ["encrypt_block"]

_SIZE = 16
_ROUNDS = 10
_SHIFT_ROWS = [(place + 4 * (place % 4)) % _SIZE for place in range(_SIZE)]
"""Where each byte of the state, column by column, comes from."""


def encrypt_block(key: bytes, block: bytes) -> bytes:
    """Return the block of 16 bytes, encrypted with the key of 16 bytes.

    Raises
    ------
    ValueError
        If either has another length.
    """
    if len(key) != _SIZE or len(block) != _SIZE:
        raise ValueError(
            f"AES-128 takes 16 bytes of key and of data, not {len(key)} and {len(block)}"
        )
    box = _substitution_box()
    first, *middle, last = _round_keys(key)
    state = _xor(block, first)
    for round_key in middle:
        state = _xor(_mix_columns(_substituted_and_shifted(state, box)), round_key)
    return _xor(_substituted_and_shifted(state, box), last)


def _substituted_and_shifted(state: bytes, box: bytes) -> bytes:
    return bytes(box[state[place]] for place in _SHIFT_ROWS)


def _xor(one: bytes, other: bytes) -> bytes:
    return bytes(a ^ b for a, b in zip(one, other, strict=True))


def _doubled(value: int) -> int:
    """Multiply by x in GF(2^8), modulo x^8 + x^4 + x^3 + x + 1."""
    return (value << 1 ^ (0x11B if value & 0x80 else 0)) & 0xFF


def _mix_columns(state: bytes) -> bytes:
    mixed = bytearray()
    for start in range(0, _SIZE, 4):
        column = state[start : start + 4]
        total = column[0] ^ column[1] ^ column[2] ^ column[3]
        mixed += bytes(
            column[row] ^ total ^ _doubled(column[row] ^ column[(row + 1) % 4]) for row in range(4)
        )
    return bytes(mixed)


def _round_keys(key: bytes) -> list[bytes]:
    box = _substitution_box()
    words = [key[start : start + 4] for start in range(0, _SIZE, 4)]
    constant = 1
    while len(words) < 4 * (_ROUNDS + 1):
        word = words[-1]
        if len(words) % 4 == 0:
            turned = bytes(box[value] for value in word[1:] + word[:1])
            word = bytes([turned[0] ^ constant]) + turned[1:]
            constant = _doubled(constant)
        words.append(_xor(words[-4], word))
    return [b"".join(words[start : start + 4]) for start in range(0, len(words), 4)]


@cache
def _substitution_box() -> bytes:
    """Return the S-box: the inverse in GF(2^8), then the affine map of FIPS 197."""
    powers = [1]
    while len(powers) < 255:
        powers.append(powers[-1] ^ _doubled(powers[-1]))  # times 3, which generates the field
    logarithm = {value: power for power, value in enumerate(powers)}
    box = bytearray()
    for value in range(256):
        inverse = powers[-logarithm[value] % 255] if value else 0
        spread = inverse * 0x0101
        box.append((inverse ^ spread >> 7 ^ spread >> 6 ^ spread >> 5 ^ spread >> 4) & 0xFF ^ 0x63)
    return bytes(box)
