# SPDX-License-Identifier: Apache-2.0
"""How good a print is for comparison, and what the person at the scanner can do about it.

The score is ours and is no NFIQ value. It predicts the comparison score against a good impression
of the same finger from three measures: the print's area, the clarity of its ridges and the variety
of their directions. Weights are fitted to synthetic impressions by ``benchmarks/fit_quality.py``.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING

from ektp_hw.fingerprint import quality_parameters as p
from ektp_hw.fingerprint.quality_measures import measured
from ektp_hw.fingerprint.resolution import at_500_ppi
from ektp_hw.samples import FingerprintImage

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    import numpy.typing as npt

__all__ = ["FingerprintQuality", "QualityReason", "assess_quality"]


class QualityReason(Enum):
    """What is wrong with a print; the value says what to do, in plain words."""

    NO_FINGER = "no finger is seen: place the finger flat on the scanner"
    TOO_SMALL = "too little of the finger is seen: lay it down flat and press a little more"
    OFF_CENTRE = "the finger is cut off at one side: move it to the middle of the scanner"
    TOO_DRY = "the finger is too dry: breathe on it or moisten it, and press a little more"
    TOO_WET = "the finger is too wet: dry it and press a little less"
    BLURRED = "the picture is blurred: hold the finger still until the scanner is done"
    DIRTY = "there are marks beside the finger: clean the scanner"


@dataclass(frozen=True)
class FingerprintQuality:
    """How good a print is.

    Parameters
    ----------
    score
        0 (cannot be compared) to 100 (as good as a print gets).
    reasons
        What is wrong, the most important first; empty where nothing needs to be done.
    measures
        The figures behind, by the names of `ektp_hw.fingerprint.quality_measures.MEASURES`.
    """

    score: int
    reasons: tuple[QualityReason, ...]
    measures: Mapping[str, float] = field(hash=False)


def assess_quality(
    image: FingerprintImage | npt.NDArray[np.uint8], ppi: float = 500.0
) -> FingerprintQuality:
    """Return score, reasons and measures of one finger's picture.

    Parameters
    ----------
    image
        As for `ektp_hw.fingerprint.extract`: grey values of shape (height, width), uint8, or a
        sample. A picture without a finger is a result, not an error.
    ppi
        True resolution of an array; a sample knows its own, which then counts.

    Raises
    ------
    SampleError
        If the picture or its resolution cannot be a fingerprint's, or a side is longer than 4095
        pixels at 500 ppi.
    """
    sample = image if isinstance(image, FingerprintImage) else FingerprintImage(image, ppi)
    values = measured(at_500_ppi(sample.pixels, sample.ppi, sample.source))
    if values["area_mm2"] == 0 or values["clarity"] < p.LEAST_CLARITY:
        return FingerprintQuality(0, (QualityReason.NO_FINGER,), values)
    return FingerprintQuality(_score(values), _reasons(values), values)


def _score(values: Mapping[str, float]) -> int:
    points = (
        p.AREA_WEIGHT * math.log(values["area_mm2"])
        + p.CLARITY_WEIGHT * math.log(values["clarity"])
        + p.VARIETY_WEIGHT * values["variety"]
        + p.OFFSET
    )
    return round(min(max(points, 0), 100))


def _reasons(values: Mapping[str, float]) -> tuple[QualityReason, ...]:
    wet = values["ink"] < p.WET_INK and values["modulation"] < p.WET_MODULATION
    smeared = values["smear"] > p.SMEARED
    soft = values["sharpness"] < p.BLURRED_SHARPNESS and values["modulation"] < p.BLURRED_MODULATION
    found = {
        QualityReason.TOO_SMALL: values["area_mm2"] < p.SMALL_AREA,
        QualityReason.OFF_CENTRE: values["cut_mm"] >= p.CUT,
        QualityReason.TOO_DRY: values["ink"] > p.DRY_INK,
        QualityReason.TOO_WET: wet,
        # Wet skin has no sharp valleys either; then wetness is what can be changed.
        QualityReason.BLURRED: smeared or (soft and not wet),
        # A finger that slid leaves its own marks.
        QualityReason.DIRTY: values["dirt_mm2"] >= p.DIRT_AREA and not smeared,
    }
    return tuple(reason for reason, applies in found.items() if applies)
