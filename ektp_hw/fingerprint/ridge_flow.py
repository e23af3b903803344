# SPDX-License-Identifier: Apache-2.0
"""Step 10: how the ridges run between the minutiae, coarsely enough to be kept in the template."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ektp_hw.fingerprint.parameters import CELL, FLOW_SHARE
from ektp_hw.templates import FLOW_CELL, RidgeFlow, flow_shape

if TYPE_CHECKING:
    import numpy.typing as npt

    from ektp_hw.fingerprint.orientation import OrientationField

__all__ = ["summarised"]


def summarised(
    field: OrientationField,
    frequency: npt.NDArray[np.float32],
    mask: npt.NDArray[np.bool_],
    width: int,
    height: int,
) -> RidgeFlow:
    """Return the flow of a picture of that size: mean orientation and period of the cells on it.

    Parameters
    ----------
    field, frequency, mask
        Orientation, ridges a pixel, and whether the cell shows the finger; (rows, columns).
    """
    rows, columns = flow_shape(width, height)
    step = FLOW_CELL // CELL
    tables = np.zeros((4, rows * step, columns * step), np.float32)
    here = tables[:, : mask.shape[0], : mask.shape[1]]
    here[:] = mask * np.stack((field.cosine, field.sine, frequency, np.ones_like(frequency)))
    blocks = tables.reshape(4, rows, step, columns, step)
    cosine, sine, ridges, share = blocks.mean(axis=(2, 4))
    seen = share >= FLOW_SHARE
    period = np.divide(share, ridges, out=np.full_like(share, np.nan), where=seen & (ridges > 0))
    # Pictures count y downwards, directions turn the mathematical way.
    return RidgeFlow.from_fields(0.5 * np.arctan2(-sine, cosine), period)
