# SPDX-License-Identifier: Apache-2.0
import contextlib
import io
import os
import pty
import signal
import subprocess
import sys
import threading
import time

import pytest
from rich.console import Console

import stub_station
from ektp_hw.cli.doctor_live import LiveDoctor, drawn
from ektp_hw.diagnostics.surroundings import Surroundings
from stub_station import Outcome


class Plugs:
    """What is plugged in, as a test says."""

    now = frozenset({"1-4"})

    def __call__(self):
        return self.now


class Following:
    """A probe that answers for what is plugged in now."""

    name, stands_on, seconds = "stub.cable", (), 20.0

    def __init__(self, plugs, hold=None):
        self.plugs, self.hold = plugs, hold

    def run(self, _around, _before):
        if self.hold is not None:
            self.hold.wait(20)
        outcome = Outcome.SOUND if "1-4" in self.plugs.now else Outcome.BROKEN
        return [stub_station.finding("stub.cable", outcome)]


def doctor_of(plugs, *probes, language="en"):
    around = Surroundings(stub_station.PROFILE)
    return LiveDoctor(around, probes, stub_station.CAUSES, language, plugs)


def until(doctor, holds, seconds=20.0):
    end = time.monotonic() + seconds
    while not holds(doctor.view):
        assert time.monotonic() < end, doctor.view
        doctor.step()
        time.sleep(0.005)


def on_screen(view, **options):
    console = Console(width=100, file=io.StringIO(), force_terminal=True, **options)
    console.print(drawn(view))
    return console.file.getvalue()


def test_a_pulled_cable_shows_and_so_does_the_plugged_one():
    plugs = Plugs()
    doctor = doctor_of(plugs, Following(plugs))
    until(doctor, lambda view: view.checked)
    assert "Everything works." in on_screen(doctor.view, no_color=True)
    plugs.now = frozenset()
    until(doctor, lambda view: view.changed)
    until(doctor, lambda view: not view.changed)
    assert "What is broken is the cable or the power supply" in on_screen(doctor.view)
    assert not doctor.examination.is_healthy
    plugs.now = frozenset({"1-4"})
    until(doctor, lambda view: view.changed)
    until(doctor, lambda view: not view.changed)
    assert doctor.examination.is_healthy


def test_findings_show_as_they_come_and_a_change_begins_anew():
    plugs, hold = Plugs(), threading.Event()
    quick = stub_station.probes()[2]
    doctor = doctor_of(plugs, quick, Following(plugs, hold))
    until(doctor, lambda view: view.fresh)
    screen = on_screen(doctor.view, no_color=True)
    assert "stub.iris" in screen
    assert "stub.cable" not in screen
    assert "checking ..." in screen
    plugs.now = frozenset({"1-4", "1-5"})
    hold.set()
    until(doctor, lambda view: view.checked)
    assert "stub.cable" in on_screen(doctor.view)


def test_keys():
    doctor = doctor_of(Plugs(), *stub_station.probes(cable=Outcome.BROKEN))
    until(doctor, lambda view: view.checked)
    assert doctor.press("l")
    assert "Yang terganggu adalah kabel atau catu daya" in on_screen(doctor.view)
    assert doctor.press("x")
    first = doctor.examination
    assert doctor.press("r")
    until(doctor, lambda view: view.checked and doctor.examination is not first)
    assert not doctor.press("q")


def test_every_state_is_a_word():
    outcomes = {"cable": Outcome.BROKEN, "iris": Outcome.SUSPECT, "provider": Outcome.UNTESTED}
    doctor = doctor_of(Plugs(), *stub_station.probes(**outcomes))
    until(doctor, lambda view: view.checked)
    screen = on_screen(doctor.view, no_color=True, color_system=None)
    states = ("broken", "look at it", "not checked", "works")
    assert sorted(map(screen.index, states)) == list(map(screen.index, states))


def test_a_station_without_probes_is_shown():
    doctor = doctor_of(Plugs())
    until(doctor, lambda view: view.checked)
    assert "nothing to check" in on_screen(doctor.view)


@pytest.mark.parametrize("ending", [b"q", b"\x03"])
def test_on_a_terminal_it_ends_cleanly(ending, tmp_path):
    """The screen comes back and the terminal is as it was, by q and by Ctrl-C."""
    import termios

    master, slave = pty.openpty()
    before = termios.tcgetattr(slave)
    environment = {**os.environ, "TERM": "xterm", "HOME": str(tmp_path), "LC_ALL": "C.UTF-8"}
    process = subprocess.Popen(
        [sys.executable, "-c", "from ektp_hw.cli.__main__ import main; main()", "doctor", "--live"],
        stdin=slave, stdout=slave, stderr=slave, env=environment, start_new_session=True,
        preexec_fn=_take_the_terminal,  # noqa: PLW1509
    )  # fmt: skip
    written = b""
    while b"q: quit" not in written:
        written += os.read(master, 65536)
    reader = threading.Thread(target=_drain, args=(master,), daemon=True)
    reader.start()
    assert _pressed_until_it_ends(process, master, ending) in {0, 1}
    assert termios.tcgetattr(slave)[3] == before[3]
    os.close(slave)
    reader.join(10)
    os.close(master)


def _take_the_terminal():
    """Be in front of it, and hear Ctrl-C also where the tests run in a shell's background."""
    import fcntl
    import termios

    signal.signal(signal.SIGINT, signal.SIG_DFL)
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


def _pressed_until_it_ends(process, master, key):
    """Press the key, and again where a busy machine has not heard it, as a person would."""
    try:
        for _ in range(10):
            os.write(master, key)
            with contextlib.suppress(subprocess.TimeoutExpired):
                return process.wait(timeout=4)
        raise AssertionError("it goes on whatever is pressed")
    finally:
        process.kill()
        process.wait()


def _drain(master):
    try:
        while os.read(master, 65536):
            pass
    except OSError:
        return
