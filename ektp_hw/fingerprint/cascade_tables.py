# SPDX-License-Identifier: Apache-2.0
"""What was learned for sketches and finger codes: the file ``cascade_tables.npz``, checked.

``benchmarks/fit_cascade.py`` makes it, by seed and from synthetic prints alone. A gallery keeps
what was computed with it, so a file of other contents is another version of sketch and code.
"""

from __future__ import annotations

import functools
import hashlib
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ektp_hw.errors import EktpError

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy.typing as npt

__all__ = ["DIGEST", "FILE", "cascade_tables", "digest", "write"]

FILE = Path(__file__).with_name("cascade_tables.npz")
DIGEST = "b14023e0e3c38870c7e9e43ed63c082e"
"""BLAKE2b of the tables' contents."""


@functools.cache
def cascade_tables() -> Mapping[str, npt.NDArray[Any]]:
    """Return the tables by name, read-only.

    ``sketch_weights`` (numbers, 128) int8 and ``sketch_limits`` (128,) int32: bit k of a sketch's
    minutia is set where numbers @ weights[:, k] exceeds limits[k]. ``word_weights`` (numbers, d)
    int8, ``word_limits`` (d,) int32, ``word_scale`` (d,): place of a minutia among the ``words``
    (w, d). ``usual`` (w,): mean bag of words; ``code_weights`` (w, 512) int8, ``code_limits``
    (512,): bits of the finger code.

    Raises
    ------
    EktpError
        If the file is missing or is not the one this release was made with.
    """
    try:
        found = digest(FILE)
    except (OSError, ValueError, zipfile.BadZipFile) as error:
        raise EktpError(
            f"the tables of the gallery's search, {FILE}, cannot be read ({error}); "
            "install ektp_hw again"
        ) from error
    if found != DIGEST:
        raise EktpError(
            f"the tables of the gallery's search, {FILE}, are not those of this release; "
            "install ektp_hw again"
        )
    return _read(FILE)


def digest(file: Path) -> str:
    """Return the digest of the contents, whatever the compression."""
    summed = hashlib.blake2b(digest_size=16)
    for name, table in sorted(_read(file).items()):
        summed.update(f"{name} {table.dtype.str} {table.shape}\n".encode())
        summed.update(table.tobytes())
    return summed.hexdigest()


def write(tables: Mapping[str, npt.NDArray[Any]], file: Path) -> None:
    """Write tables to a file that `cascade_tables` reads, once `DIGEST` is that of `digest`."""
    with file.open("wb") as opened:
        np.savez_compressed(opened, allow_pickle=False, **tables)


def _read(file: Path) -> dict[str, npt.NDArray[Any]]:
    with file.open("rb") as opened, np.load(opened, allow_pickle=False) as stored:
        tables = {name: stored[name] for name in stored.files}
    for table in tables.values():
        table.flags.writeable = False
    return tables
