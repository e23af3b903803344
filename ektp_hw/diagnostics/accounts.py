# SPDX-License-Identifier: Apache-2.0
"""Who looks, and what that person may open, now and after logging in anew."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from ektp_hw.diagnostics.surroundings import Surroundings

__all__ = ["Account", "Right", "right_to"]


def _may_open(path: Path) -> bool:
    """Ask the system, which knows access lists, too."""
    return os.access(path, os.R_OK | os.W_OK)


def _name() -> str:
    try:
        import pwd

        return pwd.getpwuid(os.geteuid()).pw_name
    except (ImportError, KeyError):
        return ""


def _groups() -> frozenset[int]:
    return frozenset({*os.getgroups(), os.getegid()}) if hasattr(os, "getgroups") else frozenset()


@dataclass(frozen=True)
class Account:
    """The account the doctor runs under.

    Parameters
    ----------
    name
        As /etc/group writes it; never put into evidence.
    is_root
        Whether nothing is closed to it.
    groups
        Numbers of the groups that count at this moment.
    may_open
        Tells whether a file may be read and written.
    """

    name: str = field(default_factory=_name)
    is_root: bool = field(default_factory=lambda: hasattr(os, "geteuid") and os.geteuid() == 0)
    groups: frozenset[int] = field(default_factory=_groups)
    may_open: Callable[[Path], bool] = _may_open


@dataclass(frozen=True)
class Right:
    """What somebody may do with a node.

    Parameters
    ----------
    is_there, may_open
        Whether the node exists and may be read and written.
    mode, group
        Its mode in octal and its group's name.
    needs_login
        Whether the account was made a member of that group and has not logged in since.
    group_helps
        Whether membership of that group would help.
    """

    is_there: bool
    may_open: bool
    mode: str = ""
    group: str = ""
    needs_login: bool = False
    group_helps: bool = False


def right_to(around: Surroundings, node: str, account: Account) -> Right:
    """Return what the account may do with ``/node``."""
    path = around.path(node)
    try:
        seen = path.stat()
    except OSError:
        return Right(is_there=False, may_open=False)
    group, members = _group(around, seen.st_gid)
    opens = bool(seen.st_mode & stat.S_IRGRP and seen.st_mode & stat.S_IWGRP)
    is_listed = account.name in members and seen.st_gid not in account.groups
    may_open = account.may_open(path)
    return Right(
        is_there=True,
        may_open=may_open,
        mode=f"{stat.S_IMODE(seen.st_mode):04o}",
        group=group,
        needs_login=not may_open and opens and is_listed,
        group_helps=opens and seen.st_gid != 0,
    )


def _group(around: Surroundings, number: int) -> tuple[str, set[str]]:
    """Return a group's name and its listed members, from /etc/group (group(5))."""
    for line in (around.read("etc/group") or "").splitlines():
        fields = line.split(":")
        if len(fields) == 4 and fields[2] == str(number):
            return fields[0], set(fields[3].split(","))
    return str(number), set()
