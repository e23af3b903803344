# SPDX-License-Identifier: Apache-2.0
"""A picture as the network's first layer reads it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    Picture = npt.NDArray[np.uint8]

__all__ = ["in_fours", "padded"]


def padded(picture: Picture, whole: int) -> Picture:
    """Return the picture with its last row and column repeated up to multiples of ``whole``."""
    rows, columns = (-side % whole for side in picture.shape)
    if rows or columns:
        picture = np.pad(picture, ((0, rows), (0, columns)), mode="edge")
    return np.ascontiguousarray(picture)


def in_fours(picture: Picture, out: Picture | None = None) -> Picture:
    """Return squares of 2 x 2 pixels as four channels: upper left, upper right, lower left, right.

    Parameters
    ----------
    picture
        C-contiguous, with even sides.
    out
        Where to write, (rows / 2, columns / 2, 4), its last axis contiguous.
    """
    rows, columns = picture.shape
    if out is None:
        out = np.empty((rows // 2, columns // 2, 4), np.uint8)
    pairs = picture.view(np.uint16).reshape(rows // 2, 2, columns // 2)
    both = out.view(np.uint16)
    both[..., 0], both[..., 1] = pairs[:, 0], pairs[:, 1]
    return out
