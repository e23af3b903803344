# SPDX-License-Identifier: Apache-2.0
"""Seals: authentication codes whose keys are destroyed after use.

Seal number ``i`` is an HMAC under key ``i``; key ``i + 1`` is the hash of key ``i``, which is then
overwritten. Whoever takes the machine later cannot make the old seals anew. Who was given key 0,
the *verification key*, when the recorder was installed, can check them all (the scheme of Schneier
and Kelsey, "Secure Audit Logs to Support Computer Forensics", 1999, reduced to its seals). Until
somebody takes it, the verification key lies on the machine and proves nothing against its owner.
"""

from __future__ import annotations

import hmac
import json
import secrets
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING

from ektp_hw.diagnostics.journal.place import beside, put, refused
from ektp_hw.errors import StationError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["SealKey", "Sealed", "code_of", "kept_verification_key", "key_number", "take_key"]

_CODE_LENGTH = 32


@dataclass(frozen=True)
class Sealed:
    """How far a journal was sealed: number of the last seal, and records up to it."""

    number: int
    records: int


class SealKey:
    """The key of the next seal, in its file.

    Raises
    ------
    StationError
        If the file cannot be read or made, or is damaged.
    """

    def __init__(self, journal: Path, *, fresh: bool) -> None:
        self._journal = journal
        self._path = beside(journal, "key")
        try:
            if fresh or not self._path.exists():
                first = secrets.token_bytes(32)
                put(beside(journal, "verify"), first.hex().encode() + b"\n", mode=0o600)
                self.number, self._key = 0, first
                self._store()
            else:
                number, key = self._path.read_text("ascii").split()
                self.number, self._key = int(number), bytes.fromhex(key)
        except OSError as error:
            raise refused(self._path, error) from error
        except ValueError as error:
            raise StationError(
                f"{self._path}: is damaged; move it away and the recorder goes on with a new key"
            ) from error
        if len(self._key) != 32:
            raise StationError(
                f"{self._path}: is damaged; move it away and the recorder goes on with a new key"
            )

    def code(self, records: int, head: str, link: bytes) -> str:
        """Return the code of the seal that is next."""
        return code_of(self._key, self.number, records, head, link)

    def destroy(self, records: int) -> None:
        """Overwrite this key with its hash, once its seal is on the disk."""
        sealed = {"number": self.number, "records": records}
        put(beside(self._journal, "sealed"), json.dumps(sealed).encode() + b"\n")
        self.number, self._key = self.number + 1, _next(self._key)
        self._store()

    def skip_to(self, number: int) -> None:
        """Go on to a later key: a seal was written and the machine died before `destroy`."""
        while self.number < number:
            self.number, self._key = self.number + 1, _next(self._key)
        self._store()

    def _store(self) -> None:
        put(self._path, f"{self.number} {self._key.hex()}\n".encode(), mode=0o600)


def code_of(key: bytes, number: int, records: int, head: str, link: bytes) -> str:
    """Return the authentication code of a seal."""
    text = f"{number} {records} {head} {link.decode('ascii', 'replace')}"
    return hmac.new(key, text.encode(), sha256).hexdigest()[:_CODE_LENGTH]


def key_number(first: bytes, number: int, *, known: tuple[int, bytes] | None = None) -> bytes:
    """Return a key by its number from the verification key, or from a known earlier one."""
    at, key = known if known is not None and known[0] <= number else (0, first)
    for _ in range(number - at):
        key = _next(key)
    return key


def kept_verification_key(journal: Path) -> bytes | None:
    """Return the verification key if it still lies on this machine and may be read."""
    try:
        return bytes.fromhex(beside(journal, "verify").read_text("ascii"))
    except (OSError, ValueError):
        return None


def take_key(journal: Path) -> str:
    """Return the verification key and remove it from this machine; it can be had once.

    Raises
    ------
    StationError
        If it was taken before, or may not be read by this user.
    """
    path = beside(journal, "verify")
    try:
        key = path.read_text("ascii").strip()
        path.unlink()
    except FileNotFoundError as error:
        raise StationError(
            f"{path}: the verification key was taken before, or there is no journal; ask whoever "
            "installed the recorder for it"
        ) from error
    except OSError as error:
        raise refused(path, error, doing="taken") from error
    return key


def sealed_so_far(journal: Path) -> Sealed | None:
    """Return how far the files beside a journal say that it was sealed; None if they are absent."""
    told = []
    with suppress(OSError, ValueError, KeyError, TypeError):
        table = json.loads(beside(journal, "sealed").read_text("utf-8"))
        told.append(Sealed(int(table["number"]), int(table["records"])))
    with suppress(OSError, ValueError):
        number = int(beside(journal, "key").read_text("ascii").split()[0]) - 1
        if number >= 0:
            told.append(Sealed(number, 0))
    return max(told, key=lambda each: (each.number, each.records), default=None)


def _next(key: bytes) -> bytes:
    return sha256(b"next" + key).digest()
