# SPDX-License-Identifier: Apache-2.0
"""The one decorator of every numba kernel, so that its flags are said once.

A kernel only loops over arrays given to it, takes its parameters as arguments, and calls no jitted
function of another file (numba's disk cache would not notice a change there).
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar, cast

import numba
from numba.core import event

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["compilations_told", "kernel"]

_Function = TypeVar("_Function", bound="Callable[..., object]")


def kernel(function: _Function) -> _Function:
    """Compile on first call, keep the result on disk, release the GIL while running."""
    return cast("_Function", numba.njit(cache=True, nogil=True)(function))


@contextmanager
def compilations_told(tell: Callable[[str], None]) -> Iterator[None]:
    """Call ``tell`` with a kernel's name before each compilation in the block; cached ones pass."""
    with event.install_listener("numba:compile", _Teller(tell)):
        yield


class _Teller(event.Listener):
    def __init__(self, tell: Callable[[str], None]) -> None:
        self._tell = tell

    def on_start(self, event: event.Event) -> None:
        self._tell(event.data["dispatcher"].py_func.__name__)

    def on_end(self, event: event.Event) -> None:
        """Nobody asks when a compilation ends."""
