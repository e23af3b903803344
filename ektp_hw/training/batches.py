# SPDX-License-Identifier: Apache-2.0
"""The order in which prints are learned from, and the small changes that make them many more."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from ektp_hw.training.pool import PRINTS, chunk

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import numpy.typing as npt

__all__ = ["batches", "varied"]


def batches(
    pool: Path, chunks: int, batch: int, seed: int, step: int = 0
) -> Iterator[tuple[torch.Tensor, torch.Tensor, torch.Tensor]]:
    """Yield pictures, minutiae and flow from a step on.

    Files are taken one after the other, each in an order of its own; every batch depends on seed
    and step alone.
    """
    per_chunk = PRINTS // batch
    while True:
        turn, within = divmod(step, per_chunk)
        order = np.random.default_rng((seed, turn)).permutation(PRINTS)
        prints = chunk(pool, turn % chunks)
        for k in range(within, per_chunk):
            chosen = np.sort(order[k * batch : (k + 1) * batch])
            arrays = prints.even[chosen], prints.minutiae[chosen], prints.flow[chosen]
            changed = varied(*arrays, np.random.default_rng((seed, turn, k)))
            pictures, rows, ways = (torch.from_numpy(np.ascontiguousarray(a)) for a in changed)
            yield pictures, rows, ways
        step = (turn + 1) * per_chunk


def varied(
    even: npt.NDArray[np.uint8],
    minutiae: npt.NDArray[np.float32],
    flow: npt.NDArray[np.float16],
    rng: np.random.Generator,
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Mirror prints and turn them by half a turn, and change their contrast and noise.

    Parameters
    ----------
    even, minutiae, flow
        As in `ektp_hw.training.pool.Batch`.

    Returns
    -------
    Pictures (n, 1, rows, columns), 0 to 1, and minutiae and flow changed in the same way.
    """
    pictures = even.astype(np.float32) / 255
    minutiae, ways = minutiae.copy(), flow.astype(np.float32)
    last = even.shape[1] - 1
    if rng.random() < 0.5:
        pictures = pictures[:, :, ::-1]
        minutiae[..., 0] = last - minutiae[..., 0]
        minutiae[..., 2] = np.pi - minutiae[..., 2]
        ways = ways[..., ::-1].copy()
        ways[:, 1] = -ways[:, 1]
    if rng.random() < 0.5:
        pictures = pictures[:, ::-1, ::-1]
        minutiae[..., :2] = last - minutiae[..., :2]
        minutiae[..., 2] += np.pi
        ways = ways[..., ::-1, ::-1]
    gain = np.exp(rng.normal(0, 0.15, (len(pictures), 1, 1))).astype(np.float32)
    noise = (rng.random((len(pictures), 1, 1)) ** 3 * 0.08).astype(np.float32)
    pictures = (pictures - 0.5) * gain + 0.5
    pictures = pictures + noise * rng.standard_normal(pictures.shape, dtype=np.float32)
    within = np.clip(pictures, 0, 1).astype(np.float32)
    return within[:, np.newaxis], minutiae, ways
