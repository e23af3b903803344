# SPDX-License-Identifier: Apache-2.0
"""The comparison of two fingerprints on one page.

`prepare` once, one template or many (`prepared`), compare many times: neighbourhood codes of each
minutia (`native.prepare`), how alike the codes of both sides are, the alignment that they agree on,
the minutiae paired under it and how far the ridges between them agree (`native.match`, constants in
`comparison_parameters`), the cues weighed into one number (`scoring`), and that number as a false
match rate (`calibration`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from ektp_hw import native
from ektp_hw.fingerprint.calibration import score_of
from ektp_hw.fingerprint.comparison_parameters import AlignmentParameters, PairingParameters
from ektp_hw.fingerprint.prepared import PreparedTemplate, prepare, prepare_many
from ektp_hw.fingerprint.scoring import weigh
from ektp_hw.templates import FingerprintTemplate

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

__all__ = [
    "CUES",
    "Comparable",
    "PreparedTemplate",
    "compare",
    "compare_many",
    "matched_minutiae",
    "prepare",
    "prepare_many",
]

Comparable: TypeAlias = FingerprintTemplate | PreparedTemplate | native.PackedTemplate

CUES = (
    "pairs",
    "fit",
    "likeness",
    "common_a",
    "common_b",
    "chance",
    "flow_cells",
    "flow_agreement",
    "period_gap",
)
"""Names of the columns of `cues_of`.

Sums over minutiae, each as much as it is trusted. pairs: paired minutiae; fit: closeness of
partners in place and direction, 0 to 1 each; likeness: similarity of the partners' neighbourhoods,
0 to 1 each; common_a, common_b: minutiae of either impression inside the other's area; chance:
how many pairs were to be expected if the minutiae around had been thrown there.

Sums over the cells of ridge flow that both impressions show (J. Qi, S. Yang, Y. Wang, "Fingerprint
matching combining the global orientation field with minutia", Pattern Recognition Letters 26(15),
2005). flow_cells: how many, NaN where either flow is not known; flow_agreement: cosine of twice the
angle between the ridges; period_gap: absolute natural logarithm of the ratio of the ridge periods.
"""
_PARAMETERS = native.match_parameters(AlignmentParameters(), PairingParameters())


def compare(
    probe: FingerprintTemplate | PreparedTemplate, reference: FingerprintTemplate | PreparedTemplate
) -> float:
    """Return the comparison score, -log10 of the false match rate, 0 or more.

    4.0 means that one non-mated pair in 10 000 scores as high. The order of the two does not
    matter; a template with nothing to compare scores 0.0.
    """
    return float(compare_many(probe, [reference])[0])


def compare_many(
    probe: Comparable, references: Sequence[Comparable] | native.PackedBatch
) -> npt.NDArray[np.float64]:
    """Return the score of the probe against each reference, exactly as `compare` gives it.

    A batch of `prepare_many` is fastest for references; `PackedBatch.one` gives a probe.
    """
    return score_of(weigh(cues_of(probe, references)))


def matched_minutiae(
    probe: FingerprintTemplate | PreparedTemplate, reference: FingerprintTemplate | PreparedTemplate
) -> npt.NDArray[np.int64]:
    """Return which minutiae `compare` laid on each other: (k, 2) indices into probe and reference.

    For explaining a score, not for computing one: strangers' prints have matched minutiae too.
    """
    one, other = _prepared(probe), _prepared(reference)
    _, partners, swapped = native.match_one(one.packed, other.packed, _PARAMETERS)
    laid_over = np.flatnonzero(partners >= 0)
    if swapped:
        return np.column_stack([one.order[partners[laid_over]], other.order[laid_over]])
    return np.column_stack([one.order[laid_over], other.order[partners[laid_over]]])


def cues_of(
    probe: Comparable, references: Sequence[Comparable] | native.PackedBatch
) -> npt.NDArray[np.float64]:
    """Return what is found of each reference, (references, len(CUES))."""
    if isinstance(references, native.PackedBatch):
        packed: Sequence[native.PackedTemplate] | native.PackedBatch = references
    else:
        packed = [_packed(reference) for reference in references]
    return native.match(_packed(probe), packed, _PARAMETERS).astype(np.float64)


def _packed(template: Comparable) -> native.PackedTemplate:
    if isinstance(template, native.PackedTemplate):
        return template
    return _prepared(template).packed


def _prepared(template: FingerprintTemplate | PreparedTemplate) -> PreparedTemplate:
    if isinstance(template, PreparedTemplate):
        return template
    if isinstance(template, FingerprintTemplate):
        return prepare(template)
    raise TypeError(
        f"a FingerprintTemplate or PreparedTemplate is compared, not {type(template).__name__}"
    )
