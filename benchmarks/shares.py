# SPDX-License-Identifier: Apache-2.0
"""How far a share that was counted can be trusted."""

from __future__ import annotations

import math

_FEW = 200
"""Up to this many the exact tail is summed up; beyond it the normal curve serves."""
_Z = 1.959964


def share_interval(count, total):
    """Return the 95 % confidence interval of a share, of which ``count`` in ``total`` were seen.

    Exact (C. J. Clopper, E. S. Pearson, Biometrika 26(4), 1934) where few were seen or not seen,
    else Wilson's (1927). Where none was seen the upper bound is one-sided, about 3 / total.
    """
    if total == 0:
        return 0.0, 1.0
    if count > total / 2:
        low, high = share_interval(total - count, total)
        return 1.0 - high, 1.0 - low
    if count == 0:
        return 0.0, 1.0 - 0.05 ** (1.0 / total)
    if count > _FEW:
        middle = (count + _Z**2 / 2) / (total + _Z**2)
        spread = count * (total - count) / total + _Z**2 / 4
        reach = _Z * math.sqrt(spread) / (total + _Z**2)
        return middle - reach, middle + reach
    return (
        _solved(lambda p: 1.0 - _at_most(count - 1, total, p), 0.025),
        _solved(lambda p: 1.0 - _at_most(count, total, p), 0.975),
    )


def _at_most(count, total, p):
    """Return the chance of at most ``count`` in ``total``."""
    return sum(
        math.exp(
            math.lgamma(total + 1)
            - math.lgamma(i + 1)
            - math.lgamma(total - i + 1)
            + i * math.log(p)
            + (total - i) * math.log1p(-p)
        )
        for i in range(count + 1)
    )


def _solved(rising, goal):
    low, high = 1e-15, 1.0 - 1e-15
    for _ in range(200):
        middle = math.sqrt(low * high)
        low, high = (middle, high) if rising(middle) < goal else (low, middle)
    return middle
