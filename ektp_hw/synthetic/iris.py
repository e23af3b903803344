# SPDX-License-Identifier: Apache-2.0
"""An eye that belongs to nobody, as a near-infrared camera sees it.

The texture lives on the iris itself, in turns around the pupil and in the share of the way from
pupil to white, so that every capture shows the same one whatever the pupil's size, the gaze or the
lids do (the rubber sheet of Daugman, 1993).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import cv2
import numpy as np

from ektp_hw.samples import Eye, IrisImage
from ektp_hw.synthetic.noise import smooth_noise, smoothed
from ektp_hw.synthetic.seeds import stream

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["Circle", "SyntheticEye", "SyntheticEyeCapture"]

_WIDTH, _HEIGHT = 640, 480
_AROUND, _OUTWARD = 1024, 96
_TEXTURE, _SHAPE, _CAPTURE = range(3)


@dataclass(frozen=True)
class Circle:
    """Centre and radius in pixels, y downwards."""

    x: float
    y: float
    radius: float


@dataclass(frozen=True)
class SyntheticEyeCapture:
    """A picture of an eye and where its pupil and iris truly are.

    Parameters
    ----------
    roll
        Degrees by which the eye is turned, counter-clockwise as seen.
    """

    image: IrisImage
    pupil: Circle
    iris: Circle
    roll: float


class SyntheticEye:
    """One eye; its texture is made when first needed and kept.

    Parameters
    ----------
    seed, path
        As for `SyntheticFinger`.
    eye
        Which eye; the inner corner lies on the side of the nose.
    """

    def __init__(self, seed: int, eye: Eye = Eye.UNKNOWN, *, path: tuple[int, ...] = ()) -> None:
        self.seed = seed
        self.eye = eye
        self._path = path

    @cached_property
    def texture(self) -> npt.NDArray[np.float32]:
        """About -1 to 1, shape (outward from the pupil, counter-clockwise around)."""
        return _texture(stream(self.seed, *self._path, _TEXTURE))

    def capture(
        self,
        number: int,
        *,
        dilation: float | None = None,
        opening: float | None = None,
        noise: float | None = None,
        blur: float | None = None,
    ) -> SyntheticEyeCapture:
        """Take one picture, 640 by 480; the same number gives the same picture.

        Parameters
        ----------
        number
            Which picture, from 0. What is not given below is drawn as an ordinary one has it.
        dilation
            Radius of the pupil over that of the iris, 0.2 to 0.7.
        opening
            How far the lids are open, 0.3 to 1.5: 1 shows the whole iris, 0.5 about half of it.
        noise
            Standard deviation of the camera's noise in grey values.
        blur
            Standard deviation in pixels.

        Raises
        ------
        ValueError
            If the number is negative or a condition lies outside its range.
        """
        for name, value, lowest, highest in (
            ("dilation", dilation, 0.2, 0.7),
            ("opening", opening, 0.3, 1.5),
            ("noise", noise, 0, 50),
            ("blur", blur, 0, 10),
        ):
            if value is not None and not lowest <= value <= highest:
                raise ValueError(f"{name} is {value}; give one from {lowest} to {highest}")
        own = stream(self.seed, *self._path, _SHAPE)
        rng = stream(self.seed, *self._path, _CAPTURE, number)
        n, u = rng.standard_normal(6), rng.random(3)
        size = float(own.uniform(104, 122))
        dilation = float(np.clip(0.38 + 0.04 * n[0], 0.25, 0.6)) if dilation is None else dilation
        opening = float(np.clip(0.93 + 0.08 * n[1], 0.7, 1.1)) if opening is None else opening
        noise = 2.0 + 2.5 * float(u[0]) if noise is None else noise
        blur = 0.7 + 0.6 * float(u[1]) if blur is None else blur
        iris = Circle(
            320 + 16 * float(n[2]), 240 + 12 * float(n[3]), size * (1 + 0.02 * float(n[4]))
        )
        pupil = Circle(iris.x + float(own.normal(0, 2)), iris.y + 2.0, iris.radius * dilation)
        roll = 2.5 * float(n[5])
        picture = _paint(self.texture, pupil, iris, roll, own)
        picture = _lids(picture, iris, opening, self.eye, own)
        picture = smoothed(picture, blur)
        _glints(picture, pupil, rng)
        picture += np.float32(noise) * rng.standard_normal(picture.shape, dtype=np.float32)
        pixels = np.clip(np.rint(picture), 0, 255).astype(np.uint8)
        name = f"synthetic:{'/'.join(map(str, (self.seed, *self._path, number)))}"
        return SyntheticEyeCapture(IrisImage(pixels, self.eye, name), pupil, iris, roll)


def _texture(rng: np.random.Generator) -> npt.NDArray[np.float32]:
    """Radial fibres of several widths, a collarette, crypts and concentric furrows."""
    total = np.zeros((_OUTWARD, _AROUND), np.float32)
    for around, outward, share in (
        (2.2, 10.0, 0.3),
        (5.0, 7.0, 0.5),
        (11.0, 6.0, 0.6),
        (24.0, 12.0, 0.6),
    ):
        # Isotropic noise on a sheet of its own height, then stretched along the fibres.
        rows = max(8, round(_OUTWARD * around / outward))
        sheet = smooth_noise(rng, (rows, 2 * _AROUND), around)
        ramp = np.linspace(0, 1, _AROUND, dtype=np.float32)
        # Two halves blended into a sheet without a seam, its contrast kept.
        ring = sheet[:, :_AROUND] * np.sqrt(ramp) + sheet[:, _AROUND:] * np.sqrt(1 - ramp)
        total += np.float32(share) * np.asarray(cv2.resize(ring, (_AROUND, _OUTWARD)), np.float32)
    out = np.linspace(0, 1, _OUTWARD, dtype=np.float32)[:, None]
    turn = np.arange(_AROUND, dtype=np.float32)[None, :] * np.float32(2 * np.pi / _AROUND)
    edge = np.full(turn.shape, 0.3, np.float32)
    for wave in (3, 7, 13, 19):
        edge = edge + np.float32(rng.normal(0, 0.012)) * np.cos(wave * turn + rng.uniform(0, 6.28))
    total += 0.9 * np.exp(-(((out - edge) / 0.05) ** 2)) - 0.35 * (out < edge)
    for _ in range(int(rng.integers(24, 48))):
        at, away = rng.uniform(0, 2 * np.pi), rng.uniform(0.15, 0.75)
        wide, long = rng.uniform(0.02, 0.07), rng.uniform(0.02, 0.07)
        apart = np.angle(np.exp(1j * (turn - at))).astype(np.float32)
        total -= np.float32(rng.uniform(0.8, 1.6)) * np.exp(
            -((apart / wide) ** 2) - ((out - away) / long) ** 2
        )
    for _ in range(3):
        away, arc = rng.uniform(0.55, 0.95), rng.uniform(0, 2 * np.pi)
        total -= 0.5 * np.exp(-(((out - away) / 0.02) ** 2)) * (0.5 + 0.5 * np.cos(turn - arc))
    return np.asarray(np.tanh(total / 1.6), np.float32)


def _paint(
    texture: npt.NDArray[np.float32],
    pupil: Circle,
    iris: Circle,
    roll: float,
    own: np.random.Generator,
) -> npt.NDArray[np.float32]:
    y, x = np.mgrid[0:_HEIGHT, 0:_WIDTH].astype(np.float32)
    right, up = x - np.float32(pupil.x), np.float32(pupil.y) - y
    distance = np.hypot(right, up)
    angle = np.arctan2(up, right)
    # Along the ray from the pupil's centre: where does it leave the iris?
    off_x, off_y = iris.x - pupil.x, pupil.y - iris.y
    along = off_x * np.cos(angle) + off_y * np.sin(angle)
    edge = along + np.sqrt(np.maximum(along**2 - off_x**2 - off_y**2 + iris.radius**2, 1.0))
    share = (distance - pupil.radius) / np.maximum(edge - pupil.radius, 1.0)
    turn = np.mod(angle - np.deg2rad(roll), 2 * np.pi) * (_AROUND / (2 * np.pi))
    fibres = np.asarray(
        cv2.remap(
            np.concatenate((texture, texture[:, :1]), axis=1),
            turn.astype(np.float32),
            (np.clip(share, 0, 1) * (_OUTWARD - 1)).astype(np.float32),
            cv2.INTER_LINEAR,
        ),
        np.float32,
    )
    grey, depth = own.uniform(85, 120), own.uniform(20, 30)
    iris_grey = grey + depth * fibres - 14 * np.clip(share - 0.8, 0, 1) * 5
    white = 190 - 0.10 * np.abs(x - iris.x) + 4 * smooth_noise(own, (_HEIGHT, _WIDTH), 14.0)
    outside = 1 / (1 + np.exp(-np.clip((distance - edge) / 3.5, -20, 20)))
    inside = 1 / (1 + np.exp(np.clip((distance - pupil.radius) / 0.8, -20, 20)))
    picture = iris_grey * (1 - outside) + white * outside
    return np.asarray(picture * (1 - inside) + 22 * inside, np.float32)


def _lids(
    picture: npt.NDArray[np.float32],
    iris: Circle,
    opening: float,
    eye: Eye,
    own: np.random.Generator,
) -> npt.NDArray[np.float32]:
    """Cover the picture with skin above and below, and the lashes of the upper lid."""
    y, x = np.mgrid[0:_HEIGHT, 0:_WIDTH].astype(np.float32)
    nose = 1.0 if eye is Eye.RIGHT else -1.0  # the person's right eye has the nose to its right
    across = (x - np.float32(iris.x)) / 300
    tilt = -14.0 * nose * across
    upper = iris.y - iris.radius * (2 * opening - 0.93) + 150 * across**2 + tilt
    lower = iris.y + iris.radius * (0.45 + 0.55 * opening) - 95 * across**2 + tilt
    skin = 205 + 5 * smooth_noise(own, (_HEIGHT, _WIDTH), 40.0)
    skin += 4 * smooth_noise(own, (_HEIGHT, _WIDTH), 2.0)
    skin -= 45 * np.exp(-(((y - upper + 36) / 9) ** 2))
    cover = np.maximum(1 / (1 + np.exp(np.clip((y - upper) / 1.5, -20, 20))), 0)
    cover = np.maximum(cover, 1 / (1 + np.exp(np.clip((lower - y) / 1.5, -20, 20))))
    shade = 1 - 0.25 * np.exp(-np.maximum(y - upper, 0) / 14)
    picture = np.asarray(picture * shade * (1 - cover) + skin * cover, np.float32)
    return picture * (1 - 0.75 * _lashes(iris, opening, nose, own))


def _lashes(
    iris: Circle, opening: float, nose: float, own: np.random.Generator
) -> npt.NDArray[np.float32]:
    """Draw thin hairs that dip from the upper lid and curl up again, in tufts; 1 is a hair."""
    hairs = np.zeros((_HEIGHT, _WIDTH), np.uint8)
    edge = iris.y - iris.radius * (2 * opening - 0.93)
    for tuft in np.linspace(-0.78, 0.78, 17) + own.normal(0, 0.02, 17):
        for place in tuft + own.normal(0, 0.022, 6):
            rise, lean = own.uniform(25, 60), 45 * tuft - 300 * (place - tuft) * 0.6
            t = np.linspace(0, 1, 8)
            points = np.stack(
                (
                    iris.x + 300 * place + (lean + own.normal(0, 6)) * t,
                    edge + 150 * place**2 - 14 * nose * place + 22 * t * (1 - t) - rise * t * t,
                ),
                axis=1,
            )
            cv2.polylines(
                hairs,
                [np.rint(points * 16).astype(np.int32)],
                isClosed=False,
                color=int(own.integers(120, 255)),
                thickness=1,
                lineType=cv2.LINE_AA,
                shift=4,
            )
    return smoothed((hairs / 255).astype(np.float32), 0.6)


def _glints(picture: npt.NDArray[np.float32], pupil: Circle, rng: np.random.Generator) -> None:
    """Mirror the two lamps beside the lens in the cornea."""
    y, x = np.mgrid[0:_HEIGHT, 0:_WIDTH].astype(np.float32)
    for side in (-1, 1):
        at_x = pupil.x + side * 0.35 * pupil.radius + rng.normal(0, 1.0)
        at_y = pupil.y - 0.1 * pupil.radius + rng.normal(0, 1.0)
        near = np.hypot(x - np.float32(at_x), y - np.float32(at_y))
        spot = 1 / (1 + np.exp(np.clip((near - 4.5) / 0.7, -20, 20)))
        picture += (250 - picture) * spot
