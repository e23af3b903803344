# SPDX-License-Identifier: Apache-2.0
"""How fast this machine does each stage of a search, measured in a few seconds.

Every core works at once, each on its own columns, larger than its caches: what one core does alone
is more, and no capacity to count on.
"""

from __future__ import annotations

import os
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, fields
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from ektp_hw import native
from ektp_hw.fingerprint import comparison
from ektp_hw.fingerprint.sketch import compare_at_first_sight, compare_sketches

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from ektp_hw.templates import FingerprintTemplate

__all__ = ["StageRates", "measure"]

_CODES = 1 << 18
"""16 MiB a core: more than its share of the caches."""
_PAIRED = 1 << 13
_SKETCHES = 1 << 15
_FAR_FEWER = 180
"""Bits within which a pair of random codes lies once in 10^11 times."""


@dataclass(frozen=True)
class StageRates:
    """Rates of one core while all of them work, and the sizes that they depend on.

    Parameters
    ----------
    first_sights
        Stage (a), one against many: sketches compared at first sight a second.
    codes
        Codes of 64 bytes, one against many, a second.
    code_pairs
        Stage (a), many against many: pairs of codes a second.
    sketches
        Stage (b): comparisons of two sketches a second.
    templates
        Stage (c): comparisons of two fingerprints a second, preparing the second one counted in.
    template_bytes
        Mean size of a stored template.
    cores
        How many worked at once.
    isa, cpu
        What they are, for people to read.
    """

    first_sights: float
    codes: float
    code_pairs: float
    sketches: float
    templates: float
    template_bytes: float
    cores: int
    isa: str
    cpu: str = ""

    @classmethod
    def read(cls, told: Mapping[str, Any]) -> StageRates:
        """Return the rates that `written` wrote.

        Raises
        ------
        ValueError
            If a rate is missing or cannot be.
        """
        try:
            found = cls(**{each.name: told[each.name] for each in fields(cls)})
            numbers = (*map(float, list(asdict(found).values())[:6]), float(found.cores))
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f"these are no measured rates of stages ({error})") from error
        if not all(0 < number < float("inf") for number in numbers):
            raise ValueError(f"a measured rate or size must be above 0: {numbers}")
        return found

    def written(self) -> dict[str, Any]:
        """Return the rates as plain numbers and text."""
        return asdict(self)


def measure(
    templates: Sequence[FingerprintTemplate], seconds: float = 4.0, *, cpu: str = ""
) -> StageRates:
    """Measure this machine.

    Parameters
    ----------
    templates
        As the gallery's will be; at least two.
    seconds
        Length of the measurement.
    cpu
        Name to be written down.

    Raises
    ------
    ValueError
        If there are fewer than two templates.
    """
    if len(templates) < 2:
        raise ValueError("at least two templates are needed to measure comparisons")
    cores = _cores()
    a_stage = seconds / 5
    return StageRates(
        first_sights=_rate(_seeing, a_stage, cores),
        codes=_rate(_scanning, a_stage, cores),
        code_pairs=_rate(_pairing, a_stage, cores),
        sketches=_rate(_sketching, a_stage, cores),
        templates=_rate(partial(_comparing, templates), a_stage, cores),
        template_bytes=float(np.mean([len(each.to_bytes()) for each in templates])),
        cores=cores,
        isa=native.isa().name.lower(),
        cpu=cpu,
    )


def _cores() -> int:
    """Return how many cores this process may use."""
    allowed = getattr(os, "sched_getaffinity", None)
    return len(allowed(0)) if allowed else os.cpu_count() or 1


def _rate(make: Callable[[], Callable[[], int]], seconds: float, cores: int) -> float:
    """Return how much a core does in a second while all work.

    A second of its own: what other programs took meanwhile is not counted.
    """
    works = [make() for _ in range(cores)]
    for work in works:
        work()

    def go_on(work: Callable[[], int]) -> float:
        done, begun, busy = 0, time.perf_counter(), time.thread_time()
        while time.perf_counter() - begun < seconds:
            done += work()
        return done / (time.thread_time() - busy)

    with ThreadPoolExecutor(cores) as threads:
        return float(np.mean(list(threads.map(go_on, works))))


def _scanning() -> Callable[[], int]:
    codes = _some_codes(_CODES)

    def work() -> int:
        native.scan_nearest(codes[0], codes, _CODES // 100)
        return _CODES

    return work


def _pairing() -> Callable[[], int]:
    codes = _some_codes(_PAIRED)

    def work() -> int:
        native.scan_pairs(codes, codes, _FAR_FEWER, upper=True)
        return _PAIRED * (_PAIRED - 1) // 2

    return work


def _seeing() -> Callable[[], int]:
    sketches = _some_sketches()

    def work() -> int:
        compare_at_first_sight(sketches[0], sketches)
        return len(sketches)

    return work


def _sketching() -> Callable[[], int]:
    sketches = _some_sketches()
    rows = np.random.default_rng(3).permutation(_SKETCHES).astype(np.uint32)[: _SKETCHES // 8]

    def work() -> int:
        compare_sketches(sketches[0], sketches, rows)
        return len(rows)

    return work


def _comparing(templates: Sequence[FingerprintTemplate]) -> Callable[[], int]:
    stored = [template.to_bytes() for template in templates]
    probes = [comparison.prepare(template) for template in templates]
    turn = 0

    def work() -> int:
        nonlocal turn
        turn = (turn + 1) % len(probes)
        others = stored[:turn] + stored[turn + 1 :]
        comparison.compare_many(probes[turn], comparison.prepare_many(others))
        return len(others)

    return work


def _some_codes(count: int) -> Any:  # noqa: ANN401  # an array
    return np.random.default_rng(1).integers(0, 2**64, (count, native.CODE_WORDS), np.uint64)


def _some_sketches() -> Any:  # noqa: ANN401  # an array
    rng = np.random.default_rng(2)
    minutiae = native.SKETCH_MINUTIAE
    return native.pack_sketches(
        rng.integers(0, 2**64, (_SKETCHES, minutiae, 2), np.uint64),
        rng.integers(0, 256, (_SKETCHES, 3, minutiae), np.uint8),
        np.full(_SKETCHES, minutiae, np.uint8),
    )
