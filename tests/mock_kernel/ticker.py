# SPDX-License-Identifier: Apache-2.0
"""Asks a model again and again whether it has something, while somebody waits for it."""

import threading

_TICK = 0.005


class Ticker:
    """Calls `step` every few milliseconds while `is_wanted`, and at once after `wake`."""

    def __init__(self, name, is_wanted, step):
        self._is_wanted, self._step = is_wanted, step
        self._bell = threading.Event()
        self._ended = False
        threading.Thread(target=self._run, name=name, daemon=True).start()

    def wake(self):
        """Ask now."""
        self._bell.set()

    def end(self):
        """Stop asking; the thread ends soon."""
        self._ended = True
        self._bell.set()

    def _run(self):
        while not self._ended:
            self._bell.wait(_TICK if self._is_wanted() else None)
            self._bell.clear()
            if not self._ended:
                self._step()
