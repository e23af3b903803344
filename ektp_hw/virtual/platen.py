# SPDX-License-Identifier: Apache-2.0
"""What a scanner's glass looks like: a finger's picture at the size and resolution it sees."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from ektp_hw.samples import FingerprintImage

    Pixels = npt.NDArray[np.uint8]

__all__ = ["dirt_on", "empty", "lay"]

PPI = 500.0
WIDTH, HEIGHT = 640, 480
_CLEAN = 225
"""Grey of the lit, empty glass."""


def empty(shape: tuple[int, int] = (HEIGHT, WIDTH)) -> Pixels:
    """Return the lit glass of that (height, width) without a finger."""
    import numpy as np

    return np.full(shape, _CLEAN, np.uint8)


def lay(
    image: FingerprintImage, shape: tuple[int, int] = (HEIGHT, WIDTH), ppi: float = PPI
) -> Pixels:
    """Return the glass of that (height, width) with this finger in its middle.

    Pictures of another resolution are resampled to `ppi`; of larger ones the middle is seen. The
    ground takes the grey of the picture's own border, so that no edge appears that the finger does
    not have.
    """
    import numpy as np

    height, width = shape
    finger = _resampled(image, ppi)
    border = np.concatenate([finger[0], finger[-1], finger[:, 0], finger[:, -1]])
    glass = np.full(shape, np.uint8(np.median(border)), np.uint8)
    rows, columns = min(height, finger.shape[0]), min(width, finger.shape[1])
    top, left = (finger.shape[0] - rows) // 2, (finger.shape[1] - columns) // 2
    down, right = (height - rows) // 2, (width - columns) // 2
    glass[down : down + rows, right : right + columns] = finger[
        top : top + rows, left : left + columns
    ]
    return glass


def dirt_on(glass: Pixels) -> Pixels:
    """Return the glass with specks of dirt along its left and right edge."""
    dirty = glass.copy()
    for row in range(40, HEIGHT - 24, 80):
        dirty[row : row + 10, 12:24] = 60
        dirty[row + 30 : row + 38, WIDTH - 30 : WIDTH - 18] = 80
    return dirty


def _resampled(image: FingerprintImage, ppi: float) -> Pixels:
    if abs(image.ppi - ppi) < 0.5:
        return image.pixels
    import cv2
    import numpy as np

    scale = ppi / image.ppi
    size = max(1, round(image.width * scale)), max(1, round(image.height * scale))
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(image.pixels, size, interpolation=method), np.uint8)
