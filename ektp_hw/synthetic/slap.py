# SPDX-License-Identifier: Apache-2.0
"""Slaps: several fingers of a synthetic person pressed on one large platen at once.

Seen from behind the hand, as slap scanners deliver it: a right hand shows its index finger on the
left. Below each fingertip stands the joint's white gap and then the ridged skin of the second
phalanx, which a segmentation must not take for a finger. Lengths and distances, in pixels at 500
ppi, were chosen by hand to resemble an adult's; no measured source stands behind them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from ektp_hw.samples import FingerPosition, FingerprintImage
from ektp_hw.synthetic.noise import smooth_noise, smoothed
from ektp_hw.synthetic.pattern import WIDTH
from ektp_hw.synthetic.seeds import stream

if TYPE_CHECKING:
    from collections.abc import Collection

    import numpy.typing as npt

    from ektp_hw.synthetic.master import Master
    from ektp_hw.synthetic.person import SyntheticPerson

__all__ = ["SLAP_HEIGHT", "SLAP_WIDTH", "SlapFinger", "SyntheticSlap", "make_slap"]

SLAP_WIDTH, SLAP_HEIGHT = 1600, 1500
"""A platen of 3.2 by 3.0 inches."""
_SLAP = 77
_MARGIN = 12.0
_ACROSS = (-540.0, -180.0, 180.0, 540.0)
"""Index to little finger of a right hand, from the middle of the hand to the right."""
_BEHIND_MIDDLE = (170.0, 0.0, 130.0, 440.0)
"""How much lower than the middle finger's tip the others end."""
_HALF_WIDTH = (140.0, 146.0, 138.0, 118.0)
_CREASE = (450.0, 470.0, 455.0, 400.0)
"""Rows of skin from the top of the master print to the first joint."""
_THUMB_HALF_WIDTH, _THUMB_CREASE, _THUMBS_APART = 166.0, 480.0, 330.0
_SECOND_PHALANX = 430.0
_LOWEST = 1000.0
"""Rows of skin below which nothing touches."""
_GROUPS = {
    FingerPosition.RIGHT_FOUR: (2, 3, 4, 5),
    FingerPosition.LEFT_FOUR: (7, 8, 9, 10),
    FingerPosition.TWO_THUMBS: (6, 1),
}


@dataclass(frozen=True)
class SlapFinger:
    """Where one fingertip truly lies on a slap.

    Parameters
    ----------
    centre
        Middle of the box, x and y in pixels.
    corners
        The box around the distal phalanx, shape (4, 2): upper left, upper right, lower right and
        lower left as the finger points up.
    angle
        Degrees from upright, counter-clockwise as seen.
    """

    position: FingerPosition
    centre: tuple[float, float]
    corners: npt.NDArray[np.float64]
    angle: float


@dataclass(frozen=True)
class SyntheticSlap:
    """A slap, its fingers in order of their position, and the tilt of the whole hand in degrees."""

    image: FingerprintImage
    fingers: tuple[SlapFinger, ...]
    tilt: float


@dataclass(frozen=True)
class _Pose:
    """One finger as it lies: its axis and how broad and long it touches."""

    position: FingerPosition
    tip: tuple[float, float]
    angle: float
    half_width: float
    top: float
    crease: float

    def on_platen(self, u: float, v: float) -> tuple[float, float]:
        """Return the point ``u`` right of the axis and ``v`` rows of skin down."""
        c, s = np.cos(np.deg2rad(self.angle)), np.sin(np.deg2rad(self.angle))
        down = v - self.top
        return float(self.tip[0] + c * u + s * down), float(self.tip[1] - s * u + c * down)

    def truth(self) -> SlapFinger:
        w = self.half_width
        rows = ((-w, self.top), (w, self.top), (w, self.crease), (-w, self.crease))
        corners = np.array([self.on_platen(u, v) for u, v in rows])
        x, y = corners.mean(axis=0)
        return SlapFinger(self.position, (float(x), float(y)), corners, self.angle)


def make_slap(
    person: SyntheticPerson,
    kind: FingerPosition,
    number: int = 0,
    *,
    missing: Collection[FingerPosition] = (),
    tilt: float | None = None,
    noise: float | None = None,
) -> SyntheticSlap:
    """Press several fingers at once; the same number gives the same picture.

    Parameters
    ----------
    kind
        ``RIGHT_FOUR``, ``LEFT_FOUR`` or ``TWO_THUMBS``.
    missing
        Fingers that do not touch; not all of the slap's.
    tilt
        Of the whole hand, degrees from upright, counter-clockwise as seen, -30 to 30.
    noise
        0 (clean) to 1 (grainy, with strong smudges left by others).

    Raises
    ------
    ValueError
        If the kind is no slap, no finger is left, or a number lies outside its range.
    """
    if kind not in _GROUPS:
        raise ValueError(f"{FingerPosition(kind).name} is no slap; ask for one of 13, 14 and 15")
    places, skin, platen = stream(person.seed, _SLAP, int(kind), number).spawn(3)
    drawn = places.uniform(-30, 30) if kind is not FingerPosition.TWO_THUMBS else 0.0
    tilt = float(places.uniform(-8, 8) if drawn == 0 else drawn) if tilt is None else tilt
    noise = float(0.1 + 0.6 * platen.random() ** 2) if noise is None else noise
    if not (-30 <= tilt <= 30 and 0 <= noise <= 1):
        raise ValueError(f"tilt {tilt} or noise {noise} is out of range: -30 to 30, and 0 to 1")
    poses = [p for p in _poses(kind, tilt, places) if p.position not in missing]
    if not poses:
        raise ValueError("all fingers of the slap are missing; leave at least one")
    poses = _moved_onto_platen(poses, places)
    ink = np.zeros((SLAP_HEIGHT, SLAP_WIDTH), np.float32)
    _smudge(ink, noise, platen)
    if kind is not FingerPosition.TWO_THUMBS and platen.random() < 0.3:
        _palm_edge(ink, platen)
    for pose in poses:
        _press(ink, pose, person.finger(pose.position).master, noise, skin)
    ink = smoothed(ink, 0.7)
    grain = platen.standard_normal(ink.shape, dtype=np.float32)
    grey = platen.uniform(238, 253) * (1 - platen.uniform(0.8, 0.95) * ink)
    grey += (2 + 10 * noise) * grain * (0.3 + 0.7 * ink)
    source = f"synthetic:{person.seed}/{kind.name}/{number}"
    pixels = np.clip(np.rint(grey), 0, 255).astype(np.uint8)
    image = FingerprintImage(pixels, 500.0, position=kind, source=source)
    truth = sorted((pose.truth() for pose in poses), key=lambda finger: finger.position)
    return SyntheticSlap(image, tuple(truth), tilt)


def _poses(kind: FingerPosition, tilt: float, rng: np.random.Generator) -> list[_Pose]:
    """Lay the fingers out around the platen's origin, then turn the hand."""
    found = []
    size, spread = rng.normal(1, 0.04), rng.uniform(0.94, 1.06)
    thumbs = kind is FingerPosition.TWO_THUMBS
    side = -1 if kind is FingerPosition.LEFT_FOUR else 1
    fan, lean = rng.uniform(0, 4), rng.uniform(-12, 12)
    c, s = np.cos(np.deg2rad(tilt)), np.sin(np.deg2rad(tilt))
    for k, code in enumerate(_GROUPS[kind]):
        if thumbs:
            x, y = (2 * k - 1) * _THUMBS_APART * rng.uniform(0.8, 1.3), rng.normal(0, 40)
            half, crease = _THUMB_HALF_WIDTH, _THUMB_CREASE
            angle = tilt + (2 * k - 1) * lean + rng.normal(0, 2)
        else:
            x = side * (_ACROSS[k] * spread + rng.normal(0, 10))
            y = _BEHIND_MIDDLE[k] * size + rng.normal(0, 22)
            half, crease = _HALF_WIDTH[k], _CREASE[k]
            angle = tilt - side * fan * (k - 1.5) + rng.normal(0, 1.5)
        half = min(half * size * rng.uniform(0.9, 1.03), WIDTH / 2 - 4)
        tip = (float(c * x + s * y), float(-s * x + c * y))
        top, crease = rng.uniform(20, 50), crease * size * rng.uniform(0.97, 1.03)
        found.append(_Pose(FingerPosition(code), tip, float(angle), half, top, crease))
    return found


def _moved_onto_platen(poses: list[_Pose], rng: np.random.Generator) -> list[_Pose]:
    """Shift the hand so that all fingertips lie on the platen, somewhere near its top."""
    corners = np.concatenate([pose.truth().corners for pose in poses])
    low, high = corners.min(axis=0), corners.max(axis=0)
    room = np.array((SLAP_WIDTH, SLAP_HEIGHT)) - (high - low) - 2 * _MARGIN
    share = np.array((rng.uniform(0.1, 0.9), rng.uniform(0.0, 0.6)))
    move = _MARGIN - low + np.where(room > 0, room * share, room / 2)
    return [
        _Pose(
            pose.position,
            (pose.tip[0] + float(move[0]), pose.tip[1] + float(move[1])),
            pose.angle,
            pose.half_width,
            pose.top,
            pose.crease,
        )
        for pose in poses
    ]


def _press(
    ink: npt.NDArray[np.float32],
    pose: _Pose,
    master: Master,
    noise: float,
    rng: np.random.Generator,
) -> None:
    """Add one finger, fingertip and what lies below it, to the ink on the platen."""
    w = pose.half_width + 12
    outline = ((-w, pose.top - 12), (w, pose.top - 12), (w, _LOWEST), (-w, _LOWEST))
    box = np.array([pose.on_platen(u, v) for u, v in outline])
    left, upper = np.maximum(np.floor(box.min(axis=0)), 0).astype(int)
    right, lower = np.minimum(np.ceil(box.max(axis=0)), (SLAP_WIDTH, SLAP_HEIGHT)).astype(int)
    y, x = np.mgrid[upper:lower, left:right].astype(np.float32)
    c, s = (np.float32(f(np.deg2rad(pose.angle))) for f in (np.cos, np.sin))
    x, y = x - np.float32(pose.tip[0]), y - np.float32(pose.tip[1])
    u, v = c * x - s * y, s * x + c * y + np.float32(pose.top)
    # Skin slips a little: the same finger never lies twice the same.
    u, v = u + 3 * smooth_noise(rng, u.shape, 70.0), v + 3 * smooth_noise(rng, u.shape, 70.0)
    contact = _contact(pose, u, v, rng)
    at = (u + np.float32(WIDTH / 2), v)
    relief, texture, creases = (
        np.asarray(cv2.remap(layer, *at, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101))
        for layer in (master.relief, master.texture, master.creases)
    )
    lower_skin = _plain_ridges(u, v, rng.uniform(-0.25, 0.25), rng)
    relief = np.where(v < pose.crease, relief - 1.6 * creases, lower_skin)
    moisture, press = rng.normal(-0.05, 0.3), rng.uniform(-0.15, 0.15)
    level = 0.05 - 0.5 * moisture - press - 0.2 * smooth_noise(rng, u.shape, 30.0)
    level += noise * np.maximum(smooth_noise(rng, u.shape, 16.0) - 1.0, 0)
    level += 0.7 * np.exp(-np.maximum(contact, 0) / 0.07)
    height = relief + (0.1 + 0.3 * noise) * texture
    print_ = 1 / (1 + np.exp(-np.clip((height - level) * 5.5, -20, 20)))
    print_ *= 1 / (1 + np.exp(-np.clip(contact * 60, -20, 20)))
    print_ *= np.clip(0.8 + 0.4 * np.minimum(contact, 0.5), 0, 1)
    patch = ink[upper:lower, left:right]
    np.maximum(patch, print_, out=patch)


def _contact(
    pose: _Pose, u: npt.NDArray[np.float32], v: npt.NDArray[np.float32], rng: np.random.Generator
) -> npt.NDArray[np.float32]:
    """How firmly each point touches: above 0 inside the contact areas, 1 on their middle lines."""
    w = pose.half_width
    across, above = u / w, np.minimum((v - pose.top) / (1.15 * w) - 1, 0)
    tip = 1 - np.sqrt(across**2 + above**2)
    fingertip = np.minimum(tip, (pose.crease - v) / w)
    gap, joint = rng.uniform(14, 42), pose.crease + _SECOND_PHALANX * rng.uniform(0.9, 1.1)
    begin = pose.crease + gap
    firm, reach = rng.uniform(0.6, 1.05), rng.choice((joint, joint, begin + 150, _LOWEST))
    second = np.minimum(firm - np.abs(across), np.minimum(v - begin, joint - v) / w)
    third = np.minimum(firm - np.abs(across), np.minimum(v - joint - 30, _LOWEST - v) / w)
    second, third = np.minimum(second, (reach - v) / w), np.minimum(third, (reach - v) / w)
    whole = np.maximum(fingertip, np.maximum(second, third))
    return np.asarray(whole + np.float32(0.035) * smooth_noise(rng, u.shape, 5.0), np.float32)


def _plain_ridges(
    u: npt.NDArray[np.float32], v: npt.NDArray[np.float32], slope: float, rng: np.random.Generator
) -> npt.NDArray[np.float32]:
    """Return ridges that run across without a pattern, as below the joints and on the palm."""
    phase = (v + slope * u) * (2 * np.pi / rng.uniform(8.6, 10))
    return np.asarray(np.cos(phase + 4 * smooth_noise(rng, u.shape, 36.0)), np.float32)


def _smudge(ink: npt.NDArray[np.float32], noise: float, rng: np.random.Generator) -> None:
    """Leave pale traces of earlier touches."""
    for _ in range(int(rng.integers(0, 4))):
        height, width = (int(side) for side in rng.integers(150, 420, 2))
        upper = int(rng.integers(0, SLAP_HEIGHT - height))
        left = int(rng.integers(0, SLAP_WIDTH - width))
        v, u = np.mgrid[:height, :width].astype(np.float32)
        oval = 1 - np.hypot(2 * u / width - 1, 2 * v / height - 1)
        trace = np.clip(oval + 0.3 * smooth_noise(rng, oval.shape, 14.0), 0, 0.4) / 0.4
        ridges = 0.5 + 0.5 * _plain_ridges(u, v, rng.uniform(-2, 2), rng)
        patch = ink[upper : upper + height, left : left + width]
        np.maximum(patch, (0.05 + 0.2 * noise) * rng.uniform(0.5, 1) * trace * ridges, out=patch)


def _palm_edge(ink: npt.NDArray[np.float32], rng: np.random.Generator) -> None:
    """Let the ball of the hand touch the lower edge of the platen."""
    high, wide = int(rng.integers(50, 160)), rng.uniform(350, 750)
    v, u = np.mgrid[:high, :SLAP_WIDTH].astype(np.float32)
    u = u - np.float32(rng.uniform(0.3, 0.7) * SLAP_WIDTH)
    contact = 1 - np.hypot(u / np.float32(wide), v / high - 1)
    contact += np.float32(0.06) * smooth_noise(rng, u.shape, 14.0)
    ridges = 0.5 + 0.5 * _plain_ridges(u, v, 0.8, rng)
    patch = ink[-high:]
    np.maximum(patch, ridges * np.clip(contact * 4, 0, 0.9), out=patch)
