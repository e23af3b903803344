# SPDX-License-Identifier: Apache-2.0
"""The only door to the compiled core: arrays in, arrays out, no copy on the way.

``EKTP_HW_ISA`` = ``scalar``, ``neon``, ``avx2`` or ``avx512`` forces an instruction set; otherwise
the best one that the processor has is used. cffi releases the GIL during every call, so threads
may work side by side.

`library` opens the core; one file serves each family of kernels: `neighbourhoods`, `filtering`,
`matching` (with `packing`), `preparing`, `scanning`, `sketching`, `sifting`, `convolution`.
"""

from __future__ import annotations

from ektp_hw.native.arrays import CYLINDER_WORDS
from ektp_hw.native.convolution import PackedConvolution, Plane, convolve, pack_convolution
from ektp_hw.native.filtering import filter_cells
from ektp_hw.native.library import ISA, available_isas, isa, use_isa
from ektp_hw.native.matching import MATCH_CUES, match, match_one, match_parameters
from ektp_hw.native.neighbourhoods import cylinders
from ektp_hw.native.packing import PackedBatch, PackedTemplate, pack
from ektp_hw.native.preparing import prepare, prepare_tables
from ektp_hw.native.scanning import (
    CODE_BITS,
    CODE_WORDS,
    PAIRS_AT_LEAST,
    Pairs,
    scan,
    scan_nearest,
    scan_pairs,
    scan_steps,
)
from ektp_hw.native.sifting import sift, sift_parameters
from ektp_hw.native.sketching import (
    SKETCH_BYTES,
    SKETCH_MINUTIAE,
    glimpse,
    pack_sketches,
    sketch,
    sketch_parameters,
)

__all__ = [
    "CODE_BITS",
    "CODE_WORDS",
    "CYLINDER_WORDS",
    "ISA",
    "MATCH_CUES",
    "PAIRS_AT_LEAST",
    "SKETCH_BYTES",
    "SKETCH_MINUTIAE",
    "PackedBatch",
    "PackedConvolution",
    "PackedTemplate",
    "Pairs",
    "Plane",
    "available_isas",
    "convolve",
    "cylinders",
    "filter_cells",
    "glimpse",
    "isa",
    "match",
    "match_one",
    "match_parameters",
    "pack",
    "pack_convolution",
    "pack_sketches",
    "prepare",
    "prepare_tables",
    "scan",
    "scan_nearest",
    "scan_pairs",
    "scan_steps",
    "sift",
    "sift_parameters",
    "sketch",
    "sketch_parameters",
    "use_isa",
]
