# SPDX-License-Identifier: Apache-2.0
"""Runs a body beside a real pcscd, whose real libccid finds the card readers of a mock machine.

The daemon's socket has a fixed path, so both live in namespaces of their own: mounts, where /run
is empty, and network.
"""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from mock_kernel import child

_SEPARATE = ("unshare", "-m", "-n", "-p", "--fork", "--kill-child")
_PREPARE = 'mount -t tmpfs t /run && mkdir /run/pcscd && ip link set lo up && exec "$@"'
_BUNDLE = Path("/usr/lib/pcsc/drivers/ifd-ccid.bundle")
_PRELUDE = """
import contextlib, subprocess
from ektp_hw.errors import DeviceError
from ektp_hw.transport.pcsc import Context

def readers():
    with contextlib.suppress(DeviceError), Context() as context:
        return context.readers()
    return []

def until(right, seconds=20):
    end = time.monotonic() + seconds
    while not right():
        if time.monotonic() > end:
            sys.exit(f"not within {seconds} s; pcscd knows {readers()}")
        time.sleep(0.02)

daemon = subprocess.Popen(["pcscd", "-f", "-c", CONFIGURATION], stdout=sys.stderr)
try:
    until(readers)
"""
_EPILOGUE = """
finally:
    daemon.terminate()
    daemon.wait(10)
"""


def missing():
    """Say what this machine lacks to run pcscd so; empty if nothing."""
    if lack := child.missing():
        return lack
    if not shutil.which("unshare") or not shutil.which("pcscd") or not _BUNDLE.exists():
        return "needs pcscd and libccid (Debian: pcscd, libccid)"
    if os.geteuid() != 0 or subprocess.run([*_SEPARATE, "true"], check=False).returncode:
        return "needs the right to make namespaces (root)"
    return ""


needed = pytest.mark.skipif(bool(missing()), reason=missing())


def start(machine, body, **values):
    """Start a body on the machine once pcscd has found a reader; see `child.start`.

    It finds `readers` (the names pcscd knows), `until` (waits for a condition) and `Context` too.
    """
    configuration = machine.root / "reader.conf.d"
    configuration.mkdir(exist_ok=True)
    indented = "".join(f"    {line}\n" for line in body.splitlines())
    return child.start(
        machine,
        _PRELUDE + indented + _EPILOGUE,
        within=(*_SEPARATE, "sh", "-c", _PREPARE, "sh"),
        CONFIGURATION=str(configuration),
        **values,
    )
