# SPDX-License-Identifier: Apache-2.0
"""Fingerprints in ordinary picture files: PNG, BMP, TIFF, JPEG and PGM, by way of Pillow."""

from __future__ import annotations

import math
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, UnidentifiedImageError

from ektp_hw.errors import SampleError
from ektp_hw.samples import MAX_PIXELS, MIN_PPI, FingerPosition, FingerprintImage, checked_ppi

if TYPE_CHECKING:
    import os

    import numpy.typing as npt

__all__ = ["DEFAULT_PPI", "PICTURE_SUFFIXES", "read_fingerprint_image", "write_fingerprint_image"]

DEFAULT_PPI = 500.0
"""What a file without resolution is taken for: the resolution of ISO/IEC 19794-4 level 31."""
_FORMATS = {
    ".png": "PNG",
    ".bmp": "BMP",
    ".tif": "TIFF",
    ".tiff": "TIFF",
    ".jpg": "JPEG",
    ".jpeg": "JPEG",
    ".pgm": "PPM",
}
PICTURE_SUFFIXES = frozenset(_FORMATS)
"""Endings of the files that are read and written, in lower case."""
_OPAQUE = 255


def read_fingerprint_image(
    path: str | os.PathLike[str],
    ppi: float | None = None,
    *,
    position: FingerPosition = FingerPosition.UNKNOWN,
) -> FingerprintImage:
    """Read one finger's picture.

    Black and white, palette and colour files are taken if every pixel of theirs is grey, files
    with an alpha channel if it is opaque throughout.

    Parameters
    ----------
    path
        A PNG, BMP, TIFF, JPEG or PGM file, told by its content, not by its name.
    ppi
        True pixels per inch. None: what the file says, rounded to a tenth (PNG stores whole
        pixels a metre); without a statement, or with one below `MIN_PPI` (72 and 96 are what
        programs write that know nothing), `DEFAULT_PPI`.
    position
        The finger, if known.

    Raises
    ------
    SampleError
        If the file is missing, no picture, truncated, larger than `MAX_PIXELS` (decided by its
        header, nothing is decoded), coloured, 16-bit, of several pages, or its resolution cannot
        be right.
    """
    source = str(path)
    if ppi is not None:
        checked_ppi(ppi, source=source)
    _check_file(Path(path))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow's doubts; what cannot be used raises below
        try:
            with Image.open(path, formats=sorted(set(_FORMATS.values()))) as image:
                _check_header(image, source)
                pixels = _grey(image, source)
                resolution = _stated_ppi(image, source) if ppi is None else ppi
        except SampleError:
            raise
        except UnidentifiedImageError:
            raise SampleError(
                f"{source}: this is no PNG, BMP, TIFF, JPEG or PGM picture; give one"
            ) from None
        except Image.DecompressionBombError:
            raise SampleError(
                f"{source}: the picture has far more than {MAX_PIXELS:,} pixels; crop it to the "
                "fingers"
            ) from None
        except PermissionError:
            raise SampleError(f"{source}: reading is not permitted; ask its owner") from None
        except Exception as error:  # a decoder's reader of damaged bytes may raise anything
            raise SampleError(
                f"{source}: the picture is damaged or truncated ({error}); copy or capture it anew"
            ) from error
    return FingerprintImage(pixels, resolution, position, source=source)


def write_fingerprint_image(path: str | os.PathLike[str], image: FingerprintImage) -> None:
    """Write a picture in the format of the path's ending, with its resolution.

    PNG, BMP, TIFF and PGM keep every pixel, JPEG (quality 95) does not; PGM has no place for the
    resolution.

    Raises
    ------
    SampleError
        If the ending is none of `PICTURE_SUFFIXES`.
    OSError
        If the file cannot be written.
    """
    suffix = Path(path).suffix.lower()
    if suffix not in _FORMATS:
        raise SampleError(
            f"{path}: pictures are written as {', '.join(sorted(PICTURE_SUFFIXES))}; "
            "choose one of these endings"
        )
    Image.fromarray(image.pixels).save(
        path, format=_FORMATS[suffix], dpi=(image.ppi, image.ppi), quality=95
    )


def _check_file(path: Path) -> None:
    try:
        status = path.stat()
        regular = path.is_file()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise SampleError(f"{path}: the file cannot be read ({reason}); check the path") from None
    if not regular:
        kind = "a folder" if path.is_dir() else "no ordinary file"
        raise SampleError(f"{path}: this is {kind}, not a picture; give a picture file")
    if not status.st_size:
        raise SampleError(f"{path}: the file is empty; copy or capture it anew")


def _check_header(image: Image.Image, source: str) -> None:
    width, height = image.size
    if width * height > MAX_PIXELS:
        raise SampleError(
            f"{source}: a picture of {width} x {height} pixels is too large (at most "
            f"{MAX_PIXELS:,} pixels are taken); crop it to the fingers"
        )
    if getattr(image, "n_frames", 1) > 1:
        raise SampleError(f"{source}: the file holds several pictures; save each finger in its own")


def _grey(image: Image.Image, source: str) -> npt.NDArray[np.uint8]:
    """Return the decoded pixels, shape (height, width), if they are 8-bit grey."""
    if image.mode in {"I", "F"} or image.mode.startswith("I;"):
        raise SampleError(
            f"{source}: the picture has more than 8 bits a pixel; a fingerprint is 8-bit grey, "
            "so convert it first (ImageMagick: convert IN -depth 8 OUT)"
        )
    if image.mode in {"L", "1"}:
        return np.asarray(image.convert("L"))
    if image.mode not in {"P", "PA", "LA", "RGB", "RGBA"}:
        raise SampleError(_COLOUR.format(source))
    channels = np.asarray(image.convert("RGBA"))
    if (channels[..., 3] != _OPAQUE).any():
        raise SampleError(
            f"{source}: the picture is partly transparent; put it on a white ground first"
        )
    grey = channels[..., 0]
    if (channels[..., 1] != grey).any() or (channels[..., 2] != grey).any():
        raise SampleError(_COLOUR.format(source))
    return grey


_COLOUR = (
    "{}: the picture is coloured; a fingerprint is 8-bit grey, so convert it first "
    "(ImageMagick: convert IN -colorspace Gray OUT)"
)


def _stated_ppi(image: Image.Image, source: str) -> float:
    stated = image.info.get("dpi")
    try:
        across, down = (round(float(value), 1) for value in stated or (0, 0))
    except (TypeError, ValueError, OverflowError, ZeroDivisionError):
        return DEFAULT_PPI
    if not (math.isfinite(across) and math.isfinite(down)) or min(across, down) < MIN_PPI:
        return DEFAULT_PPI
    if abs(across - down) > 0.01 * across:
        raise SampleError(
            f"{source}: the file says {across} pixels per inch across and {down} down; resample "
            "it to equal ones, or state the true resolution"
        )
    return checked_ppi(across, source=source)
