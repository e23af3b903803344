# SPDX-License-Identifier: Apache-2.0
"""Training prints on the disk, made once and looked at many times.

Files of `PRINTS` prints each; print ``n`` of seed ``s`` is the same on every machine.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ektp_hw.training.fingers import grown
from ektp_hw.training.prints import training_print

if TYPE_CHECKING:
    from pathlib import Path

    import numpy.typing as npt

    from ektp_hw.training.prints import TrainingPrint

__all__ = ["FINGERS", "PRINTS", "Batch", "chunk"]

PRINTS = 512
"""In one file."""
FINGERS = 64
"""Whose prints stand in one file, drawn anew for each."""
_MOST = 96
"""Minutiae kept of one print."""


@dataclass(frozen=True)
class Batch:
    """Prints as arrays: even (n, 256, 256), minutiae (n, 96, 4) padded with NaN, flow."""

    even: npt.NDArray[np.uint8]
    minutiae: npt.NDArray[np.float32]
    flow: npt.NDArray[np.float16]


def chunk(folder: Path, number: int, seed: int = 0) -> Batch:
    """Return file ``number`` of the pool, making it if it is not there."""
    path = folder / f"prints-{seed}-{number:05d}.npz"
    if not path.exists():
        made = _made(number, seed)
        folder.mkdir(parents=True, exist_ok=True)
        draft = path.with_suffix(".part.npz")
        np.savez(draft, even=made.even, minutiae=made.minutiae, flow=made.flow)
        draft.rename(path)
    with np.load(path) as stored:
        return Batch(stored["even"], stored["minutiae"], stored["flow"])


def _made(number: int, seed: int) -> Batch:
    fingers = [grown((seed * 1_000_003 + number) * FINGERS + k) for k in range(FINGERS)]
    prints = []
    for k in range(PRINTS):
        rng = np.random.default_rng((seed, number, k))
        prints.append(training_print(fingers[k % FINGERS], rng))
    return Batch(
        np.stack([each.even for each in prints]),
        np.stack([_padded(each) for each in prints]),
        np.stack([each.flow for each in prints]).astype(np.float16),
    )


def _padded(print_: TrainingPrint) -> npt.NDArray[np.float32]:
    rows = np.full((_MOST, 4), np.nan, np.float32)
    count = min(len(print_.minutiae), _MOST)
    rows[:count] = print_.minutiae[:count]
    return rows
