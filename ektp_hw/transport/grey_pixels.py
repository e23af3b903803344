# SPDX-License-Identifier: Apache-2.0
"""From what a camera sends to 8-bit grey, one function a pixel format.

Layouts: the kernel's documentation, "Video for Linux API", chapter "Image Formats". What is lost:

======  ==================================================================================
GREY    nothing
Y8I     nothing; two pictures, of the left and the right sensor, their pixels taking turns
Y10     the two lowest of 10 bits
Y12     the four lowest of 12 bits
Y16     the lowest bits below the eight highest of those that carry the picture (16 unless said)
YUYV    colour; brightness is taken as it is, in cameras usually 16 to 235
MJPG    what JPEG loses; brightness is decoded, colour is not
======  ==================================================================================
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    import numpy.typing as npt

    from ektp_hw.transport.video import Layout

    Pixels = npt.NDArray[np.uint8]

__all__ = ["BITS", "FORMATS", "decode"]

BITS = {"GREY": 8, "Y8I": 8, "Y12": 12, "Y10": 10, "Y16": 16, "YUYV": 8, "MJPG": 8}
"""Bits of brightness on the wire, by format."""
_JPEG_BEGIN, _JPEG_END = b"\xff\xd8", b"\xff\xd9"


def decode(data: bytes, layout: Layout, bits: int | None = None) -> tuple[Pixels, ...] | None:
    """Return the pictures in a frame, shape (height, width); None if parts of it are missing.

    Parameters
    ----------
    bits
        How many bits of a 16-bit value carry the picture; 16 if not said. Values above are taken
        as the brightest.

    Returns
    -------
    tuple of arrays
        Two pictures, left sensor first, for Y8I, one for the other formats.
    """
    return FORMATS[layout.form](data, layout, bits or BITS[layout.form])


def _lines(data: bytes, layout: Layout, bytes_a_pixel: int) -> Pixels | None:
    """Cut the padding from the lines: shape (height, width * bytes a pixel)."""
    import numpy as np

    used = layout.width * bytes_a_pixel
    stride = max(layout.stride, used)
    if len(data) < stride * (layout.height - 1) + used:
        return None
    whole = np.frombuffer(data.ljust(stride * layout.height, b"\0"), np.uint8)
    return whole[: stride * layout.height].reshape(layout.height, stride)[:, :used]


def _grey(data: bytes, layout: Layout, _bits: int) -> tuple[Pixels, ...] | None:
    lines = _lines(data, layout, 1)
    return None if lines is None else (lines,)


def _stereo(data: bytes, layout: Layout, _bits: int) -> tuple[Pixels, ...] | None:
    lines = _lines(data, layout, 2)
    return None if lines is None else (lines[:, 0::2].copy(), lines[:, 1::2].copy())


def _deep(data: bytes, layout: Layout, bits: int) -> tuple[Pixels, ...] | None:
    import numpy as np

    lines = _lines(data, layout, 2)
    if lines is None:
        return None
    values = np.ascontiguousarray(lines).view("<u2")
    return (np.minimum(values >> (bits - 8), 255).astype(np.uint8),)


def _brightness(data: bytes, layout: Layout, _bits: int) -> tuple[Pixels, ...] | None:
    lines = _lines(data, layout, 2)
    return None if lines is None else (lines[:, 0::2].copy(),)


def _jpeg(data: bytes, layout: Layout, _bits: int) -> tuple[Pixels, ...] | None:
    import cv2
    import numpy as np

    content = data.rstrip(b"\0")  # some cameras fill the rest of the buffer
    if not content.startswith(_JPEG_BEGIN) or not content.endswith(_JPEG_END):
        return None
    pixels = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_GRAYSCALE)
    if pixels is None or pixels.shape != (layout.height, layout.width):
        return None
    return (np.asarray(pixels, np.uint8),)


FORMATS: dict[str, Callable[[bytes, Layout, int], tuple[Pixels, ...] | None]] = {
    "GREY": _grey,
    "Y8I": _stereo,
    "Y12": _deep,
    "Y10": _deep,
    "Y16": _deep,
    "YUYV": _brightness,
    "MJPG": _jpeg,
}
"""Formats that can be read, the best first."""
