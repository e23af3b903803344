# SPDX-License-Identifier: Apache-2.0
"""Build step: turn the C declarations into the cffi module ``ektp_hw/_native.py`` (ABI mode)."""

import sys
from pathlib import Path

try:
    import cffi
except ModuleNotFoundError:
    sys.exit("cffi is missing for this Python; install it with: pip install cffi")

declarations, module = (Path(argument) for argument in sys.argv[1:3])
ffi = cffi.FFI()
ffi.cdef(declarations.read_text(encoding="utf-8"))
ffi.set_source("ektp_hw._native", None)
ffi.emit_python_code(str(module))
