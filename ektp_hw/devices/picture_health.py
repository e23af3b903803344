# SPDX-License-Identifier: Apache-2.0
"""What pictures tell of the device that took them: lamp, dead lines and pixels, dirt, focus.

Measured on a few frames of whatever is in front of the device; no finger and no eye is needed and
nothing is recognised. Thresholds are in grey values of 8-bit pictures.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    import numpy.typing as npt

    Pixels = npt.NDArray[np.uint8]

__all__ = ["PictureHealth", "edge_steepness", "examine"]

_DARK = 40
"""Brightest per mille of a picture that was taken without light; sensors add 10 to 20."""
_LINE_STEP = 25.0
"""Grey values by which a dead line differs from the lines on both sides of it."""
_LINE_SHARE = 0.9
"""Share of a dead line's pixels that differ, all in the same direction; ridges alternate."""
_PIXEL_STEP = 40
"""Grey values by which a dead pixel differs from each of its eight neighbours."""
_LEAST_CONTRAST = 60
_BLOCK = 16
_FAINT, _STRONG = 5.0, 12.0
"""Standard deviation in a block: noise is below 3, a finger above 12, a latent print between."""
_LATENT_BLOCKS = 64
"""As many as the smallest finger covers (`ektp_hw.devices.finger_presence`)."""
_SMOOTH = 0.3
"""Correlation of neighbouring pixels above which texture is a print and not noise."""


@dataclass(frozen=True)
class PictureHealth:
    """What a few frames show in common.

    Parameters
    ----------
    frames
        How many were looked at.
    level, brightest
        Mean, and the level that one pixel of a thousand exceeds, of the brightest frame.
    dead_lines
        Rows and columns that stand out in every frame.
    dead_pixels
        Single pixels that stand out in every frame.
    latent_blocks
        Blocks of 16 x 16 with faint texture in every frame, as a residue leaves it.
    finger_blocks
        Blocks with strong texture in the last frame.
    is_frozen
        Whether all frames are equal to the last bit.
    """

    frames: int
    level: float
    brightest: float
    dead_lines: int
    dead_pixels: int
    latent_blocks: int
    finger_blocks: int
    is_frozen: bool

    @property
    def is_dark(self) -> bool:
        """Whether no frame got any light."""
        return self.brightest < _DARK

    @property
    def has_latent_print(self) -> bool:
        """Whether something faint and as large as a finger stays on the glass."""
        return self.latent_blocks >= _LATENT_BLOCKS and self.finger_blocks < _LATENT_BLOCKS


def examine(frames: Sequence[Pixels]) -> PictureHealth:
    """Return what frames of one shape, uint8 (height, width), show in common.

    Raises
    ------
    ValueError
        If there is no frame.
    """
    import numpy as np

    if not frames:
        raise ValueError("at least one frame is needed")
    last = frames[-1]
    lines = [_lines(frame) for frame in frames]
    stable_lines = np.logical_and.reduce(lines)
    pixels = np.logical_and.reduce([_lone_pixels(frame) for frame in frames])
    spread = np.min([_spread(frame) for frame in frames], axis=0)
    faint = (spread >= _FAINT) & (spread < _STRONG) & (_smoothness(last) > _SMOOTH)
    levels = [float(frame.mean()) for frame in frames]
    return PictureHealth(
        frames=len(frames),
        level=max(levels),
        brightest=max(float(np.quantile(frame, 0.999)) for frame in frames),
        dead_lines=int(stable_lines.sum()),
        dead_pixels=int(pixels.sum()),
        latent_blocks=int(faint.sum()),
        finger_blocks=int((_spread(last) >= _STRONG).sum()),
        is_frozen=len(frames) > 1 and all(np.array_equal(frame, last) for frame in frames),
    )


def edge_steepness(frame: Pixels) -> float | None:
    """Return how steep the steepest edges are: the share of all contrast within two pixels.

    Pixels are averaged 2 x 2 against noise. The eyes of NIST's IREX samples have 0.18 to 0.4, the
    same blurred by a Gaussian of 3 pixels 0.11 at most. None where there is too little contrast.
    """
    import numpy as np

    height, width = (side // 2 * 2 for side in frame.shape)
    quads = frame[:height, :width].reshape(height // 2, 2, width // 2, 2)
    grey = quads.mean(axis=(1, 3), dtype=np.float32)
    darkest, brightest = np.quantile(grey, (0.001, 0.999))
    if brightest - darkest < _LEAST_CONTRAST:
        return None
    steps = max(float(np.quantile(np.abs(np.diff(grey, axis=axis)), 0.999)) for axis in (0, 1))
    return steps / float(brightest - darkest)


def _lines(frame: Pixels) -> npt.NDArray[np.bool_]:
    """Return for every row, then every column, whether it stands out from those beside it."""
    import numpy as np

    grey = frame.astype(np.int16)
    return np.concatenate([_odd_rows(grey), _odd_rows(grey.T)])


def _odd_rows(grey: npt.NDArray[np.int16]) -> npt.NDArray[np.bool_]:
    """Find rows that are brighter, or darker, than both neighbours two lines off, all along."""
    import numpy as np

    odd = np.zeros(grey.shape[0], bool)
    if grey.shape[0] < 5:
        return odd
    middle, above, below = grey[2:-2], grey[:-4], grey[4:]
    higher = (middle - np.maximum(above, below) > _LINE_STEP).mean(axis=1)
    lower = (np.minimum(above, below) - middle > _LINE_STEP).mean(axis=1)
    odd[2:-2] = np.maximum(higher, lower) >= _LINE_SHARE
    return odd


def _lone_pixels(frame: Pixels) -> npt.NDArray[np.bool_]:
    import numpy as np

    grey = frame.astype(np.int16)
    height, width = grey.shape
    shifted = [
        grey[1 + down : height - 1 + down, 1 + right : width - 1 + right]
        for down in (-1, 0, 1)
        for right in (-1, 0, 1)
        if (down, right) != (0, 0)
    ]
    inner = grey[1:-1, 1:-1]
    brighter = inner - np.maximum.reduce(shifted) > _PIXEL_STEP
    darker = np.minimum.reduce(shifted) - inner > _PIXEL_STEP
    return np.asarray(brighter | darker)


def _blocks(frame: Pixels) -> npt.NDArray[np.float32]:
    import numpy as np

    rows, columns = frame.shape[0] // _BLOCK, frame.shape[1] // _BLOCK
    grey = frame[: rows * _BLOCK, : columns * _BLOCK].astype(np.float32)
    return grey.reshape(rows, _BLOCK, columns, _BLOCK).swapaxes(1, 2)


def _spread(frame: Pixels) -> npt.NDArray[np.float32]:
    import numpy as np

    return np.asarray(_blocks(frame).std(axis=(2, 3)), np.float32)


def _smoothness(frame: Pixels) -> npt.NDArray[np.float32]:
    """Return the correlation of neighbouring pixels in every block."""
    import numpy as np

    blocks = _blocks(frame)
    centred = blocks - blocks.mean(axis=(2, 3), keepdims=True)
    power = (centred**2).mean(axis=(2, 3)) + 1e-6
    return np.asarray((centred[..., :-1] * centred[..., 1:]).mean(axis=(2, 3)) / power, np.float32)
