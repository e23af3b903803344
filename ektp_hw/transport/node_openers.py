# SPDX-License-Identifier: Apache-2.0
"""Which programs have a device node open, as far as the system lets this user see (proc(5))."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["openers", "program_name"]

_PROC = Path("/proc")


def openers(node: Path) -> Iterator[int]:
    """Give the numbers of the processes that have a node open; those unseen are left out."""
    node = node.resolve()
    for process in _PROC.glob("[0-9]*"):
        try:
            files = list((process / "fd").iterdir())
        except OSError:  # another user's, or ended meanwhile
            continue
        if any(_leads_to(file, node) for file in files):
            yield int(process.name)


def program_name(pid: int) -> str:
    """Return the name of a process's program; empty if it has ended."""
    try:
        return (_PROC / str(pid) / "comm").read_text("utf-8", "replace").strip()
    except OSError:
        return ""


def _leads_to(file: Path, node: Path) -> bool:
    try:
        return file.readlink() == node
    except OSError:  # closed meanwhile
        return False
