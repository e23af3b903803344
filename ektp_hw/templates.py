# SPDX-License-Identifier: Apache-2.0
"""What recognition makes of a sample: a few hundred bytes that can be compared.

A `FingerprintTemplate` holds columns of numbers on the grid of its stored form, so that writing
and reading gives back the very same template.

Stored form, version 2, little-endian (40 minutiae take 256 bytes, a finger's ridge flow 160)::

    offset size
      0     4   magic "EKFT"
      4     1   version (2; version 1 is the same without ridge flow)
      5     1   1 if ridge flow follows, else 0
      6     2   width,  pixels at 500 ppi
      8     2   height, pixels at 500 ppi
     10     2   n, number of minutiae
     12    2n   x, sixteenths of a pixel at 500 ppi
           2n   y
            n   direction, 1/256 of a turn
            n   kind (2 high bits) and reliability (6 low bits q: 1 - (1 - q / 63)^2, finer near 1;
                in version 1 q / 63)
    ceil(c/8)   which of the c cells of 32 x 32 pixels, row by row, show ridges (high bit first)
            m   orientation of each of these m cells, 1/256 of half a turn
            m   ridge period of each, twelfths of a pixel at 500 ppi
            4   CRC-32 of everything before it
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING, Any

import numpy as np

from ektp_hw.errors import TemplateError

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = [
    "DIRECTION_STEPS",
    "FLOW_CELL",
    "FLOW_STEPS",
    "MAX_MINUTIAE",
    "PERIOD_STEPS",
    "RELIABILITIES",
    "FingerprintTemplate",
    "MinutiaKind",
    "RidgeFlow",
    "steps_of_reliability",
]

MAX_MINUTIAE = 255
"""As in ISO/IEC 19794-2: a count fits a byte."""
FLOW_CELL = 32
"""Side of a cell of the ridge flow in pixels at 500 ppi: three to four ridges."""
_MAGIC = b"EKFT"
_VERSION = 2
_HEADER = struct.Struct("<4sBBHHH")
_STEPS_PER_PIXEL = 16
DIRECTION_STEPS = 256
"""Of a turn: the grid of minutia directions."""
_STEPS_OF_RELIABILITY = 63
RELIABILITIES = (1 - (1 - np.arange(64) / _STEPS_OF_RELIABILITY) ** 2).astype(np.float32)
"""Every reliability that a stored minutia can have, (64,)."""
RELIABILITIES.flags.writeable = False
FLOW_STEPS = 256
"""Of half a turn: the grid of ridge orientations."""
PERIOD_STEPS = 12
"""Of a pixel at 500 ppi: the grid of ridge periods."""
_MAX_SIDE = 65_535 // _STEPS_PER_PIXEL


class MinutiaKind(IntEnum):
    """What a ridge does at the minutia (ISO/IEC 19794-2 codes)."""

    OTHER = 0
    ENDING = 1
    BIFURCATION = 2


@dataclass(frozen=True, eq=False)
class RidgeFlow:
    """How the ridges run and how far apart they lie, in cells of `FLOW_CELL` pixels; read-only.

    Make one with `from_fields`, which rounds to the grid of the stored form.

    Parameters
    ----------
    orientation
        Along the ridge, radians in [0, pi), counter-clockwise from the x axis as seen on the
        picture; NaN where no ridges are seen; (rows, columns) float32.
    period
        From ridge to ridge, pixels at 500 ppi, below 21.3; NaN likewise; (rows, columns) float32.
    """

    orientation: npt.NDArray[np.float32]
    period: npt.NDArray[np.float32]

    @classmethod
    def from_fields(cls, orientation: npt.ArrayLike, period: npt.ArrayLike) -> RidgeFlow:
        """Round to the stored grid; a cell without either value, or with period 0, has neither.

        Raises
        ------
        TemplateError
            If the two fields are no tables of one shape.
        """
        angles = np.asarray(orientation, np.float64)
        periods = np.asarray(period, np.float64)
        if angles.ndim != 2 or angles.shape != periods.shape:
            raise TemplateError("orientation and period are tables of one shape; give both so")
        with np.errstate(invalid="ignore"):
            seen = np.isfinite(angles) & (periods > 0) & np.isfinite(periods)
        turns = np.rint(np.where(seen, angles, 0) * (FLOW_STEPS / np.pi))
        steps = np.rint(np.where(seen, periods, 1) * PERIOD_STEPS)
        return cls._from_grid(
            seen,
            (turns % FLOW_STEPS).astype(np.uint8)[seen],
            np.clip(steps, 1, 255).astype(np.uint8)[seen],
        )

    @classmethod
    def _from_grid(
        cls,
        seen: npt.NDArray[np.bool_],
        turns: npt.NDArray[np.uint8],
        steps: npt.NDArray[np.uint8],
    ) -> RidgeFlow:
        orientation = np.full(seen.shape, np.nan, np.float32)
        period = np.full(seen.shape, np.nan, np.float32)
        orientation[seen] = turns * np.float32(np.pi / FLOW_STEPS)
        period[seen] = steps / np.float32(PERIOD_STEPS)
        orientation.flags.writeable = period.flags.writeable = False
        return cls(orientation, period)

    def to_bytes(self) -> bytes:
        """Return the stored form: which cells are seen, their orientations, their periods."""
        seen = ~np.isnan(self.period)
        turns = np.rint(self.orientation[seen] * (FLOW_STEPS / np.pi))
        steps = np.rint(self.period[seen] * PERIOD_STEPS)
        return b"".join(
            (
                np.packbits(seen).tobytes(),
                turns.astype(np.uint8).tobytes(),
                steps.astype(np.uint8).tobytes(),
            )
        )

    @classmethod
    def from_bytes(cls, stored: bytes, width: int, height: int) -> RidgeFlow:
        """Read the stored form of a picture of that size in pixels at 500 ppi.

        Raises
        ------
        TemplateError
            If the length is not that of the cells marked, or a period is 0.
        """
        rows, columns = flow_shape(width, height)
        bits = -(-rows * columns // 8)
        cells = np.unpackbits(np.frombuffer(stored[:bits], np.uint8))
        count = int(cells[: rows * columns].sum())
        if len(stored) != bits + 2 * count or cells[rows * columns :].any():
            raise TemplateError("the template's ridge flow is not as long as its cells say")
        steps = np.frombuffer(stored, np.uint8, count, bits + count)
        if not steps.all():
            raise TemplateError("the template's ridge flow has a ridge period of 0")
        seen = cells[: rows * columns].reshape(rows, columns).astype(bool)
        return cls._from_grid(seen, np.frombuffer(stored, np.uint8, count, bits), steps)


def steps_of_reliability(reliability: npt.NDArray[Any]) -> npt.NDArray[np.uint8]:
    """Return the place in `RELIABILITIES` of what lies nearest to each value, 0 to 1."""
    steps = (1 - np.sqrt(1 - reliability.astype(np.float64))) * _STEPS_OF_RELIABILITY
    return np.asarray(np.rint(steps), np.uint8)


def flow_shape(width: int, height: int) -> tuple[int, int]:
    """Return rows and columns of cells that cover a picture of that size."""
    return -(-height // FLOW_CELL), -(-width // FLOW_CELL)


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
        Probability that it is a true minutia of the finger, 0 to 1; float32.
    width, height
        Size of the picture in pixels at 500 ppi.
    flow
        Ridge flow of the same picture, in as many cells as cover it; None where it is not known,
        as in templates of other systems.
    """

    x: npt.NDArray[np.float32]
    y: npt.NDArray[np.float32]
    direction: npt.NDArray[np.float32]
    kind: npt.NDArray[np.uint8]
    reliability: npt.NDArray[np.float32]
    width: int
    height: int
    flow: RidgeFlow | None = None

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
        flow: RidgeFlow | None = None,
    ) -> FingerprintTemplate:
        """Round minutiae to the stored grid; of more than 255 the most reliable are kept.

        Raises
        ------
        TemplateError
            If the columns differ in length, hold NaN, leave the picture, the picture's sides are
            not 1 to 4095 pixels, or the flow does not cover the picture.
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
        if flow is not None and flow.period.shape != flow_shape(width, height):
            raise TemplateError(
                f"a picture of {width} x {height} pixels has {flow_shape(width, height)} cells of "
                f"ridge flow, not {flow.period.shape}"
            )
        if n > MAX_MINUTIAE:
            kept = np.sort(np.argsort(-trust, kind="stable")[:MAX_MINUTIAE])
            columns = [column[kept] for column in columns]
            kinds, trust = kinds[kept], trust[kept]
        return cls._from_grid(
            np.rint(columns[0] * _STEPS_PER_PIXEL).astype(np.uint16),
            np.rint(columns[1] * _STEPS_PER_PIXEL).astype(np.uint16),
            (np.rint(columns[2] * (DIRECTION_STEPS / (2 * np.pi))) % DIRECTION_STEPS).astype(
                np.uint8
            ),
            (kinds * 64 + steps_of_reliability(np.clip(trust, 0, 1))).astype(np.uint8),
            width,
            height,
            flow,
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
        flow: RidgeFlow | None,
    ) -> FingerprintTemplate:
        template = cls(
            x=x.astype(np.float32) / np.float32(_STEPS_PER_PIXEL),
            y=y.astype(np.float32) / np.float32(_STEPS_PER_PIXEL),
            direction=direction.astype(np.float32) * np.float32(2 * np.pi / DIRECTION_STEPS),
            kind=np.right_shift(kind_and_reliability, 6, dtype=np.uint8),
            reliability=RELIABILITIES[kind_and_reliability & 63],
            width=int(width),
            height=int(height),
            flow=flow,
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
        """Return the stored form: 16 + 6 n bytes, and the ridge flow's where there is one."""
        body = b"".join(
            (
                _HEADER.pack(
                    _MAGIC, _VERSION, self.flow is not None, self.width, self.height, len(self)
                ),
                np.rint(self.x * _STEPS_PER_PIXEL).astype("<u2").tobytes(),
                np.rint(self.y * _STEPS_PER_PIXEL).astype("<u2").tobytes(),
                np.rint(self.direction * (DIRECTION_STEPS / (2 * np.pi)))
                .astype(np.uint8)
                .tobytes(),
                (self.kind * 64 + steps_of_reliability(self.reliability))
                .astype(np.uint8)
                .tobytes(),
                b"" if self.flow is None else self.flow.to_bytes(),
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
        magic, version, has_flow, width, height, n = _HEADER.unpack_from(stored)
        if magic != _MAGIC:
            raise TemplateError("these bytes are no fingerprint template of ektp_hw")
        if not 1 <= version <= _VERSION:
            raise TemplateError(
                f"the template has version {version}, this ektp_hw reads versions 1 to {_VERSION}; "
                "install the newer release"
            )
        end = _HEADER.size + 6 * n
        if len(stored) < end + 4 or (has_flow == 0 and len(stored) != end + 4) or has_flow > 1:
            raise TemplateError(
                f"the template of {n} minutiae has {len(stored)} bytes, "
                f"{end + 4} without ridge flow; it was cut or damaged"
            )
        if zlib.crc32(stored[:-4]) != struct.unpack_from("<I", stored, len(stored) - 4)[0]:
            raise TemplateError("the template's checksum is wrong: it was damaged")
        start = _HEADER.size
        x = np.frombuffer(stored, "<u2", n, start)
        y = np.frombuffer(stored, "<u2", n, start + 2 * n)
        kinds = np.frombuffer(stored, np.uint8, n, start + 5 * n).copy()
        if version == 1:
            kinds[:] = (kinds & 192) + steps_of_reliability((kinds & 63) / _STEPS_OF_RELIABILITY)
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
            RidgeFlow.from_bytes(stored[end:-4], width, height) if has_flow else None,
        )
