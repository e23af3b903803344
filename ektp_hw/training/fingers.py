# SPDX-License-Identifier: Apache-2.0
"""Grown fingers, kept small: growing one takes longer than pressing it a hundred times."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ektp_hw.samples import FingerPosition
from ektp_hw.synthetic import SyntheticFinger

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["Finger", "grown"]


@dataclass(frozen=True)
class Finger:
    """A finger's relief, -127 to 127, and its minutiae; pixels at 500 ppi."""

    relief: npt.NDArray[np.int8]
    x: npt.NDArray[np.float32]
    y: npt.NDArray[np.float32]
    direction: npt.NDArray[np.float32]
    kind: npt.NDArray[np.uint8]


def grown(seed: int) -> Finger:
    """Grow the finger of that seed."""
    position = FingerPosition(1 + seed % 10)
    master = SyntheticFinger(seed, position, path=(_TRAINING,)).master
    return Finger(
        np.rint(master.relief * 127).astype(np.int8),
        master.x.astype(np.float32),
        master.y.astype(np.float32),
        master.direction.astype(np.float32),
        master.kind,
    )


_TRAINING = 271_828
"""Path of the fingers that are learned from: nothing measured elsewhere may use it."""
