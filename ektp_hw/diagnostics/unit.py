# SPDX-License-Identifier: Apache-2.0
"""The systemd unit that keeps the recorder running."""

from __future__ import annotations

import re
from importlib.resources import files

__all__ = ["unit_file"]

_USER = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,31}\$?")


def unit_file(command: str, user: str) -> str:
    """Return the unit's text.

    Parameters
    ----------
    command
        The whole path of ``ektp-hw``.
    user
        Name of the user who records citizens.

    Raises
    ------
    ValueError
        If that cannot be a user's name, or the path is not a whole one.
    """
    if not _USER.fullmatch(user):
        raise ValueError(f"'{user}' cannot be the name of a user; give it with --user")
    if not command.startswith("/") or any(sign in command for sign in "\n\"'\\"):
        raise ValueError(f"'{command}' is no whole path that a unit can hold")
    quoted = command.replace("%", "%%")
    quoted = f'"{quoted}"' if " " in quoted else quoted
    text = (files("ektp_hw.diagnostics") / "ektp-hw-watch.service").read_text("utf-8")
    return text.replace("@command@", quoted).replace("@user@", user)
