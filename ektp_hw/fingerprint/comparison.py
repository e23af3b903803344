# SPDX-License-Identifier: Apache-2.0
"""The comparison of two fingerprints on one page.

`prepare` once, compare many times: neighbourhood codes of each minutia (`descriptors`), how alike
the codes of both sides are (`native.cylinders`), the alignment that they agree on and the minutiae
paired under it (`pairing`), how far the ridges agree under it (`flow_agreement`), the cues weighed
into one number (`scoring`), and that number as a false match rate (`calibration`).
"""

from __future__ import annotations

import hashlib
from dataclasses import astuple, dataclass
from typing import TYPE_CHECKING

import numpy as np

from ektp_hw import native
from ektp_hw.fingerprint import flow_agreement, pairing
from ektp_hw.fingerprint.alignment import AlignmentParameters, align, oriented
from ektp_hw.fingerprint.calibration import score_of
from ektp_hw.fingerprint.descriptors import CylinderParameters, cylinder_codes, hull
from ektp_hw.fingerprint.flow_agreement import agree, flow_table
from ektp_hw.fingerprint.pairing import PairingParameters, pair
from ektp_hw.fingerprint.scoring import weigh
from ektp_hw.templates import FLOW_CELL, FingerprintTemplate

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

__all__ = ["CUES", "PreparedTemplate", "compare", "compare_many", "matched_minutiae", "prepare"]

CUES = (*pairing.CUES, *flow_agreement.CUES)
"""Names of the columns of `cues_of`."""
_CYLINDERS = CylinderParameters()
_ALIGNMENT = astuple(AlignmentParameters())
_PAIRING = astuple(PairingParameters())
_PRIOR_BITS = 16
"""Disagreeing bits that every two neighbourhoods start with."""
_DOUBTFUL, _CERTAIN = -1.66, 5.04
"""Log-odds of being true of the least and the most trusted minutiae: one in six and 154 in 155."""
_LEAST_TRUST = 0.2
"""Added to a trust of 0 to 1, so that even the least reliable minutiae count a little."""


@dataclass(frozen=True, eq=False)
class PreparedTemplate:
    """A template with what comparing derives from it; serves as probe and as reference.

    Parameters
    ----------
    template
        What it was prepared from.
    order
        Index into the template of each minutia as it stands here, by ascending y; (n,).
    columns
        x, y (upwards), direction and trust, (4, n) float64. Trust rises with the log-odds of the
        reliability, and is relative to the template's mean, so that extractors of different
        confidence (and templates without reliabilities) compare alike.
    corners
        (k, 2) hull of the minutiae.
    cylinders
        Codes and masks, (2, n, 8) uint64, see `descriptors.cylinder_codes`.
    flow
        Ridge flow, (3, rows, columns) float32, see `flow_agreement.flow_table`.
    rank
        Decides which of two templates is laid over the other, whichever way round they are given.
    """

    template: FingerprintTemplate
    order: npt.NDArray[np.int64]
    columns: npt.NDArray[np.float64]
    corners: npt.NDArray[np.float64]
    cylinders: npt.NDArray[np.uint64]
    flow: npt.NDArray[np.float32]
    rank: tuple[int, bytes]

    def __len__(self) -> int:
        return len(self.order)


def prepare(template: FingerprintTemplate) -> PreparedTemplate:
    """Derive what comparing needs; about 0.3 ms, so do it once for each template."""
    order = np.argsort(-template.y, kind="stable")
    x = template.x[order].astype(np.float64)
    y = -template.y[order].astype(np.float64)
    direction = template.direction[order].astype(np.float64)
    trust = _trust(template.reliability[order].astype(np.float64))
    trust /= trust.mean() if len(trust) else 1.0
    corners = hull(x, y)
    columns = np.stack((x, y, direction, trust))
    cylinders = np.stack(cylinder_codes(x, y, direction, trust, corners, _CYLINDERS))
    flow = flow_table(template.flow)
    for array in (order, columns, corners, cylinders, flow):
        array.flags.writeable = False
    digest = hashlib.blake2b(template.to_bytes(), digest_size=16).digest()
    rank = (len(template), digest)
    return PreparedTemplate(template, order, columns, corners, cylinders, flow, rank)


def compare(
    probe: FingerprintTemplate | PreparedTemplate, reference: FingerprintTemplate | PreparedTemplate
) -> float:
    """Return the comparison score, -log10 of the false match rate, 0 or more.

    4.0 means that one non-mated pair in 10 000 scores as high. The order of the two does not
    matter; a template with nothing to compare scores 0.0.
    """
    return float(compare_many(probe, [reference])[0])


def compare_many(
    probe: FingerprintTemplate | PreparedTemplate,
    references: Sequence[FingerprintTemplate | PreparedTemplate],
) -> npt.NDArray[np.float64]:
    """Return the score of the probe against each reference, exactly as `compare` gives it."""
    return score_of(weigh(cues_of(probe, references)))


def matched_minutiae(
    probe: FingerprintTemplate | PreparedTemplate, reference: FingerprintTemplate | PreparedTemplate
) -> npt.NDArray[np.int64]:
    """Return which minutiae `compare` laid on each other: (k, 2) indices into probe and reference.

    For explaining a score, not for computing one: strangers' prints have matched minutiae too.
    """
    one, other = _prepared(probe), _prepared(reference)
    partners = np.full(max(len(one), len(other), 1), -1, np.int64)
    cues_of(one, [other], partners)
    laid_over = np.flatnonzero(partners >= 0)
    if other.rank < one.rank:
        return np.column_stack([one.order[partners[laid_over]], other.order[laid_over]])
    return np.column_stack([one.order[laid_over], other.order[partners[laid_over]]])


def cues_of(
    probe: FingerprintTemplate | PreparedTemplate,
    references: Sequence[FingerprintTemplate | PreparedTemplate],
    partners: npt.NDArray[np.int64] | None = None,
) -> npt.NDArray[np.float64]:
    """Return what is found of each reference, (references, len(CUES)).

    `partners`, if given, is filled as `pairing.pair` says.
    """
    one = _prepared(probe)
    others = [_prepared(reference) for reference in references]
    if not others:
        return np.zeros((0, len(CUES)))
    x, y, direction, trust = one.columns
    columns = np.concatenate([other.columns for other in others], axis=1)
    codes, masks = np.concatenate([other.cylinders for other in others], axis=1)
    corners = np.concatenate([other.corners for other in others])
    starts = _starts([len(other) for other in others])
    corner_starts = _starts([len(other.corners) for other in others])
    swapped = np.array([other.rank < one.rank for other in others])
    similarities = native.cylinders(one.cylinders[0], one.cylinders[1], codes, masks, _PRIOR_BITS)
    blocks = oriented(similarities, starts, swapped)
    proposed = align(x, y, direction, trust, columns, starts, blocks, swapped, *_ALIGNMENT)
    cues, fits = pair(
        x,
        y,
        direction,
        trust,
        one.corners,
        columns,
        starts,
        corners,
        corner_starts,
        blocks,
        swapped,
        proposed,
        np.empty(0, np.int64) if partners is None else partners,
        *_PAIRING,
    )
    flows = np.concatenate([other.flow.ravel() for other in others])
    shapes = np.array([other.flow.shape[1:] for other in others])
    flow_cues = agree(one.flow, flows, shapes, swapped, fits, FLOW_CELL)
    return np.concatenate((cues, flow_cues), axis=1)


def _trust(reliability: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    least, most = (1.0 / (1.0 + np.exp(-odds)) for odds in (_DOUBTFUL, _CERTAIN))
    inside = np.clip(reliability, least, most)
    odds = np.log(inside / (1.0 - inside))
    return np.asarray((odds - _DOUBTFUL) / (_CERTAIN - _DOUBTFUL) + _LEAST_TRUST)


def _starts(lengths: list[int]) -> npt.NDArray[np.int64]:
    starts = np.zeros(len(lengths) + 1, np.int64)
    np.cumsum(lengths, out=starts[1:])
    return starts


def _prepared(template: FingerprintTemplate | PreparedTemplate) -> PreparedTemplate:
    if isinstance(template, PreparedTemplate):
        return template
    if isinstance(template, FingerprintTemplate):
        return prepare(template)
    raise TypeError(
        f"a FingerprintTemplate or PreparedTemplate is compared, not {type(template).__name__}"
    )
