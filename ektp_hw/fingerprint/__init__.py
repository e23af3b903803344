# SPDX-License-Identifier: Apache-2.0
"""Fingerprints: from the picture to minutiae, and from two templates to a score.

Our own extraction, `extract_classical`, on one page; each step is a file of that name, every
constant stands in `parameters`, and whoever wants to look between the steps passes a ``trace``.
It comes in by the same door as everybody else's, see `extractors`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ektp_hw.fingerprint.comparison import compare, prepare
from ektp_hw.fingerprint.enhancement import clarity, drafted, enhanced
from ektp_hw.fingerprint.extractors import extractor, extractors
from ektp_hw.fingerprint.frequency import ridge_frequency
from ektp_hw.fingerprint.minutiae import Surroundings, read_minutiae
from ektp_hw.fingerprint.normalisation import known, levelled, normalised, on_whole_cells
from ektp_hw.fingerprint.orientation import orientation_field, refined_field, structure_tensor
from ektp_hw.fingerprint.parameters import MIN_CLARITY, PPI
from ektp_hw.fingerprint.polarity import ridges_are_white
from ektp_hw.fingerprint.quality import FingerprintQuality, QualityReason, assess_quality
from ektp_hw.fingerprint.resolution import at_500_ppi
from ektp_hw.fingerprint.ridge_flow import summarised
from ektp_hw.fingerprint.segmentation import foreground, tidied
from ektp_hw.fingerprint.skeleton import cleaned
from ektp_hw.fingerprint.slap import segment_slap
from ektp_hw.fingerprint.thinning import binary, thinned
from ektp_hw.samples import FingerprintImage
from ektp_hw.tracing import Trace, ignore

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from ektp_hw.templates import FingerprintTemplate, RidgeFlow

__all__ = [
    "FingerprintQuality",
    "QualityReason",
    "assess_quality",
    "compare",
    "extract",
    "extract_classical",
    "extractors",
    "prepare",
    "ridge_flow",
    "segment_slap",
]


def extract(
    image: FingerprintImage | npt.NDArray[np.uint8],
    ppi: float = PPI,
    method: str | None = None,
    trace: Trace | None = None,
) -> FingerprintTemplate:
    """Return the minutiae of one finger's picture; a picture without ridges has none.

    Parameters
    ----------
    image
        Grey values of shape (height, width), uint8, or a sample. Ridges are dark; white ones on a
        dark ground are recognised and turned, which the trace tells by the key ``inverted``.
    ppi
        True resolution of an array; a sample knows its own, which then counts.
    method
        One of `extractors`; None is the best there is.
    trace
        Called with a key and an array after each step, see `ektp_hw.tracing`.

    Raises
    ------
    SampleError
        If the picture or its resolution cannot be a fingerprint's, or a side is longer than 4095
        pixels at 500 ppi.
    ValueError
        If the method is unknown.
    ExtractorUnavailable
        If it is known and cannot be imported.
    """
    sample = image if isinstance(image, FingerprintImage) else FingerprintImage(image, ppi)
    template = extractor(method)(sample, trace or ignore)
    return template if template.flow is not None else replace(template, flow=ridge_flow(sample))


def extract_classical(sample: FingerprintImage, trace: Trace) -> FingerprintTemplate:
    """Return the minutiae by ridge orientation, Gabor filters and thinning; ``classical``."""
    seen = _ridges(sample, trace)
    ridge = binary(seen.filtered, seen.around.mask)
    trace("binary", ridge)
    skeleton = thinned(ridge)
    trace("skeleton", skeleton)
    clean = cleaned(skeleton, seen.around.field)
    trace("clean-skeleton", clean)
    return read_minutiae(clean, seen.around, seen.width, seen.height, seen.flow)


def ridge_flow(sample: FingerprintImage) -> RidgeFlow:
    """Return how the ridges of a picture run, for minutiae that others have found in it."""
    return _ridges(sample, ignore).flow


@dataclass(frozen=True)
class _Ridges:
    """What is known of a picture before its minutiae; sizes in pixels at 500 ppi."""

    filtered: npt.NDArray[np.float32]
    around: Surroundings
    flow: RidgeFlow
    width: int
    height: int


def _ridges(sample: FingerprintImage, trace: Trace) -> _Ridges:
    picture = at_500_ppi(sample.pixels, sample.ppi, sample.source)
    trace("picture", picture)
    canvas = on_whole_cells(picture)
    seen = known(canvas)
    level = levelled(canvas, seen)
    even = normalised(level, seen)
    trace("normalised", even)

    tensor = structure_tensor(even)
    field = orientation_field(tensor)
    trace("orientation", field.angle)
    mask = foreground(level, seen, tensor)
    trace("foreground", mask)
    if ridges_are_white(canvas, mask):
        even = -even
        trace("inverted", even)
    ridges_per_pixel = ridge_frequency(even, field, mask)
    trace("frequency", ridges_per_pixel)

    # Twice: the first result shows the orientation far better than the picture did.
    draft = drafted(even, field, ridges_per_pixel, mask)
    trace("draft", draft)
    field = refined_field(structure_tensor(draft))
    trace("refined-orientation", field.angle)
    filtered = enhanced(even, field, ridges_per_pixel, mask)
    trace("enhanced", filtered)
    clear = clarity(even, filtered)
    trace("clarity", clear)
    mask = tidied(mask & (clear > MIN_CLARITY))
    trace("clear-foreground", mask)

    height, width = picture.shape
    flow = summarised(field, ridges_per_pixel, mask, width, height)
    return _Ridges(filtered, Surroundings(mask, field, clear), flow, width, height)
