# SPDX-License-Identifier: Apache-2.0
"""What guards the stored bytes of a block: a check, and in an encrypted gallery a cipher."""

from __future__ import annotations

import struct
import zlib
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from typing_extensions import Buffer

__all__ = ["PlainSeal", "Seal", "context_of"]

_CHECK = struct.Struct("<I")


def context_of(number: int, column: int, block: int) -> bytes:
    """Return what binds a check to its place, so that no two blocks can be exchanged."""
    return struct.pack("<III", number, column, block)


class Seal(Protocol):
    """How one segment's bytes are checked and disguised."""

    check_size: int

    def extended(self, context: bytes, check: bytes, before: Buffer, added: Buffer, /) -> bytes:
        """Return the check of ``before`` (stored under ``check``; b"" = nothing) plus ``added``.

        Raises
        ------
        ValueError
            If ``before`` was looked at and is not what ``check`` was made of.
        """

    def holds(self, context: bytes, check: bytes, stored: Buffer, /) -> bool:
        """Return whether the bytes are those that the check was made of."""

    def disguise(self, offset: int, data: Buffer, /) -> Buffer:
        """Encrypt or (the same thing) decrypt the bytes that lie at this offset of the file."""


class PlainSeal:
    """A CRC-32 for each block, and no disguise."""

    check_size = _CHECK.size

    def extended(self, context: bytes, check: bytes, before: Buffer, added: Buffer) -> bytes:  # noqa: ARG002
        """Go on with the CRC where it stands: what was damaged before is not made good."""
        start = _CHECK.unpack(check)[0] if check else zlib.crc32(context)
        return _CHECK.pack(zlib.crc32(added, start))

    def holds(self, context: bytes, check: bytes, stored: Buffer) -> bool:
        """Compute the CRC anew."""
        return check == _CHECK.pack(zlib.crc32(stored, zlib.crc32(context)))

    def disguise(self, offset: int, data: Buffer) -> Buffer:  # noqa: ARG002
        """Leave the bytes as they are."""
        return data
