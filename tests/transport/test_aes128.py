# SPDX-License-Identifier: Apache-2.0
"""AES-128 against the examples printed in FIPS 197 and in NIST SP 800-38A (ECB-AES128)."""

import pytest

from ektp_hw.transport.aes128 import encrypt_block

SP_800_38A = [
    ("6bc1bee22e409f96e93d7e117393172a", "3ad77bb40d7a3660a89ecaf32466ef97"),
    ("ae2d8a571e03ac9c9eb76fac45af8e51", "f5d3d58503b9699de785895a96fdbaaf"),
    ("30c81c46a35ce411e5fbc1191a0a52ef", "43b1cd7f598ece23881b00e3ed030688"),
    ("f69f2445df4f9b17ad2b417be66c3710", "7b0c785e27e8ad3f8223207104725dd4"),
]


def test_the_example_of_the_standard():
    key = bytes(range(16))
    plain = bytes.fromhex("00112233445566778899aabbccddeeff")
    assert encrypt_block(key, plain).hex() == "69c4e0d86a7b0430d8cdb78070b4c55a"


@pytest.mark.parametrize(("plain", "cipher"), SP_800_38A)
def test_the_examples_of_the_modes(plain, cipher):
    key = bytes.fromhex("2b7e151628aed2a6abf7158809cf4f3c")
    assert encrypt_block(key, bytes.fromhex(plain)).hex() == cipher


@pytest.mark.parametrize(("key", "block"), [(b"", bytes(16)), (bytes(16), bytes(17))])
def test_other_lengths_are_refused(key, block):
    with pytest.raises(ValueError, match="16 bytes"):
        encrypt_block(key, block)
