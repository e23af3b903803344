# SPDX-License-Identifier: Apache-2.0
import os

import pytest

from ektp_hw.diagnostics.findings import Cause, Outcome
from ektp_hw.diagnostics.package_check import PARTS, check_package
from ektp_hw.diagnostics.probes import libraries
from ektp_hw.diagnostics.probes.libraries import (
    CardLibrary,
    CardService,
    FingerprintLibrary,
    Package,
    PythonVersion,
    UsbLibrary,
)
from ektp_hw.errors import DeviceUnavailable, UnavailableReason
from fake_machine import FakeMachine


@pytest.fixture
def machine(tmp_path):
    return FakeMachine(tmp_path)


def fails(error):
    def load():
        raise error

    return load


def one(probe, around):
    (found,) = probe.run(around, [])
    return found


def test_this_interpreter_is_new_enough_and_an_old_one_is_not(machine, monkeypatch):
    assert one(PythonVersion(), machine.around()).outcome is Outcome.SOUND
    monkeypatch.setattr(libraries, "_OLDEST_PYTHON", (99, 0))
    found = one(PythonVersion(), machine.around())
    assert (found.outcome, found.cause) == (Outcome.BROKEN, Cause.COMPUTER)


def test_this_package_is_whole(machine):
    found = one(Package(), machine.around())
    assert found.outcome is Outcome.SOUND
    assert set(found.evidence) == {*PARTS, "ektp_hw"}


def test_a_missing_core_is_the_computer_s_fault_and_said_once(machine):
    environment = os.environ | {"EKTP_HW_NATIVE": str(machine.root / "nothing.so")}
    found = one(Package(), machine.around(environment=environment))
    assert (found.outcome, found.cause) == (Outcome.BROKEN, Cause.COMPUTER)
    assert found.evidence["part"] == "native"


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ("raise ImportError('libGL.so.1: cannot open shared object file')\n", "ImportError: libGL"),
        ("import os, signal\nos.kill(os.getpid(), signal.SIGILL)\n", "signal 4"),
    ],
)
def test_an_opencv_that_breaks_or_kills_is_named(machine, body, why):
    machine.write("packages/cv2.py", body)
    environment = os.environ | {"PYTHONPATH": str(machine.root / "packages")}
    found = one(Package(), machine.around(environment=environment))
    assert (found.outcome, found.evidence["part"]) == (Outcome.BROKEN, "opencv")
    assert why in str(found.evidence["error"])


def test_a_cache_that_may_not_be_written_is_told_apart(machine):
    body = "raise RuntimeError(\"cannot cache function 'walk': no locator available\")\n"
    machine.write("packages/numba.py", body)
    environment = os.environ | {"PYTHONPATH": str(machine.root / "packages")}
    found = one(Package(), machine.around(environment=environment))
    assert found.seen.key == "libraries.cache_unwritable"
    assert found.evidence["part"] == "kernels"


def test_a_package_that_hangs_costs_its_time_only(machine):
    machine.write("packages/cv2.py", "import time\ntime.sleep(60)\n")
    environment = os.environ | {"PYTHONPATH": str(machine.root / "packages")}
    told = check_package(("opencv",), environment, timeout=1.0)
    assert told.crash == "it did not end within 1 s"


def test_libusb_loads_here_and_its_lack_is_a_driver_s_fault(machine):
    assert one(UsbLibrary(), machine.around()).outcome is Outcome.SOUND
    found = one(UsbLibrary(fails(OSError("libusb-1.0.so: no such file"))), machine.around())
    assert (found.outcome, found.cause) == (Outcome.BROKEN, Cause.DRIVER)
    assert "libusb-1.0.so" in str(found.evidence["error"])


READER = (0x08E6, 0x3437)
CCID = ((0x0B, "", ""),)


def test_the_card_library_is_needed_only_for_readers_without_driver(machine):
    lack = DeviceUnavailable("cannot be loaded", reason=UnavailableReason.LIBRARY_MISSING)
    probe = CardLibrary(fails(lack))
    assert one(probe, machine.around(expects=("card",))).outcome is Outcome.UNTESTED
    machine.plug("1-3", 0x072F, 0x2200, faces=CCID)
    assert one(probe, machine.around(expects=("card",))).outcome is Outcome.UNTESTED
    machine.plug("1-4", *READER, faces=CCID)
    found = one(probe, machine.around())
    assert (found.outcome, found.cause) == (Outcome.BROKEN, Cause.DRIVER)
    assert one(CardLibrary(lambda: None), machine.around()).outcome is Outcome.SOUND


def test_the_card_service_runs_or_starts_when_needed(machine):
    around = machine.around()
    assert one(CardService(), around).outcome is Outcome.UNTESTED
    machine.plug("1-4", *READER, faces=CCID)
    found = one(CardService(), around)
    assert (found.outcome, found.cause) == (Outcome.BROKEN, Cause.DRIVER)
    machine.write("run/pcscd/pcscd.comm", "")
    assert one(CardService(), around).outcome is Outcome.BROKEN
    wants = "etc/systemd/system/sockets.target.wants/pcscd.socket"
    machine.link(wants, "/lib/systemd/system/pcscd.socket")
    assert one(CardService(), around).seen.key == "libraries.service_ready"
    machine.program(77, "pcscd")
    assert one(CardService(), around).seen.key == "libraries.service_runs"


def test_libfprint_is_never_a_fault(machine):
    probe = FingerprintLibrary(fails(OSError("libfprint-2 is not installed")))
    assert one(probe, machine.around()).outcome is Outcome.UNTESTED
    assert one(FingerprintLibrary(lambda: "x.so"), machine.around()).outcome is Outcome.SOUND
