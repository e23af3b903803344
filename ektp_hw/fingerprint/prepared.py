# SPDX-License-Identifier: Apache-2.0
"""A template with everything that comparing derives from it, computed once."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ektp_hw import native
from ektp_hw.fingerprint.descriptors import CylinderParameters, cylinder_codes, hull
from ektp_hw.templates import DIRECTION_STEPS

if TYPE_CHECKING:
    import numpy.typing as npt

    from ektp_hw.templates import FingerprintTemplate, RidgeFlow

__all__ = ["PreparedTemplate", "prepare"]

_CYLINDERS = CylinderParameters()
_DOUBTFUL, _CERTAIN = -1.66, 5.04
"""Log-odds of being true of the least and the most trusted minutiae: one in six and 154 in 155."""
_LEAST_TRUST = 0.2
"""Added to a trust of 0 to 1, so that even the least reliable minutiae count a little."""


@dataclass(frozen=True, eq=False)
class PreparedTemplate:
    """A template made ready to be compared; serves as probe and as reference.

    Parameters
    ----------
    template
        What it was prepared from.
    order
        Index into the template of each minutia as it stands in `packed`, by ascending y; (n,).
    packed
        Minutiae, neighbourhood codes, hull and ridge flow as the compiled core reads them.
    """

    template: FingerprintTemplate
    order: npt.NDArray[np.int64]
    packed: native.PackedTemplate

    def __len__(self) -> int:
        return len(self.order)


def prepare(template: FingerprintTemplate) -> PreparedTemplate:
    """Derive what comparing needs; about 0.3 ms, so do it once for each template."""
    order = np.argsort(-template.y, kind="stable")
    x = template.x[order].astype(np.float64)
    y = -template.y[order].astype(np.float64)
    direction = template.direction[order].astype(np.float64)
    trust = _trust(template.reliability[order].astype(np.float64))
    corners = hull(x, y)
    codes, masks = cylinder_codes(x, y, direction, trust, corners, _CYLINDERS)
    steps = np.rint(direction * (DIRECTION_STEPS / (2 * np.pi))) % DIRECTION_STEPS
    packed = native.pack(
        columns=np.stack((x, y, np.cos(direction), np.sin(direction), trust)).astype(np.float32),
        steps=steps.astype(np.int32),
        codes=codes,
        masks=masks,
        corners=corners.astype(np.float32),
        flow=_flow_table(template.flow),
        digest=hashlib.blake2b(template.to_bytes(), digest_size=16).digest(),
    )
    order.flags.writeable = False
    return PreparedTemplate(template, order, packed)


def _trust(reliability: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return how much each minutia counts, 1 on average.

    It rises with the log-odds of the reliability, and is relative to the template's mean, so that
    extractors of different confidence (and templates without reliabilities) compare alike.
    """
    least, most = (1.0 / (1.0 + np.exp(-odds)) for odds in (_DOUBTFUL, _CERTAIN))
    inside = np.clip(reliability, least, most)
    odds = np.log(inside / (1.0 - inside))
    trust = (odds - _DOUBTFUL) / (_CERTAIN - _DOUBTFUL) + _LEAST_TRUST
    return np.asarray(trust / trust.mean()) if len(trust) else trust


def _flow_table(flow: RidgeFlow | None) -> npt.NDArray[np.float32]:
    """Return cosine and sine of twice the orientation, and the logarithm of the period.

    Shape (3, rows, columns), rows and columns 0 for None; NaN where no ridges are seen.
    """
    if flow is None:
        return np.zeros((3, 0, 0), np.float32)
    twice = 2 * flow.orientation
    return np.stack((np.cos(twice), np.sin(twice), np.log(flow.period))).astype(np.float32)
