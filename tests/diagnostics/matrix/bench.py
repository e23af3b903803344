# SPDX-License-Identifier: Apache-2.0
"""A whole station on which one thing, or two, is broken, and the doctor's verdict about it.

The doctor runs as a program of its own inside the network laboratory. Its machine is a folder
(`station_files.sound_machine`), its devices are the virtual ones on their wire, its centre is the
laboratory's; or, for a `Trouble` with a mock kernel, its devices are those of the mock kernel and
its files this machine's. Whatever is broken is broken there, below the probes.
"""

import contextlib
import os
import pickle
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from diagnostics.laboratory import Laboratory, NetworkFault
from diagnostics.matrix import desk
from diagnostics.matrix.station_files import TESTS, sound_machine
from ektp_hw.diagnostics.findings import Cause
from ektp_hw.diagnostics.probing import Report
from ektp_hw.diagnostics.verdict import Verdict
from ordinary_user import as_nobody, opened_way

__all__ = ["ALL", "Answer", "Trouble", "examine_with"]

ALL = ("fingerprint", "iris", "signature", "card")


@dataclass(frozen=True)
class Trouble:
    """What is broken, and which causes a right verdict names.

    Parameters
    ----------
    name
        In the words of somebody who broke it.
    causes
        What the verdict must name, no more and no less; empty for a sound station.
    kind
        ``fault``: broken for sure. ``remark``: works, and a remark must name the cause.
        ``undecided``: nobody could tell from inside the station, so nothing may be said for sure.
    people
        Says at the virtual devices who is there; by default nobody.
    files
        Breaks the machine's files.
    devices
        Breaks the virtual devices, called with them in the doctor's program; what it returns is
        kept until the doctor has answered.
    commands
        Commands in the doctor's own mount namespace, before it starts; ``$ROOT`` is its machine.
    network
        Faults of the laboratory.
    profile
        Keys of the station's profile that differ.
    environment
        Variables of the doctor's environment; ``{ROOT}`` in them is its machine.
    as_nobody
        Whether the doctor runs as an ordinary user and not as root.
    kernel
        Plugs devices into a mock kernel, which then takes the place of files and virtual devices;
        what it returns, if anything, is ended when the doctor has answered.
    """

    name: str
    causes: tuple[Cause, ...] = ()
    kind: str = "fault"
    people: Callable[[Any], object] = desk.nobody_there
    files: tuple[Callable[[Any], object], ...] = ()
    devices: tuple[Callable[[Any], object], ...] = ()
    commands: tuple[str, ...] = ()
    network: tuple[NetworkFault, ...] = ()
    profile: dict[str, object] = field(default_factory=dict)
    environment: dict[str, str] = field(default_factory=dict)
    as_nobody: bool = False
    kernel: Callable[[Any], Any] | None = None

    def __add__(self, other: "Trouble") -> "Trouble":
        """Return both at once."""
        return Trouble(
            f"{self.name}; {other.name}",
            tuple(dict.fromkeys((*self.causes, *other.causes))),
            people=other.people if self.people is desk.nobody_there else self.people,
            files=(*self.files, *other.files),
            devices=(*self.devices, *other.devices),
            commands=(*self.commands, *other.commands),
            network=(*self.network, *other.network),
            profile={**self.profile, **other.profile},
            environment={**self.environment, **other.environment},
            as_nobody=self.as_nobody or other.as_nobody,
            kernel=self.kernel or other.kernel,
        )


@dataclass(frozen=True)
class Answer:
    """What the doctor said, and how long it took from its start to its end."""

    trouble: Trouble
    report: Report
    verdict: Verdict
    seconds: float

    @property
    def named(self) -> tuple[Cause, ...]:
        """What is said for sure."""
        return tuple(dict.fromkeys(fault.cause for fault in self.verdict.faults))

    @property
    def is_confidently_wrong(self) -> bool:
        """Whether a cause is said for sure that has nothing to do with what was broken."""
        wanted = self.trouble.causes if self.trouble.kind == "fault" else ()
        return not set(self.named) <= set(wanted)

    @property
    def is_right(self) -> bool:
        """Whether the verdict is what it must be, and nothing else is even suspected."""
        verdict, wanted = self.verdict, set(self.trouble.causes)
        if self.is_confidently_wrong:
            return False
        guessed = {fault.cause for fault in verdict.undecided}
        if self.trouble.kind == "undecided":
            return bool(guessed) and guessed <= wanted
        if guessed:
            return False
        if self.trouble.kind == "remark":
            return wanted <= {each.cause for each in verdict.suspects}
        return set(self.named) == wanted


def examine_with(lab: Laboratory, trouble: Trouble) -> Answer:
    """Break a sound station, let the doctor look at it, and make everything whole again."""
    with contextlib.ExitStack() as closing:
        folder = closing.enter_context(tempfile.TemporaryDirectory(prefix="ektp-station-"))
        root = Path(folder)
        root.chmod(0o755)
        closing.callback(lab.heal)
        lab.suffer(*trouble.network)
        profile = lab.profile(
            **{"expects": ALL, "waiting": Path("/srv/waiting"), **trouble.profile}
        )
        authorities = root / "authorities.pem"
        authorities.write_bytes(profile.authorities.read_bytes())
        profile = replace(profile, authorities=authorities)
        home = root / "home/petugas"
        environment = {"HOME": str(home), "PYTHONPATH": TESTS, **trouble.environment}
        if trouble.kernel is None:
            machine = sound_machine(root)
            for change in trouble.files:
                change(machine)
        else:
            home.mkdir(parents=True)
            home.chmod(0o777)
            environment |= _mock_kernel(closing, trouble.kernel)
            profile = replace(profile, waiting=None)
        changes = () if trouble.kernel else (trouble.people, *trouble.devices)
        request = (profile, None if trouble.kernel else root, changes)
        command = _command(trouble, environment, root)
        begun = time.monotonic()
        done = lab.run(command, pickle.dumps(request))
        seconds = time.monotonic() - begun
        try:
            report, verdict = pickle.loads(done.stdout)  # noqa: S301  # our own child
        except Exception as error:
            raise RuntimeError(f"{trouble.name}: {done.stderr.decode()[-2000:]}") from error
        return Answer(trouble, report, verdict, seconds)


def _mock_kernel(closing: contextlib.ExitStack, plug_in: Callable[[Any], object]) -> dict[str, str]:
    from mock_kernel import Machine

    machine = closing.enter_context(Machine())
    # The network is not the mock kernel's: it is the laboratory's.
    machine.link("sys/class/net", "/sys/class/net")
    if program := plug_in(machine):
        closing.enter_context(program)
    return machine.environment


def _command(trouble: Trouble, environment: dict[str, str], root: Path) -> list[str]:
    way = opened_way(root / "way") if trouble.as_nobody else []
    script = "\n".join(["set -e", *way, *trouble.commands, 'exec "$@"'])
    given = [f"{key}={value.replace('{ROOT}', str(root))}" for key, value in environment.items()]
    if (path := os.environ.get("PATH")) is not None:
        given.append(f"PATH={path}")
    doctor = ["env", "-i", *given, sys.executable, "-m", "diagnostics.matrix.look"]
    if trouble.as_nobody:
        doctor = as_nobody(*doctor)
    return ["env", f"ROOT={root}", "sh", "-c", script, "sh", *doctor]
