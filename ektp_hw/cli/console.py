# SPDX-License-Identifier: Apache-2.0
"""The only place that prints: answers to stdout, progress and complaints to stderr.

Tables and bars are drawn by rich, and bars only where somebody looks: on a terminal.
"""

from __future__ import annotations

import json
import logging
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from rich.console import Console

__all__ = ["complain", "log_shown", "print_json", "progress", "say", "since_last", "step", "table"]


def say(sentence: str) -> None:
    """Print one line of the answer, wrapped to nobody's width."""
    sys.stdout.write(sentence + "\n")
    sys.stdout.flush()


def print_json(answer: object) -> None:
    """Print the whole answer as one JSON document and nothing else."""
    say(json.dumps(answer, indent=2, ensure_ascii=False, allow_nan=False))


def table(title: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print a table; columns whose cells are all numbers stand flush right."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    drawn = Table(box=box.SIMPLE_HEAD)
    for at, name in enumerate(columns):
        numbers = all(isinstance(row[at], int | float) for row in rows)
        drawn.add_column(name, justify="right" if rows and numbers else "left", overflow="fold")
    for row in rows:
        drawn.add_row(*(Text(_cell(value)) for value in row))
    say(f"\n{title}")
    _stdout().print(drawn)


def step(sentence: str) -> None:
    """Tell on stderr what is being done now."""
    _stderr().print(sentence, style="dim", markup=False, highlight=False, soft_wrap=True)


def complain(sentence: str) -> None:
    """Print the one sentence that says what went wrong, on stderr."""
    sys.stderr.write(f"ektp-hw: {' '.join(sentence.split())}\n")


class _Lines(logging.Handler):
    """Writes a log record as one plain line, without any traceback."""

    def emit(self, record: logging.LogRecord) -> None:
        step(record.getMessage())


@contextmanager
def log_shown() -> Iterator[None]:
    """Write the package's warnings on stderr while the block runs, one line each."""
    handler = _Lines(logging.WARNING)
    log = logging.getLogger("ektp_hw")
    log.addHandler(handler)
    try:
        yield
    finally:
        log.removeHandler(handler)


@contextmanager
def progress(doing: str, total: int | None = None) -> Iterator[Callable[..., None]]:
    """Show a bar while the block runs; call what it yields after each piece of work.

    The yielded function takes how many pieces were done (default 1) and, by keyword, ``doing``:
    what is done now, and ``total``: of how many. Where stderr is no terminal nothing is shown.
    """
    stderr = _stderr()
    if not stderr.is_terminal:
        yield _no_advance
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    with Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=stderr,
        transient=True,
    ) as bars:
        task = bars.add_task(doing, total=total)

        def advance(count: int = 1, *, doing: str | None = None, total: int | None = None) -> None:
            bars.update(task, advance=count, description=doing, total=total)

        yield advance


def since_last(advance: Callable[..., None]) -> Callable[[int, int], None]:
    """Turn reports of (done, of how many) into steps of a bar."""
    before = 0

    def report(done: int, total: int) -> None:
        nonlocal before
        advance(done - before, total=total)
        before = done

    return report


def _no_advance(count: int = 1, *, doing: str | None = None, total: int | None = None) -> None:
    """Take a piece of work where no bar shows it."""


def _cell(value: object) -> str:
    return f"{value:,.2f}" if isinstance(value, float) else str(value)


def _stdout() -> Console:
    from rich.console import Console

    # A table in a pipe or a log is as wide as it needs to be; on a terminal cells are folded.
    return Console(file=sys.stdout, width=None if sys.stdout.isatty() else 1000, highlight=False)


def _stderr() -> Console:
    from rich.console import Console

    return Console(file=sys.stderr, highlight=False)
