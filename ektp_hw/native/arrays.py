# SPDX-License-Identifier: Apache-2.0
"""What an array must be like before the compiled core may touch it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["CYLINDER_WORDS", "check", "check_rows"]

CYLINDER_WORDS = 8
"""64-bit words of one cylinder code (`CYLINDER_WORDS` in src/cylinders.h)."""


def check(name: str, array: npt.NDArray[Any], kind: type, shape: tuple[int, ...]) -> None:
    """Raise ValueError if the array is not of this type and shape; -1 is any length."""
    fits = len(array.shape) == len(shape) and all(
        wanted in (-1, side) for side, wanted in zip(array.shape, shape, strict=True)
    )
    if array.dtype != kind or not fits or not array.flags.c_contiguous:
        raise ValueError(
            f"{name} must be a C-contiguous {np.dtype(kind)} array of shape {shape}, "
            f"not {array.dtype} of shape {array.shape}"
        )


def check_rows(side: str, codes: npt.NDArray[np.uint64], masks: npt.NDArray[np.uint64]) -> None:
    """Raise ValueError unless these are codes and masks of the same number of minutiae."""
    for name, rows in (("codes", codes), ("masks", masks)):
        if (
            rows.dtype != np.uint64
            or rows.ndim != 2
            or rows.shape[1] != CYLINDER_WORDS
            or not rows.flags.c_contiguous
        ):
            raise ValueError(
                f"{side}_{name} must be a C-contiguous uint64 array of shape "
                f"(n, {CYLINDER_WORDS}), not {rows.dtype} of shape {rows.shape}"
            )
    if len(codes) != len(masks):
        raise ValueError(f"{len(codes)} {side} codes have {len(masks)} masks; give one each")
