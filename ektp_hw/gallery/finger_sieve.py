# SPDX-License-Identifier: Apache-2.0
"""Which two fingers of a deduplication are worth comparing, by their codes and sketches.

Measured on two touches each of 700 fingers of `synthetic.Population` (difficulty ``COUNTER``, which
the full comparison scores 6 and more in 98.9 percent), among 489 300 pairs of strangers; with
sketches alike from 105 on, which one pair of strangers in 7 400 is:

======== =================== ===========================
distance strangers let pass  mates of 6 and more lost
======== =================== ===========================
195      0.1 %               42 %
203      0.3 %               28 %
212      1 %                 15 %
221      3 %                 9 %
232      10 %                4 %
243      25 %                2.3 %
======== =================== ===========================

These are losses of one finger; whoever has several is lost only if all of them are. The distance is
chosen so that each finger meets about as many sketches in a gallery of any size (`_SKETCHES`): the
work of the sketches, a few hundred nanoseconds each, then grows as the gallery does.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["FingerSieve"]

_SKETCHES = 10_000.0
_SHARES = (0.001, 0.003, 0.01, 0.03, 0.1, 0.25)
_DISTANCES = (195, 203, 212, 221, 232, 243)


@dataclass(frozen=True)
class FingerSieve:
    """Keeps fingers whose codes are near and whose sketches are alike.

    Parameters
    ----------
    code_distance
        The largest distance of two codes that are looked at further.
    least_alike
        What `fingerprint.sketch.compare_sketches` must give.
    least_finger_score
        Somebody is compared with all fingers only if one finger reaches this score.
    """

    code_distance: int
    least_alike: int = 105
    least_finger_score: float = 2.0

    @classmethod
    def among(cls, fingers: int) -> FingerSieve:
        """Return the sieve for a deduplication in which a finger meets so many of its position."""
        share = np.clip(_SKETCHES / max(fingers, 1), _SHARES[0], _SHARES[-1])
        return cls(int(np.interp(np.log(share), np.log(_SHARES), _DISTANCES)))

    def keep(
        self,
        probe: npt.NDArray[np.uint8],
        sketches: npt.NDArray[np.uint8],
        rows: npt.NDArray[np.uint32],
    ) -> npt.NDArray[np.bool_]:
        """Return which of these rows' sketches are alike enough to the probe's."""
        from ektp_hw.fingerprint.sketch import compare_sketches

        return np.greater_equal(compare_sketches(probe, sketches, rows), self.least_alike)
