# SPDX-License-Identifier: Apache-2.0
"""Where a station's journal lies, and which files belong to it.

Beside the journal ``F`` lie ``F.lock`` (who writes), ``F.alive`` (when the recorder last looked),
``F.key`` (seals the next record), ``F.sealed`` (how much is sealed), ``F.verify`` (the verification
key until somebody takes it) and the folder ``F.notes`` (what station software told).
"""

from __future__ import annotations

import os
import tempfile
from contextlib import suppress
from pathlib import Path

from ektp_hw.errors import StationError

__all__ = ["beside", "default_place", "put", "refused"]

_OF_THE_STATION = Path("/var/lib/ektp-hw/journal.ektp")
_OF_THE_USER = Path("~/.local/state/ektp-hw/journal.ektp")


def default_place() -> Path:
    """Return where the journal is: what EKTP_HW_JOURNAL says, else the station's, else the user's.

    The station's counts if it is there, or if this user may make it.
    """
    if named := os.environ.get("EKTP_HW_JOURNAL"):
        return Path(named).expanduser()
    if _OF_THE_STATION.exists() or os.access(_OF_THE_STATION.parent, os.W_OK):
        return _OF_THE_STATION
    return _OF_THE_USER.expanduser()


def beside(journal: Path, what: str) -> Path:
    """Return the file of the journal that is named after it: ``lock``, ``key``, ``notes``."""
    return journal.with_name(f"{journal.name}.{what}")


def put(path: Path, content: bytes, *, mode: int = 0o644, durable: bool = True) -> None:
    """Put a whole file in place, so that nobody ever reads half of one.

    Raises
    ------
    OSError
        If it cannot be written; what was there before is there still.
    """
    descriptor, part = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fchmod(descriptor, mode)
            if durable:
                os.fsync(descriptor)
        Path(part).replace(path)
    except BaseException:
        with suppress(OSError):
            Path(part).unlink()
        raise
    if durable:
        sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Wait until the names in a folder are on the disk."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def refused(path: Path, error: OSError, *, doing: str = "written") -> StationError:
    """Return the error that says why a file of the journal cannot be used and what to do."""
    if isinstance(error, PermissionError):
        remedy = "give this user the right to it, or name another place with EKTP_HW_JOURNAL"
    elif isinstance(error, FileNotFoundError):
        remedy = "start the recorder with 'ektp-hw watch', or name the right file"
    else:
        remedy = "make room on the disk or look whether it is read-only, then try again"
    return StationError(f"{path}: cannot be {doing} ({error.strerror or error}); {remedy}")
