# SPDX-License-Identifier: Apache-2.0
"""One writer a gallery."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ektp_hw import writer_lock
from ektp_hw.errors import GalleryBusy

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["WriterLock"]


class WriterLock(writer_lock.WriterLock):
    """Hold the file ``path`` of a gallery locked until `release`.

    Raises
    ------
    GalleryBusy
        If another process, or another object of this one, holds it.
    OSError
        If the file cannot be made or opened.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(
            path,
            lambda who: GalleryBusy(
                f"{path.parent}: {who} has this gallery open for writing; "
                "close it there, or open the gallery read-only"
            ),
        )
