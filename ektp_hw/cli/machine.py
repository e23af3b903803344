# SPDX-License-Identifier: Apache-2.0
"""What a measured rate depends on: the processor, the instruction set, the libraries."""

from __future__ import annotations

import platform
import statistics
import time
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["describe", "single_threaded", "steady_rate"]

ROUNDS = 5


def describe() -> dict[str, str | int]:
    """Name everything of this machine that a rate depends on."""
    from ektp_hw import native

    return {
        "threads": 1,
        "isa": native.isa().name.lower(),
        "cpu": _cpu_model(),
        "python": platform.python_version(),
        "numpy": version("numpy"),
        "numba": version("numba"),
        "opencv": version("opencv-python-headless"),
    }


def single_threaded() -> None:
    """Keep OpenCV to one thread; the kernels and the compiled core never start another."""
    import cv2

    cv2.setNumThreads(1)


def steady_rate(work: Callable[[], int], seconds: float) -> float:
    """Return how much is done in a second: the median of five rounds after one unmeasured run.

    Parameters
    ----------
    work
        Does a piece of work and returns how many units it was.
    seconds
        Length of all rounds together; a round runs ``work`` at least once.
    """
    work()
    rates = []
    for _ in range(ROUNDS):
        done, spent = 0, 0.0
        begun = time.perf_counter()
        while spent < seconds / ROUNDS:
            done += work()
            spent = time.perf_counter() - begun
        rates.append(done / spent)
    return statistics.median(rates)


def _cpu_model() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return models[0] if models else platform.processor() or platform.machine()
