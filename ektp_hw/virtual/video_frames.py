# SPDX-License-Identifier: Apache-2.0
"""What a camera makes of a grey picture, one function a pixel format of Linux's video interface.

The lowest bits of deep formats hold a pattern of their own, so that who reads them the wrong way
round notices.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    import numpy.typing as npt

    Pixels = npt.NDArray[np.uint8]

__all__ = ["BYTES_A_PIXEL", "encode"]

BYTES_A_PIXEL = {"GREY": 1, "Y8I": 2, "Y10": 2, "Y12": 2, "Y16": 2, "YUYV": 2, "MJPG": 2}
"""Bytes a pixel; for MJPG the most a frame may have."""
_COLOURLESS = 128
_JPEG_QUALITY = 95


def encode(pixels: Pixels, form: str) -> bytes:
    """Return a frame of that format that shows the picture, shape (height, width)."""
    return _ENCODERS[form](pixels)


def _pairs(first: Pixels, second: Pixels | int) -> bytes:
    import numpy as np

    pairs = np.empty((*first.shape, 2), np.uint8)
    pairs[..., 0], pairs[..., 1] = first, second
    return pairs.tobytes()


def _deep(bits: int) -> Callable[[Pixels], bytes]:
    def encoded(pixels: Pixels) -> bytes:
        import numpy as np

        low = bits - 8
        pattern = np.arange(pixels.size, dtype=np.uint16).reshape(pixels.shape) & ((1 << low) - 1)
        return (pixels.astype("<u2") << low | pattern).astype("<u2").tobytes()

    return encoded


def _jpeg(pixels: Pixels) -> bytes:
    import cv2

    _, data = cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])
    return bytes(data)


_ENCODERS: dict[str, Callable[[Pixels], bytes]] = {
    "GREY": lambda pixels: pixels.tobytes(),
    "Y8I": lambda pixels: _pairs(pixels, pixels[:, ::-1]),
    "Y10": _deep(10),
    "Y12": _deep(12),
    "Y16": _deep(16),
    "YUYV": lambda pixels: _pairs(pixels, _COLOURLESS),
    "MJPG": _jpeg,
}
