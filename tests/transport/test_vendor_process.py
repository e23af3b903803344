# SPDX-License-Identifier: Apache-2.0
"""A maker's library that crashes, hangs or lies costs its process, never the station."""

import errno
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from ektp_hw.devices import CaptureWait
from ektp_hw.errors import (
    CaptureCancelled,
    CaptureTimeout,
    DeviceBusy,
    DeviceError,
    DeviceRemoved,
    DeviceUnavailable,
    ProtocolError,
    VendorKitFailed,
)
from ektp_hw.transport.vendor_process import VendorProcess

KIT = Path(__file__).parents[1] / "vendor_kit"
GRADIENT = np.tile(np.arange(64, dtype=np.uint8) * 3, (48, 1))


@pytest.fixture(scope="module")
def one_scanner(acme, fault_file):
    fault_file.write_text("")
    with acme.AcmeIce(acme.AcmeIce.locate("acme:1")) as device:
        yield device


@pytest.fixture
def scanner(one_scanner, fault):
    fault("")
    one_scanner.capture(timeout=20)
    return one_scanner


def open_files():
    return len(list(Path("/proc/self/fd").iterdir()))


def threads():
    return [thread for thread in threading.enumerate() if "vendor" in thread.name]


def gone(pid):
    """Wait until a process has ended and was waited for: a zombie still stands in /proc."""
    until = time.monotonic() + 10
    while Path(f"/proc/{pid}").exists():
        assert time.monotonic() < until
        time.sleep(0.005)


def nothing_left(pid, descriptors, running):
    gone(pid)
    assert threads() == running
    assert open_files() == descriptors


def test_the_picture_comes_through(acme, fault):
    fault("")
    acme.AcmeIce(acme.AcmeIce.discover()[0]).open().close()  # whatever is made only once
    descriptors, running = open_files(), threads()
    with acme.AcmeIce(acme.AcmeIce.discover()[0]) as scanner:
        pid = scanner.kit.pid
        assert pid != os.getpid()
        for _ in range(3):
            assert np.array_equal(scanner.capture(timeout=5).pixels, GRADIENT)
        assert scanner.kit.pid == pid
    nothing_left(pid, descriptors, running)


FAULTS = {
    "segfault": (VendorKitFailed, "SIGSEGV.*'capture'; open the device again"),
    "abort": (VendorKitFailed, "SIGABRT"),
    "divide": (VendorKitFailed, "SIGFPE"),
    "exit": (VendorKitFailed, "ended its process with code 3"),
    "hang": (VendorKitFailed, "did not come back from 'capture' within 0.5 s.*plug it in"),
    "spin": (VendorKitFailed, "did not come back"),
    "stop": (VendorKitFailed, "did not come back"),
    "scribble": (ProtocolError, "garbage"),
    "close": (VendorKitFailed, "ended its process with code 1|lost its connection"),
    "huge": (ProtocolError, "picture of 30000 x 30000 bytes, there is room for 3072"),
    "negative": (ProtocolError, "picture of -48 x -64 bytes"),
    "unknown code": (DeviceError, "code -99; see its manual"),
    "gone": (DeviceRemoved, "plug it in and open it again"),
    "lifted": (CaptureTimeout, "no finger was placed"),
    "no finger": (CaptureTimeout, "no finger was placed"),
}


@pytest.mark.parametrize("word", FAULTS)
def test_fault_table(scanner, fault, monkeypatch, word):
    """Each fault: a typed error that advises, in time; then a right picture; nothing is left."""
    pid, call = scanner.kit.pid, scanner.kit.call

    def with_short_limits(name, **options):
        return call(name, **options | {"timeout": 0.5 if name == "capture" else 5.0})

    fault(word)
    kind, words = FAULTS[word]
    begun = time.monotonic()
    with monkeypatch.context() as patch:
        patch.setattr(scanner.kit, "call", with_short_limits)
        with pytest.raises(kind, match=words) as caught:
            scanner.capture(timeout=0.3 if kind is CaptureTimeout else 5)
    assert time.monotonic() - begun < 3
    assert type(caught.value) is kind
    assert str(caught.value).startswith("acme:1: ")
    fault("")
    scanner.open()
    assert np.array_equal(scanner.capture(timeout=5).pixels, GRADIENT)
    if scanner.kit.pid != pid:
        gone(pid)


def test_a_picture_that_was_not_written_is_blank_and_never_the_one_before(scanner, fault):
    assert scanner.capture(timeout=5).pixels.any()
    fault("forgets")
    assert not scanner.capture(timeout=5).pixels.any()


@pytest.mark.parametrize("word", ["hang", "spin", "stop"])
def test_cancelling_ends_a_hanging_library_in_time(scanner, fault, word):
    fault(word)
    cancel = threading.Event()
    threading.Timer(0.2, cancel.set).start()
    begun = time.monotonic()
    with pytest.raises(CaptureCancelled):
        scanner.capture(timeout=30, cancel=cancel)
    assert 0.2 <= time.monotonic() - begun < 1.5
    fault("")
    assert np.array_equal(scanner.capture(timeout=5).pixels, GRADIENT)


def test_a_capture_that_is_cancelled_before_any_call_costs_no_process(scanner):
    pid, cancel = scanner.kit.pid, threading.Event()
    cancel.set()
    with pytest.raises(CaptureCancelled):
        scanner.capture(timeout=5, cancel=cancel)
    assert scanner.kit.pid == pid


def test_a_held_device_cannot_be_opened_and_leaves_no_process(acme, fault):
    fault("busy")
    scanner = acme.AcmeIce(acme.AcmeIce.locate("acme:1"))
    with pytest.raises(DeviceBusy, match="close that program"):
        scanner.open()
    assert not scanner.kit.is_running
    fault("")
    with scanner:
        assert scanner.capture(timeout=5).pixels.shape == (48, 64)


@pytest.mark.parametrize(
    ("word", "words"),
    [("crash on open", "SIGSEGV.*in 'start'"), ("hang on open", "did not come back from 'start'")],
)
def test_a_library_that_fails_while_opening(acme, fault, monkeypatch, word, words):
    start = VendorProcess.start
    fault(word)
    scanner = acme.AcmeIce(acme.AcmeIce.locate("acme:1"))
    with monkeypatch.context() as patch:
        patch.setattr(VendorProcess, "start", lambda kit: start(kit, timeout=1.0))
        with pytest.raises(VendorKitFailed, match=words):
            scanner.open()
    assert not scanner.is_open
    assert not scanner.kit.is_running
    fault("")
    with scanner:
        assert np.array_equal(scanner.capture(timeout=5).pixels, GRADIENT)


@pytest.mark.usefixtures("acme")
def test_starting_ends_when_the_caller_s_time_is_over(fault, library):
    fault("hang on open")
    kit = VendorProcess("acme:AcmeKit", str(library), device="acme:1")
    with pytest.raises(CaptureTimeout, match=r"within 0.3 s"):
        kit.start(check=CaptureWait(0.3, missing="nothing came").check)
    assert not kit.is_running


def test_a_full_machine_is_no_traceback(acme, fault, monkeypatch):
    def full(*_, **__):
        raise OSError(errno.EAGAIN, "Resource temporarily unavailable")

    fault("")
    monkeypatch.setattr(subprocess, "Popen", full)
    scanner = acme.AcmeIce(acme.AcmeIce.locate("acme:1"))
    before = open_files()
    with pytest.raises(DeviceError, match=r"cannot be started.*close other programs"):
        scanner.open()
    assert open_files() == before


def test_elsewhere_than_on_linux(acme, monkeypatch):
    monkeypatch.delattr(os, "memfd_create")
    with pytest.raises(DeviceUnavailable, match="on Linux only"):
        acme.AcmeIce(acme.AcmeIce.locate("acme:1")).open()


def test_a_library_that_dies_between_two_captures(scanner):
    os.kill(scanner.kit.pid, signal.SIGSEGV)
    with pytest.raises(VendorKitFailed, match="SIGSEGV"):
        scanner.capture(timeout=5)
    assert scanner.capture(timeout=5).pixels.shape == (48, 64)


def test_a_library_that_hangs_while_closing_is_ended(acme, fault):
    fault("hang on close")
    scanner = acme.AcmeIce(acme.AcmeIce.locate("acme:1")).open()
    pid = scanner.kit.pid
    scanner.close()
    gone(pid)


def test_a_process_that_the_library_leaves_behind_does_not_hold_us(acme, fault):
    fault("daemon")
    with acme.AcmeIce(acme.AcmeIce.locate("acme:1")) as scanner:
        scanner.capture(timeout=5)
        begun = time.monotonic()
    assert time.monotonic() - begun < 3


def test_what_the_library_prints_is_logged(acme, fault, caplog):
    caplog.set_level(logging.INFO, "ektp_hw")
    fault("chatter")
    with acme.AcmeIce(acme.AcmeIce.locate("acme:1")) as scanner:
        assert scanner.capture(timeout=20).pixels.shape == (48, 64)
    lines = [record.getMessage() for record in caplog.records]
    assert lines[0] == "acme:1: the maker's library says: acme_ice 1.0 is ready"
    assert "acme:1: the maker's library says: debug 7" in lines
    assert lines[-1] == "acme:1: the maker's library prints without end"
    assert len(lines) == 1001


def test_a_kit_that_cannot_be_imported():
    kit = VendorProcess("no_such_module_of_ours:Kit", device="x:1")
    with pytest.raises(DeviceError, match=r"ModuleNotFoundError.*driver's author"):
        kit.start()
    assert not kit.is_running


# Processes.

STATION = """
import acme, time
scanner = acme.AcmeIce(acme.AcmeIce.locate("acme:1")).open()
print(scanner.kit.pid, flush=True)
scanner.capture(timeout=60)
"""


@pytest.mark.parametrize("word", ["no finger", "hang", "spin"])
def test_the_library_s_process_dies_with_the_station(library, fault, word):
    fault(word)
    environment = {"PYTHONPATH": str(KIT), "ACME_LIBRARY": str(library)}
    with subprocess.Popen(
        [sys.executable, "-c", STATION], env=os.environ | environment, stdout=subprocess.PIPE
    ) as station:
        pid = int(station.stdout.readline())
        time.sleep(0.1)  # into the capture
        station.kill()
    until = time.monotonic() + 10
    while is_running(pid):
        assert time.monotonic() < until
        time.sleep(0.005)


def is_running(pid):
    """Tell a process from none and from a zombie, which the system's first process may keep."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_the_library_outlives_the_thread_that_opened_it(acme, fault):
    fault("")
    scanner = acme.AcmeIce(acme.AcmeIce.locate("acme:1"))
    opener = threading.Thread(target=scanner.open)
    opener.start()
    opener.join()
    assert scanner.capture(timeout=5).pixels.shape == (48, 64)
    scanner.close()


# The caller's mistakes cost nothing.


@pytest.mark.parametrize(
    ("name", "arguments", "kind"),
    [
        ("finger_is_on", [object()], TypeError),
        ("finger_is_on", [float("nan")], ValueError),
        ("finger_is_on", ["x" * 70_000], ValueError),
        ("_check", [0], ValueError),
        ("finger_is_on", [1], DeviceError),
        ("no_such_method", [], DeviceError),
    ],
)
def test_calls_that_cannot_be(scanner, name, arguments, kind):
    pid = scanner.kit.pid
    with pytest.raises(kind):
        scanner.kit.call(name, *arguments)
    assert scanner.capture(timeout=5).pixels.shape == (48, 64)
    assert scanner.kit.pid == pid


def test_a_closed_kit_says_so():
    kit = VendorProcess("acme:AcmeKit", device="acme:1")
    kit.close()
    for use in (lambda: kit.call("finger_is_on"), lambda: kit.picture(1)):
        with pytest.raises(DeviceError, match="not loaded; open the device again"):
            use()
