# SPDX-License-Identifier: Apache-2.0
"""What the kernel noted since the machine was started, from /dev/kmsg.

One record a line: ``priority,sequence,microseconds,flags;text``, then lines of details that start
with a space (Linux, Documentation/ABI/testing/dev-kmsg). Many systems show it to root only.
"""

from __future__ import annotations

import errno
import os
import re
import time
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from pathlib import Path

    from ektp_hw.diagnostics.surroundings import Surroundings

__all__ = ["Note", "kernel_notes"]

_RECORD = re.compile(r"\d+,\d+,(\d+),[^;]*;(.*)")
_LONGEST_RECORD = 8192
_MOST_RECORDS = 50_000
_PATIENCE = 2.0
"""Seconds for reading; a full log of a busy machine takes some hundredths."""


class Note(NamedTuple):
    """A line of the kernel, and how many seconds ago it was written."""

    ago: float
    text: str


def kernel_notes(around: Surroundings) -> list[Note] | None:
    """Return all notes, the oldest first; None if they may not be read."""
    try:
        lines = _lines(around.path("dev/kmsg"))
    except OSError:
        return None
    now = _uptime(around)
    records = (_RECORD.match(line) for line in lines)
    return [Note(max(0.0, now - int(one[1]) / 1e6), one[2]) for one in records if one]


def _lines(path: Path) -> list[str]:
    end = time.monotonic() + _PATIENCE
    chunks: list[bytes] = []
    fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    try:
        while len(chunks) < _MOST_RECORDS and time.monotonic() < end:
            try:
                chunk = os.read(fd, _LONGEST_RECORD)
            except BlockingIOError:
                break
            except OSError as error:
                if error.errno == errno.EPIPE:  # overwritten meanwhile: the next read goes on
                    continue
                raise
            if not chunk:
                break
            chunks.append(chunk)
    finally:
        os.close(fd)
    return b"".join(chunks).decode("utf-8", "replace").splitlines()


def _uptime(around: Surroundings) -> float:
    try:
        return float((around.read("proc/uptime") or "").split()[0])
    except (IndexError, ValueError):
        return time.monotonic()
