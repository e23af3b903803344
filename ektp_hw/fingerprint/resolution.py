# SPDX-License-Identifier: Apache-2.0
"""Step 1: any picture becomes one of 500 ppi, so that every length behind is one number."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import cv2

from ektp_hw.errors import SampleError
from ektp_hw.fingerprint.parameters import MAX_SIDE, PPI, RESAMPLE_TOLERANCE

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

__all__ = ["at_500_ppi"]


def at_500_ppi(
    pixels: npt.NDArray[np.uint8], ppi: float, source: str = ""
) -> npt.NDArray[np.uint8]:
    """Return the picture resampled to 500 ppi: area means downwards, cubic upwards.

    Raises
    ------
    SampleError
        If a side is longer than 4095 pixels at 500 ppi.
    """
    scale = PPI / ppi
    height, width = (max(1, round(side * scale)) for side in pixels.shape)
    if max(height, width) > MAX_SIDE:
        where = f"{source}: " if source else ""
        raise SampleError(
            f"{where}the picture is {width} x {height} pixels at {PPI} ppi and at most {MAX_SIDE} "
            "a side can be taken; crop it to the fingers or correct its resolution"
        )
    if abs(scale - 1) < RESAMPLE_TOLERANCE:
        return pixels
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    resampled = cv2.resize(pixels, (width, height), interpolation=method)
    return cast("npt.NDArray[np.uint8]", resampled)
