# SPDX-License-Identifier: Apache-2.0
"""Watches a card reader in a thread of its own that cannot die silently.

What users of other libraries curse is a monitor thread that ends with an exception nobody sees
(pyscard issues 53, 74, 82, 128; python-can 86, 907, 1306). Here every failure reaches `on_trouble`
and the watching begins again, with growing pauses; an error of the caller's own callback is kept
and raised by `check` and `close`.
"""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING, TypeVar

from ektp_hw.errors import CaptureCancelled, DeviceError

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType
    from typing import Self

    from ektp_hw.devices.card_reader import CardEvent, CardReader

__all__ = ["CardMonitor"]

_T = TypeVar("_T")
_log = logging.getLogger(__name__)

_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.1, 2.0


class CardMonitor:
    """Calls back on every card that comes or goes, until it is closed; use it in a ``with`` block.

    Parameters
    ----------
    reader
        The reader to watch; opened (again) by the thread where it is not open.
    on_event
        Called in the monitor's thread. If it raises, the monitor ends; `check` and `close` raise
        its error.
    on_trouble
        Called with every `DeviceError`, after which the monitor tries again.
    """

    def __init__(
        self,
        reader: CardReader,
        on_event: Callable[[CardEvent], None],
        on_trouble: Callable[[DeviceError], None] | None = None,
    ) -> None:
        self._reader = reader
        self._on_event = on_event
        self._on_trouble = on_trouble
        self._end = threading.Event()
        self._failure: BaseException | None = None
        self._thread = threading.Thread(
            target=self._run, name=f"card monitor {reader.info.uri}", daemon=True
        )
        self._thread.start()

    @property
    def is_alive(self) -> bool:
        """Whether it is watching."""
        return self._thread.is_alive()

    def check(self) -> None:
        """Raise the error of the caller's callback that ended the monitor, if one did."""
        if self._failure is not None:
            failure, self._failure = self._failure, None
            raise failure

    def close(self) -> None:
        """End the watching within 0.3 s, then raise as `check`."""
        self._end.set()
        if self._thread is not threading.current_thread():
            self._thread.join(5.0)
        self.check()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is None:
            self.close()
        else:
            self._end.set()
            self._thread.join(5.0)

    def _run(self) -> None:
        pause = _FIRST_PAUSE_S
        while not self._end.is_set():
            try:
                for event in self._reader.open().events(cancel=self._end):
                    pause = _FIRST_PAUSE_S
                    if not self._called(self._on_event, event):
                        return
            except CaptureCancelled:  # somebody closed the reader: it is his to open again
                while not self._reader.is_open and not self._end.wait(_FIRST_PAUSE_S):
                    continue
            except DeviceError as trouble:
                _log.info("watching %s again in %g s: %s", self._reader.info.uri, pause, trouble)
                if self._on_trouble is not None and not self._called(self._on_trouble, trouble):
                    return
                self._end.wait(pause)
                pause = min(2 * pause, _LONGEST_PAUSE_S)

    def _called(self, callback: Callable[[_T], None], what: _T) -> bool:
        """Call back; keep what is raised and return False."""
        try:
            callback(what)
        except BaseException as failure:  # noqa: BLE001  # the caller's own, raised where he looks
            _log.exception("the monitor of %s ends: its callback failed", self._reader.info.uri)
            self._failure = failure
            return False
        return True
