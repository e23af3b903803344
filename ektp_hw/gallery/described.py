# SPDX-License-Identifier: Apache-2.0
"""Codes and sketches as galleries store them beside each template."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ektp_hw import native

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    import numpy.typing as npt

    from ektp_hw.templates import FingerprintTemplate

__all__ = ["Described"]


class Described:
    """What `ektp_hw.fingerprint` makes of templates: finger codes and sketches."""

    version = 1
    """Of `fingerprint.cascade_tables`, `surroundings`, `sketch` and `finger_code` together."""
    sketch_bytes = native.SKETCH_BYTES

    def __init__(self) -> None:
        self._last: (
            tuple[Sequence[FingerprintTemplate], npt.NDArray[np.uint64], npt.NDArray[np.uint8]]
            | None
        ) = None

    def codes(self, templates: Sequence[FingerprintTemplate]) -> npt.NDArray[np.uint64]:
        """Return one code for each template, (n, 8)."""
        return self._both(templates)[1]

    def sketches(self, templates: Sequence[FingerprintTemplate]) -> npt.NDArray[np.uint8]:
        """Return one sketch for each template, (n, sketch_bytes)."""
        return self._both(templates)[2]

    def _both(
        self, templates: Sequence[FingerprintTemplate]
    ) -> tuple[Sequence[FingerprintTemplate], npt.NDArray[np.uint64], npt.NDArray[np.uint8]]:
        """Make both at once, since a gallery asks for one after the other."""
        last = self._last
        if (
            last is None
            or len(last[0]) != len(templates)
            or any(a is not b for a, b in zip(last[0], templates, strict=True))
        ):
            templates = tuple(templates)
            self._last = last = (templates, *_described(templates))
        return last


def _described(
    templates: Sequence[FingerprintTemplate],
) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.uint8]]:
    from ektp_hw.fingerprint.finger_code import codes_and_sketches

    return codes_and_sketches(templates)
