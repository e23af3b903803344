# SPDX-License-Identifier: Apache-2.0
"""A finger that belongs to nobody, and its impressions."""

from __future__ import annotations

from functools import cached_property

from ektp_hw.samples import FingerPosition
from ektp_hw.synthetic.conditions import Conditions
from ektp_hw.synthetic.impression import SyntheticImpression, press
from ektp_hw.synthetic.master import Master, make_master
from ektp_hw.synthetic.pattern import Pattern, draw_pattern
from ektp_hw.synthetic.seeds import stream

__all__ = ["SyntheticFinger"]

_PATTERN, _MASTER, _TOUCH = range(3)
_THUMBS = (FingerPosition.RIGHT_THUMB, FingerPosition.LEFT_THUMB)


class SyntheticFinger:
    """One finger, grown when first needed (about 0.1 s) and kept.

    Parameters
    ----------
    seed
        Any number from 0; the same seed is the same finger.
    position
        Which finger; it decides the side to which loops open and how broad the ridges are.
    pattern
        The class, or None to draw it at its natural frequency.
    path
        Further numbers that tell this finger from others of the same seed.
    """

    def __init__(
        self,
        seed: int,
        position: FingerPosition = FingerPosition.UNKNOWN,
        *,
        pattern: Pattern | None = None,
        path: tuple[int, ...] = (),
    ) -> None:
        self.seed = seed
        self.position = position
        self._path = path
        drawn = draw_pattern(position, stream(seed, *path, _PATTERN))
        self.pattern = drawn if pattern is None else pattern

    @cached_property
    def master(self) -> Master:
        """The whole relief with its true minutiae."""
        return make_master(
            self.pattern,
            stream(self.seed, *self._path, _MASTER),
            broader=1.06 if self.position in _THUMBS else 1.0,
        )

    def impression(
        self,
        number: int,
        *,
        carelessness: float = 1.0,
        rotation: float | None = None,
        shift_x: float | None = None,
        shift_y: float | None = None,
        part_x: float | None = None,
        part_y: float | None = None,
        distortion: float | None = None,
        moisture: float | None = None,
        pressure: float | None = None,
        noise: float | None = None,
        blur: float | None = None,
        contrast: float | None = None,
        ground: float | None = None,
    ) -> SyntheticImpression:
        """Press the finger on the scanner; the same number gives the same picture.

        Parameters
        ----------
        number
            Which touch, from 0.
        carelessness
            How far conditions that are not given spread, see `Conditions.draw`.
        rotation, shift_x, shift_y, part_x, part_y, distortion, moisture, pressure, noise, blur,\
        contrast, ground
            As in `Conditions`; None draws them.

        Raises
        ------
        ValueError
            If the number is negative or a condition lies outside its range.
        """
        rng = stream(self.seed, *self._path, _TOUCH, number)
        conditions = Conditions.draw(rng, carelessness=carelessness).but(
            rotation=rotation,
            shift_x=shift_x,
            shift_y=shift_y,
            part_x=part_x,
            part_y=part_y,
            distortion=distortion,
            moisture=moisture,
            pressure=pressure,
            noise=noise,
            blur=blur,
            contrast=contrast,
            ground=ground,
        )
        return press(
            self.master,
            conditions,
            rng,
            position=self.position,
            source=f"synthetic:{'/'.join(map(str, (self.seed, *self._path, number)))}",
        )
