# SPDX-License-Identifier: Apache-2.0
"""Real traffic of real sensors, as libfprint's own tests hold it, replayed below libusb.

The bridge's picture must equal the one that libfprint's tests expect. The recordings belong to
libfprint (LGPL) and stay in the folder of test data: ``recordings/<sensor>/device``, ``capture.*``.
"""

import json
import os
import shutil
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from rigs.libfprint import RIG

if RIG.missing:
    pytest.skip(RIG.missing, allow_module_level=True)
if shutil.which("umockdev-run") is None:
    pytest.skip("needs umockdev-run (Debian: umockdev)", allow_module_level=True)

CLIENT = """
import json
import ektp_hw as hw
from ektp_hw.drivers.libfprint import LibfprintSensor
[info] = LibfprintSensor.discover()
with hw.open_device(info) as sensor:
    image = sensor.capture(timeout=30)
print(json.dumps([info.uri, image.ppi, image.pixels.tolist()]))
"""
SENSORS = {
    "aes3500": "libfprint:aes3500@3-1.1.3",
    "egis0570": "libfprint:egis0570@1-9",
    "nb1010": "libfprint:nb1010@1-7",
    "upektc_img": "libfprint:upektc_img@1-1.3",
}


def replay(folder):
    """Return umockdev-run's options for whichever kind of recording the folder holds."""
    if (folder / "capture.ioctl").exists():
        recording = folder / "capture.ioctl"
        with recording.open(encoding="ascii") as lines:
            node = next(lines).removeprefix("@DEV ").strip()
        return ["-i", f"{node}={recording}"]
    with (folder / "device").open(encoding="ascii") as lines:
        place = next(lines).removeprefix("P: ").strip()
    return ["-p", f"/sys{place}={folder / 'capture.pcapng'}"]


@pytest.mark.parametrize("sensor", SENSORS)
def test_recorded_traffic_gives_the_recorded_picture(real_data, sensor):
    folder = real_data / "recordings" / sensor
    if not folder.is_dir():
        pytest.skip(f"needs libfprint's recording in {folder}")
    command = ["umockdev-run", "-d", folder / "device", *replay(folder)]
    done = subprocess.run(
        [*command, "--", sys.executable, "-c", CLIENT],
        env=os.environ | {"G_MESSAGES_DEBUG": ""},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    uri, ppi, rows = json.loads(done.stdout)
    with Image.open(folder / "capture.png") as expected:
        assert np.array_equal(np.array(rows, np.uint8), np.asarray(expected.convert("L")))
    assert (uri, ppi) == (SENSORS[sensor], 500)
