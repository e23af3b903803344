# SPDX-License-Identifier: Apache-2.0
"""The keys of an encrypted gallery: one for each segment, in one small file, destroyed to erase.

Each segment has a random key of 256 bits. It is kept in a slot of the file ``keys``, wrapped
(AES-256-GCM) under a key that scrypt makes of the passphrase or key file. What is under a segment's
key, by keys derived from it (HMAC-SHA-256):

* every column and template, AES-256-CTR by their place in the file, so that a whole column is
  deciphered in one go when the segment is opened and a single template when it is wanted; a place
  is never written twice under one key,
* a GMAC (AES-256-GCM without plaintext) of the enciphered bytes of each block and column instead of
  the plain gallery's CRC, with a random nonce, kept in the ledger: nothing is used that was not
  proved authentic,
* the names of its people in the ledger, AES-256-GCM.

Ids, numbers and times stay readable in the ledger.

A compaction writes a new segment under a new key and then overwrites the old one's slot with
zeros: from that moment the removed people's bytes are noise, wherever copies of the segment file
may lie. What defeats it is a copy of the file ``keys`` itself together with the passphrase, so keep
that file out of copies that are to forget; and a disk that does not overwrite in place (flash)
keeps the wrapped key for a while, worth nothing without the passphrase.

Layout of ``keys``, little-endian::

    offset size
      0     4   magic "EKGK"
      4     2   version (1)
      6     3   scrypt's log2 N, r, p
      9     3   reserved (0)
     12    16   identity of the gallery
     28    16   scrypt's salt
     44    44   nonce and AES-256-GCM of 16 zeros: tells a wrong passphrase from a damaged file
     88     4   CRC-32 of everything before it
    128         slots of 64 bytes: number of the segment (4; 0 = free), nonce (12), wrapped key (48)
"""

from __future__ import annotations

import hashlib
import os
import struct
import unicodedata
import zlib
from typing import TYPE_CHECKING

from ektp_hw.errors import GalleryDamaged, GalleryError, GalleryLocked
from ektp_hw.gallery.ciphers import KeyedSeal, LostSeal, opened, sealed

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from ektp_hw.gallery.seal import Seal

__all__ = ["KEYS", "Keyring", "create_keys"]

KEYS = "keys"
_MAGIC, _VERSION = b"EKGK", 1
_HEADER = struct.Struct("<4sHBBB3x16s16s44s")
_CHECK = struct.Struct("<I")
_SLOTS = 128
_SLOT = struct.Struct("<I60s")
_LOG_N, _R, _P = 15, 8, 1
"""Of scrypt: 32 MiB and about a tenth of a second for each guess."""


def create_keys(path: Path, identity: bytes, secret: str | bytes) -> None:
    """Write a keyring without keys and see it on the disk."""
    salt = os.urandom(16)
    wrapping = _stretched(secret, salt, _LOG_N, _R, _P)
    body = _HEADER.pack(
        _MAGIC, _VERSION, _LOG_N, _R, _P, identity, salt, sealed(wrapping, identity, bytes(16))
    )
    with path.open("xb") as file:
        file.write((body + _CHECK.pack(zlib.crc32(body))).ljust(_SLOTS, b"\0"))
        file.flush()
        os.fsync(file.fileno())


class Keyring:
    """The opened keys of a gallery.

    Parameters
    ----------
    secret
        Passphrase, or the bytes of a key file.

    Raises
    ------
    GalleryLocked
        If it is not the one that the gallery was made with.
    GalleryDamaged
        If the file is missing, damaged or another gallery's.
    """

    encrypted = True

    def __init__(self, path: Path, identity: bytes, secret: str | bytes) -> None:
        self._path = path
        self._identity = identity
        try:
            stored = path.read_bytes()
        except FileNotFoundError:
            raise GalleryDamaged(
                f"{path} is missing, and nothing can be read without it; restore it from a copy"
            ) from None
        body, check = stored[: _HEADER.size], stored[_HEADER.size :][: _CHECK.size]
        if len(stored) < _SLOTS or check != _CHECK.pack(zlib.crc32(body)):
            raise GalleryDamaged(f"{path} is damaged; restore it from a copy")
        magic, version, log_n, r, p, owner, salt, proof = _HEADER.unpack(body)
        if (magic, version, owner) != (_MAGIC, _VERSION, identity):
            raise GalleryDamaged(f"{path} is not this gallery's keyring; restore it from a copy")
        self._wrapping = _stretched(secret, salt, log_n, r, p)
        if opened(self._wrapping, identity, proof) is None:
            raise GalleryLocked(f"{path.parent}: the passphrase or key file is not this gallery's")
        self._keys: dict[int, bytes] = {}
        self._read(stored)

    def _read(self, stored: bytes) -> None:
        self._keys = {}
        for at in range(_SLOTS, len(stored) - _SLOT.size + 1, _SLOT.size):
            number, wrapped = _SLOT.unpack_from(stored, at)
            key = opened(self._wrapping, self._context(number), wrapped) if number else None
            if key is not None:
                self._keys[number] = key

    def _context(self, number: int) -> bytes:
        return self._identity + struct.pack("<I", number)

    def of(self, number: int) -> Seal:
        """Return the seal of a segment; one that nothing passes, if its key is lost."""
        if number not in self._keys:  # made by another process since
            self._read(self._path.read_bytes())
        key = self._keys.get(number)
        return LostSeal() if key is None else KeyedSeal(key)

    def make(self, number: int) -> None:
        """Make a key for a new segment and see it on the disk."""
        key = os.urandom(32)
        wrapped = sealed(self._wrapping, self._context(number), key)
        stored = self._path.read_bytes()
        slots = range(_SLOTS, len(stored), _SLOT.size)
        numbers = {at: _SLOT.unpack_from(stored.ljust(at + 64, b"\0"), at)[0] for at in slots}
        free = [at for at, taken in numbers.items() if taken in {0, number}]
        self._write(free[0] if free else len(stored), _SLOT.pack(number, wrapped))
        self._keys[number] = key

    def destroy(self, numbers: Iterable[int]) -> None:
        """Overwrite the keys of these segments: what they sealed is noise from now on."""
        doomed = set(numbers)
        stored = self._path.read_bytes()
        for at in range(_SLOTS, len(stored) - _SLOT.size + 1, _SLOT.size):
            if _SLOT.unpack_from(stored, at)[0] in doomed:
                self._write(at, bytes(_SLOT.size))
        for number in doomed:
            self._keys.pop(number, None)

    def keep_only(self, numbers: Iterable[int]) -> None:
        """Destroy the keys of all other segments."""
        self.destroy(self._keys.keys() - set(numbers))

    def _write(self, at: int, data: bytes) -> None:
        with self._path.open("r+b") as file:
            file.seek(at)
            file.write(data)
            file.flush()
            os.fsync(file.fileno())


def _stretched(secret: str | bytes, salt: bytes, log_n: int, r: int, p: int) -> bytes:
    if isinstance(secret, str):
        secret = unicodedata.normalize("NFC", secret).encode()
    if not secret:
        raise GalleryError("the passphrase or key file is empty; give one that is not")
    return hashlib.scrypt(
        secret, salt=salt, n=1 << log_n, r=r, p=p, maxmem=256 * r * (1 << log_n), dklen=32
    )
