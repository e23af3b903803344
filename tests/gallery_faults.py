# SPDX-License-Identifier: Apache-2.0
"""Faults for the workers of `tests/gallery/cluster/conftest.py`."""

import numpy as np


def random_faults(seed, rate=0.3):
    """Lose a share of the calls, half of them before and half after they were done."""
    rng = np.random.default_rng(seed)

    def fault(_worker, method):
        if method in {"search", "pairs"} and rng.random() < rate:
            return ("before", "after")[int(rng.integers(2))]
        return None

    return fault
