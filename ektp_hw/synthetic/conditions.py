# SPDX-License-Identifier: Apache-2.0
"""How a finger can be put on a scanner: the knobs of an impression and their ordinary spread."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ektp_hw.synthetic.pattern import HEIGHT, WIDTH

__all__ = ["PICTURE_HEIGHT", "PICTURE_WIDTH", "Conditions"]

PICTURE_WIDTH, PICTURE_HEIGHT = 388, 440
"""Size of an impression in pixels at 500 ppi."""
_RANGES = {
    "rotation": (-180, 180),
    "shift_x": (-PICTURE_WIDTH, PICTURE_WIDTH),
    "shift_y": (-PICTURE_HEIGHT, PICTURE_HEIGHT),
    "part_x": (-WIDTH, WIDTH),
    "part_y": (-HEIGHT, HEIGHT),
    "distortion": (0, 2),
    "moisture": (-1, 1),
    "pressure": (0, 1),
    "noise": (0, 1),
    "blur": (0, 10),
    "contrast": (0, 1),
    "ground": (0, 255),
}


@dataclass(frozen=True)
class Conditions:
    """How the finger was put down and what the sensor is like.

    Parameters
    ----------
    rotation
        Degrees, counter-clockwise as seen.
    shift_x, shift_y
        Pixels from the middle of the picture, right and down.
    part_x, part_y
        Which part of the fingertip touches: pixels of skin to the right of its middle, and below.
    distortion
        0 (none) to 2 (skin slipped far); 1 is a usual careless touch.
    moisture
        -1 (dry: thin, broken ridges) over 0 to 1 (wet: ridges run together).
    pressure
        0 (a light touch, small area) to 1 (a firm one, large area).
    noise
        0 (none) to 1 (strong): grain of skin and sensor, and patches that print badly.
    blur
        Standard deviation in pixels.
    contrast
        0 to 1, how dark a ridge is against the ground.
    ground
        Grey value of the empty platen.

    Raises
    ------
    ValueError
        If a value lies outside its range.
    """

    rotation: float = 0.0
    shift_x: float = 0.0
    shift_y: float = 0.0
    part_x: float = 0.0
    part_y: float = 0.0
    distortion: float = 0.0
    moisture: float = 0.0
    pressure: float = 0.6
    noise: float = 0.2
    blur: float = 0.7
    contrast: float = 0.9
    ground: float = 250.0

    def __post_init__(self) -> None:
        for name, (lowest, highest) in _RANGES.items():
            value = getattr(self, name)
            if not lowest <= value <= highest:
                raise ValueError(f"{name} is {value}; give one from {lowest} to {highest}")

    @classmethod
    def draw(cls, rng: np.random.Generator, *, carelessness: float = 1.0) -> Conditions:
        """Draw the conditions of one touch.

        Parameters
        ----------
        carelessness
            Scales what the person does: 0 is an exact repetition, 1 an ordinary touch at a counter
            with a clerk, 2 that of someone who tries to be difficult, as in the competitions.
        """
        if not 0 <= carelessness <= 2:
            raise ValueError(f"carelessness is {carelessness}; give one from 0 to 2")
        n, u = np.clip(rng.standard_normal(7), -2.7, 2.7) * carelessness, rng.random(5)
        return cls(
            rotation=float(8 * n[0]),
            shift_x=float(16 * n[1]),
            shift_y=float(22 * n[2]),
            part_x=float(14 * n[5]),
            part_y=float(18 * n[6]),
            distortion=float(min(abs(0.8 * n[3]), 2.0)),
            moisture=float(np.clip(0.4 * n[4] - 0.05, -0.9, 0.9)),
            pressure=float(0.2 + 0.75 * u[0]),
            noise=float(0.15 + 0.55 * u[1] ** 2),
            blur=float(0.6 + 0.5 * u[2]),
            contrast=float(0.75 + 0.23 * u[3]),
            ground=float(235 + 19 * u[4]),
        )

    def but(self, **given: float | None) -> Conditions:
        """Return the same with those given values that are not None."""
        return replace(self, **{name: value for name, value in given.items() if value is not None})
