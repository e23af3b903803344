# SPDX-License-Identifier: Apache-2.0
"""Where the columns that searching scans come from: a code and a sketch for each template."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import numpy as np

from ektp_hw.gallery.layout import CODE_WORDS
from ektp_hw.native import SKETCH_BYTES

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from ektp_hw.templates import FingerprintTemplate

__all__ = ["SKETCH_BYTES", "Description", "Undescribed"]


class Description(Protocol):
    """What is stored of a finger beside its template, to find it without reading that."""

    version: int
    """Another number whenever the content changes; segments of another number are described
    anew by a compaction."""
    sketch_bytes: int

    def codes(self, templates: Sequence[FingerprintTemplate], /) -> npt.NDArray[np.uint64]:
        """Return a code for each template, (n, 8) uint64."""

    def sketches(self, templates: Sequence[FingerprintTemplate], /) -> npt.NDArray[np.uint8]:
        """Return a sketch for each template, (n, sketch_bytes) uint8."""


class Undescribed:
    """Templates alone: every code and sketch is zero, and searching compares everybody."""

    version = 0
    sketch_bytes = SKETCH_BYTES

    @staticmethod
    def codes(templates: Sequence[FingerprintTemplate]) -> npt.NDArray[np.uint64]:
        """Return zeros."""
        return np.zeros((len(templates), CODE_WORDS), np.uint64)

    def sketches(self, templates: Sequence[FingerprintTemplate]) -> npt.NDArray[np.uint8]:
        """Return zeros."""
        return np.zeros((len(templates), self.sketch_bytes), np.uint8)
