# SPDX-License-Identifier: Apache-2.0
"""A node programs poll and read with their own calls: what the device says stands in a FIFO."""

import contextlib
import mmap
import os

from mock_kernel.device import Node

_REPORTS = 64
"""As many as the kernel's hidraw keeps for a program; each takes a page."""


class Fifo(Node):
    """Says what it is given to whoever reads it.

    All programs that have it open share one queue, unlike the kernel's, which has one for each.

    Parameters
    ----------
    path
        Where it is made.
    packets
        Whether each thing said is read by a call of its own, as from a hidraw node.
    """

    def __init__(self, path, *, packets):
        os.mkfifo(path)
        self._fifo = os.open(path, os.O_RDWR | os.O_NONBLOCK)
        if packets:  # open() itself refuses the flag for a FIFO
            import fcntl

            fcntl.fcntl(self._fifo, fcntl.F_SETFL, os.O_NONBLOCK | os.O_DIRECT)
            fcntl.fcntl(self._fifo, fcntl.F_SETPIPE_SZ, _REPORTS * mmap.PAGESIZE)

    def say(self, data):
        """Put data into the queue; return whether there was room."""
        if self.gone:
            return False
        try:
            os.write(self._fifo, data)
        except BlockingIOError:
            return False
        return True

    def empty(self):
        """Forget what nobody has read."""
        with contextlib.suppress(BlockingIOError):
            while os.read(self._fifo, 65536):
                pass

    def close(self):
        """Wake whoever polls: something can be read, and the reading fails."""
        self.empty()
        os.write(self._fifo, b"\0")
        os.close(self._fifo)
