# SPDX-License-Identifier: Apache-2.0
"""The five system calls that a video node is spoken to with, as an object.

A model of a camera can stand in for `KernelCalls`, so that everything above it runs unchanged
without a node. Failures are `OSError` with the kernel's number, as from the real calls.
"""

from __future__ import annotations

import os
import select
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["KernelCalls", "Mapping", "VideoSystem"]


class Mapping:
    """A buffer that the camera's driver fills and we read; `close` gives it back.

    Parameters
    ----------
    view
        Its bytes; not to be used after `close`.
    release
        Undoes the mapping.
    """

    def __init__(self, view: memoryview, release: Callable[[], None]) -> None:
        self._view = view
        self._release = release

    def read(self, length: int) -> bytes:
        """Return a copy of the first bytes, so that the buffer can be filled again."""
        return bytes(self._view[:length])

    def __len__(self) -> int:
        return len(self._view)

    def close(self) -> None:
        """Undo the mapping."""
        self._view.release()
        self._release()


class VideoSystem(Protocol):
    """What a node is spoken to with."""

    def open(self, path: str) -> int:
        """Open for reading and writing without ever blocking; return a descriptor."""

    def close(self, fd: int) -> None:
        """Close the descriptor."""

    def ioctl(self, fd: int, request: int, argument: Any) -> None:  # noqa: ANN401  # a Structure
        """Make the request; the argument, a `ctypes.Structure`, is changed in place."""

    def map(self, fd: int, length: int, offset: int) -> Mapping:
        """Map a buffer for reading."""

    def wait(self, fd: int, seconds: float) -> bool:
        """Wait for a filled buffer or a failure; tell whether there is one."""


class KernelCalls:
    """The real ones, on Linux."""

    def open(self, path: str) -> int:
        """Open for reading and writing without ever blocking."""
        return os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)

    def close(self, fd: int) -> None:
        """Close the descriptor."""
        os.close(fd)

    def ioctl(self, fd: int, request: int, argument: Any) -> None:  # noqa: ANN401
        """Make the request."""
        import fcntl

        fcntl.ioctl(fd, request, argument, True)

    def map(self, fd: int, length: int, offset: int) -> Mapping:
        """Map a buffer for reading."""
        import mmap

        memory = mmap.mmap(fd, length, mmap.MAP_SHARED, mmap.PROT_READ, offset=offset)
        return Mapping(memoryview(memory), memory.close)

    def wait(self, fd: int, seconds: float) -> bool:
        """Wait for a filled buffer or a failure."""
        poll = select.poll()
        poll.register(fd, select.POLLIN)
        return bool(poll.poll(max(1, round(seconds * 1000))))
