# SPDX-License-Identifier: Apache-2.0
"""Secure messaging between our emulated KTP-el and our emulated SAM.

The real one is not public. This one is of our own invention and protects nobody's data: 3-key
triple DES as the regulation names it (Permendagri 34/2014), CBC encryption, a CBC-MAC of eight
bytes over a counter, header and ciphertext. Keys are invented and printed here on purpose.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, NamedTuple

from ektp_hw.errors import DeviceUnavailable, UnavailableReason

if TYPE_CHECKING:
    from typing import Self

__all__ = ["BLOCK", "MASTER_KEY", "Channel", "Forged", "decrypt", "diversified", "encrypt", "mac"]

BLOCK = 8
MASTER_KEY = hashlib.sha256(b"EMULATED KTP-el, no key of anybody's").digest()[:24]
_SECURE = 0x0C


class Forged(Exception):
    """A message whose check value does not fit: changed, repeated or out of order."""


def encrypt(key: bytes, data: bytes) -> bytes:
    """Encrypt whole blocks (CBC, started with zeros)."""
    return _cipher(key, data, encrypting=True)


def decrypt(key: bytes, data: bytes) -> bytes:
    """Take `encrypt` back."""
    return _cipher(key, data, encrypting=False)


def mac(key: bytes, data: bytes) -> bytes:
    """Return the check value of a message: the last block of its padded encryption."""
    return encrypt(key, _padded(data))[-BLOCK:]


def diversified(master: bytes, number: bytes) -> bytes:
    """Return the key of one card, made of the master key and the card's number."""
    return hashlib.sha256(master + number).digest()[:24]


class Channel:
    """One end of a session; both ends count every message."""

    def __init__(self, encryption: bytes, checking: bytes) -> None:
        self._encryption = encryption
        self._checking = checking
        self._count = 0

    @classmethod
    def of(cls, *secrets: bytes) -> Self:
        """Make the session's keys from what both sides contributed."""
        seed = b"".join(secrets)
        return cls(*(hashlib.sha256(seed + use).digest()[:24] for use in (b"\1", b"\2")))

    def wrap(self, plain: bytes) -> bytes:
        """Turn a plain command into one for the wire."""
        head = bytes((plain[0] | _SECURE, *plain[1:4]))
        hidden = encrypt(self._encryption, _padded(plain[4:]))
        body = hidden + self._check(head + hidden)
        return head + bytes((len(body),)) + body + b"\0"

    def open_command(self, sealed: bytes) -> bytes:
        """Return the plain command; `Forged` if it is not from the other end."""
        head, body = sealed[:4], sealed[5 : 5 + sealed[4]]
        rest = self._opened(head, body)
        return bytes((head[0] & ~_SECURE, *head[1:4])) + rest

    def seal_answer(self, answer: bytes) -> bytes:
        """Turn data and status word into data for the wire."""
        hidden = encrypt(self._encryption, _padded(answer))
        return hidden + self._check(hidden)

    def open_answer(self, sealed: bytes) -> bytes:
        """Return data and status word; `Forged` if they are not from the other end."""
        return self._opened(b"", sealed)

    def _opened(self, head: bytes, body: bytes) -> bytes:
        hidden, check = body[:-BLOCK], body[-BLOCK:]
        if not hidden or len(hidden) % BLOCK or self._check(head + hidden) != check:
            raise Forged
        return _unpadded(decrypt(self._encryption, hidden))

    def _check(self, data: bytes) -> bytes:
        self._count += 1
        return mac(self._checking, self._count.to_bytes(BLOCK, "big") + data)


class Proof(NamedTuple):
    """What the SAM sends to the card: both challenges and its part of the session key."""

    card_challenge: bytes
    sam_challenge: bytes
    secret: bytes

    def sealed(self, key: bytes) -> bytes:
        """Return the 40 bytes of the wire."""
        hidden = encrypt(key, b"".join(self))
        return hidden + mac(key, hidden)

    @classmethod
    def opened(cls, key: bytes, sealed: bytes) -> Proof:
        """Read the 40 bytes; `Forged` if another key made them."""
        hidden, check = sealed[:-BLOCK], sealed[-BLOCK:]
        if len(sealed) != 40 or mac(key, hidden) != check:
            raise Forged
        plain = decrypt(key, hidden)
        return cls(plain[:8], plain[8:16], plain[16:])


def _padded(data: bytes) -> bytes:
    return data + b"\x80" + bytes(-(len(data) + 1) % BLOCK)


def _unpadded(data: bytes) -> bytes:
    plain = data.rstrip(b"\0")
    if plain[-1:] != b"\x80":
        raise Forged
    return plain[:-1]


def _cipher(key: bytes, data: bytes, *, encrypting: bool) -> bytes:
    try:
        from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
        from cryptography.hazmat.primitives.ciphers import Cipher, modes
    except ImportError as lack:
        raise DeviceUnavailable(
            f"the emulated SAM needs the package cryptography ({lack}); install it",
            reason=UnavailableReason.LIBRARY_MISSING,
        ) from lack
    cipher = Cipher(TripleDES(key), modes.CBC(bytes(BLOCK)))
    worker = cipher.encryptor() if encrypting else cipher.decryptor()
    return worker.update(data) + worker.finalize()
