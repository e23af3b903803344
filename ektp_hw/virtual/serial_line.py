# SPDX-License-Identifier: Apache-2.0
"""A serial line inside this machine: a pseudo terminal with a model of a module at its other end.

The line has the module's speed. A pseudo terminal has none, but it remembers the speed that the
program on the other side set: as long as that differs, both sides receive rubbish, as on a wire.
"""

from __future__ import annotations

import logging
import os
import select
import shutil
import tempfile
import threading
import time
from collections import deque
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["SerialFunction", "SerialLine"]

_log = logging.getLogger(__name__)

_TICK = 0.002
"""Seconds between two portions of a paced stream."""
_CATCH_UP = 0.05
"""Seconds that a busy machine may be late and still keep the line's speed."""
_BITS_A_BYTE = 10
_PORTION = 1024


class SerialFunction:
    """What a module on a serial line does; the line calls it from one thread, holding `lock`.

    Attributes
    ----------
    lock
        Held around every hook; hold it when a script changes the model from another thread.
    baud
        The speed the module is set to.
    speed
        How many times faster than `baud` it sends.
    """

    def __init__(self, baud: int, *, speed: float = 1.0) -> None:
        self.lock = threading.RLock()
        self.baud = baud
        self.speed = speed
        self._line: SerialLine | None = None

    def on_bytes(self, data: bytes) -> None:
        """Act on what the host sent."""

    def send(self, data: bytes, after: float = 0.0) -> None:
        """Send to the host, `after` seconds behind all that was sent before."""
        if self._line is not None:
            self._line.send(data, after)

    def then(self, act: Callable[[], None]) -> None:
        """Do something when all that was sent before has left."""
        if self._line is not None:
            self._line.then(act)

    def unplug(self) -> None:
        """Pull the cable: the port is gone at once."""
        if self._line is not None:
            self._line.hang_up()

    def attached(self, line: SerialLine | None) -> None:
        """Note which line carries the module; called by the line."""
        self._line = line


class SerialLine:
    """Carries one module from now on until `close`.

    Attributes
    ----------
    function
        The module.
    path
        Of the port, a link that stays the same over unplugging and plugging in.
    last_byte
        `time.monotonic` when the module's last byte so far left it.

    Parameters
    ----------
    function
        The module, plugged in by this.
    """

    def __init__(self, function: SerialFunction) -> None:
        self.function = function
        self._folder = Path(tempfile.mkdtemp(prefix="ektp-hw-"))
        self.path = self._folder / "port"
        self.last_byte = 0.0
        self._thread: threading.Thread | None = None
        self._gone = threading.Event()
        self.plug_in()

    @property
    def is_plugged(self) -> bool:
        """Whether the port is there."""
        return self._thread is not None and not self._gone.is_set()

    def plug_in(self) -> None:
        """Plug the module in; harmless when it is."""
        import tty

        if self.is_plugged:
            return
        self._join()
        self._gone.clear()
        self._master, self._slave = os.openpty()
        tty.setraw(self._slave)
        os.set_blocking(self._master, False)
        self._bell, self._rope = os.pipe()
        self.path.unlink(missing_ok=True)
        self.path.symlink_to(os.ttyname(self._slave))
        self._queue: deque[tuple[float, bytes | Callable[[], None]]] = deque()
        self._free_at = 0.0
        self.function.attached(self)
        self._thread = threading.Thread(target=self._carry, name="serial line", daemon=True)
        self._thread.start()

    def send(self, data: bytes, after: float) -> None:
        """Queue bytes for the host."""
        self._queue.append((after, data))
        self._ring()

    def then(self, act: Callable[[], None]) -> None:
        """Queue something to be done when the bytes before it have left."""
        self._queue.append((0.0, act))
        self._ring()

    def hang_up(self) -> None:
        """Unplug the module; its port vanishes."""
        self._gone.set()
        self._ring()

    def close(self) -> None:
        """Unplug the module and leave nothing behind; harmless when done before."""
        self.hang_up()
        self._join()
        self.function.attached(None)
        shutil.rmtree(self._folder, ignore_errors=True)

    def _join(self) -> None:
        if self._thread is not None:
            self._thread.join(5.0)
            self._thread = None

    def _ring(self) -> None:
        try:
            os.write(self._rope, b"!")
        except OSError:  # the line has just gone
            return

    # The one thread.

    def _carry(self) -> None:
        try:
            while not self._gone.is_set():
                wait = _TICK if self._queue else None
                for ready in select.select([self._master, self._bell], [], [], wait)[0]:
                    self._attend(ready)
                self._flow()
        except Exception:  # noqa: BLE001  # a defect of a model costs its line and a log entry
            _log.exception("the model on a virtual serial line is broken")
        finally:
            self._gone.set()
            self.path.unlink(missing_ok=True)
            for fd in (self._master, self._slave, self._bell, self._rope):
                os.close(fd)

    def _attend(self, ready: int) -> None:
        data = os.read(ready, 4096)
        if ready == self._master:
            with self.function.lock:
                self.function.on_bytes(self._as_heard(data))

    def _flow(self) -> None:
        """Send what is due."""
        now = time.monotonic()
        while self._queue and not self._gone.is_set():
            a_second = self.function.baud / _BITS_A_BYTE * self.function.speed
            after, data = self._queue[0]
            if not isinstance(data, bytes):
                self._queue.popleft()
                data()
                continue
            if self._free_at < now - _CATCH_UP:
                self._free_at = now
            if after:
                self._free_at += after
                self._queue[0] = 0.0, data
            due = max(1, int((now - self._free_at) * a_second)) if now >= self._free_at else 0
            portion = data[: min(due, _PORTION)]
            if not portion and data:
                return
            try:
                sent = os.write(self._master, self._as_heard(portion)) if portion else 0
            except BlockingIOError:  # the host does not read: the line stands still
                return
            self._queue.popleft()
            if rest := data[sent:]:
                self._queue.appendleft((0.0, rest))
            self._free_at = max(self._free_at, now - _CATCH_UP) + sent / a_second
            self.last_byte = time.monotonic()

    def _as_heard(self, data: bytes) -> bytes:
        """Spoil what is sent at one speed and heard at another."""
        import termios

        host = termios.tcgetattr(self._slave)[5]
        if host == getattr(termios, f"B{self.function.baud}"):
            return data
        return bytes((one * 37 + 11) & 0xFF for one in data)
