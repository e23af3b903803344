# SPDX-License-Identifier: Apache-2.0
"""What `native.prepare` makes of one template, column by column in NumPy and double precision."""

from __future__ import annotations

import hashlib

import numpy as np

from ektp_hw import native
from ektp_hw.fingerprint.descriptors import CylinderParameters, cylinder_codes, hull

DOUBTFUL, CERTAIN = -1.66, 5.04


def packed(template):
    order = np.argsort(-template.y, kind="stable")
    x = template.x[order].astype(np.float64)
    y = -template.y[order].astype(np.float64)
    direction = template.direction[order].astype(np.float64)
    trust = relative_trust(template.reliability[order].astype(np.float64))
    corners = hull(x, y)
    codes, masks = cylinder_codes(x, y, direction, trust, corners, CylinderParameters())
    steps = np.rint(direction * (256 / (2 * np.pi))) % 256
    return native.pack(
        columns=np.stack((x, y, np.cos(direction), np.sin(direction), trust)).astype(np.float32),
        steps=steps.astype(np.int32),
        codes=codes,
        masks=masks,
        corners=corners.astype(np.float32),
        flow=flow_table(template.flow),
        digest=hashlib.blake2b(template.to_bytes(), digest_size=16).digest(),
    )


def relative_trust(reliability):
    least, most = (1.0 / (1.0 + np.exp(-odds)) for odds in (DOUBTFUL, CERTAIN))
    inside = np.clip(reliability, least, most)
    odds = np.log(inside / (1.0 - inside))
    trust = (odds - DOUBTFUL) / (CERTAIN - DOUBTFUL) + 0.2
    return trust / trust.mean() if len(trust) else trust


def flow_table(flow):
    """Cosine and sine of twice the orientation, logarithm of the period: (3, rows, columns)."""
    if flow is None:
        return np.zeros((3, 0, 0), np.float32)
    twice = 2 * flow.orientation
    return np.stack((np.cos(twice), np.sin(twice), np.log(flow.period))).astype(np.float32)
