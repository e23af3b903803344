# SPDX-License-Identifier: Apache-2.0
"""One writer a file: a lock that the operating system drops when its holder dies."""

from __future__ import annotations

import contextlib
import os
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

__all__ = ["WriterLock"]

_FAR = 1024
"""Windows locks bytes; this one lies behind the number that the loser wants to read."""


class WriterLock:
    """Hold a file locked until `release`; the file keeps the holder's process id.

    Parameters
    ----------
    path
        Made if it is not there, and never removed.
    refused
        Makes the error for whoever comes second, of the words for who holds it.

    Raises
    ------
    Exception
        What ``refused`` makes, if another process, or another object of this one, holds it.
    OSError
        If the file cannot be made or opened.
    """

    def __init__(self, path: Path, refused: Callable[[str], Exception]) -> None:
        flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0)
        self._descriptor = os.open(path, flags, 0o644)
        try:
            _lock(self._descriptor)
        except OSError:
            holder = os.read(self._descriptor, 20)
            os.close(self._descriptor)
            who = f"process {holder.decode()}" if holder.isdigit() else "another process"
            raise refused(who) from None
        with contextlib.suppress(OSError):  # a full disk does not keep anyone from locking
            os.ftruncate(self._descriptor, 0)
            os.write(self._descriptor, str(os.getpid()).encode())

    def release(self) -> None:
        """Let the next writer in. Closing the file drops the lock."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


def _lock(descriptor: int) -> None:
    if sys.platform == "win32":
        import msvcrt

        os.lseek(descriptor, _FAR, os.SEEK_SET)
        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        finally:
            os.lseek(descriptor, 0, os.SEEK_SET)
    else:
        import fcntl

        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
