# SPDX-License-Identifier: Apache-2.0
"""The V4L2 peer through two independent clients: OpenCV's own back end, and v4l2-ctl."""

import os
import shutil
import subprocess

import numpy as np
import pytest

mock_kernel = pytest.importorskip("mock_kernel", exc_type=ImportError)  # not outside Linux
if lack := mock_kernel.missing():
    pytest.skip(lack, allow_module_level=True)

from mock_kernel import CameraModel, Control, Format, VideoDevice, talk  # noqa: E402


class Camera(CameraModel):
    formats = (Format(b"GREY", 64, 48, (100, 30)), Format(b"YUYV", 64, 48), Format(b"GREY", 32, 24))
    controls = (Control(0x00980900, "Brightness", 0, 255, 50),)

    def frame(self, number, form):
        grey = np.add.outer(np.arange(form.height), np.arange(form.width)) + number
        return grey.astype(np.uint8).tobytes()


@pytest.fixture
def machine():
    with mock_kernel.Machine() as one:
        yield one


def test_opencv(machine):
    model = Camera()
    video = machine.plug(VideoDevice(model))
    body = """
import cv2
camera = cv2.VideoCapture(PATH, cv2.CAP_V4L2)
tell([camera.isOpened(), camera.getBackendName()])
tell(int(camera.get(cv2.CAP_PROP_FOURCC)).to_bytes(4, "little").decode())
tell(camera.set(cv2.CAP_PROP_CONVERT_RGB, 0))
tell([camera.get(cv2.CAP_PROP_BRIGHTNESS), camera.set(cv2.CAP_PROP_BRIGHTNESS, 77)])
for _ in range(5):
    good, frame = camera.read()
    tell([good, frame.shape, frame.ravel()[:3].tolist()])
camera.release()
"""
    told = [one.value for one in talk(machine, body, PATH=video.path)]
    assert told[:4] == [[True, "V4L2"], "YUYV", True, [50.0, True]]
    assert told[4:] == [[True, [48, 64, 2], [n, n + 1, n + 2]] for n in range(1, 6)]
    assert model.values == {0x00980900: 77}


@pytest.mark.skipif(not shutil.which("v4l2-ctl"), reason="needs v4l2-ctl (Debian: v4l-utils)")
def test_v4l2_ctl(machine, tmp_path):
    video = machine.plug(VideoDevice(Camera()))
    taken = tmp_path / "frames"
    asked = ("--list-formats-ext", "-L", "--stream-mmap", "--stream-count=4")
    said = subprocess.run(
        ["v4l2-ctl", "-d", video.path, *asked, f"--stream-to={taken}"],
        env=os.environ | machine.environment,
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    ).stdout
    assert "brightness 0x00980900 (int)    : min=0 max=255 step=1 default=50 value=50" in said
    assert "[1]: 'YUYV'" in said
    assert "Interval: Discrete 0.010s (100.000 fps)" in said
    frames = taken.read_bytes()
    assert len(frames) == 4 * 64 * 48
    assert [frames[at * 64 * 48] for at in range(4)] == [0, 1, 2, 3]
