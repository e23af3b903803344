# SPDX-License-Identifier: Apache-2.0
"""The face of the package: light to import, complete, and honest about what it does not have."""

import subprocess
import sys

import pytest

import ektp_hw

LIGHT = """
import sys, time
start = time.perf_counter()
import ektp_hw
print(time.perf_counter() - start)
heavy = {"numba", "cv2", "numpy", "usb", "ektp_hw._native", "PIL", "click"} & set(sys.modules)
sys.exit(f"import ektp_hw loads {heavy}" if heavy else 0)
"""


def test_import_is_light():
    runs = [
        subprocess.run([sys.executable, "-c", LIGHT], capture_output=True, text=True, check=False)
        for _ in range(5)
    ]
    assert all(run.returncode == 0 for run in runs), runs[0].stderr
    assert min(float(run.stdout) for run in runs) < 0.050


def test_every_name_of_the_face_is_there():
    for name in ektp_hw.__all__:
        assert getattr(ektp_hw, name) is not None


def test_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'fingerprinter'"):
        ektp_hw.fingerprinter  # noqa: B018
