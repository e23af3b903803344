# SPDX-License-Identifier: Apache-2.0
"""Random numbers that depend on nothing but the seed and the path to the thing being made."""

from __future__ import annotations

import numpy as np

__all__ = ["stream"]


def stream(seed: int, *path: int) -> np.random.Generator:
    """Return the random stream of one part of one person.

    Parts with different paths are independent, and asking for one never disturbs another: the
    third impression of a thumb is the same whether or not the first was ever made.

    Raises
    ------
    ValueError
        If the seed or a step of the path is negative.
    """
    if seed < 0 or any(step < 0 for step in path):
        raise ValueError(f"a seed is zero or more, not {seed} {path}")
    return np.random.Generator(
        np.random.PCG64(np.random.SeedSequence(entropy=int(seed), spawn_key=tuple(map(int, path))))
    )
