# SPDX-License-Identifier: Apache-2.0
"""Both looks at the sketches of many pairs of fingers: kernels "glimpse", then "sketch"."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ektp_hw.native.arrays import check
from ektp_hw.native.library import ffi, lib
from ektp_hw.native.sketching import SKETCH_BYTES

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["sift", "sift_parameters"]


def sift_parameters(
    *, minutiae: int, reach: int, least_at_first_sight: int, least_alike: int
) -> Any:  # noqa: ANN401  # a C structure
    """Return the limits as `sift` takes them.

    Parameters
    ----------
    minutiae, reach
        As `glimpse` takes them.
    least_at_first_sight, least_alike
        What `glimpse` and `sketch` must give for a pair to be kept.

    Raises
    ------
    ValueError
        If one is out of range.
    """
    if not 0 <= reach <= 64:
        raise ValueError(f"reach must be 0 to 64, not {reach}")
    numbers = {
        "minutiae": minutiae,
        "least_at_first_sight": least_at_first_sight,
        "least_alike": least_alike,
    }
    for name, value in numbers.items():
        if not 0 <= value <= 1 << 16:
            raise ValueError(f"{name} must be 0 to 65536, not {value}")
    return ffi.new("ektp_sift_parameters *", {**numbers, "reach": reach})


def sift(
    probes: npt.NDArray[np.uint8],
    sketches: npt.NDArray[np.uint8],
    rows: npt.NDArray[np.uint32],
    pairs: npt.NDArray[np.uint32],
    limits: Any,  # noqa: ANN401  # a C structure
    parameters: Any,  # noqa: ANN401  # a C structure
) -> npt.NDArray[np.bool_]:
    """Return which pairs are alike enough at first sight and by their whole sketches, (k,).

    Parameters
    ----------
    probes, sketches
        From `pack_sketches`, (p, `SKETCH_BYTES`) and (n, `SKETCH_BYTES`).
    rows
        Of the sketches that pairs speak of, (m,).
    pairs
        Place in ``rows`` and probe of each, in any order, as `scan_pairs` finds them; (k, 2).
    limits
        From `sift_parameters`.
    parameters
        From `sketch_parameters`.

    Raises
    ------
    ValueError
        If an array has another type, shape or layout, or a row, place or probe does not exist.
    """
    check("probes", probes, np.uint8, (-1, SKETCH_BYTES))
    check("sketches", sketches, np.uint8, (-1, SKETCH_BYTES))
    check("rows", rows, np.uint32, (-1,))
    check("pairs", pairs, np.uint32, (-1, 2))
    if len(pairs) >= 1 << 32:
        raise ValueError(f"at most 4294967295 pairs fit, not {len(pairs)}")
    if len(rows) and rows.max() >= len(sketches):
        raise ValueError(f"rows must be below {len(sketches)}, not {rows.max()}")
    kept = np.empty(len(pairs), np.bool_)
    starts, room = np.empty(len(probes) + 1, np.uint64), np.empty(3 * len(pairs), np.uint32)
    failed = lib.ektp_sift(
        ffi.from_buffer("uint8_t[]", probes),
        len(probes),
        ffi.from_buffer("uint8_t[]", sketches),
        ffi.from_buffer("uint32_t[]", rows),
        len(rows),
        ffi.from_buffer("uint32_t[]", pairs),
        len(pairs),
        limits,
        parameters,
        ffi.from_buffer("uint64_t[]", starts, require_writable=True),
        ffi.from_buffer("uint32_t[]", room, require_writable=True),
        ffi.from_buffer("uint8_t[]", kept, require_writable=True),
    )
    if failed:
        raise ValueError(
            f"pairs must be of places below {len(rows)} and probes below {len(probes)}, "
            f"not up to {pairs.max(axis=0).tolist()}"
        )
    return kept
