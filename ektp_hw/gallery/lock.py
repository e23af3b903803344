# SPDX-License-Identifier: Apache-2.0
"""One writer a gallery: a lock that the operating system drops when its holder dies."""

from __future__ import annotations

import contextlib
import os
import sys
from typing import TYPE_CHECKING

from ektp_hw.errors import GalleryBusy

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["WriterLock"]

_FAR = 1024
"""Windows locks bytes; this one lies behind the number that the loser wants to read."""


class WriterLock:
    """Hold the file ``path`` locked until `release`; the file keeps the holder's process id.

    Raises
    ------
    GalleryBusy
        If another process, or another object of this one, holds it.
    OSError
        If the file cannot be made or opened.
    """

    def __init__(self, path: Path) -> None:
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            _lock(self._descriptor)
        except OSError:
            holder = os.read(self._descriptor, 20)
            os.close(self._descriptor)
            who = f"process {holder.decode()}" if holder.isdigit() else "another process"
            raise GalleryBusy(
                f"{path.parent}: {who} has this gallery open for writing; "
                "close it there, or open the gallery read-only"
            ) from None
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
