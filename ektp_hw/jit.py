# SPDX-License-Identifier: Apache-2.0
"""The one decorator of every numba kernel, so that its flags are said once.

A kernel only loops over arrays given to it, takes its parameters as arguments, and calls no jitted
function of another file (numba's disk cache would not notice a change there).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar, cast

import numba

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["kernel"]

_Function = TypeVar("_Function", bound="Callable[..., object]")


def kernel(function: _Function) -> _Function:
    """Compile on first call, keep the result on disk, release the GIL while running."""
    return cast("_Function", numba.njit(cache=True, nogil=True)(function))
