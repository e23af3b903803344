# SPDX-License-Identifier: Apache-2.0
"""What preparing derives from single stored bytes, found once for every byte there is.

A stored template has 256 directions, 64 reliabilities, 256 orientations and 255 ridge periods
(`ektp_hw.templates`), so their cosines and logarithms are looked up, and are the same wherever a
template is prepared on this machine.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

import numpy as np

from ektp_hw import native
from ektp_hw.fingerprint.cylinder_parameters import CylinderParameters
from ektp_hw.templates import (
    DIRECTION_STEPS,
    FLOW_STEPS,
    PERIOD_STEPS,
    RELIABILITIES,
    steps_of_reliability,
)

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["preparation_tables", "trust_of"]

_DOUBTFUL, _CERTAIN = -1.66, 5.04
"""Log-odds of being true of the least and the most trusted minutiae: one in six and 154 in 155."""
_LEAST_TRUST = 0.2
"""Added to a trust of 0 to 1, so that even the least reliable minutiae count a little."""
_CYLINDERS = CylinderParameters()
_REACH = 3.0
"""Standard deviations of place beyond which a minutia contributes nothing to a cell."""


@functools.cache
def preparation_tables(
    cylinders: CylinderParameters = _CYLINDERS, least_trust: float = _LEAST_TRUST
) -> Any:  # noqa: ANN401  # a C structure
    """Return the tables as `native.prepare` takes them.

    Parameters
    ----------
    cylinders
        What is described, with as many cells and bands as the core is made for.
    least_trust
        How much the least reliable minutiae count, where the most reliable ones count 1 more.
    """
    byte = np.arange(256, dtype=np.uint8)
    direction = (byte * np.float32(2 * np.pi / DIRECTION_STEPS)).astype(np.float64)
    cosine, sine = np.cos(direction), np.sin(direction)
    twice = 2 * (byte * np.float32(np.pi / FLOW_STEPS))
    periods = np.maximum(byte, 1) / np.float32(PERIOD_STEPS)
    unseen = np.full(1, np.nan, np.float32)
    tables = {
        "direction": direction,
        "cosine": cosine,
        "sine": sine,
        "column_cosine": cosine.astype(np.float32),
        "column_sine": sine.astype(np.float32),
        "trust": trust_of(RELIABILITIES.astype(np.float64), least_trust),
        "reliability_1": steps_of_reliability(np.arange(64) / 63),
        "flow_cosine": np.cos(twice),
        "flow_sine": np.sin(twice),
        "flow_period": np.log(periods),
        "flow_unseen": np.concatenate((np.cos(2 * unseen), np.sin(2 * unseen), np.log(unseen))),
        "band_weight": _band_weights(direction, cylinders),
    }
    numbers = {
        "radius": cylinders.radius,
        "reach": _REACH * cylinders.position_spread,
        "position_spread": cylinders.position_spread,
        "direction_spread": cylinders.direction_spread,
        "threshold": cylinders.threshold,
        "most_trust": cylinders.most_trust,
        "margin": cylinders.margin,
    }
    return native.prepare_tables(tables, numbers)


def trust_of(
    reliability: npt.NDArray[np.float64], least_trust: float = _LEAST_TRUST
) -> npt.NDArray[np.float64]:
    """Return how much a minutia counts; rises with the log-odds of its reliability.

    It is taken relative to the template's mean later, so that extractors of different confidence
    (and templates without reliabilities) compare alike.
    """
    least, most = (1.0 / (1.0 + np.exp(-odds)) for odds in (_DOUBTFUL, _CERTAIN))
    inside = np.clip(reliability, least, most)
    odds = np.log(inside / (1.0 - inside))
    return np.asarray((odds - _DOUBTFUL) / (_CERTAIN - _DOUBTFUL) + least_trust)


def _band_weights(
    direction: npt.NDArray[np.float64], cylinders: CylinderParameters
) -> npt.NDArray[np.float32]:
    """Return what a minutia turned by each step gives to each band of direction, (256, 8)."""
    middles = (np.arange(cylinders.bands) + 0.5) * 2 * np.pi / cylinders.bands
    gap = (direction[:, np.newaxis] - middles) % (2 * np.pi)
    gap = np.minimum(gap, 2 * np.pi - gap)
    weights = np.zeros((DIRECTION_STEPS, 8), np.float32)
    weights[:, : cylinders.bands] = np.exp(-0.5 * (gap / cylinders.direction_spread) ** 2)
    return weights
