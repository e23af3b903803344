# SPDX-License-Identifier: Apache-2.0
import io
import json
import logging

import pytest

from ektp_hw.cli import console


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_json_is_all_that_stands_on_stdout(capsys):
    console.print_json({"name": "Ünal", "score": 1.5})
    captured = capsys.readouterr()
    assert json.loads(captured.out) == {"name": "Ünal", "score": 1.5}
    assert not captured.err


def test_json_holds_no_nan():
    with pytest.raises(ValueError, match="JSON"):
        console.print_json({"rate": float("nan")})


def test_a_complaint_is_one_line(capsys):
    console.complain("first\n  second")
    assert capsys.readouterr().err == "ektp-hw: first second\n"


def test_table_shows_every_cell(capsys):
    console.table("People", ["name", "score"], [["[red]Ayu", 1234.5], ["Eko", 7.0]])
    out = capsys.readouterr().out
    assert out.startswith("\nPeople\n")
    for cell in ("[red]Ayu", "1,234.50", "7.00"):
        assert cell in out


def test_no_bar_where_nobody_looks(capsys):
    with console.progress("working", 2) as advance:
        advance()
        advance(doing="more", total=3)
    assert capsys.readouterr().err == ""


def test_bar_on_a_terminal(monkeypatch):
    terminal = Terminal()
    monkeypatch.setattr("sys.stderr", terminal)
    monkeypatch.setenv("TERM", "xterm")
    with console.progress("working") as advance:
        report = console.since_last(advance)
        report(1, 4)
        report(4, 4)
    assert "4/4" in terminal.getvalue()


def test_log_is_shown_without_tracebacks(capsys):
    log = logging.getLogger("ektp_hw.somewhere")
    with console.log_shown():
        log.error("the driver x is broken", exc_info=ValueError("inside"))
    assert capsys.readouterr().err == "the driver x is broken\n"
