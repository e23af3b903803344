# SPDX-License-Identifier: Apache-2.0
"""The ciphers of an encrypted gallery; `ektp_hw.gallery.keyring` says what is used for what."""

from __future__ import annotations

import functools
import hmac
import os
from typing import TYPE_CHECKING, Any

from ektp_hw.errors import GalleryDamaged, GalleryError

if TYPE_CHECKING:
    from ektp_hw.gallery.seal import Stored

__all__ = ["KeyedSeal", "LostSeal", "opened", "sealed"]

_NONCE = 12
_BLOCK = 16


@functools.cache
def _cryptography() -> Any:  # noqa: ANN401  # an optional package
    try:
        from cryptography.hazmat.primitives import ciphers
        from cryptography.hazmat.primitives.ciphers import aead, algorithms, modes  # noqa: F401
    except ImportError as error:
        raise GalleryError(
            "an encrypted gallery needs the package cryptography; install ektp_hw[encryption]"
        ) from error
    return ciphers


def sealed(key: bytes, context: bytes, data: bytes) -> bytes:
    """Return nonce and AES-256-GCM of the data."""
    aead = _cryptography().aead
    nonce = os.urandom(_NONCE)
    return nonce + bytes(aead.AESGCM(key).encrypt(nonce, data, context))


def opened(key: bytes, context: bytes, data: bytes) -> bytes | None:
    """Return what `sealed` was given, or None if it was not under this key and context."""
    aead = _cryptography().aead
    from cryptography.exceptions import InvalidTag

    try:
        return bytes(aead.AESGCM(key).decrypt(data[:_NONCE], data[_NONCE:], context))
    except InvalidTag:
        return None


class KeyedSeal:
    """A cipher for one segment's bytes, and a GMAC for each column of a block."""

    check_size = _NONCE + 16

    def __init__(self, key: bytes) -> None:
        self._cipher, self._mac, self._names = (
            hmac.digest(key, purpose, "sha256") for purpose in (b"bytes", b"blocks", b"names")
        )

    def extended(self, context: bytes, check: bytes, before: Stored, added: Stored) -> bytes:  # noqa: ARG002
        """Authenticate what was there together with the new."""
        nonce = os.urandom(_NONCE)
        return nonce + self._tag(nonce, context, before, added)

    def holds(self, context: bytes, check: bytes, stored: Stored) -> bool:
        """Authenticate the bytes."""
        return hmac.compare_digest(check[_NONCE:], self._tag(check[:_NONCE], context, stored))

    def _tag(self, nonce: bytes, *parts: Stored) -> bytes:
        ciphers = _cryptography()
        gmac = ciphers.Cipher(
            ciphers.algorithms.AES(self._mac), ciphers.modes.GCM(nonce)
        ).encryptor()
        for part in parts:
            gmac.authenticate_additional_data(part)
        gmac.finalize()
        return bytes(gmac.tag)

    def disguise(self, offset: int, data: Stored) -> bytes:
        """Encrypt or decrypt by the counter that belongs to this place in the file."""
        return bytes(self._stream(offset).update(data))

    def reveal_into(self, offset: int, stored: Stored, room: memoryview) -> None:
        """Decrypt without a copy on the way."""
        self._stream(offset).update_into(stored, room)

    def _stream(self, offset: int) -> Any:  # noqa: ANN401  # of an optional package
        ciphers = _cryptography()
        first, skipped = divmod(offset, _BLOCK)
        counter = ciphers.modes.CTR(first.to_bytes(_BLOCK, "big"))
        stream = ciphers.Cipher(ciphers.algorithms.AES(self._cipher), counter).encryptor()
        stream.update(bytes(skipped))
        return stream

    def hide(self, seq: int, name: str) -> str | bytes:
        """Return the name enciphered; an empty one as it is."""
        return sealed(self._names, _person(seq), name.encode()) if name else name

    def reveal(self, seq: int, name: str | bytes) -> str:
        """Return the name that was hidden."""
        if isinstance(name, str):
            return name
        found = opened(self._names, _person(seq), name)
        if found is None:
            raise GalleryDamaged(f"the name of person {seq} is damaged; enrol the person anew")
        return found.decode()


class LostSeal:
    """What a segment has whose key is lost: nothing holds."""

    check_size = KeyedSeal.check_size

    def extended(self, context: bytes, check: bytes, before: Stored, added: Stored) -> bytes:  # noqa: ARG002
        """Refuse."""
        raise GalleryDamaged("the segment's key is lost; nothing is added to it")

    def holds(self, context: bytes, check: bytes, stored: Stored) -> bool:  # noqa: ARG002
        """Say no."""
        return False

    def disguise(self, offset: int, data: Stored) -> Stored:  # noqa: ARG002
        """Return noise."""
        return data

    def reveal_into(self, offset: int, stored: Stored, room: memoryview) -> None:
        """Leave noise."""

    def hide(self, seq: int, name: str) -> str | bytes:  # noqa: ARG002
        """Refuse."""
        raise GalleryDamaged("the segment's key is lost; nothing is added to it")

    def reveal(self, seq: int, name: str | bytes) -> str:
        """Return a name that was never hidden."""
        if isinstance(name, str):
            return name
        raise GalleryDamaged(f"the key to the name of person {seq} is lost; restore the keyring")


def _person(seq: int) -> bytes:
    return seq.to_bytes(8, "little")
