# SPDX-License-Identifier: Apache-2.0
"""What guards the stored bytes of a block: a check, and in an encrypted gallery a cipher."""

from __future__ import annotations

import struct
import zlib
from typing import TYPE_CHECKING, Protocol

from ektp_hw.gallery.layout import COLUMNS

if TYPE_CHECKING:
    from typing_extensions import Buffer

__all__ = ["PlainSeal", "Seal", "context_of"]

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
    """A CRC-32 for each column of a block, for the templates an Adler-32 as well; no disguise.

    A template ends with its own CRC-32, and the CRC-32 of anything that does so is the same: that
    alone would not notice a template in another's place.
    """

    check_size = _CHECK.size

    def extended(self, context: bytes, check: bytes, before: Buffer, added: Buffer) -> bytes:  # noqa: ARG002
        """Go on with the CRC where it stands: what was damaged before is not made good."""
        crc, adler = _CHECK.unpack(check) if check else (zlib.crc32(context), 1)
        second = zlib.adler32(added, adler) if _is_templates(context) else adler
        return _CHECK.pack(zlib.crc32(added, crc), second)

    def holds(self, context: bytes, check: bytes, stored: Buffer) -> bool:
        """Compute the CRC anew."""
        return check == self.extended(context, b"", b"", stored)

    def disguise(self, offset: int, data: Buffer) -> Buffer:  # noqa: ARG002
        """Leave the bytes as they are."""
        return data
