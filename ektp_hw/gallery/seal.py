# SPDX-License-Identifier: Apache-2.0
"""What guards the stored bytes of a block: a check, and in an encrypted gallery a cipher."""

from __future__ import annotations

import struct
import zlib
from typing import TYPE_CHECKING, Protocol, TypeAlias

from ektp_hw.errors import GalleryDamaged
from ektp_hw.gallery.layout import COLUMNS

if TYPE_CHECKING:
    from collections.abc import Iterable

Stored: TypeAlias = bytes | memoryview

__all__ = ["PlainSeal", "PlainSeals", "Seal", "Seals", "Stored", "context_of"]

_CHECK = struct.Struct("<II")


_CONTEXT = struct.Struct("<III")


def context_of(number: int, column: int, block: int) -> bytes:
    """Return what binds a check to its place, so that no two blocks can be exchanged."""
    return _CONTEXT.pack(number, column, block)


def _is_templates(context: bytes) -> bool:
    return COLUMNS[_CONTEXT.unpack(context)[1]] == "templates"


class Seal(Protocol):
    """How one segment's bytes are checked and disguised."""

    check_size: int

    def extended(self, context: bytes, check: bytes, before: Stored, added: Stored, /) -> bytes:
        """Return the check of ``before`` (``check`` holds of it; b"" = nothing) plus ``added``."""

    def holds(self, context: bytes, check: bytes, stored: Stored, /) -> bool:
        """Return whether the bytes are those that the check was made of."""

    def disguise(self, offset: int, data: Stored, /) -> Stored:
        """Encrypt or (the same thing) decrypt the bytes that lie at this offset of the file."""

    def reveal_into(self, offset: int, stored: Stored, room: memoryview, /) -> None:
        """Decrypt the bytes that lie at this offset of the file into ``room``, of their size."""

    def hide(self, seq: int, name: str, /) -> str | bytes:
        """Return a person's name as the ledger keeps it."""

    def reveal(self, seq: int, name: str | bytes, /) -> str:
        """Return the name that `hide` was given.

        Raises
        ------
        GalleryDamaged
            If it cannot be read.
        """


class Seals(Protocol):
    """Where the seals of a gallery's segments come from."""

    encrypted: bool

    def of(self, number: int, /) -> Seal:
        """Return the seal of a segment."""

    def make(self, number: int, /) -> None:
        """Make one for a new segment."""

    def destroy(self, numbers: Iterable[int], /) -> None:
        """Do away with those of segments that are gone."""

    def keep_only(self, numbers: Iterable[int], /) -> None:
        """Do away with those of all other segments."""


class PlainSeal:
    """A CRC-32 for each column of a block, for the templates an Adler-32 as well; no disguise.

    A template ends with its own CRC-32, and the CRC-32 of anything that does so is the same: that
    alone would not notice a template in another's place.
    """

    check_size = _CHECK.size

    def extended(self, context: bytes, check: bytes, before: Stored, added: Stored) -> bytes:  # noqa: ARG002
        """Go on with the CRC where it stands: what was damaged before is not made good."""
        crc, adler = _CHECK.unpack(check) if check else (zlib.crc32(context), 1)
        second = zlib.adler32(added, adler) if _is_templates(context) else adler
        return _CHECK.pack(zlib.crc32(added, crc), second)

    def holds(self, context: bytes, check: bytes, stored: Stored) -> bool:
        """Compute the CRC anew."""
        return check == self.extended(context, b"", b"", stored)

    def disguise(self, offset: int, data: Stored) -> Stored:  # noqa: ARG002
        """Leave the bytes as they are."""
        return data

    def reveal_into(self, offset: int, stored: Stored, room: memoryview) -> None:  # noqa: ARG002
        """Copy the bytes."""
        room[:] = stored

    def hide(self, seq: int, name: str) -> str | bytes:  # noqa: ARG002
        """Leave the name as it is."""
        return name

    def reveal(self, seq: int, name: str | bytes) -> str:
        """Return the name, which was never hidden."""
        if isinstance(name, bytes):
            raise GalleryDamaged(f"the name of person {seq} is none; enrol the person anew")
        return name


class PlainSeals:
    """The same seal for every segment, nothing to keep and nothing to destroy."""

    encrypted = False

    def of(self, number: int) -> Seal:  # noqa: ARG002
        """Return it."""
        return PlainSeal()

    def make(self, number: int) -> None:
        """There is nothing to make."""

    def destroy(self, numbers: Iterable[int]) -> None:
        """There is nothing to destroy."""

    def keep_only(self, numbers: Iterable[int]) -> None:
        """There is nothing to destroy."""
