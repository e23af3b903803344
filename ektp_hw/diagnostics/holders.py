# SPDX-License-Identifier: Apache-2.0
"""Which programs have a device's node open, as far as this user may see them in /proc."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from pathlib import Path

    from ektp_hw.diagnostics.surroundings import Surroundings

__all__ = ["Program", "programs_named", "programs_with"]


class Program(NamedTuple):
    """A running program."""

    pid: int
    name: str

    def __str__(self) -> str:
        return f"{self.name} ({self.pid})"


def programs_with(around: Surroundings, node: str) -> list[Program]:
    """Return the other programs that have ``/node`` open."""
    wanted = {f"/{node.lstrip('/')}", str(around.path(node))}
    return [
        program
        for program in _programs(around)
        if program.pid != os.getpid() and _has_open(around, program.pid, wanted)
    ]


def programs_named(around: Surroundings, name: str) -> list[Program]:
    """Return the programs of that name."""
    return [program for program in _programs(around) if program.name == name]


def _programs(around: Surroundings) -> list[Program]:
    return [
        Program(int(folder.name), around.read(f"proc/{folder.name}/comm") or "?")
        for folder in sorted(around.path("proc").glob("[0-9]*"))
        if folder.name.isdecimal()
    ]


def _has_open(around: Surroundings, pid: int, wanted: set[str]) -> bool:
    try:
        files = list(around.path(f"proc/{pid}/fd").iterdir())
    except OSError:  # another user's, or ended meanwhile
        return False
    return any(_target(file) in wanted for file in files)


def _target(file: Path) -> str:
    try:
        return str(file.readlink())
    except OSError:  # closed meanwhile
        return ""
