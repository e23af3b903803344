# SPDX-License-Identifier: Apache-2.0
"""Is there a finger? For scanners that do not tell: judged from the picture's local contrast.

Ridges make every 16 x 16 block (0.8 mm at 500 ppi, about two ridges) vary; a clean glass varies
nowhere, dirt in a few blocks, and noise from one pixel to the next.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

__all__ = ["Look", "look_at"]

_BLOCK = 16
"""Pixels along a block's side, for pictures of about 500 ppi."""
_CONTRAST = 12.0
"""Standard deviation in grey values from which a block counts as textured; sensor noise is 2-3."""
_FINGER_BLOCKS = 64
"""Textured blocks of a finger: 0.42 square centimetres, a fingertip's corner; dirt covers less."""
_DIRT_BLOCKS = 4
"""Textured blocks that are no chance."""
_NEIGHBOURS = 0.3
"""Correlation of neighbouring pixels: above 0.5 in any optical picture, 0 in noise."""


@dataclass(frozen=True)
class Look:
    """What a glance at a picture tells; `area` counts textured blocks."""

    area: int
    is_noise: bool

    @property
    def has_finger(self) -> bool:
        """Whether a finger is on the glass."""
        return self.area >= _FINGER_BLOCKS

    @property
    def is_dirty(self) -> bool:
        """Whether something smaller than a finger is on the glass."""
        return _DIRT_BLOCKS <= self.area < _FINGER_BLOCKS


def look_at(pixels: npt.NDArray[np.uint8]) -> Look:
    """Judge a picture of shape (height, width), at least one block large."""
    import numpy as np

    rows, columns = pixels.shape[0] // _BLOCK, pixels.shape[1] // _BLOCK
    grey = pixels[: rows * _BLOCK, : columns * _BLOCK].astype(np.float32)
    blocks = grey.reshape(rows, _BLOCK, columns, _BLOCK)
    area = int((blocks.std(axis=(1, 3)) >= _CONTRAST).sum())
    return Look(area, area >= _FINGER_BLOCKS and _correlation(grey) < _NEIGHBOURS)


def _correlation(grey: npt.NDArray[np.float32]) -> float:
    centred = grey - grey.mean()
    return float((centred[:, :-1] * centred[:, 1:]).mean() / (centred**2).mean())
