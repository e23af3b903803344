# SPDX-License-Identifier: Apache-2.0
"""The kernel's log, where an ordinary user may read it (``kernel.dmesg_restrict`` of sysctl)."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ektp_hw.diagnostics.surroundings import Surroundings

__all__ = ["KernelLog", "kernel_log"]

_MOST = 4 * 1024 * 1024


@dataclass(frozen=True)
class KernelLog:
    """What the kernel has written since it started, as far as it still keeps it.

    Parameters
    ----------
    state
        ``read``, ``forbidden`` or ``missing``.
    """

    text: str
    state: str

    @property
    def is_readable(self) -> bool:
        """Whether anything can be concluded from what is not in it."""
        return self.state == "read"

    def count(self, pattern: str) -> int:
        """Return how many lines have a pattern."""
        return len(re.findall(rf"(?m)^.*(?:{pattern}).*$", self.text))


def kernel_log(around: Surroundings) -> KernelLog:
    """Read the log without waiting for more of it."""
    try:
        log = os.open(around.path("/dev/kmsg"), os.O_RDONLY | os.O_NONBLOCK)
    except PermissionError:
        return KernelLog("", "forbidden")
    except OSError:
        return KernelLog("", "missing")
    records: list[bytes] = []
    size = 0
    try:
        while size < _MOST:
            try:
                record = os.read(log, 65536)
            except BrokenPipeError:  # the oldest records were overwritten while we read
                continue
            if not record:
                break
            records.append(record)
            size += len(record)
    except BlockingIOError:  # the end of the log
        pass
    except PermissionError:
        return KernelLog("", "forbidden")
    finally:
        os.close(log)
    return KernelLog(b"".join(records).decode("utf-8", errors="replace"), "read")
