# SPDX-License-Identifier: Apache-2.0
"""What comes and goes at all readers of the PC/SC service: cards, readers, the service itself.

A generator in the caller's thread: it cannot die unnoticed, because whatever ends it is raised
where it is read. It outlives the service: a restart is told, then everything is told anew.
"""

from __future__ import annotations

import re
import time
from collections import Counter
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

from ektp_hw.errors import (
    CaptureCancelled,
    CaptureTimeout,
    DeviceError,
    DeviceUnavailable,
    UnavailableReason,
)
from ektp_hw.transport.pcsc import Context

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from threading import Event

    from ektp_hw.transport.pcsc import ReaderState

__all__ = ["LOOK_ANEW_S", "Change", "ReaderChange", "changes", "with_its_siblings"]

_SLICE_S = 0.1
"""Longest single wait; the cancel event is looked at in between."""
_SERVICE_MISSING = UnavailableReason.SERVICE_MISSING
LOOK_ANEW_S = 2.0
"""Between two looks at readers of several slots, of which the service may have missed something."""
_SLOT = re.compile(r" [0-9A-Fa-f]{2}$")
"""How the service ends a reader's name: the slot, two hexadecimal digits."""
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.1, 1.0
"""Between two looks for a service that is gone."""


class Change(StrEnum):
    """What happened."""

    READER_CAME = "reader came"
    READER_WENT = "reader went"
    CARD_CAME = "card came"
    CARD_WENT = "card went"
    SERVICE_WENT = "service went"
    SERVICE_CAME = "service came back"


class ReaderChange(NamedTuple):
    """One thing that happened; the service itself bears no reader's name."""

    change: Change
    reader: str = ""
    answer_to_reset: bytes = b""


def changes(
    *,
    timeout: float | None = None,
    cancel: Event | None = None,
    check: Callable[[], None] = lambda: None,
    connect: Callable[[], Context] = Context,
) -> Iterator[ReaderChange]:
    """Tell what is there now, then everything that comes and goes.

    Parameters
    ----------
    timeout
        Seconds after which the iteration ends; None for never.
    cancel
        Ends the iteration within 0.2 s.
    check
        Called as often; ends it by raising `CaptureCancelled` or `CaptureTimeout`.
    connect
        How to reach the service.

    Raises
    ------
    DeviceUnavailable
        If there is no PC/SC library, or this user may not use the service. That the service does
        not run is told as a change and waited for.
    """
    limit = _Limit(timeout, cancel, check)
    known: dict[str, ReaderState] = {}
    was_up, pause = True, _FIRST_PAUSE_S
    while not limit.is_over():
        try:
            with connect() as context:
                if not was_up:
                    yield ReaderChange(Change.SERVICE_CAME)
                was_up, pause = True, _FIRST_PAUSE_S
                yield from _while_it_runs(context, known, limit)
        except (CaptureCancelled, CaptureTimeout):
            raise
        except DeviceError as error:  # with a service that died any call may fail in any way
            if isinstance(error, DeviceUnavailable) and error.reason is not _SERVICE_MISSING:
                raise
            if was_up:
                yield from _differences(known, {})
                known.clear()
                yield ReaderChange(Change.SERVICE_WENT)
                was_up = False
            limit.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE_S)


class _Limit:
    """When the iteration ends: at its time, or when it is cancelled."""

    def __init__(
        self, timeout: float | None, cancel: Event | None, check: Callable[[], None]
    ) -> None:
        self._check = check
        self._until = float("inf") if timeout is None else time.monotonic() + timeout
        self._cancel = cancel

    def is_over(self) -> bool:
        self._check()
        return (self._cancel is not None and self._cancel.is_set()) or self.slice() <= 0

    def slice(self) -> float:
        return min(_SLICE_S, self._until - time.monotonic())

    def sleep(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while time.monotonic() < end and not self.is_over():
            time.sleep(0.02)


def _while_it_runs(
    context: Context, known: dict[str, ReaderState], limit: _Limit
) -> Iterator[ReaderChange]:
    """Tell every change until the service fails; keep what is known."""
    look = time.monotonic() + LOOK_ANEW_S
    while not limit.is_over():
        if time.monotonic() > look:
            for reader in _of_several_slots(known):
                context.look_anew(reader)
            look = time.monotonic() + LOOK_ANEW_S
        now = context.states(context.readers())
        told = list(_differences(known, now))
        known.clear()
        known.update(now)
        yield from told
        context.wait_for_change(known, max(0.0, limit.slice()))


def with_its_siblings(reader: str, readers: Iterable[str]) -> list[str]:
    """Return a reader's name and those of its further slots, itself first."""
    stem = _SLOT.sub("", reader)
    if stem == reader:
        return [reader]
    return [reader, *(name for name in readers if name != reader and _SLOT.sub("", name) == stem)]


def _of_several_slots(readers: Iterable[str]) -> list[str]:
    stems = Counter(_SLOT.sub("", reader) for reader in readers)
    return [reader for reader in readers if stems[_SLOT.sub("", reader)] > 1]


def _differences(
    old: dict[str, ReaderState], new: dict[str, ReaderState]
) -> Iterator[ReaderChange]:
    """Tell the changes in the order in which they can have happened."""
    for reader, before in old.items():
        after = new.get(reader)
        if before.present and (after is None or not after.present or _swapped(before, after)):
            yield ReaderChange(Change.CARD_WENT, reader)
        if after is None:
            yield ReaderChange(Change.READER_WENT, reader)
    for reader, after in new.items():
        earlier = old.get(reader)
        if earlier is None:
            yield ReaderChange(Change.READER_CAME, reader)
        if after.present and (earlier is None or not earlier.present or _swapped(earlier, after)):
            yield ReaderChange(Change.CARD_CAME, reader, after.answer_to_reset)


def _swapped(before: ReaderState, after: ReaderState) -> bool:
    """Tell whether the card was out between two looks: the service counts comings and goings."""
    return before.present and after.present and before.raw >> 16 != after.raw >> 16
