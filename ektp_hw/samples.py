# SPDX-License-Identifier: Apache-2.0
"""What flows from devices to recognition: samples, and the ISO codes that name them.

A sample checks itself when it is made, so that everything behind it can rely on shape, type and
resolution. Codes follow ISO/IEC 19794-2 and 19794-4 (finger positions, impressions) and 19794-6
(eyes).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum
from typing import TYPE_CHECKING

from ektp_hw.errors import SampleError

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    import numpy.typing as npt

__all__ = [
    "MAX_PIXELS",
    "MAX_PPI",
    "MIN_PPI",
    "CardContents",
    "Eye",
    "FingerPosition",
    "FingerprintImage",
    "Impression",
    "IrisImage",
    "SignatureTrace",
]

MIN_PPI = 100
"""Pixels per inch below which ridges (about 0.45 mm apart) can no longer be told apart."""
MAX_PPI = 2000
"""Pixels per inch above which no fingerprint device exists; a larger value is a mistaken unit."""
MAX_PIXELS = 36_000_000
"""Largest picture accepted: a 10 cm by 10 cm platen at 1000 ppi is 16 million pixels."""


class FingerPosition(IntEnum):
    """Which finger, or which group of fingers (ISO/IEC 19794-2 and -4 codes)."""

    UNKNOWN = 0
    RIGHT_THUMB = 1
    RIGHT_INDEX = 2
    RIGHT_MIDDLE = 3
    RIGHT_RING = 4
    RIGHT_LITTLE = 5
    LEFT_THUMB = 6
    LEFT_INDEX = 7
    LEFT_MIDDLE = 8
    LEFT_RING = 9
    LEFT_LITTLE = 10
    RIGHT_FOUR = 13
    LEFT_FOUR = 14
    TWO_THUMBS = 15


class Impression(IntEnum):
    """How the print was made (ISO/IEC 19794-4 codes)."""

    LIVE_PLAIN = 0
    LIVE_ROLLED = 1
    NONLIVE_PLAIN = 2
    NONLIVE_ROLLED = 3
    LATENT = 7
    SWIPE = 8
    CONTACTLESS = 24
    OTHER = 28
    UNKNOWN = 29


class Eye(IntEnum):
    """Which eye (ISO/IEC 19794-6 codes)."""

    UNKNOWN = 0
    RIGHT = 1
    LEFT = 2


@dataclass(frozen=True, eq=False)
class FingerprintImage:
    """One finger's picture: dark ridges on a light ground.

    Parameters
    ----------
    pixels
        Grey values, shape (height, width), uint8; kept as a read-only contiguous array.
    ppi
        True resolution in pixels per inch, the same along both axes.
    position, impression
        ISO codes; unknown unless the capture plan says.
    source
        URI of the device or name of the file the picture came from.
    judgement
        What the judge of an auto-capture made of it, higher for better; None without one.

    Raises
    ------
    SampleError
        If the pixels are no two-dimensional uint8 picture of 1 to `MAX_PIXELS` pixels, or the
        resolution lies outside `MIN_PPI` to `MAX_PPI`.
    """

    pixels: npt.NDArray[np.uint8]
    ppi: float = 500.0
    position: FingerPosition = FingerPosition.UNKNOWN
    impression: Impression = Impression.LIVE_PLAIN
    source: str = ""
    judgement: float | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "pixels", grey_picture(self.pixels, source=self.source))
        object.__setattr__(self, "ppi", checked_ppi(self.ppi, source=self.source))

    @property
    def width(self) -> int:
        """Columns, in pixels."""
        return int(self.pixels.shape[1])

    @property
    def height(self) -> int:
        """Rows, in pixels."""
        return int(self.pixels.shape[0])


@dataclass(frozen=True, eq=False)
class IrisImage:
    """One eye in near infrared: grey values, shape (height, width), uint8, read-only.

    The other parameters are as for `FingerprintImage`.

    Raises
    ------
    SampleError
        As for `FingerprintImage`.
    """

    pixels: npt.NDArray[np.uint8]
    eye: Eye = Eye.UNKNOWN
    source: str = ""
    judgement: float | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "pixels", grey_picture(self.pixels, source=self.source))


@dataclass(frozen=True, eq=False)
class SignatureTrace:
    """A pen's path over a pad, one row a report.

    Parameters
    ----------
    seconds
        Time of each report on a monotonic clock, shape (n,), float64, not falling.
    x_mm, y_mm
        Pen position in millimetres from the pad's upper left corner, shape (n,), float64.
    pressure
        0 (hovering) to 1 (the pad's maximum), shape (n,), float64.
    dropped
        Reports known to be lost on their way; at least so many where the pad does not count.

    Raises
    ------
    SampleError
        If the columns differ in length, hold NaN, or time runs backwards.
    """

    seconds: npt.NDArray[np.float64]
    x_mm: npt.NDArray[np.float64]
    y_mm: npt.NDArray[np.float64]
    pressure: npt.NDArray[np.float64]
    dropped: int = 0
    source: str = ""

    def __post_init__(self) -> None:
        import numpy as np

        for name in ("seconds", "x_mm", "y_mm", "pressure"):
            column = np.array(getattr(self, name), dtype=np.float64)
            if column.ndim != 1 or column.shape != np.shape(self.seconds):
                raise SampleError(f"{_where(self.source)}the signature's columns differ in length")
            if not np.isfinite(column).all():
                raise SampleError(f"{_where(self.source)}the signature's {name} holds no numbers")
            column.flags.writeable = False
            object.__setattr__(self, name, column)
        if (np.diff(self.seconds) < 0).any():
            raise SampleError(f"{_where(self.source)}the signature's time runs backwards")
        if len(self.pressure) and not (0 <= self.pressure.min() <= self.pressure.max() <= 1):
            raise SampleError(f"{_where(self.source)}the signature's pressure leaves 0 to 1")

    def __len__(self) -> int:
        return len(self.seconds)


@dataclass(frozen=True)
class CardContents:
    """What a card gave; what a KTP-el protects is among it only where a SAM unlocked it.

    Parameters
    ----------
    answer_to_reset
        ATR of ISO/IEC 7816-3 (for contactless cards as PC/SC part 3 composes it).
    uid
        Serial number of the contactless chip; empty where the reader does not tell.
    files
        Content of each file that could be read, by its name, byte for byte as the card holds it.
    unreadable
        Why a known file could not be read, by its name.
    """

    answer_to_reset: bytes
    uid: bytes = b""
    files: Mapping[str, bytes] = field(default_factory=dict)
    unreadable: Mapping[str, str] = field(default_factory=dict)
    source: str = ""


def grey_picture(pixels: object, *, source: str = "") -> npt.NDArray[np.uint8]:
    """Return the pixels as a read-only contiguous uint8 picture, or say why they are none."""
    import numpy as np

    array = np.asarray(pixels)
    if array.dtype != np.uint8:
        raise SampleError(
            f"{_where(source)}the picture's values are {array.dtype}, not 8-bit grey (uint8); "
            "convert it to 8-bit grey first"
        )
    if array.ndim != 2:
        raise SampleError(
            f"{_where(source)}the picture has shape {array.shape}, not (height, width); "
            "convert it to one grey channel first"
        )
    if not 1 <= array.size <= MAX_PIXELS:
        raise SampleError(
            f"{_where(source)}a picture of {array.shape[1]} x {array.shape[0]} pixels cannot be "
            f"taken (1 to {MAX_PIXELS:,} pixels can); crop it to the fingers"
        )
    if array.flags.writeable or not array.flags.c_contiguous:
        array = np.array(array, order="C")
        array.flags.writeable = False
    return array


def checked_ppi(ppi: object, *, source: str = "") -> float:
    """Return the resolution as a float, or say why it is none."""
    try:
        value = float(ppi)  # type: ignore[arg-type]  # whatever float() takes
    except (TypeError, ValueError):
        value = float("nan")
    if not MIN_PPI <= value <= MAX_PPI:
        raise SampleError(
            f"{_where(source)}a resolution of {ppi} pixels per inch cannot be right; give the "
            f"scanner's true value, between {MIN_PPI} and {MAX_PPI}"
        )
    return value


def _where(source: str) -> str:
    return f"{source}: " if source else ""
