# SPDX-License-Identifier: Apache-2.0
"""Which hand lies on the platen, and which finger is which.

Every hand and every choice of missing fingers predicts where the tips stand to each other and how
broad they are; what was seen is judged under each prediction, the hand's place, size and a rest of
its tilt being unknown (a Gaussian model with these integrated out). Proportions, in pixels
at 500 ppi, were chosen by hand and are nearly those that `ektp_hw.synthetic.slap` draws, so that
what is measured on synthetic slaps says little about real hands.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

from ektp_hw.samples import FingerPosition

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    import numpy.typing as npt

    from ektp_hw.fingerprint.slap_boxes import FingertipBox

__all__ = ["GROUPS", "Judgement", "judged"]

_F = FingerPosition
GROUPS: dict[FingerPosition, tuple[FingerPosition, ...]] = {
    _F.RIGHT_FOUR: (_F.RIGHT_INDEX, _F.RIGHT_MIDDLE, _F.RIGHT_RING, _F.RIGHT_LITTLE),
    _F.LEFT_FOUR: (_F.LEFT_LITTLE, _F.LEFT_RING, _F.LEFT_MIDDLE, _F.LEFT_INDEX),
    _F.TWO_THUMBS: (_F.LEFT_THUMB, _F.RIGHT_THUMB),
}
"""Fingers of each slap from left to right, as seen from behind the hand."""

_TIPS = {"INDEX": (-540, 170), "MIDDLE": (-180, 0), "RING": (180, 120), "LITTLE": (540, 430)}
_WIDTHS = {"INDEX": 275.0, "MIDDLE": 280.0, "RING": 265.0, "LITTLE": 230.0, "THUMB": 315.0}
_THUMBS_APART = 700.0
_PLACE = (32.0, 40.0)
"""How far one tip strays from its place in the hand, across and along."""
_THUMB_PLACE = (150.0, 70.0)
_SIZE = 0.08
_TILT = np.deg2rad(3.5)
"""How exactly the fingers' directions tell the hand's."""
_WIDTH_TOGETHER, _WIDTH_ALONE = 0.12, 0.05
_ANYWHERE = 3000.0
_MISSING_UNTOLD = 0.02
"""Share of fingers that do not print although nobody said so."""


@dataclass(frozen=True)
class Judgement:
    """The likeliest slap, its probability against the others, and each finger's position."""

    hand: FingerPosition
    confidence: float
    positions: dict[FingerPosition, tuple[FingerPosition, ...]]
    """For each slap that is possible, the fingers' positions from left to right."""


def judged(
    boxes: Sequence[FingertipBox], tilt: float, missing: Collection[FingerPosition]
) -> Judgement:
    """Judge fingertips given from left to right in the hand's frame.

    Parameters
    ----------
    tilt
        Of the hand in degrees, counter-clockwise from upright.
    missing
        Fingers known not to be there.
    """
    turn = np.deg2rad(tilt)
    tips = np.array([box.tip for box in boxes]) @ np.array(
        ((np.cos(turn), np.sin(turn)), (-np.sin(turn), np.cos(turn)))
    )
    widths = np.log([max(box.width, 1.0) for box in boxes])
    evidence: dict[FingerPosition, float] = {}
    positions: dict[FingerPosition, tuple[FingerPosition, ...]] = {}
    for kind, fingers, prior in _hypotheses(len(boxes), missing):
        likelihood = prior + _tips_fit(kind, fingers, tips) + _widths_fit(fingers, widths)
        if likelihood > evidence.get(kind, -np.inf):
            positions[kind] = fingers
            evidence[kind] = likelihood
    if not evidence:
        return Judgement(FingerPosition.UNKNOWN, 0.0, {})
    hand = max(evidence, key=lambda kind: evidence[kind])
    rivals = sum(np.exp(max(value - evidence[hand], -700)) for value in evidence.values())
    return Judgement(hand, float(1 / rivals), positions)


def _hypotheses(
    count: int, missing: Collection[FingerPosition]
) -> Iterator[tuple[FingerPosition, tuple[FingerPosition, ...], float]]:
    """Yield each slap, the fingers it shows, and the logarithm of how likely that is before."""
    for kind, group in GROUPS.items():
        there = [finger for finger in group if finger not in missing]
        untold = len(there) - count
        # A finger said to be missing speaks for the hand that it belongs to.
        prior = untold * float(np.log(_MISSING_UNTOLD)) + 3.0 * (len(group) - len(there))
        for fingers in combinations(there, count) if count else ():
            yield kind, fingers, prior


def _tips_fit(
    kind: FingerPosition, fingers: Sequence[FingerPosition], tips: npt.NDArray[np.float64]
) -> float:
    if kind is FingerPosition.TWO_THUMBS:
        expected = np.array(
            [((-0.5, 0.5)[f is FingerPosition.RIGHT_THUMB] * _THUMBS_APART, 0) for f in fingers]
        )
        place = _THUMB_PLACE
    else:
        side = -1 if kind is FingerPosition.LEFT_FOUR else 1
        rows = [_TIPS[_name(finger)] for finger in fingers]
        expected = np.array([(side * x, y) for x, y in rows], np.float64)
        place = _PLACE
    expected = expected - expected.mean(axis=0)
    off = (tips - tips.mean(axis=0) - expected).ravel()
    count = len(fingers)
    free = [np.tile((1.0, 0.0), count) * _ANYWHERE, np.tile((0.0, 1.0), count) * _ANYWHERE]
    free.append(expected.ravel() * _SIZE)
    free.append(np.stack((-expected[:, 1], expected[:, 0]), axis=1).ravel() * _TILT)
    spread = np.array(free)
    return _log_density(off, np.diag(np.tile(np.square(place), count)) + spread.T @ spread)


def _widths_fit(fingers: Sequence[FingerPosition], widths: npt.NDArray[np.float64]) -> float:
    expected = np.log([_WIDTHS[_name(finger)] for finger in fingers])
    covariance = _WIDTH_TOGETHER**2 + np.eye(len(fingers)) * _WIDTH_ALONE**2
    return _log_density(widths - expected, covariance)


def _log_density(off: npt.NDArray[np.float64], covariance: npt.NDArray[np.float64]) -> float:
    _, log_volume = np.linalg.slogdet(covariance)
    return float(-0.5 * (off @ np.linalg.solve(covariance, off) + log_volume))


def _name(finger: FingerPosition) -> str:
    return finger.name.partition("_")[2]
