# SPDX-License-Identifier: Apache-2.0
"""Pictures for the screens of Wacom's STU pads: how they are encoded and cut into reports.

Encodings (le2ni/stusign docs/protocol-evidence.md): mono, eight pixels a byte, the first in the
highest bit, 1 for white, rows padded white; the same through zlib; RGB565 as big-endian words;
blue, green and red bytes. A block report holds a little-endian count and at most 253 bytes.
"""

from __future__ import annotations

import zlib
from enum import IntEnum
from typing import TYPE_CHECKING

from ektp_hw.transport.stu_reports import EncodingFlag

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np
    import numpy.typing as npt

    Picture = npt.NDArray[np.uint8]

__all__ = ["BLOCK_BYTES", "Encoding", "blocks", "choose", "encode"]

BLOCK_BYTES = 253
"""Bytes of a picture in one report over HID; in serial mode the pad tells another length."""
_MIDDLE_GREY = 128


class Encoding(IntEnum):
    """The encoding's number in the reports that start a picture."""

    MONO = 0x00
    MONO_ZLIB = 0x01
    RGB565 = 0x02
    BGR24 = 0x04


def choose(picture: Picture, offered: EncodingFlag) -> Encoding:
    """Choose the shortest encoding on offer that loses nothing, or the one that loses least.

    Parameters
    ----------
    picture
        Shape (height, width) for grey or (height, width, 3) for red, green, blue; uint8.
    offered
        What the pad takes.
    """
    mono = Encoding.MONO_ZLIB if EncodingFlag.ZLIB in offered else Encoding.MONO
    if not offered & (EncodingFlag.RGB565 | EncodingFlag.BGR24):
        return mono
    if EncodingFlag.MONO in offered and _is_black_and_white(picture):
        return mono
    if EncodingFlag.RGB565 not in offered:
        return Encoding.BGR24
    if EncodingFlag.BGR24 in offered and not _fits_565(picture):
        return Encoding.BGR24
    return Encoding.RGB565


def encode(picture: Picture, encoding: Encoding) -> bytes:
    """Encode a picture; mono draws what is darker than middle grey."""
    import numpy as np

    if encoding in {Encoding.MONO, Encoding.MONO_ZLIB}:
        white = _grey(picture) >= _MIDDLE_GREY
        padded = np.pad(white, ((0, 0), (0, -white.shape[1] % 8)), constant_values=True)
        packed = np.packbits(padded, axis=1).tobytes()
        return zlib.compress(packed, 9) if encoding is Encoding.MONO_ZLIB else packed
    colour = _colour(picture)
    if encoding is Encoding.BGR24:
        return np.ascontiguousarray(colour[..., ::-1]).tobytes()
    red, green, blue = (colour[..., part].astype(np.uint16) for part in range(3))
    return (red >> 3 << 11 | green >> 2 << 5 | blue >> 3).astype(">u2").tobytes()


def blocks(data: bytes, size: int = BLOCK_BYTES) -> Iterator[bytes]:
    """Cut encoded data into the contents of block reports: a count and `size` bytes each."""
    for at in range(0, len(data), size):
        part = data[at : at + size]
        yield len(part).to_bytes(2, "little") + part.ljust(size, b"\0")


def _is_black_and_white(picture: Picture) -> bool:
    one = picture if picture.ndim == 2 else picture[..., :1]
    return bool(((one == 0) | (one == 255)).all() and (picture == one).all())


def _fits_565(picture: Picture) -> bool:
    """Whether no colour changes when low bits are cut off and filled again from the high ones."""
    colour = _colour(picture)
    red_blue, green = colour[..., ::2], colour[..., 1]
    return bool(
        (red_blue == (red_blue & 0xF8 | red_blue >> 5)).all()
        and (green == (green & 0xFC | green >> 6)).all()
    )


def _grey(picture: Picture) -> npt.NDArray[np.float64]:
    """Return luma as ITU-R BT.601 weighs the colours."""
    import numpy as np

    if picture.ndim == 2:
        return picture.astype(np.float64)
    return np.asarray(picture @ np.array([0.299, 0.587, 0.114]), np.float64)


def _colour(picture: Picture) -> Picture:
    import numpy as np

    return picture if picture.ndim == 3 else np.repeat(picture[..., None], 3, axis=2)
