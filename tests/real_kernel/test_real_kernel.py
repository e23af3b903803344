# SPDX-License-Identifier: Apache-2.0
"""Debian's own kernel finds our virtual devices, and our drivers capture there.

It takes most of a minute, so it runs only where EKTP_HW_KERNEL is set: to 1, or to a folder that
keeps the kernel's package from one run to the next.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

BOOT = Path(__file__).with_name("boot.py")
WISH = os.environ.get("EKTP_HW_KERNEL", "")


@pytest.mark.skipif(not WISH, reason="boots a kernel: set EKTP_HW_KERNEL=1 to have it run")
def test_our_devices_work_in_a_real_kernel():
    folder = [] if WISH == "1" else [WISH]
    done = subprocess.run(
        [sys.executable, BOOT, *folder], capture_output=True, text=True, timeout=400, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    passed = [line for line in done.stdout.splitlines() if line.startswith("PASS ")]
    assert len(passed) >= 7, done.stdout
