# SPDX-License-Identifier: Apache-2.0
"""The code of a finger: 512 bits of which few change from touch to touch.

The first look of a deduplication: codes are compared by the number of bits that differ
(`native.scan`). A finger's minutiae are looked up in a vocabulary of typical surroundings
(`surroundings`), by nearness and not by yes or no; what is added up over the finger does not depend
on how it was put down; learned projections make bits of it (`cascade_tables`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ektp_hw.fingerprint.cascade_tables import cascade_tables
from ektp_hw.fingerprint.sketch import sketches_of
from ektp_hw.fingerprint.sketch_parameters import SOFTNESS
from ektp_hw.fingerprint.surroundings import projected, surroundings_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    import numpy.typing as npt

    from ektp_hw.fingerprint.surroundings import Surroundings
    from ektp_hw.templates import FingerprintTemplate

__all__ = ["codes_and_sketches", "codes_of", "finger_codes", "pooled"]

_TOGETHER = 64
"""Templates in one go: what is computed between fits the cache."""


def finger_codes(templates: Sequence[FingerprintTemplate]) -> npt.NDArray[np.uint64]:
    """Return one code for each template, (n, `native.CODE_WORDS`)."""
    return codes_and_sketches(templates)[0]


def codes_and_sketches(
    templates: Sequence[FingerprintTemplate],
) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.uint8]]:
    """Return what `finger_codes` and `sketches` do, for the price of little more than one."""
    tables = cascade_tables()
    codes, drawn = [], []
    for start in range(0, len(templates), _TOGETHER):
        around = surroundings_of(templates[start : start + _TOGETHER])
        codes.append(codes_of(around, tables))
        drawn.append(sketches_of(around, tables))
    none = surroundings_of([])
    return (
        np.concatenate([codes_of(none, tables), *codes]),
        np.concatenate([sketches_of(none, tables), *drawn]),
    )


def codes_of(
    around: Surroundings, tables: Mapping[str, npt.NDArray[Any]]
) -> npt.NDArray[np.uint64]:
    """Return the codes of fingers whose surroundings are known."""
    apart = pooled(around, tables) - tables["usual"]
    length = np.sqrt((apart * apart).sum(axis=1, keepdims=True))
    apart /= np.maximum(length, np.float32(1e-9))
    bits = apart @ tables["code_weights"].astype(np.float32) > tables["code_limits"]
    return np.packbits(bits, axis=1, bitorder="little").view("<u8").astype(np.uint64, copy=False)


def pooled(around: Surroundings, tables: Mapping[str, npt.NDArray[Any]]) -> npt.NDArray[np.float32]:
    """Return how much of each word of the vocabulary is in each finger, (n, words), as roots."""
    sums = projected(around.numbers, tables["word_weights"]) - tables["word_limits"]
    places = (sums * tables["word_scale"]).astype(np.float32)
    words = tables["words"]
    near = places @ (SOFTNESS * words.T) - SOFTNESS / 2 * (words * words).sum(axis=1)
    near -= near.max(axis=1, keepdims=True, initial=-np.inf)
    share = np.exp(near)
    share /= share.sum(axis=1, keepdims=True)
    bags = np.zeros((len(around.counts), len(words)), np.float32)
    filled = np.flatnonzero(around.counts)
    if len(filled):
        starts = (np.cumsum(around.counts) - around.counts)[filled]
        bags[filled] = np.add.reduceat(share, starts, axis=0)
    return np.sqrt(bags)
