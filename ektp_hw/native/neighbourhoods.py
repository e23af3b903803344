# SPDX-License-Identifier: Apache-2.0
"""Kernel family "cylinders": how alike the neighbourhoods of minutiae are."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ektp_hw.native.arrays import check_rows
from ektp_hw.native.library import ffi, lib

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["cylinders"]


def cylinders(
    probe_codes: npt.NDArray[np.uint64],
    probe_masks: npt.NDArray[np.uint64],
    reference_codes: npt.NDArray[np.uint64],
    reference_masks: npt.NDArray[np.uint64],
    prior: int,
    out: npt.NDArray[np.uint8] | None = None,
) -> npt.NDArray[np.uint8]:
    """Compare every probe code with every reference code: Dice's coefficient, 0 to 255.

    With ``both`` the bits set in both codes and ``total`` the bits of either code that lie inside
    the other's mask, a similarity is ``510 * both // (total + prior)``.

    Parameters
    ----------
    probe_codes, probe_masks, reference_codes, reference_masks
        C-contiguous, (n, `CYLINDER_WORDS`); a code has no bit outside its mask.
    prior
        1 to 65535: disagreeing bits that every pair starts with, so that codes of few bits do not
        look alike by chance.
    out
        Where to write, (probes, references); a new array otherwise.

    Raises
    ------
    ValueError
        If an array has another type, shape or layout, or ``prior`` is out of range.
    """
    check_rows("probe", probe_codes, probe_masks)
    check_rows("reference", reference_codes, reference_masks)
    if not 1 <= prior <= 0xFFFF:
        raise ValueError(f"prior is {prior}; it must be 1 to 65535")
    shape = (len(probe_codes), len(reference_codes))
    if out is None:
        out = np.empty(shape, np.uint8)
    elif out.dtype != np.uint8 or out.shape != shape or not out.flags.carray:
        raise ValueError(f"out must be a writable C-contiguous uint8 array of shape {shape}")
    lib.ektp_cylinders(
        ffi.from_buffer("uint64_t[]", probe_codes),
        ffi.from_buffer("uint64_t[]", probe_masks),
        shape[0],
        ffi.from_buffer("uint64_t[]", reference_codes),
        ffi.from_buffer("uint64_t[]", reference_masks),
        shape[1],
        prior,
        ffi.from_buffer("uint8_t[]", out, require_writable=True),
    )
    return out
