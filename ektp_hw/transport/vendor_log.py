# SPDX-License-Identifier: Apache-2.0
"""What a maker's library prints, line by line into this program's log."""

from __future__ import annotations

import logging
import os
import select
import threading

__all__ = ["VendorLog"]

_log = logging.getLogger(__name__)

_LONGEST_LINE = 200
_MOST_LINES = 1000
"""Lines logged of one process; a library that prints without end shall not fill the disk."""


_PART = 4096
_LAST_READS = 32
"""Reads after `close`, twice what a pipe holds: somebody who prints without end is left."""


class VendorLog(threading.Thread):
    """Reads the output of a maker's process until it ends; started when made.

    Parameters
    ----------
    output
        File descriptor of our end of the pipe; closed with this.
    device
        The device's URI, put in front of every line.
    """

    def __init__(self, output: int, device: str) -> None:
        super().__init__(name="ektp_hw vendor log", daemon=True)
        self._output = output
        self._device = device
        self._ended, self._ending = os.pipe()
        self._lines = 0
        self.start()

    def close(self) -> None:
        """Log what is still there and end, also where some process keeps the pipe open."""
        os.close(self._ending)
        self.join()
        os.close(self._ended)
        os.close(self._output)

    def run(self) -> None:
        """Read until the pipe's end, or until nothing is left after `close`."""
        pipe, rest, left = self._output, b"", _LAST_READS
        looking = select.poll()
        looking.register(pipe, select.POLLIN)
        looking.register(self._ended, select.POLLIN)
        while left:
            ready = {descriptor for descriptor, _ in looking.poll()}
            left -= self._ended in ready
            if pipe not in ready or not (part := os.read(pipe, _PART)):
                break
            *lines, rest = (rest + part).split(b"\n")
            for line in lines:
                self._tell(line)
            rest = rest[:_LONGEST_LINE]
        if rest:
            self._tell(rest)

    def _tell(self, line: bytes) -> None:
        self._lines += 1
        if self._lines <= _MOST_LINES:
            text = line[:_LONGEST_LINE].decode("utf-8", "replace")
            _log.info("%s: the maker's library says: %s", self._device, text)
        elif self._lines == _MOST_LINES + 1:
            _log.warning("%s: the maker's library prints without end", self._device)
