# SPDX-License-Identifier: Apache-2.0
"""LEADER, a neural extractor by others, as a peer to be measured against (``method="leader"``).

It comes with the package pyfing (MIT) and needs TensorFlow; neither is installed with ours. It is
far slower than our own (most of a second a picture on one core) and finds better minutiae. What
it was trained on is not known, so that its figures on published sets may flatter it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ektp_hw.errors import ExtractorUnavailable
from ektp_hw.fingerprint.parameters import PPI
from ektp_hw.templates import FingerprintTemplate, MinutiaKind

try:
    import pyfing
except ImportError as error:
    raise ExtractorUnavailable(
        f"the extractor 'leader' needs the package pyfing with TensorFlow ({error}); "
        "run pip install 'ektp_hw[leader]' or choose another method"
    ) from error

if TYPE_CHECKING:
    from ektp_hw.samples import FingerprintImage
    from ektp_hw.tracing import Trace

__all__ = ["extract_leader"]

_KINDS = {"E": MinutiaKind.ENDING, "B": MinutiaKind.BIFURCATION}


def extract_leader(sample: FingerprintImage, trace: Trace) -> FingerprintTemplate:
    """Return LEADER's minutiae; its quality, 0.6 to 1, is taken for the reliability.

    It answers in whole pixels of the picture given, with directions as ours; positions are brought
    to 500 ppi here. Its minutiae are the only step of it that can be traced.
    """
    found = pyfing.minutiae_extraction(sample.pixels, dpi=sample.ppi)
    columns = np.array([(each.x, each.y, each.direction, each.quality) for each in found])
    x, y, direction, quality = columns.reshape(-1, 4).T
    trace("minutiae", np.stack((x, y, direction, quality)))
    scale = PPI / sample.ppi
    width, height = (max(1, round(side * scale)) for side in (sample.width, sample.height))
    return FingerprintTemplate.from_minutiae(
        np.clip(x * scale, 0.0, width),
        np.clip(y * scale, 0.0, height),
        direction,
        kind=[_KINDS.get(each.type, MinutiaKind.OTHER) for each in found],
        reliability=quality,
        width=width,
        height=height,
    )
