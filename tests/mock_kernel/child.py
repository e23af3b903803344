# SPDX-License-Identifier: Apache-2.0
"""Runs a test's body in a program of its own, on a mock machine.

umockdev's library must be there when a process starts, so a test that wants it cannot use its own.
"""

import ctypes.util
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from typing import Any

import pytest

LIBRARY = "libumockdev-preload.so.0"

_PRELUDE = """
import json, sys, threading, time
import ektp_hw as hw
from ektp_hw.errors import EktpError

def tell(run):
    begun, told = time.monotonic(), {}
    try:
        told["value"] = run() if callable(run) else run
    except EktpError as error:
        told |= {"error": type(error).__name__, "sentence": str(error)}
    told["seconds"] = time.monotonic() - begun
    print(json.dumps(told), flush=True)

"""
_SYSTEM_LIBUSB = """
import libusb_package
libusb_package.find_library = lambda _: SYSTEM_LIBUSB

"""
_EPILOGUE = """
left = [thread.name for thread in threading.enumerate() if thread is not threading.main_thread()]
sys.exit(f"threads were left running: {left}" if left else 0)
"""


@dataclass(frozen=True)
class Told:
    """What one `tell` of a body came to."""

    value: Any
    error: str
    """The name of the error's class; empty if there was none."""
    sentence: str
    seconds: float

    def __str__(self):
        return f"{self.error or 'no error'} after {self.seconds:.2f} s: {self.sentence}"


def missing():
    """Say what this machine lacks to play the kernel; empty if nothing."""
    if sys.platform != "linux":
        return "needs Linux"
    if ctypes.util.find_library("umockdev-preload") is None:
        return "needs umockdev's preload library (Debian: umockdev)"
    return ""


needed = pytest.mark.skipif(bool(missing()), reason=missing())
"""Marks tests that need all this: ``pytestmark = mock_kernel.needed``."""


class Child:
    """A body that runs; killed if it still does when the `with` block ends."""

    def __init__(self, process):
        self._process = process
        self._before = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self._process.returncode is None:
            self._process.kill()
            self._process.communicate()

    def wait_for(self, word):
        """Wait until the body prints that word on a line of its own."""
        while line := self._process.stdout.readline():
            if line.rstrip("\n") == word:
                return
            self._before.append(line)
        raise AssertionError(
            f"it ended without {word}: {self._before}{self._process.stderr.read()}"
        )

    def go_on(self):
        """Let the body's next `input()` return."""
        self._process.stdin.write("\n")
        self._process.stdin.flush()

    def finish(self, timeout=60.0):
        """Wait for its end; return what it told."""
        try:
            out, err = self._process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            self._process.kill()
            out, err = self._process.communicate()
            raise AssertionError(f"the child hangs; it said {self._before}{out}{err}") from None
        lines = [*self._before, *out.splitlines()]
        assert self._process.returncode == 0, f"{lines}\n{err}"
        told = [json.loads(line) for line in lines if line.startswith("{")]
        return [
            Told(one.get("value"), one.get("error", ""), one.get("sentence", ""), one["seconds"])
            for one in told
        ]


def start(machine, body, *, system_libusb=False, within=(), **values):
    """Start a body on the machine, and return the `Child`.

    The body finds `hw` (the package), `time`, `threading` and `tell`: give it a function without
    arguments, or a value JSON can carry. It ends badly if it leaves a thread running.

    Parameters
    ----------
    system_libusb
        Whether USB goes through the system's libusb, which hears of plugging through udev, and
        not through the packaged one, which hears of it from the kernel itself: umockdev does not
        carry that, so that it keeps the list of devices it made first.
    within
        A command that runs the body, as its last arguments.
    values
        More names for the body, of values whose `repr` makes them again.
    """
    if system_libusb:
        values["SYSTEM_LIBUSB"] = ctypes.util.find_library("usb-1.0")
    before = _PRELUDE + "".join(f"{name} = {value!r}\n" for name, value in values.items())
    before += _SYSTEM_LIBUSB if system_libusb else ""
    process = subprocess.Popen(
        [*within, sys.executable, "-c", before + body + _EPILOGUE],
        env=os.environ | machine.environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    return Child(process)


def talk(machine, body, *, timeout=60.0, system_libusb=False, **values):
    """Run a body on the machine (see `start`); return what it told."""
    with start(machine, body, system_libusb=system_libusb, **values) as child:
        return child.finish(timeout)
