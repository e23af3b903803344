# SPDX-License-Identifier: Apache-2.0
"""The doctor on the full screen: what a technician watches while he moves a cable.

`LiveDoctor` keeps what is known and looks again whenever something is plugged in or pulled out;
`drawn` shows it. Neither knows the terminal: keys come from a function and pictures go to one.
"""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

import click

from ektp_hw.diagnostics.examination import as_plain, examine
from ektp_hw.diagnostics.findings import message
from ektp_hw.diagnostics.wording import worded

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from rich.console import RenderableType

    from ektp_hw.diagnostics.examination import Examination
    from ektp_hw.diagnostics.findings import Cause, Finding, Message
    from ektp_hw.diagnostics.probing import Probe
    from ektp_hw.diagnostics.surroundings import Surroundings

__all__ = ["LiveDoctor", "View", "drawn", "watch_on_terminal"]

_TICK = 0.1
"""Seconds between two pictures."""
_AGAIN_AFTER = 20.0
"""Seconds after which a station where nothing moves is looked at again."""
_SETTLE = 0.4
"""Seconds that a changed plug is given before it is looked at."""
_STATE_WIDTH = 12
"""Letters in the longest word of a state."""
_ORDER = {"broken": 0, "suspect": 1, "untested": 2, "sound": 3}
_STYLE = {"broken": "bold red", "suspect": "yellow", "untested": "dim", "sound": "green"}
"""A help for those who see them; the state is always written too."""


@dataclass(frozen=True)
class View:
    """What is on the screen.

    Parameters
    ----------
    document
        The last whole examination as plain data; None before the first has ended.
    fresh
        Findings of the look that goes on, by probe and device; empty between looks.
    running
        Whether a look goes on.
    changed, checked
        Times of day of the last change and the last whole look; empty before.
    """

    language: str
    station: str
    document: Mapping[str, Any] | None = None
    fresh: tuple[Mapping[str, Any], ...] = ()
    running: bool = False
    changed: str = ""
    checked: str = ""


class LiveDoctor:
    """Looks at a station again and again in a thread of its own.

    Parameters
    ----------
    probes, causes
        What is run, as for `examine`.
    plugs
        Returns what is plugged in; whenever that changes, a look begins anew.
    """

    def __init__(
        self,
        around: Surroundings,
        probes: Sequence[Probe],
        causes: Mapping[str, tuple[Cause, ...]],
        language: str,
        plugs: Callable[[], object],
    ) -> None:
        self._around, self._probes, self._causes = around, probes, causes
        self._plugs = plugs
        self._seen = plugs()
        self._examination: Examination | None = None
        self._look: _Look | None = None
        self._next = time.monotonic()
        self.view = View(language, around.profile.name)

    @property
    def examination(self) -> Examination | None:
        """The last whole one."""
        return self._examination

    def press(self, key: str) -> bool:
        """Take a key; return False if it is the one that ends."""
        if key.lower() == "q":
            return False
        if key.lower() == "l":
            self.view = replace(self.view, language="en" if self.view.language == "id" else "id")
            self._say_again()
        elif key.lower() == "r":
            self._begin_at(time.monotonic())
        return True

    def step(self) -> None:
        """Notice what changed, take what was found, and begin to look if it is time."""
        plugged_now = self._plugs()
        if plugged_now != self._seen:
            self._seen = plugged_now
            self.view = replace(self.view, changed=_now())
            self._begin_at(time.monotonic() + _SETTLE)
        if self._look is not None:
            self.view = replace(self.view, fresh=self._plain(self._look.found()))
            if self._look.done:
                self._take(self._look)
        if self._look is None and time.monotonic() >= self._next:
            self._look = _Look(self._around, self._probes, self._causes)
            self.view = replace(self.view, running=True, fresh=())

    def stop(self) -> None:
        """End the look that goes on; nobody waits for it."""
        if self._look is not None:
            self._look.cancel()

    def _begin_at(self, when: float) -> None:
        if self._look is not None:
            self._look.cancel()
            self._look = None
            self.view = replace(self.view, running=False, fresh=())
        self._next = when

    def _take(self, look: _Look) -> None:
        self._look = None
        self._next = time.monotonic() + _AGAIN_AFTER
        self._examination = look.examination
        self.view = replace(self.view, running=False, fresh=(), checked=_now(), changed="")
        self._say_again()

    def _say_again(self) -> None:
        """Word what is known anew, for another language or another look."""
        if self._examination is not None:
            plain = as_plain(self._examination, self.view.language, "")
            self.view = replace(self.view, document=plain)

    def _plain(self, findings: Sequence[Finding]) -> tuple[Mapping[str, Any], ...]:
        return tuple(
            {
                "probe": each.probe,
                "device": each.device,
                "outcome": each.outcome.value,
                "checked": _worded_or_key(each.checked, self.view.language),
                "seen": _worded_or_key(each.seen, self.view.language),
            }
            for each in findings
        )


class _Look:
    """One run of all probes in a thread."""

    def __init__(
        self,
        around: Surroundings,
        probes: Sequence[Probe],
        causes: Mapping[str, tuple[Cause, ...]],
    ) -> None:
        self._cancel = threading.Event()
        self._found: list[Finding] = []
        self.examination: Examination | None = None
        self._thread = threading.Thread(
            target=self._run, args=(around, probes, causes), name="ektp_hw doctor", daemon=True
        )
        self._thread.start()

    @property
    def done(self) -> bool:
        return not self._thread.is_alive()

    def found(self) -> list[Finding]:
        return list(self._found)

    def cancel(self) -> None:
        self._cancel.set()

    def _run(
        self,
        around: Surroundings,
        probes: Sequence[Probe],
        causes: Mapping[str, tuple[Cause, ...]],
    ) -> None:
        self.examination = examine(
            around, probes, causes, cancel=self._cancel, tell=self._found.append
        )


def drawn(view: View) -> RenderableType:
    """Return the picture; every state is a word, so that it can be read without colours."""
    from rich import box
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    def say(key: str, **values: str) -> str:
        return worded(message(f"doctor.{key}", **values), view.language)

    title = say("live_title", station=view.station or say("live_station"))
    verdict = Text(say("live_first"))
    if view.document is not None:
        judged = view.document["verdict"]
        style = "sound" if judged["healthy"] else "broken" if judged["decided"] else "suspect"
        verdict = Text(judged["sentence"], style=f"bold {_STYLE[style].removeprefix('bold ')}")
    table = Table(box=box.SIMPLE_HEAD, expand=True, pad_edge=False)
    table.add_column(say("column_state"), width=_STATE_WIDTH)
    table.add_column(say("column_checked"), ratio=1, overflow="fold")
    table.add_column(say("column_seen"), ratio=2, overflow="fold")
    for row, old in _rows(view):
        state = worded(message(f"report.outcome_{row['outcome']}"), view.language)
        style = "dim" if old else _STYLE[row["outcome"]]
        table.add_row(Text(f"{state}{' ...' if old else ''}", style=style), Text(row["checked"]),
                      Text(row["seen"]))  # fmt: skip
    if view.document is not None and not view.document["findings"]:
        table = Table(say("live_no_probe"), box=None)
    return Group(
        Text(title, style="bold"),
        Text(say("live_keys"), style="reverse"),  # above, where a long list does not push it out
        Text(_news(view, say)),
        Text(),
        verdict,
        table,
    )


def _rows(view: View) -> list[tuple[Mapping[str, Any], bool]]:
    """Return the rows, what is broken first; True beside those of the look before."""
    answered = {each["probe"] for each in view.fresh}
    before = view.document["findings"] if view.document else ()
    rows = [(each, False) for each in view.fresh]
    rows += [(each, view.running) for each in before if each["probe"] not in answered]
    return sorted(rows, key=lambda row: (_ORDER[row[0]["outcome"]], row[0]["probe"]))


def _news(view: View, say: Callable[..., str]) -> str:
    if view.changed:
        return say("live_changed", time=view.changed)
    if view.running:
        return say("live_running")
    return say("live_at", time=view.checked) if view.checked else ""


def _worded_or_key(text: Message, language: str) -> str:
    try:
        return worded(text, language)
    except (KeyError, ValueError, IndexError):
        return text.key


def watch_on_terminal(around: Surroundings, language: str) -> int:
    """Watch until q or Ctrl-C; return 0 if the last look found everything working, else 1."""
    import sys

    from rich.live import Live

    from ektp_hw.cli.doctor_plugs import Plugs
    from ektp_hw.diagnostics.probes import all_probes, causes_of_probes

    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise click.UsageError("--live needs a terminal; without one use 'ektp-hw doctor'")
    with (
        _keys() as pressed,
        Plugs(around) as plugs,
        Live(screen=True, auto_refresh=False) as screen,
    ):
        doctor = LiveDoctor(around, all_probes(), causes_of_probes(), language, plugs)
        try:
            while all(map(doctor.press, pressed(_TICK))):
                doctor.step()
                screen.update(drawn(doctor.view), refresh=True)
        except KeyboardInterrupt:
            pass
        finally:
            doctor.stop()
    last = doctor.examination
    return 0 if last is not None and last.is_healthy else 1


@contextmanager
def _keys() -> Iterator[Callable[[float], str]]:
    """Take keys as they are pressed; the terminal is as before when the block ends."""
    import os
    import select
    import sys
    import termios
    import tty

    terminal = sys.stdin.fileno()
    before = termios.tcgetattr(terminal)

    def pressed(seconds: float) -> str:
        ready, _, _ = select.select([terminal], [], [], seconds)
        if not ready:
            return ""
        read = os.read(terminal, 64).decode("ascii", "ignore")
        return read or "q"  # the terminal has gone

    try:
        tty.setcbreak(terminal)
        yield pressed
    finally:
        termios.tcsetattr(terminal, termios.TCSADRAIN, before)


def _now() -> str:
    return f"{datetime.now().astimezone():%H:%M:%S}"
