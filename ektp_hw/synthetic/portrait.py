# SPDX-License-Identifier: Apache-2.0
"""The picture for a card: a drawn face, nobody's photograph."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["draw_portrait"]

_WIDTH, _HEIGHT = 216, 288
"""Three to four, like the photograph of 2 cm by 3 cm cropped for a chip."""
_SKIN = ((120, 160, 205), (105, 145, 190), (140, 178, 220), (90, 125, 170))
_HAIR = ((30, 28, 28), (40, 45, 60), (55, 55, 58))
_CLOTH = ((150, 90, 40), (60, 110, 60), (70, 60, 150), (120, 120, 130))
"""Blue, green, red."""


def draw_portrait(rng: np.random.Generator) -> bytes:
    """Return a JPEG of a drawn head and shoulders, 216 by 288 pixels."""
    canvas = np.full((_HEIGHT, _WIDTH, 3), (190, 60, 40), np.uint8)
    skin = _SKIN[rng.integers(len(_SKIN))]
    hair = _HAIR[rng.integers(len(_HAIR))]
    cloth = _CLOTH[rng.integers(len(_CLOTH))]
    wide, tall = int(rng.integers(46, 58)), int(rng.integers(62, 74))
    x, y = _WIDTH // 2, 128
    long_hair = rng.random() < 0.5
    _oval(canvas, x, y - 8, wide + 12, tall + (34 if long_hair else 8), hair)
    _oval(canvas, x, _HEIGHT + 20, 100, 92, cloth)
    cv2.rectangle(canvas, (x - 20, y + tall - 20), (x + 20, y + tall + 26), skin, -1)
    _oval(canvas, x, y, wide, tall, skin)
    cv2.ellipse(canvas, (x, y - 16), (wide + 2, tall - 8), 0, 195, 345, hair, -1, cv2.LINE_AA)
    apart, size = int(rng.integers(19, 25)), int(rng.integers(6, 9))
    for side in (-1, 1):
        eye = (x + side * apart, y + 2)
        _oval(canvas, *eye, size + 3, size - 1, (245, 245, 245))
        _oval(canvas, *eye, size - 3, size - 3, (35, 40, 50))
        brow = (eye[0], eye[1] - 13)
        cv2.ellipse(canvas, brow, (size + 5, 4), 0, 180, 360, hair, 3, cv2.LINE_AA)
    darker = tuple(int(0.8 * channel) for channel in skin)
    cv2.ellipse(canvas, (x, y + 22), (7, 5), 0, 0, 180, darker, 2, cv2.LINE_AA)
    mouth = (int(rng.integers(13, 21)), int(rng.integers(3, 8)))
    cv2.ellipse(canvas, (x, y + 40), mouth, 0, 0, 180, (85, 85, 165), 3, cv2.LINE_AA)
    _, encoded = cv2.imencode(".jpg", canvas, [cv2.IMWRITE_JPEG_QUALITY, 85])
    return bytes(encoded.tobytes())


def _oval(
    canvas: npt.NDArray[np.uint8],
    x: int,
    y: int,
    half_width: int,
    half_height: int,
    colour: tuple[int, int, int],
) -> None:
    cv2.ellipse(canvas, (x, y), (half_width, half_height), 0, 0, 360, colour, -1, cv2.LINE_AA)
