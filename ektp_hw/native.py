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

import ektp_hw._native as _native

__all__ = ["ISA", "available_isas", "isa", "use_isa"]


class ISA(IntEnum):
    """Instruction sets, best last; the numbers are those of ``enum ektp_isa``."""

    SCALAR = 0
    NEON = 1
    AVX2 = 2
    AVX512 = 3


_FILE_NAME = {"win32": "ektp_native.dll", "darwin": "libektp_native.dylib"}.get(
    sys.platform, "libektp_native.so"
)
_ffi = _native.ffi
_lib = _ffi.dlopen(
    os.environ.get("EKTP_HW_NATIVE", str(Path(_native.__file__).with_name(_FILE_NAME)))
)
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
