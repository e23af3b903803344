# SPDX-License-Identifier: Apache-2.0
"""One writer a journal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ektp_hw import writer_lock
from ektp_hw.diagnostics.journal.place import beside, refused
from ektp_hw.errors import StationError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["WriterLock"]


class WriterLock(writer_lock.WriterLock):
    """Hold the journal for writing until `release`.

    Raises
    ------
    StationError
        If somebody else writes to it, or the lock cannot be made.
    """

    def __init__(self, journal: Path) -> None:
        path = beside(journal, "lock")
        try:
            super().__init__(
                path,
                lambda who: StationError(
                    f"{journal}: {who} records into this journal already; stop it first, or name "
                    "another file"
                ),
            )
        except OSError as error:
            raise refused(path, error) from error
