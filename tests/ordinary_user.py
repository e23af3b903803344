# SPDX-License-Identifier: Apache-2.0
"""Runs a program as an ordinary user, even where only root may enter the interpreter's folder."""

import os
import stat
import sys
from pathlib import Path

__all__ = ["NOBODY", "as_nobody", "opened_way"]

NOBODY = 65534


def as_nobody(*command: str) -> list[str]:
    """Return the command, as the user nobody without groups."""
    return [
        "setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", *command
    ]  # fmt: skip


def opened_way(holder: Path) -> list[str]:
    """Return shell commands that open the way to this interpreter in a private mount namespace.

    A folder on the way that only root may enter is covered by an empty one, in which what is
    needed is mounted again; ``holder`` is an empty folder for the time between.
    """
    commands = []
    needed = {os.path.realpath(path) for path in (sys.base_prefix, sys.prefix, _repository())}
    closed: dict[Path, list[Path]] = {}
    for path in sorted(map(Path, needed)):
        above = [folder for folder in (path, *path.parents) if not _is_open(folder)]
        if above:
            closed.setdefault(above[-1], []).append(path)
    for number, (cover, inside) in enumerate(closed.items()):
        held = {path: holder / f"{number}-{index}" for index, path in enumerate(inside)}
        for path, place in held.items():
            commands += [f"mkdir -p {place}", f"mount --rbind {path} {place}"]
        commands.append(f"mount -t tmpfs -o mode=755 none {cover}")
        for path, place in held.items():
            commands += [f"mkdir -p {path}", f"mount --rbind {place} {path}"]
    return commands


def _repository() -> Path:
    return Path(__file__).resolve().parent.parent


def _is_open(folder: Path) -> bool:
    return bool(folder.stat().st_mode & stat.S_IXOTH)
