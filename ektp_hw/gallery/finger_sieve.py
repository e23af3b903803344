# SPDX-License-Identifier: Apache-2.0
"""Which two fingers of a deduplication are worth comparing, by their codes and sketches.

Three looks, each dearer than the one before: codes of two fingers (a fifth of a nanosecond), first
sight of their sketches (some 30), the sketches (a fifth of a microsecond); what is left is compared
in full (some 40 microseconds with the preparing). Measured on two touches each of 3 000 fingers of
`synthetic.Population` (difficulty ``COUNTER``), among three million pairs of strangers; mates are
those that the full comparison scores 6 and more, 98.7 percent (``benchmarks/cascade_loss.py``):

================= ============= ========== ============= ========== ============= ==========
strangers let     codes differ  mates      first sight   mates      sketches      mates
pass              at most by    lost       at least      lost       at least      lost
================= ============= ========== ============= ========== ============= ==========
0.0003 %                                                            160           4.2 %
0.001 %                                                             142           2.7 %
0.003 %                                                             126           1.8 %
0.01 %                                                              107           1.1 %
0.03 %                                     43            5.1 %      93            0.8 %
0.1 %             197           37 %       35            3.5 %      78            0.5 %
0.3 %             204           27 %       28            1.9 %
1 %               213           16 %       21            1.0 %
3 %               221           10 %       16            0.5 %
6 %               227           6.2 %      13            0.4 %
10 %              232           4.2 %      11            0.3 %
25 %              243           1.2 %      7             0.1 %
================= ============= ========== ============= ========== ============= ==========

These are losses of one finger; whoever has several is lost only if all of them are, so each of
several fingers may let fewer pass. The limits are chosen so that each person meets about as much
work of each kind in a gallery of any size: the time then grows as the gallery does, and what is
lost grows with it.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    import numpy.typing as npt

    from ektp_hw.gallery.pair_sieve import Sieve
    from ektp_hw.gallery.segment import Segment

__all__ = ["FingerSieve", "chosen_sieve"]

_log = logging.getLogger(__name__)

_FIRST_SIGHTS, _SKETCHES, _COMPARISONS = 60_000.0, 2_000.0, 10.0
"""That a person meets, of all fingers together."""
_SHARES = (3e-6, 1e-5, 3e-5, 1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 6e-2, 0.1, 0.25)
_CODES = dict(zip(_SHARES[5:], (197, 204, 213, 221, 227, 232, 243), strict=True))
_SIGHTS = dict(zip(_SHARES[4:], (43, 35, 28, 21, 16, 13, 11, 7), strict=True))
_ALIKE = dict(zip(_SHARES[:6], (160, 142, 126, 107, 93, 78), strict=True))


@dataclass(frozen=True)
class FingerSieve:
    """Keeps fingers whose codes are near and whose sketches are alike, at first sight and after.

    Parameters
    ----------
    code_distance
        The largest distance of two codes that are looked at further.
    least_at_first_sight
        What `fingerprint.sketch.compare_at_first_sight` must give.
    least_alike
        What `fingerprint.sketch.compare_sketches` must give.
    least_finger_score
        Somebody is compared with all fingers only if one finger reaches this score.
    """

    code_distance: int
    least_at_first_sight: int = 11
    least_alike: int = 105
    least_finger_score: float = 2.0

    @classmethod
    def among(cls, fingers: int, fingers_of_a_person: float = 1.0) -> FingerSieve:
        """Return the sieve for a deduplication in which a finger meets so many others."""
        met = max(fingers, 1) * max(fingers_of_a_person, 1.0)
        return cls(
            code_distance=_limit(_CODES, _FIRST_SIGHTS / met),
            least_at_first_sight=_limit(_SIGHTS, _SKETCHES / met),
            least_alike=_limit(_ALIKE, _COMPARISONS / met),
        )

    @classmethod
    def of(cls, segments: Iterable[Segment], *, tolerant: bool = False) -> FingerSieve:
        """Return the sieve for a deduplication of everybody in these segments.

        Parameters
        ----------
        tolerant
            Every finger is held against those of all positions.
        """
        of_position = np.zeros(256, np.int64)
        people = 0
        for segment in segments:
            of_position += np.bincount(segment.positions[segment.alive], minlength=256)
            people += int(np.count_nonzero(np.diff(segment.people[segment.alive], prepend=-1)))
        rows = int(of_position.sum())
        met = rows if tolerant else int(of_position.max())
        return cls.among(met, rows / max(people, 1))

    def keep(
        self,
        probes: npt.NDArray[np.uint8],
        sketches: npt.NDArray[np.uint8],
        rows: npt.NDArray[np.uint32],
        pairs: npt.NDArray[np.uint32],
    ) -> npt.NDArray[np.bool_]:
        """Return which of these pairs' sketches are alike enough."""
        from ektp_hw.fingerprint.sketch import alike_enough

        return alike_enough(
            probes,
            sketches,
            rows,
            pairs,
            least_at_first_sight=self.least_at_first_sight,
            least_alike=self.least_alike,
        )


def chosen_sieve(
    segments: Sequence[Segment], own: Sieve | None, *, everybody: int, tolerant: bool, path: Path
) -> Sieve | None:
    """Return what is worth comparing in a deduplication, or None if everybody is.

    Parameters
    ----------
    own
        The caller's, for a gallery of any size; `FingerSieve.of` these segments if None.
    everybody
        Fingers up to which a gallery is compared whole.
    tolerant
        As in `FingerSieve.of`.
    path
        The gallery's folder, to be named where its codes are another release's.
    """
    rows = sum(int(segment.alive.sum()) for segment in segments)
    if own is None and rows <= everybody:
        return None
    if all(segment.described for segment in segments):
        return own or FingerSieve.of(segments, tolerant=tolerant)
    _log.warning(
        "%s holds codes of another release, so everybody is compared; compact the gallery to "
        "describe them anew",
        path,
    )
    return None


def _limit(limits: dict[float, int], share: float) -> int:
    """Return the limit that about this share of strangers pass, within what was measured."""
    return round(np.interp(np.log(share), np.log([*limits]), [*limits.values()]))
