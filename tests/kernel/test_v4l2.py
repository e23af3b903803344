# SPDX-License-Identifier: Apache-2.0
"""The V4L2 peer through two independent clients: OpenCV's own back end, and v4l2-ctl."""

import os
import shutil
import subprocess
import threading

import numpy as np
import pytest

import mock_kernel
from mock_kernel import CameraModel, Control, Format, Frame, VideoDevice, talk

pytestmark = mock_kernel.needed


class Camera(CameraModel):
    formats = (Format(b"GREY", 64, 48, (100, 30)), Format(b"YUYV", 64, 48), Format(b"GREY", 32, 24))
    controls = (Control(0x00980900, "Brightness", 0, 255, 50),)

    def frame(self, number, form):
        grey = np.add.outer(np.arange(form.height), np.arange(form.width)) + number
        return grey.astype(np.uint8).tobytes()


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
    numbers = [first for _, _, (first, *_) in told[4:]]
    assert numbers == sorted(set(numbers))
    assert told[4:] == [[True, [48, 64, 2], [n, n + 1, n + 2]] for n in numbers]
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


CALLS = """
import fcntl, mmap, os, struct
fd = os.open(PATH, os.O_RDWR | os.O_NONBLOCK)
def ioctl(call, data=b"", at=None):
    data = bytearray(data)
    try:
        fcntl.ioctl(at or fd, call, data)
    except OSError as error:
        return error.errno
    return data
REQUEST, QUERY, QUEUE, DEQUEUE = 0xC0145608, 0xC0585609, 0xC058560F, 0xC0585611
ON, OFF = 0x40045612, 0x40045613
def buffer(index):
    return struct.pack("=II", index, 1).ljust(88, b"\\0")
def begin(count=2):
    ioctl(REQUEST, struct.pack("=III8x", count, 1, 1))
    for index in range(count):
        ioctl(QUEUE, buffer(index))
    ioctl(ON, struct.pack("=i", 1))
def take(seconds=5):
    until = time.monotonic() + seconds
    while (got := ioctl(DEQUEUE, buffer(0))) == 11 and time.monotonic() < until:
        pass
    if isinstance(got, int):
        return got
    index, _, used, flags, _, s, us, sequence = struct.unpack_from("=5I4xqq16xI", got)
    ioctl(QUEUE, buffer(index))
    return used, bool(flags & 0x40), s + us / 1e6, sequence
"""


class Faulty(Camera):
    def __init__(self, faults):
        super().__init__()
        self.faults = faults

    def frame(self, number, form):
        data = super().frame(number, form)
        return self.faults[number](data) if number in self.faults else data


def test_frames_that_misbehave(machine):
    faults = {
        1: lambda data: Frame(data[:100], is_damaged=True),
        2: lambda data: Frame(data, sequence=1),
        3: lambda data: Frame(data, stamp=2.5),
        4: lambda _: None,
        5: lambda data: Frame(data, late=0.3),
    }
    video = machine.plug(VideoDevice(Faulty(faults)))
    told = talk(machine, CALLS + "begin(4)\nfor _ in range(6): tell(take)\n", PATH=video.path)
    full = 64 * 48
    used, damaged, stamps, sequences = zip(*(one.value for one in told), strict=True)
    assert used == (full, 100, full, full, full, full)
    assert damaged == (False, True, False, False, False, False)
    assert sequences == (0, 1, 1, 3, 5, 6)
    assert stamps[0] < stamps[1] < stamps[2] < stamps[4]
    assert stamps[3] == 2.5
    assert told[4].seconds > 0.25


def test_frames_that_nobody_has_room_for_are_lost(machine):
    video = machine.plug(VideoDevice(Camera()))
    body = "begin(2)\ntime.sleep(0.3)\nfor _ in range(3): tell(take)\n"
    told = [one.value[3] for one in talk(machine, CALLS + body, PATH=video.path)]
    assert told[:2] == [0, 1]
    assert told[2] > 20


def test_a_camera_that_stalls_and_is_pulled(machine):
    model = Faulty(dict.fromkeys(range(1000), lambda _: None))
    video = machine.plug(VideoDevice(model))
    body = "begin()\nprint('on', flush=True)\ntell(lambda: take(0.2))\ntell(lambda: take(20))\n"
    with mock_kernel.start(machine, CALLS + body, PATH=video.path) as child:
        child.wait_for("on")
        threading.Timer(0.5, model.unplug).start()
        told = child.finish()
    assert [one.value for one in told] == [11, 19]  # EAGAIN, then ENODEV
    assert told[1].seconds < 5
    machine.plug(video)
    assert talk(machine, CALLS + "tell(type(ioctl(QUERY, buffer(0))).__name__)", PATH=video.path)


def test_opencv_on_a_camera_that_is_pulled(machine):
    video = machine.plug(VideoDevice(Camera()))
    body = """
import cv2
camera = cv2.VideoCapture(PATH, cv2.CAP_V4L2)
tell(camera.read()[0])
print("on", flush=True)
until = time.monotonic() + 20
while camera.read()[0] and time.monotonic() < until:
    pass
tell(time.monotonic() < until)
camera.release()
"""
    with mock_kernel.start(machine, body, PATH=video.path) as child:
        child.wait_for("on")
        video.unplug()
        assert [one.value for one in child.finish()] == [True, True]


def test_one_program_streams_at_a_time(machine):
    video = machine.plug(VideoDevice(Camera()))
    body = """
begin()
other = os.open(PATH, os.O_RDWR)
tell(ioctl(REQUEST, struct.pack("=III8x", 2, 1, 1), at=other))
ioctl(OFF, struct.pack("=i", 1))
ioctl(REQUEST, struct.pack("=III8x", 0, 1, 1))
tell(ioctl(REQUEST, struct.pack("=III8x", 2, 1, 1), at=other).hex()[:8])
"""
    told = [one.value for one in talk(machine, CALLS + body, PATH=video.path)]
    assert told == [16, "02000000"]  # EBUSY, then its buffers


def test_an_extension_unit(machine):
    model = Camera()
    model.units[3, 2] = b"\1\2\3"
    video = machine.plug(VideoDevice(model))
    body = """
import ctypes
def unit(unit, selector, what, data):
    room = ctypes.create_string_buffer(data, len(data))
    asked = struct.pack("=BBBxHxxQ", unit, selector, what, len(data), ctypes.addressof(room))
    got = ioctl(0xC0107521, asked)
    return got if isinstance(got, int) else room.raw.hex()
tell(unit(3, 2, 0x85, bytes(2)))
tell(unit(3, 2, 0x81, bytes(3)))
tell(unit(3, 2, 0x01, b"abc"))
tell(unit(3, 2, 0x81, bytes(2)))
tell(unit(4, 2, 0x81, bytes(3)))
"""
    told = [one.value for one in talk(machine, CALLS + body, PATH=video.path)]
    assert told == ["0300", "010203", "616263", 105, 2]  # ENOBUFS, ENOENT
    assert model.units[3, 2] == b"abc"


@pytest.mark.parametrize("fourcc", [b"GREY", b"Y10 ", b"Y16 "])
def test_opencv_gets_every_byte_of_a_format(machine, fourcc):
    each = 1 if fourcc == b"GREY" else 2
    pixels = np.random.default_rng(5).integers(0, 256, 32 * 16 * each, np.uint8)

    class Still(CameraModel):
        formats = (Format(fourcc, 32, 16, (100,)),)

        def frame(self, number, form):
            del number, form
            return pixels.tobytes()

    video = machine.plug(VideoDevice(Still()))
    body = """
import cv2
camera = cv2.VideoCapture(PATH, cv2.CAP_V4L2)
tell(int(camera.get(cv2.CAP_PROP_FOURCC)).to_bytes(4, "little").decode())
camera.set(cv2.CAP_PROP_CONVERT_RGB, 0)
tell(camera.read()[1].tobytes().hex())
camera.release()
"""
    told = [one.value for one in talk(machine, body, PATH=video.path)]
    assert told == [fourcc.decode(), pixels.tobytes().hex()]


def test_opencv_decodes_pictures_of_changing_length(machine):
    import cv2

    pictures = [
        cv2.imencode(".jpg", np.full((48, 64, 3), 40 * n, np.uint8))[1].tobytes() for n in range(5)
    ]

    class Compressed(CameraModel):
        formats = (Format(b"MJPG", 64, 48, (100,)),)

        def frame(self, number, form):
            del form
            return pictures[number % 5]

    video = machine.plug(VideoDevice(Compressed()))
    body = """
import cv2
camera = cv2.VideoCapture(PATH, cv2.CAP_V4L2)
for _ in range(5):
    tell(round(float(camera.read()[1].mean())))
camera.release()
"""
    told = [one.value for one in talk(machine, body, PATH=video.path)]
    assert set(told) <= {0, 40, 80, 120, 160}
    assert len(set(told)) > 1
