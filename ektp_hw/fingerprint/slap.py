# SPDX-License-Identifier: Apache-2.0
"""Slaps: from one picture of several fingers to one upright sample of each, with its position."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from itertools import pairwise
from typing import TYPE_CHECKING

import cv2
import numpy as np

from ektp_hw.errors import SampleError
from ektp_hw.fingerprint.parameters import PPI
from ektp_hw.fingerprint.resolution import at_500_ppi
from ektp_hw.fingerprint.slap_boxes import boxed, cut_out
from ektp_hw.fingerprint.slap_components import fingertips, ridge_energy
from ektp_hw.fingerprint.slap_hand import GROUPS, judged
from ektp_hw.samples import FingerPosition, FingerprintImage

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    import numpy.typing as npt

    from ektp_hw.fingerprint.slap_boxes import FingertipBox

__all__ = ["SegmentedFinger", "SlapSegmentation", "SlapWarning", "segment_slap"]

_LEAST_SIDE = 250
"""Pixels at 500 ppi: half an inch holds no fingertip."""
_MARGIN = 16
"""Pixels around a fingertip in its cut-out."""
_SURE = 0.9
_EDGE = 4.0
"""Pixels from the picture's edge where a finger counts as cut off."""
_MOST_FINGERS = 4


class SlapWarning(Enum):
    """What is wrong with a slap, in words for the operator."""

    NO_FINGERS = "no finger was found: put the fingers on the glass and press a little"
    TOO_FEW = "fewer fingers were found than expected: press all of them, or say which is missing"
    TOO_MANY = "more than the expected fingers were found: wipe the glass and lift the other hand"
    WRONG_HAND = "this looks like the other hand"
    UNSURE_HAND = "which hand this is cannot be told from the picture: check it"
    TOUCHING = "two fingers touch: spread them a little"
    CUT_OFF = "a fingertip lies over the edge: move the hand to the middle"


@dataclass(frozen=True, eq=False)
class SegmentedFinger:
    """One fingertip of a slap.

    Parameters
    ----------
    position
        Which finger; unknown where no hand has so many.
    corners
        Its box in pixels of the slap, shape (4, 2), x and y: upper left, upper right, lower right
        and lower left as the finger points up.
    angle
        Degrees from upright, counter-clockwise as seen.
    image
        The fingertip cut out and turned upright, at 500 ppi, with its position.
    """

    position: FingerPosition
    corners: npt.NDArray[np.float64]
    angle: float
    image: FingerprintImage


@dataclass(frozen=True, eq=False)
class SlapSegmentation:
    """What a slap shows.

    Parameters
    ----------
    fingers
        From left to right, across the tilted hand.
    tilt
        Of the whole hand in degrees, counter-clockwise from upright.
    hand
        What the picture alone says: ``RIGHT_FOUR``, ``LEFT_FOUR``, ``TWO_THUMBS``, or ``UNKNOWN``
        without fingers.
    confidence
        Probability of that hand against the others, 0 to 1.
    warnings
        For the operator, the gravest first.
    """

    fingers: tuple[SegmentedFinger, ...]
    tilt: float
    hand: FingerPosition
    confidence: float
    warnings: tuple[SlapWarning, ...]


def segment_slap(
    image: FingerprintImage,
    kind: FingerPosition | None = None,
    missing: Collection[FingerPosition] = (),
) -> SlapSegmentation:
    """Find the fingertips of a slap of one hand's four fingers or of both thumbs.

    Positions are those of the slap that was asked for, even where the picture looks like another
    one: then a warning says so and the operator decides.

    Parameters
    ----------
    image
        Fingers pointing up within 45 degrees, seen from behind the hand (the right index on the
        left), dark ridges on a light ground.
    kind
        ``RIGHT_FOUR``, ``LEFT_FOUR`` or ``TWO_THUMBS``; None takes the sample's own position if it
        is one of these, or else what the picture looks like.
    missing
        Fingers that the person does not have or cannot press.

    Raises
    ------
    SampleError
        If the picture is too small for a finger, or has a side of more than 4095 pixels at 500 ppi.
    ValueError
        If the kind is no slap, or fingers said to be missing are no single ones or all of it.
    """
    asked = _asked(image, kind, missing)
    picture = at_500_ppi(image.pixels, image.ppi, image.source)
    _check_size(picture, image.source)
    energy = ridge_energy(picture)
    lobes = fingertips(energy)
    most = _MOST_FINGERS if asked is None else len([f for f in GROUPS[asked] if f not in missing])
    found = _without_lower_phalanges([boxed(energy, lobe) for lobe in lobes])
    boxes = found[:most]
    if not boxes:
        nothing = (SlapWarning.NO_FINGERS,)
        return SlapSegmentation((), 0.0, FingerPosition.UNKNOWN, 0.0, nothing)
    tilt = float(np.mean([box.angle for box in boxes]))
    turn = np.deg2rad(tilt)
    boxes.sort(key=lambda box: box.x * float(np.cos(turn)) - box.y * float(np.sin(turn)))
    verdict = judged(boxes, tilt, missing)
    shown = asked or verdict.hand
    positions = verdict.positions.get(shown, (FingerPosition.UNKNOWN,) * len(boxes))
    warnings = []
    if asked is not None and verdict.hand is not asked and verdict.confidence > _SURE:
        warnings.append(SlapWarning.WRONG_HAND)
    elif verdict.confidence <= _SURE:
        warnings.append(SlapWarning.UNSURE_HAND)
    if len(found) > most:
        warnings.append(SlapWarning.TOO_MANY)
    if len(boxes) < len([f for f in GROUPS.get(shown, ()) if f not in missing]):
        warnings.append(SlapWarning.TOO_FEW)
    warnings += _placement_warnings(boxes, picture.shape)
    ground = int(np.percentile(picture[::4, ::4], 90))
    fingers = []
    for box, position in zip(boxes, positions, strict=True):
        pixels = cut_out(picture, box, _MARGIN, ground)
        source = f"{image.source}#{position.name}" if image.source else ""
        sample = FingerprintImage(pixels, PPI, position, image.impression, source)
        fingers.append(SegmentedFinger(position, box.corners * image.ppi / PPI, box.angle, sample))
    return SlapSegmentation(tuple(fingers), tilt, verdict.hand, verdict.confidence, tuple(warnings))


def _asked(
    image: FingerprintImage, kind: FingerPosition | None, missing: Collection[FingerPosition]
) -> FingerPosition | None:
    """Return which slap is meant, None if nobody said."""
    singles = {finger for group in GROUPS.values() for finger in group}
    if not set(missing) <= singles:
        raise ValueError("only single fingers can be missing; name each of them")
    if kind is None:
        kind = image.position if image.position in GROUPS else None
    elif kind not in GROUPS:
        raise ValueError(f"{kind!r} is no slap; give RIGHT_FOUR, LEFT_FOUR or TWO_THUMBS")
    if kind is not None and set(GROUPS[kind]) <= set(missing):
        raise ValueError(f"all fingers of {kind.name} are said to be missing; skip this slap")
    return kind


def _without_lower_phalanges(boxes: Sequence[FingertipBox]) -> list[FingertipBox]:
    """Drop what lies on the axis of another box, below its joint: now that axes are exact."""

    def below(lower: FingertipBox, upper: FingertipBox) -> bool:
        turn = np.deg2rad(upper.angle)
        c, s, x, y = np.cos(turn), np.sin(turn), lower.x - upper.x, lower.y - upper.y
        return bool(abs(c * x - s * y) < upper.width / 2 and s * x + c * y > upper.length / 2)

    return [box for box in boxes if not any(below(box, other) for other in boxes)]


def _check_size(picture: npt.NDArray[np.uint8], source: str) -> None:
    height, width = picture.shape
    if min(height, width) < _LEAST_SIDE:
        where = f"{source}: " if source else ""
        raise SampleError(
            f"{where}a picture of {width} x {height} pixels at {PPI} ppi holds no fingers; give "
            "the whole slap with its true resolution"
        )


def _placement_warnings(boxes: Sequence[FingertipBox], shape: tuple[int, ...]) -> list[SlapWarning]:
    """Say whether fingers touch or lie over the edge."""
    found = []
    corners = [box.corners.astype(np.float32) for box in boxes]
    pairs = pairwise(corners)
    if any(cv2.intersectConvexConvex(one, two)[0] > 0 for one, two in pairs):
        found.append(SlapWarning.TOUCHING)
    last = np.array((shape[1], shape[0])) - 1 - _EDGE
    middles = np.concatenate([(c + np.roll(c, 1, axis=0)) / 2 for c in corners])
    if (middles < _EDGE).any() or (middles > last).any():
        found.append(SlapWarning.CUT_OFF)
    return found
