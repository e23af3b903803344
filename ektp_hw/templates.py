# SPDX-License-Identifier: Apache-2.0
"""What recognition makes of a sample: a few hundred bytes that can be compared.

A `FingerprintTemplate` holds columns of numbers on the grid of its stored form, so that writing
and reading gives back the very same template.

Stored form, version 1, little-endian (40 minutiae take 256 bytes)::

    offset size
      0     4   magic "EKFT"
      4     1   version (1)
      5     1   reserved (0)
      6     2   width,  pixels at 500 ppi
      8     2   height, pixels at 500 ppi
     10     2   n, number of minutiae
     12    2n   x, sixteenths of a pixel at 500 ppi
           2n   y
            n   direction, 1/256 of a turn
            n   kind (2 high bits) and reliability (6 low bits, 63 = 1.0)
            4   CRC-32 of everything before it
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING

import numpy as np

from ektp_hw.errors import TemplateError

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["MAX_MINUTIAE", "FingerprintTemplate", "MinutiaKind"]

MAX_MINUTIAE = 255
"""As in ISO/IEC 19794-2: a count fits a byte."""
_MAGIC = b"EKFT"
_VERSION = 1
_HEADER = struct.Struct("<4sBBHHH")
_STEPS_PER_PIXEL = 16
_STEPS_PER_TURN = 256
_STEPS_OF_RELIABILITY = 63
_MAX_SIDE = 65_535 // _STEPS_PER_PIXEL


class MinutiaKind(IntEnum):
    """What a ridge does at the minutia (ISO/IEC 19794-2 codes)."""

    OTHER = 0
    ENDING = 1
    BIFURCATION = 2


@dataclass(frozen=True, eq=False)
class FingerprintTemplate:
    """The minutiae of one impression, as read-only columns of equal length n (0 to 255).

    Make one with `from_minutiae`, which rounds to the grid of the stored form.

    Parameters
    ----------
    x, y
        Position in pixels at 500 ppi from the upper left corner, y downwards; float32.
    direction
        Radians in [0, 2 pi), counter-clockwise from the x axis as seen on the picture, from the
        minutia along its ridge (ending) or along the valley it encloses (bifurcation), as in
        ISO/IEC 19794-2:2005, 6.4.3; float32.
    kind
        `MinutiaKind` codes; uint8.
    reliability
        0 (surely spurious) to 1 (surely true); float32.
    width, height
        Size of the picture in pixels at 500 ppi.
    """

    x: npt.NDArray[np.float32]
    y: npt.NDArray[np.float32]
    direction: npt.NDArray[np.float32]
    kind: npt.NDArray[np.uint8]
    reliability: npt.NDArray[np.float32]
    width: int
    height: int

    @classmethod
    def from_minutiae(
        cls,
        x: npt.ArrayLike,
        y: npt.ArrayLike,
        direction: npt.ArrayLike,
        *,
        kind: npt.ArrayLike | None = None,
        reliability: npt.ArrayLike | None = None,
        width: int,
        height: int,
    ) -> FingerprintTemplate:
        """Round minutiae to the stored grid; of more than 255 the most reliable are kept.

        Raises
        ------
        TemplateError
            If the columns differ in length, hold NaN, leave the picture, or the picture's sides
            are not 1 to 4095 pixels.
        """
        columns = [np.asarray(column, dtype=np.float64).ravel() for column in (x, y, direction)]
        n = len(columns[0])
        kinds = np.zeros(n, np.uint8) if kind is None else np.asarray(kind, np.int64).ravel()
        trust = np.ones(n) if reliability is None else np.asarray(reliability, np.float64).ravel()
        if any(len(column) != n for column in (*columns, kinds, trust)):
            raise TemplateError("the minutiae's columns differ in length; give one value each")
        if not all(np.isfinite(column).all() for column in (*columns, trust)):
            raise TemplateError("a minutia's position, direction or reliability is not a number")
        if not (1 <= width <= _MAX_SIDE and 1 <= height <= _MAX_SIDE):
            raise TemplateError(
                f"a picture of {width} x {height} pixels at 500 ppi has no template; "
                f"sides of 1 to {_MAX_SIDE} have"
            )
        if n and not (
            0 <= columns[0].min() <= columns[0].max() <= width
            and 0 <= columns[1].min() <= columns[1].max() <= height
        ):
            raise TemplateError(f"a minutia lies outside its picture of {width} x {height} pixels")
        if n and not (0 <= kinds.min() <= kinds.max() <= max(MinutiaKind)):
            raise TemplateError("a minutia's kind is none of other, ending and bifurcation")
        if n > MAX_MINUTIAE:
            kept = np.sort(np.argsort(-trust, kind="stable")[:MAX_MINUTIAE])
            columns = [column[kept] for column in columns]
            kinds, trust = kinds[kept], trust[kept]
        return cls._from_grid(
            np.rint(columns[0] * _STEPS_PER_PIXEL).astype(np.uint16),
            np.rint(columns[1] * _STEPS_PER_PIXEL).astype(np.uint16),
            (np.rint(columns[2] * (_STEPS_PER_TURN / (2 * np.pi))) % _STEPS_PER_TURN).astype(
                np.uint8
            ),
            (kinds * 64 + np.rint(np.clip(trust, 0, 1) * _STEPS_OF_RELIABILITY)).astype(np.uint8),
            width,
            height,
        )

    @classmethod
    def _from_grid(
        cls,
        x: npt.NDArray[np.uint16],
        y: npt.NDArray[np.uint16],
        direction: npt.NDArray[np.uint8],
        kind_and_reliability: npt.NDArray[np.uint8],
        width: int,
        height: int,
    ) -> FingerprintTemplate:
        template = cls(
            x=x.astype(np.float32) / np.float32(_STEPS_PER_PIXEL),
            y=y.astype(np.float32) / np.float32(_STEPS_PER_PIXEL),
            direction=direction.astype(np.float32) * np.float32(2 * np.pi / _STEPS_PER_TURN),
            kind=np.right_shift(kind_and_reliability, 6, dtype=np.uint8),
            reliability=(kind_and_reliability & 63).astype(np.float32)
            / np.float32(_STEPS_OF_RELIABILITY),
            width=int(width),
            height=int(height),
        )
        for column in (
            template.x,
            template.y,
            template.direction,
            template.kind,
            template.reliability,
        ):
            column.flags.writeable = False
        return template

    def __len__(self) -> int:
        return len(self.x)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, FingerprintTemplate):
            return NotImplemented
        return self.to_bytes() == other.to_bytes()

    def __hash__(self) -> int:
        return hash(self.to_bytes())

    def to_bytes(self) -> bytes:
        """Return the stored form, 16 + 6 n bytes."""
        body = b"".join(
            (
                _HEADER.pack(_MAGIC, _VERSION, 0, self.width, self.height, len(self)),
                np.rint(self.x * _STEPS_PER_PIXEL).astype("<u2").tobytes(),
                np.rint(self.y * _STEPS_PER_PIXEL).astype("<u2").tobytes(),
                np.rint(self.direction * (_STEPS_PER_TURN / (2 * np.pi)))
                .astype(np.uint8)
                .tobytes(),
                (self.kind * np.uint8(64) + np.rint(self.reliability * _STEPS_OF_RELIABILITY))
                .astype(np.uint8)
                .tobytes(),
            )
        )
        return body + struct.pack("<I", zlib.crc32(body))

    @classmethod
    def from_bytes(cls, stored: bytes | memoryview) -> FingerprintTemplate:
        """Read the stored form.

        Raises
        ------
        TemplateError
            If the bytes are truncated, damaged, of another kind or of a newer version.
        """
        stored = bytes(stored)
        if len(stored) < _HEADER.size + 4:
            raise TemplateError(f"{len(stored)} bytes are too few for a fingerprint template")
        magic, version, _, width, height, n = _HEADER.unpack_from(stored)
        if magic != _MAGIC:
            raise TemplateError("these bytes are no fingerprint template of ektp_hw")
        if version != _VERSION:
            raise TemplateError(
                f"the template has version {version}, this ektp_hw reads version {_VERSION}; "
                "install the newer release"
            )
        if len(stored) != _HEADER.size + 6 * n + 4:
            raise TemplateError(
                f"the template should have {_HEADER.size + 6 * n + 4} bytes and has {len(stored)}"
            )
        if zlib.crc32(stored[:-4]) != struct.unpack_from("<I", stored, len(stored) - 4)[0]:
            raise TemplateError("the template's checksum is wrong: it was damaged")
        start = _HEADER.size
        x = np.frombuffer(stored, "<u2", n, start)
        y = np.frombuffer(stored, "<u2", n, start + 2 * n)
        kinds = np.frombuffer(stored, np.uint8, n, start + 5 * n)
        if n > MAX_MINUTIAE or (kinds >> 6).max(initial=0) > max(MinutiaKind):
            raise TemplateError("the template's minutiae are not of this version")
        if not (
            max(1, x.max(initial=0) / _STEPS_PER_PIXEL) <= width <= _MAX_SIDE
            and max(1, y.max(initial=0) / _STEPS_PER_PIXEL) <= height <= _MAX_SIDE
        ):
            raise TemplateError(
                f"the template's picture of {width} x {height} pixels cannot be, or cannot hold "
                "its minutiae"
            )
        return cls._from_grid(
            x,
            y,
            np.frombuffer(stored, np.uint8, n, start + 4 * n),
            kinds,
            width,
            height,
        )
