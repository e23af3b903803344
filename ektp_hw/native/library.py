# SPDX-License-Identifier: Apache-2.0
"""The one place that opens the compiled core, and which instruction set it uses."""

from __future__ import annotations

import os
import sys
from enum import IntEnum
from pathlib import Path
from typing import Any

from ektp_hw import _native

__all__ = ["ISA", "available_isas", "ffi", "isa", "lib", "use_isa"]


class ISA(IntEnum):
    """Instruction sets, best last; the numbers are those of ``enum ektp_isa``."""

    SCALAR = 0
    NEON = 1
    AVX2 = 2
    AVX512 = 3


_FILE_NAME = {"win32": "ektp_native.dll", "darwin": "libektp_native.dylib"}.get(
    sys.platform, "libektp_native.so"
)
ffi: Any = _native.ffi


def _library_file() -> str:
    # The build puts the library beside the generated module, which an editable install keeps
    # apart from this file.
    folder = Path(str(_native.__file__)).parent
    return os.environ.get("EKTP_HW_NATIVE", str(folder / _FILE_NAME))


lib: Any = ffi.dlopen(_library_file())
_in_use = ISA.SCALAR


def available_isas() -> list[ISA]:
    """Return the instruction sets that this processor runs, best last."""
    return [candidate for candidate in ISA if lib.ektp_isa_available(candidate)]


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
    if lib.ektp_isa_use(wanted):
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
