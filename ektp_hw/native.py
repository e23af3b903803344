# SPDX-License-Identifier: Apache-2.0
"""The only door to the compiled core: arrays in, arrays out, no copy on the way.

``EKTP_HW_ISA`` = ``scalar``, ``neon``, ``avx2`` or ``avx512`` forces an instruction set; otherwise
the best one that the processor has is used. cffi releases the GIL during every call, so threads
may work side by side.
"""

from __future__ import annotations

import os
import sys
from enum import IntEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ektp_hw import _native

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = [
    "CYLINDER_WORDS",
    "ISA",
    "available_isas",
    "cylinders",
    "filter_cells",
    "isa",
    "use_isa",
]

CYLINDER_WORDS = 8
"""64-bit words of one cylinder code (`CYLINDER_WORDS` in src/cylinders.h)."""


class ISA(IntEnum):
    """Instruction sets, best last; the numbers are those of ``enum ektp_isa``."""

    SCALAR = 0
    NEON = 1
    AVX2 = 2
    AVX512 = 3


_FILE_NAME = {"win32": "ektp_native.dll", "darwin": "libektp_native.dylib"}.get(
    sys.platform, "libektp_native.so"
)
_ffi: Any = _native.ffi


def _library_file() -> str:
    # The build puts the library beside the generated module, which an editable install keeps
    # apart from this file.
    folder = Path(str(_native.__file__)).parent
    return os.environ.get("EKTP_HW_NATIVE", str(folder / _FILE_NAME))


_lib: Any = _ffi.dlopen(_library_file())
_in_use = ISA.SCALAR


def available_isas() -> list[ISA]:
    """Return the instruction sets that this processor runs, best last."""
    return [candidate for candidate in ISA if _lib.ektp_isa_available(candidate)]


def isa() -> ISA:
    """Return the instruction set in use."""
    return _in_use


def use_isa(wanted: ISA) -> None:
    """Route every kernel to this instruction set. Not while another thread is inside a kernel.

    Raises
    ------
    ValueError
        If this processor does not run it.
    """
    global _in_use  # noqa: PLW0603  # mirrors the one piece of state inside the library
    if _lib.ektp_isa_use(wanted):
        names = ", ".join(each.name.lower() for each in available_isas())
        raise ValueError(f"this processor does not run {wanted.name.lower()}; it runs {names}")
    _in_use = ISA(wanted)


def _isa_at_import() -> ISA:
    forced = os.environ.get("EKTP_HW_ISA", "").upper()
    if not forced:
        return available_isas()[-1]
    if forced not in ISA.__members__:
        names = ", ".join(each.name.lower() for each in ISA)
        raise ValueError(f"EKTP_HW_ISA={forced.lower()} is unknown; choose one of {names}")
    return ISA[forced]


use_isa(_isa_at_import())


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
    _check_rows("probe", probe_codes, probe_masks)
    _check_rows("reference", reference_codes, reference_masks)
    if not 1 <= prior <= 0xFFFF:
        raise ValueError(f"prior is {prior}; it must be 1 to 65535")
    shape = (len(probe_codes), len(reference_codes))
    if out is None:
        out = np.empty(shape, np.uint8)
    elif out.dtype != np.uint8 or out.shape != shape or not out.flags.carray:
        raise ValueError(f"out must be a writable C-contiguous uint8 array of shape {shape}")
    _lib.ektp_cylinders(
        _ffi.from_buffer("uint64_t[]", probe_codes),
        _ffi.from_buffer("uint64_t[]", probe_masks),
        shape[0],
        _ffi.from_buffer("uint64_t[]", reference_codes),
        _ffi.from_buffer("uint64_t[]", reference_masks),
        shape[1],
        prior,
        _ffi.from_buffer("uint8_t[]", out, require_writable=True),
    )
    return out


def _check_rows(side: str, codes: npt.NDArray[np.uint64], masks: npt.NDArray[np.uint64]) -> None:
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


def filter_cells(
    picture: npt.NDArray[np.int16],
    chosen: npt.NDArray[np.int32],
    down: npt.NDArray[np.uint8],
    across: npt.NDArray[np.uint8],
    weights: npt.NDArray[np.int16],
    first: npt.NDArray[np.uint32],
    scale: float,
) -> npt.NDArray[np.float32]:
    """Return the picture with each cell of 4 x 4 pixels under its own filter.

    A tap reads five pixels of one row and adds to the cell's four rows, two weights each: pixel
    (y, x) of the cell gets ``weights[t, y, 0] * p[x] + weights[t, y, 1] * p[x + 1]`` with
    ``p = picture[4 * row + down[t], 4 * column + across[t] :]``. Sums have 32 bits and wrap around.

    Parameters
    ----------
    picture
        With a margin, so that every tap of every cell finds eight pixels.
    chosen
        Filter of each cell, shape (rows, columns); where it is below 0 the result is 0.
    down, across, weights
        Taps of all filters, filter by filter; (n,), (n,) and (n, 4, 2).
    first
        Where each filter's taps start; one more entry than there are filters.
    scale
        What the sums are multiplied by, in single precision.

    Raises
    ------
    ValueError
        If an array has another type, shape or layout, or a tap leaves the picture.
    """
    taps = len(down)
    _check("picture", picture, np.int16, (-1, -1))
    _check("chosen", chosen, np.int32, (-1, -1))
    _check("down", down, np.uint8, (taps,))
    _check("across", across, np.uint8, (taps,))
    _check("weights", weights, np.int16, (taps, 4, 2))
    _check("first", first, np.uint32, (-1,))
    if len(first) == 0 or first[-1] > taps or (first[1:] < first[:-1]).any():
        raise ValueError(f"first must rise and stay within the {taps} taps")
    rows, columns = chosen.shape
    filtered = np.zeros((rows * 4, columns * 4), np.float32)
    if chosen.max(initial=-1) >= len(first) - 1:
        raise ValueError(f"chosen must name filters below {len(first) - 1}")
    height = 4 * rows + int(down.max(initial=0)) - 3
    width = 4 * columns + int(across.max(initial=0)) + 4
    if taps and chosen.size and (picture.shape[0] < height or picture.shape[1] < width):
        raise ValueError(f"picture must be at least {height} x {width}, not {picture.shape}")
    _lib.ektp_filter_cells(
        _ffi.from_buffer("int16_t[]", picture),
        picture.shape[1],
        _ffi.from_buffer("int32_t[]", chosen),
        rows,
        columns,
        _ffi.from_buffer("uint8_t[]", down),
        _ffi.from_buffer("uint8_t[]", across),
        _ffi.from_buffer("int16_t[]", weights),
        _ffi.from_buffer("uint32_t[]", first),
        scale,
        _ffi.from_buffer("float[]", filtered, require_writable=True),
    )
    return filtered


def _check(name: str, array: npt.NDArray[Any], kind: type, shape: tuple[int, ...]) -> None:
    """Raise ValueError if the array is not of this type and shape; -1 is any length."""
    fits = len(array.shape) == len(shape) and all(
        wanted in (-1, side) for side, wanted in zip(array.shape, shape, strict=True)
    )
    if array.dtype != kind or not fits or not array.flags.c_contiguous:
        raise ValueError(
            f"{name} must be a C-contiguous {np.dtype(kind)} array of shape {shape}, "
            f"not {array.dtype} of shape {array.shape}"
        )
