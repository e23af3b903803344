# SPDX-License-Identifier: Apache-2.0
"""One writer a journal: a lock that the operating system drops when its holder dies."""

from __future__ import annotations

import contextlib
import fcntl
import os
from typing import TYPE_CHECKING

from ektp_hw.diagnostics.journal.place import beside, refused
from ektp_hw.errors import StationError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["WriterLock"]


class WriterLock:
    """Hold the journal for writing until `release`; the lock's file names the holder.

    Raises
    ------
    StationError
        If somebody else writes to it, or the lock cannot be made.
    """

    def __init__(self, journal: Path) -> None:
        path = beside(journal, "lock")
        try:
            self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except OSError as error:
            raise refused(path, error) from error
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            holder = os.read(self._descriptor, 20)
            os.close(self._descriptor)
            who = f"process {holder.decode()}" if holder.isdigit() else "another process"
            raise StationError(
                f"{journal}: {who} records into this journal already; stop it first, or name "
                "another file"
            ) from None
        with contextlib.suppress(OSError):  # a full disk does not keep anyone from locking
            os.ftruncate(self._descriptor, 0)
            os.write(self._descriptor, str(os.getpid()).encode())

    def release(self) -> None:
        """Let the next writer in."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1
