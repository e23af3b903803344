# SPDX-License-Identifier: Apache-2.0
"""Random numbers by their address: for millions of things, each made without the others.

`seeds.stream` starts a generator for one thing, which takes longer than making a template. Here a
thing's numbers are the hash of its key and their own place, SplitMix64 (G. L. Steele, D. Lea,
C. H. Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014), for many keys at once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ektp_hw.jit import kernel

if TYPE_CHECKING:
    import numpy.typing as npt

    Keys = npt.NDArray[np.uint64]
    Floats = npt.NDArray[np.float64]

__all__ = ["keys_of", "normals", "uniforms"]

_ODD = np.uint64(0x9E3779B97F4A7C15)
_FIRST, _SECOND = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
_WIDEST_NORMAL = 3.5
"""Nothing living is further from the usual than that, and everything stays in its range."""


def keys_of(seed: int, *path: npt.ArrayLike) -> Keys:
    """Return one key for each thing that seed and path name.

    Parameters
    ----------
    path
        Whole numbers from 0, or arrays of them of one shape.

    Raises
    ------
    ValueError
        If the seed or a step of the path is negative.
    """
    steps = [np.atleast_1d(np.asarray(step, np.int64)) for step in (seed, *path)]
    if any(step.size and step.min() < 0 for step in steps):
        raise ValueError(f"seed and path are zero or more, not {seed} {path}")
    key = np.zeros(1, np.uint64)
    for step in steps:
        key = _mixed((key + _ODD) ^ _mixed(step.astype(np.uint64) * _ODD + _FIRST))
    return key


def _mixed(z: Keys) -> Keys:
    z = (z ^ (z >> np.uint64(30))) * _FIRST
    z = (z ^ (z >> np.uint64(27))) * _SECOND
    return np.asarray(z ^ (z >> np.uint64(31)), np.uint64)


def uniforms(keys: Keys, count: int) -> Floats:
    """Return ``count`` numbers in (0, 1) for each key, (keys, count)."""
    table = np.empty((len(keys), count))
    _fill(keys, _ODD, _FIRST, _SECOND, table)
    return table


def normals(keys: Keys, count: int) -> Floats:
    """Return ``count`` normal deviates for each key, cut at 3.5; by Box and Muller (1958)."""
    half = (count + 1) // 2
    table = uniforms(keys, 2 * half)
    radius, angle = np.sqrt(-2 * np.log(table[:, :half])), 2 * np.pi * table[:, half:]
    deviates = np.concatenate((radius * np.cos(angle), radius * np.sin(angle)), axis=1)
    return np.asarray(np.clip(deviates[:, :count], -_WIDEST_NORMAL, _WIDEST_NORMAL), np.float64)


@kernel
def _fill(keys: Keys, odd: np.uint64, first: np.uint64, second: np.uint64, table: Floats) -> None:
    for i in range(keys.shape[0]):
        state = keys[i]
        for j in range(table.shape[1]):
            state += odd
            z = (state ^ (state >> np.uint64(30))) * first
            z = (z ^ (z >> np.uint64(27))) * second
            z ^= z >> np.uint64(31)
            table[i, j] = (np.float64(z >> np.uint64(11)) + 0.5) * 2.0**-53
