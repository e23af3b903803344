# SPDX-License-Identifier: Apache-2.0
"""A window into the algorithms: each step offers what it made to a callback.

Debugging, drawing, teaching and tests all look through this one door. Nobody looking costs one
call to an empty function a step.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy.typing as npt

__all__ = ["Trace", "ignore"]

Trace = Callable[[str, npt.NDArray[Any]], None]
"""Takes a step's key and its array; the array is the algorithm's own and must not be changed."""


def ignore(key: str, array: npt.NDArray[Any]) -> None:
    """Look away: the trace of everyone who does not want one."""
