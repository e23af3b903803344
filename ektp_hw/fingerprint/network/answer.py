# SPDX-License-Identifier: Apache-2.0
"""What the network answers about a picture."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

__all__ = ["Answer"]


@dataclass(frozen=True, eq=False)
class Answer:
    """The numbers of the heads, float32.

    Parameters
    ----------
    find
        (rows / 4, columns / 4, 6): score, right, down (from the cell's middle, in cells), cosine
        and sine of the direction, bifurcation; the first and the last are log-odds.
    flow
        (rows / 8, columns / 8, 4): cosine and sine of twice the orientation, log(period / 9),
        log-odds of the foreground.
    """

    find: npt.NDArray[np.float32]
    flow: npt.NDArray[np.float32]
