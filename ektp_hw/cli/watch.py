# SPDX-License-Identifier: Apache-2.0
"""``ektp-hw watch``: the recorder, until it is told to end."""

from __future__ import annotations

import os
import shutil
import signal
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ektp_hw.cli import console

if TYPE_CHECKING:
    from ektp_hw.diagnostics.recorder import Recorder
    from ektp_hw.diagnostics.surroundings import Surroundings
    from ektp_hw.hotplug import DeviceEvent, DeviceMonitor

__all__ = ["watch"]


@click.command()
@click.option(
    "--every",
    type=click.FloatRange(min=1.0),
    default=60.0,
    show_default=True,
    help="Seconds from one look to the next.",
)
@click.option(
    "--journal",
    "place",
    type=click.Path(dir_okay=False, path_type=Path),
    default=None,
    help="File to record into; the default is the station's, or EKTP_HW_JOURNAL.",
)
@click.option(
    "--profile",
    type=click.Path(dir_okay=False, path_type=Path),
    default=None,
    help="The station's profile (TOML); the default is /etc/ektp-hw/station.toml.",
)
@click.option("--once", is_flag=True, help="Look once, record it and end.")
@click.option("--virtual", is_flag=True, help="Look at virtual devices too.")
@click.option("--unit", is_flag=True, help="Print the systemd unit that runs the recorder.")
@click.option("--user", default=None, help="With --unit: the user who records citizens.")
def watch(
    every: float,
    place: Path | None,
    profile: Path | None,
    once: bool,
    virtual: bool,
    unit: bool,
    user: str | None,
) -> int:
    """Record the health of devices and network, once a minute, until ended.

    Opens no device, needs no root, and writes some hundred kilobytes a year.

    \b
    Examples:
      ektp-hw watch
      ektp-hw watch --once --journal here.ektp
      ektp-hw watch --unit | sudo tee /etc/systemd/system/ektp-hw-watch.service
      ektp-hw journal history --last 150d
    \b
    Exit codes: 0 ended as told, 1 with --once if something is broken, 2 the journal cannot be
    written, or another recorder runs.
    """
    if unit:
        console.say(_unit(user).rstrip("\n"))
        return 0
    if user is not None:
        raise click.UsageError("--user is for --unit")
    from ektp_hw.diagnostics.journal import Writer, default_place
    from ektp_hw.diagnostics.probes import all_probes, causes_of_probes
    from ektp_hw.diagnostics.recorder import Recorder, cheap
    from ektp_hw.diagnostics.surroundings import Surroundings, read_profile

    around = Surroundings(read_profile(profile), virtual=virtual)
    with Writer(place or default_place(), around.profile) as writer:
        recorder = Recorder(writer, around, cheap(all_probes()), causes_of_probes(), interval=every)
        if once:
            return _look_once(recorder, around)
        console.step(f"{writer.path}: recording every {every:g} s; end it with Ctrl+C")
        _record(recorder, around, every)
    return 0


def _look_once(recorder: Recorder, around: Surroundings) -> int:
    from ektp_hw.diagnostics.findings import Outcome

    recorder.note_present(_present(around))
    report = recorder.look()
    recorder.finish()
    findings = report.findings if report is not None else ()
    broken = sorted({each.probe for each in findings if each.outcome is Outcome.BROKEN})
    console.say(
        f"{len(findings)} findings recorded"
        + (f"; broken: {', '.join(broken)}" if broken else "; nothing is broken")
    )
    return 1 if broken else 0


def _record(recorder: Recorder, around: Surroundings, every: float) -> None:
    stop = threading.Event()

    def end(number: int, frame: object) -> None:
        del number, frame
        stop.set()  # and nothing that this thread may be waiting for

    before = {each: signal.signal(each, end) for each in (signal.SIGTERM, signal.SIGINT)}
    try:
        recorder.note_present(_present(around))
        with _monitor(recorder, around, every):
            recorder.run(stop, complain=console.complain)
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)


def _present(around: Surroundings) -> list[str]:
    from ektp_hw.registry import discover

    return [
        info.uri for info in discover() if around.virtual or not info.uri.startswith("virtual:")
    ]


def _monitor(recorder: Recorder, around: Surroundings, every: float) -> DeviceMonitor:
    """Return a monitor that the kernel wakes; without its messages it looks as we do."""
    from ektp_hw.hotplug import Change, DeviceMonitor

    def heed(event: DeviceEvent) -> None:
        uri = event.info.uri if event.info is not None else ""
        if uri and (around.virtual or not uri.startswith("virtual:")):
            recorder.note_plugged(uri, is_there=event.change is Change.ADDED)

    return DeviceMonitor(on_event=heed, interval=every)


def _unit(user: str | None) -> str:
    from ektp_hw.diagnostics.unit import unit_file

    beside_python = Path(sys.executable).with_name("ektp-hw")
    command = str(beside_python) if beside_python.exists() else shutil.which("ektp-hw")
    if command is None:
        raise click.ClickException("ektp-hw is not installed as a command; install the package")
    return unit_file(command, user or _name_of_user())


def _name_of_user() -> str:
    import pwd

    if told := os.environ.get("SUDO_USER"):
        return told
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return "root"
