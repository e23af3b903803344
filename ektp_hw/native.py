# SPDX-License-Identifier: Apache-2.0
"""The only door to the compiled core: arrays in, arrays out, no copy on the way.

``EKTP_HW_ISA`` = ``scalar``, ``neon``, ``avx2`` or ``avx512`` forces an instruction set; otherwise
the best one that the processor has is used. cffi releases the GIL during every call, so threads
may work side by side.
"""

from __future__ import annotations

import math
import os
import sys
from enum import IntEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ektp_hw import _native

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

__all__ = [
    "CYLINDER_WORDS",
    "ISA",
    "MATCH_CUES",
    "PackedTemplate",
    "available_isas",
    "cylinders",
    "filter_cells",
    "isa",
    "match",
    "match_one",
    "match_parameters",
    "pack",
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


class PackedTemplate:
    """A fingerprint as the compiled core reads it: one block of bytes, never changed.

    Made by `pack` only, because `match` trusts what stands in it.
    """

    __slots__ = ("address", "block")

    def __init__(self, content: bytes) -> None:
        room = np.zeros(len(content) + 64, np.uint8)
        start = -room.ctypes.data % 64
        block = room[start : start + len(content)]
        block[:] = np.frombuffer(content, np.uint8)
        block.flags.writeable = False
        self.block: npt.NDArray[np.uint8] = block
        self.address: int = block.ctypes.data

    def __reduce__(self) -> tuple[type[PackedTemplate], tuple[bytes]]:
        return PackedTemplate, (self.block.tobytes(),)


_MOST_MINUTIAE = 255
_LANES = 16
_FAR_AWAY = 1e9


def pack(
    *,
    columns: npt.NDArray[np.float32],
    steps: npt.NDArray[np.int32],
    codes: npt.NDArray[np.uint64],
    masks: npt.NDArray[np.uint64],
    corners: npt.NDArray[np.float32],
    flow: npt.NDArray[np.float32],
    digest: bytes,
) -> PackedTemplate:
    """Lay a fingerprint out for `match` (``native/src/match.h``).

    Parameters
    ----------
    columns
        x, y (upwards, ascending), cosine and sine of the direction, trust; (5, n), n up to 255.
    steps
        Directions in 1/256 of a turn, 0 to 255; (n,).
    codes, masks
        As `cylinders` takes them, (n, `CYLINDER_WORDS`).
    corners
        Hull of the minutiae, counter-clockwise, (k, 2), k up to n.
    flow
        (3, rows, columns), at most 128 each way: cosine and sine of twice the orientation, natural
        logarithm of the ridge period; NaN where no ridges are seen.
    digest
        16 bytes that decide, for two of as many minutiae, which is laid over the other.

    Raises
    ------
    ValueError
        If an array has another type, shape or layout, or a number that cannot be.
    """
    count = len(steps)
    _check("columns", columns, np.float32, (5, count))
    _check("steps", steps, np.int32, (count,))
    _check_rows("template", codes, masks)
    _check("corners", corners, np.float32, (-1, 2))
    _check("flow", flow, np.float32, (3, -1, -1))
    rows, across = flow.shape[1:]
    if count > _MOST_MINUTIAE or len(codes) != count or len(corners) > count:
        raise ValueError(f"{count} minutiae must be at most 255, with one code each and their hull")
    if count and not (
        np.isfinite(columns).all()
        and (np.diff(columns[1]) >= 0).all()
        and np.abs(columns[:2]).max() <= 65536
        and columns[4].min() >= 0
        and 0 <= steps.min() <= steps.max() <= 255
    ):
        raise ValueError("columns must be finite with y ascending, steps must be 0 to 255")
    if max(rows, across) > 128 or len(digest) != 16:
        raise ValueError("flow must be at most 128 x 128 cells, digest must be 16 bytes")
    room = -(-count // _LANES) * _LANES
    padded = np.zeros((5, room), np.float32)
    padded[:2] = _FAR_AWAY
    padded[:, :count] = columns
    turns = np.zeros(room, np.int32)
    turns[:count] = steps
    bits = np.zeros((2, room, CYLINDER_WORDS), np.uint64)
    bits[0, :count], bits[1, :count] = codes, masks
    start = np.array([count, room, len(corners), rows, across, 0], np.uint32)
    header = (start.tobytes() + digest).ljust(_lib.EKTP_MATCH_HEADER, b"\0")
    arrays = (padded, turns, bits, corners, flow)
    return PackedTemplate(header + b"".join(each.tobytes() for each in arrays))


def match_parameters(alignment: Any, pairing: Any) -> Any:  # noqa: ANN401  # a C structure
    """Return the constants as `match` takes them.

    Parameters
    ----------
    alignment, pairing
        `fingerprint.comparison_parameters.AlignmentParameters` and `PairingParameters`.

    Raises
    ------
    ValueError
        If a count is larger than the core has room for.
    """
    window = math.ceil(alignment.angle * 64 / (2 * math.pi))
    limits = {"votes": 256, "proposals": 64, "finalists": 8}
    for name, limit in limits.items():
        if not 1 <= getattr(alignment, name) <= limit:
            raise ValueError(f"{name} must be 1 to {limit}, not {getattr(alignment, name)}")
    if not 1 <= alignment.prior <= 0xFFFF or not 1 <= window <= 31:
        raise ValueError("prior must be 1 to 65535, angle must be above 0 and below 3 radians")
    return _ffi.new(
        "ektp_match_parameters *",
        {
            "prior": alignment.prior,
            "votes": alignment.votes,
            "proposals": alignment.proposals,
            "finalists": alignment.finalists,
            "window": window,
            "align_reach": alignment.reach,
            "stretch": alignment.stretch,
            "align_cosine": math.cos(alignment.angle),
            "align_rigidity": alignment.rigidity,
            "copy_cosine": math.cos(alignment.copy_angle),
            "copy_shift": alignment.copy_shift,
            "hopeless": pairing.hopeless,
            "reach_first": pairing.reach_first,
            "reach": pairing.reach,
            "pair_cosine": math.cos(pairing.angle),
            "smoothness": pairing.smoothness,
            "stiffness": pairing.stiffness,
            "pair_rigidity": pairing.rigidity,
            "area_margin": pairing.area_margin,
            "cosines": [math.cos(2 * math.pi * step / 256) for step in range(256)],
        },
    )


MATCH_CUES = 8
"""Numbers that `match` finds for each reference (`MATCH_CUES` in src/match.h)."""


def match(
    probe: PackedTemplate,
    references: Sequence[PackedTemplate],
    parameters: Any,  # noqa: ANN401  # a C structure
    partners: npt.NDArray[np.int32] | None = None,
) -> npt.NDArray[np.float32]:
    """Return the cues of one fingerprint against many, (references, `MATCH_CUES`).

    What they are: `ektp_hw.fingerprint.comparison.CUES`. Which of two is laid over the other does
    not depend on which is the probe: the one with fewer minutiae, or the lesser digest.

    Parameters
    ----------
    parameters
        From `match_parameters`.
    partners
        (256,), gets for the last reference the partner of each minutia of the one laid over the
        other, -1 for none.

    Raises
    ------
    TypeError
        If something else than a `PackedTemplate` is given.
    ValueError
        If ``partners`` has another type or shape.
    """
    for each in (probe, *references):
        if type(each) is not PackedTemplate:
            raise TypeError(f"a PackedTemplate is matched, not {type(each).__name__}")
    if partners is not None:
        _check("partners", partners, np.int32, (256,))
    addresses = np.fromiter((each.address for each in references), np.uint64, len(references))
    cues = np.empty((len(references), MATCH_CUES), np.float32)
    _lib.ektp_match(
        _ffi.cast("void *", probe.address),
        _ffi.cast("void **", _ffi.from_buffer(addresses)),
        len(references),
        parameters,
        _ffi.from_buffer("float[]", cues, require_writable=True),
        _ffi.NULL if partners is None else _ffi.from_buffer("int32_t[]", partners),
    )
    return cues


def match_one(
    probe: PackedTemplate,
    reference: PackedTemplate,
    parameters: Any,  # noqa: ANN401  # a C structure
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int32], bool]:
    """Return cues, partners and whether the reference was laid over the probe; as `match`."""
    partners = np.full(256, -1, np.int32)
    cues = match(probe, [reference], parameters, partners)[0]
    return cues, partners, _rank(reference) < _rank(probe)


def _rank(packed: PackedTemplate) -> tuple[int, bytes]:
    return int(packed.block[:4].view(np.uint32)[0]), packed.block[24:40].tobytes()
