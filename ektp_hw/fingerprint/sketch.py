# SPDX-License-Identifier: Apache-2.0
"""The sketch of a finger: up to 32 of its minutiae in 640 bytes, for comparing in a glance.

Layout (kernel family ``sketch``, ``native/include/ektp_native.cdef.h``), columns of 32 minutiae,
the most reliable first::

      0   256   first 64 bits of each minutia's code
    256   256   second 64 bits
    512    32   direction, 1/256 of a turn
    544    32   x, in units of 2 pixels at 500 ppi from the minutiae's middle, which is 128
    576    32   y, likewise, upwards
    608     1   number of minutiae; 31 bytes of 0 follow

A minutia's code is 128 bits of what lies around it (`surroundings`), by projections learned so that
few of them change from touch to touch (`cascade_tables`): of the same minutia a fifth differ, of
others half. A few bits say far more about being the same than the 480 of `descriptors` do, and
need no mask.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ektp_hw import native
from ektp_hw.fingerprint.cascade_tables import cascade_tables
from ektp_hw.fingerprint.sketch_parameters import GLANCE, GLIMPSE, UNIT
from ektp_hw.fingerprint.surroundings import projected, surroundings_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    import numpy.typing as npt

    from ektp_hw.fingerprint.surroundings import Surroundings
    from ektp_hw.templates import FingerprintTemplate

__all__ = [
    "alike_enough",
    "compare_at_first_sight",
    "compare_sketches",
    "sketches",
    "sketches_of",
    "sketches_of_probe",
]

_MIDDLE = 128
_PARAMETERS = native.sketch_parameters(
    reach=GLANCE.reach, turn=GLANCE.turn, place_first=GLANCE.place_first, place=GLANCE.place
)


def sketches(templates: Sequence[FingerprintTemplate]) -> npt.NDArray[np.uint8]:
    """Return one sketch for each template, (n, `native.SKETCH_BYTES`)."""
    return sketches_of(surroundings_of(templates), cascade_tables())


def sketches_of_probe(template: FingerprintTemplate) -> npt.NDArray[np.uint8]:
    """Return a probe's sketch and those of its further minutiae, (k, `native.SKETCH_BYTES`).

    A reference's minutiae beyond the 32 most reliable are not in its sketch; those of a probe that
    lie where they are may be among them all the same. Each further sketch is at least half full.
    """
    around = surroundings_of([template], most=len(template))
    most, half = native.SKETCH_MINUTIAE, native.SKETCH_MINUTIAE // 2
    starts = [0, *range(most, max(len(template) - half, 0) + 1, most)]
    drawn = [sketches_of(around.part(start, start + most), cascade_tables()) for start in starts]
    return np.concatenate(drawn)


def compare_sketches(
    probe: npt.NDArray[np.uint8],
    references: npt.NDArray[np.uint8],
    rows: npt.NDArray[np.uint32] | None = None,
) -> npt.NDArray[np.uint16]:
    """Return how alike a sketch is to others (to those of the given rows), 0 if not at all."""
    return native.sketch(probe, references, _PARAMETERS, rows)


def compare_at_first_sight(
    probe: npt.NDArray[np.uint8],
    references: npt.NDArray[np.uint8],
    rows: npt.NDArray[np.uint32] | None = None,
) -> npt.NDArray[np.uint16]:
    """Return likewise how alike they seem by half of each code, wherever the minutiae lie."""
    return native.glimpse(
        probe, references, minutiae=GLIMPSE.minutiae, reach=GLIMPSE.reach, rows=rows
    )


def alike_enough(
    probes: npt.NDArray[np.uint8],
    references: npt.NDArray[np.uint8],
    rows: npt.NDArray[np.uint32],
    pairs: npt.NDArray[np.uint32],
    *,
    least_at_first_sight: int,
    least_alike: int,
) -> npt.NDArray[np.bool_]:
    """Return which pairs reach both limits, (pairs,); who fails the first is not asked the second.

    Parameters
    ----------
    probes, references, rows, pairs
        As `native.sift` takes them.
    least_at_first_sight, least_alike
        Of `compare_at_first_sight` and of `compare_sketches`.
    """
    limits = native.sift_parameters(
        minutiae=GLIMPSE.minutiae,
        reach=GLIMPSE.reach,
        least_at_first_sight=least_at_first_sight,
        least_alike=least_alike,
    )
    return native.sift(probes, references, rows, pairs, limits, _PARAMETERS)


def sketches_of(
    around: Surroundings, tables: Mapping[str, npt.NDArray[Any]]
) -> npt.NDArray[np.uint8]:
    """Return the sketches of fingers whose surroundings are known."""
    count, most = len(around.counts), native.SKETCH_MINUTIAE
    sums = projected(around.numbers, tables["sketch_weights"])
    bits = np.packbits(sums > tables["sketch_limits"], axis=1, bitorder="little")
    owner = np.repeat(np.arange(count), around.counts)
    ends = np.cumsum(around.counts)
    place = np.arange(len(owner)) - (ends - around.counts)[owner]
    codes = np.zeros((count, most, 2), np.uint64)
    codes[owner, place] = bits.view("<u8")
    columns = np.zeros((count, 3, most), np.uint8)
    columns[owner, 0, place] = around.steps
    divisor = np.maximum(around.counts, 1)
    for row, values in ((1, around.x), (2, around.y)):
        middle = np.bincount(owner, values, count) / divisor
        units = np.rint((values - middle[owner]) / UNIT).astype(np.int64)
        columns[owner, row, place] = (units + _MIDDLE) & 255
    return native.pack_sketches(codes, columns, around.counts.astype(np.uint8))
