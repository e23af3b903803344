# SPDX-License-Identifier: Apache-2.0
"""The V4L2 driver through the system's own calls, on a machine whose kernel is played in Python."""

import threading
import zlib

import numpy as np
import pytest

mock_kernel = pytest.importorskip("mock_kernel", exc_type=ImportError)  # not outside Linux
if lack := mock_kernel.missing():
    pytest.skip(lack, allow_module_level=True)

from ektp_hw.synthetic import SyntheticEye  # noqa: E402
from ektp_hw.virtual.video_frames import encode  # noqa: E402
from mock_kernel import CameraModel, Control, Format, Frame, VideoDevice, talk  # noqa: E402

EYE = SyntheticEye(5).capture(0, opening=1.0).image.pixels
BY_PATH = "video:usb-0000:00:14.0-1:1.0"
LOSSLESS = ["GREY", "Y8I", "Y10", "Y12", "Y16", "YUYV"]
EXACTLY = """
import zlib
def capture():
    pixels = camera.capture(timeout=5).pixels
    return [zlib.crc32(pixels), list(pixels.shape)]
with hw.open_device("video:/dev/video0") as camera:
    tell(capture)
"""


class Camera(CameraModel):
    name = "IR camera (emulated)"

    def __init__(self, form="GREY"):
        self.formats = (Format(form.ljust(4).encode(), 640, 480, (120,)),)
        self.controls = (Control(0x009A0902, "Exposure", 1, 5000, 156),)
        super().__init__()
        self.shown = encode(EYE, form)
        self.spoil = lambda data, _: Frame(data)

    def frame(self, number, _form):
        return self.spoil(self.shown, number)


@pytest.fixture
def machine():
    with mock_kernel.Machine() as one:
        yield one


def test_every_format_comes_pixel_by_pixel(machine):
    places = [machine.plug(VideoDevice(Camera(form))).path for form in LOSSLESS]
    body = """
import zlib
for place in PLACES:
    with hw.open_device("video:" + place) as camera:
        tell(camera.capabilities.formats)
        pixels = camera.capture(timeout=5).pixels
        tell([zlib.crc32(pixels), list(pixels.shape)])
"""
    told = [one.value for one in talk(machine, body, PLACES=places)]
    assert told[0::2] == [[form] for form in LOSSLESS]
    assert told[1::2] == [[zlib.crc32(EYE), [480, 640]]] * len(LOSSLESS)


def test_jpeg_comes_with_the_loss_of_jpeg(machine):
    machine.plug(VideoDevice(Camera("MJPG")))
    body = "with hw.open_device('video:/dev/video0') as camera:\n"
    body += "    tell(lambda: camera.capture(timeout=5).pixels[::8, ::8].tolist())\n"
    (told,) = talk(machine, body)
    apart = np.abs(np.array(told.value) - EYE[::8, ::8].astype(int))
    assert apart.max() <= 12
    assert apart.mean() < 2


def test_it_is_listed_under_its_socket_and_opened_by_none(machine):
    video = machine.plug(VideoDevice(Camera()))
    body = f"""
found = [info for info in hw.discover("iris") if info.uri.startswith("video:")]
tell([[i.uri, i.name, i.serial, i.vendor_id, i.product_id] for i in found])
with hw.open_device("{BY_PATH}") as camera:
    tell(lambda: camera.capture(timeout=5).source)
    tell({{name: [one.minimum, one.maximum] for name, one in camera.controls.items()}})
    tell(lambda: [camera.set_control("exposure", 300), camera.control("exposure")][1])
"""
    listed, source, controls, exposure = [one.value for one in talk(machine, body)]
    assert listed == [[BY_PATH, "IR camera (emulated)", "VIDEO1", 0x1209, 2]]
    assert source == BY_PATH
    assert controls == {"exposure": [1, 5000]}
    assert exposure == 300
    assert video.model.values == {0x009A0902: 300}
    assert (video.opened, video.holders) == (1, 0)


def test_the_lamp_is_lit_for_a_capture_only(machine):
    class WithLamp(Camera):
        ids = (0x04F2, 0xB67C)

        def __init__(self):
            super().__init__()
            self.units = {(14, 14): b"\0\0"}
            self.history = []

        def on_unit(self, unit, selector, data):
            super().on_unit(unit, selector, data)
            self.history.append(data)

        def frame(self, _number, _form):
            lit = self.units[14, 14] == b"\x02\x19"
            return Frame(self.shown if lit else bytes(len(self.shown)))

    model = machine.plug(VideoDevice(WithLamp())).model
    (told,) = talk(machine, EXACTLY)
    assert told.value == [zlib.crc32(EYE), [480, 640]], str(told)
    assert model.history == [b"\x02\x19", b"\0\0"]


def test_lit_and_dark_frames_take_turns(machine):
    camera = Camera()
    dim = (EYE // 4).tobytes()
    camera.spoil = lambda data, number: Frame(dim if number % 2 else data)
    machine.plug(VideoDevice(camera))
    (told,) = talk(machine, EXACTLY)
    assert told.value == [zlib.crc32(EYE), [480, 640]], str(told)


AFTERWARDS = """
for place in PLACES:
    with hw.open_device("video:" + place) as camera:
        tell(lambda: camera.capture(timeout=1))
        tell(lambda: camera.capture(timeout=5).pixels.shape)
"""
SPOILT = {
    "short": (lambda data, _: Frame(data[:1000]), "ProtocolError", "incomplete"),
    "damaged": (lambda data, _: Frame(data, is_damaged=True), "ProtocolError", "incomplete"),
    "backwards": (lambda data, n: Frame(data, sequence=99 - n), "ProtocolError", "numbered"),
    "counter": (lambda data, _: Frame(data, sequence=7), "ProtocolError", "counter stands still"),
    "clock": (lambda data, _: Frame(data, stamp=5.0), "ProtocolError", "clock stands still"),
    "noise": (
        lambda data, n: Frame(np.random.default_rng(n).bytes(len(data))),
        "ProtocolError",
        "no picture",
    ),
    "silent": (lambda *_: None, "CaptureTimeout", "no frame came"),
}


class SpoilsItsFirstStream(Camera):
    def __init__(self, spoil):
        super().__init__()
        self.streams = 0
        self.spoil = lambda data, n: spoil(data, n) if self.streams == 1 else Frame(data)

    def on_stream(self, _form, _per_second):
        self.streams += 1


def test_a_fault_is_a_typed_error_and_the_next_capture_works(machine):
    cameras = [VideoDevice(SpoilsItsFirstStream(spoil)) for spoil, _, _ in SPOILT.values()]
    places = [machine.plug(camera).path for camera in cameras]
    told = talk(machine, AFTERWARDS, PLACES=places)
    for failed, (_, error, sentence) in zip(told[0::2], SPOILT.values(), strict=True):
        assert failed.error == error, str(failed)
        assert sentence in failed.sentence
    assert [one.value for one in told[1::2]] == [[480, 640]] * len(SPOILT)
    assert not any(camera.holders for camera in cameras)


def test_unplugged_in_the_middle_and_plugged_in_again(machine):
    camera, unplugged = Camera(), threading.Event()

    def pull_the_cable(data, number):
        if number < 2:
            return Frame(data[:9])
        camera.unplug()
        unplugged.set()
        return None

    camera.spoil = pull_the_cable
    device = machine.plug(VideoDevice(camera))

    def plug_in_again():
        assert unplugged.wait(30)
        camera.spoil = lambda data, _: Frame(data)
        machine.plug(device)

    hand = threading.Thread(target=plug_in_again)
    hand.start()
    body = """
import os
camera = hw.open_device(PLACE)
tell(lambda: camera.capture(timeout=10))
while not os.path.exists("/dev/video0"):
    time.sleep(0.01)
tell(lambda: camera.open().capture(timeout=5).pixels.shape)
camera.close()
"""
    removed, again = talk(machine, body, PLACE=BY_PATH)
    hand.join()
    assert removed.error == "DeviceRemoved", str(removed)
    assert removed.seconds < 2
    assert again.value == [480, 640], str(again)


def test_another_program_has_it(machine):
    machine.plug(VideoDevice(Camera()))
    body = """
import subprocess, sys
code = '''
import ektp_hw, sys
with ektp_hw.open_device("video:/dev/video0"):
    print("held", flush=True)
    sys.stdin.read()
'''
other = subprocess.Popen([sys.executable, "-c", code], stdin=-1, stdout=-1)
other.stdout.readline()
tell(lambda: hw.open_device("video:/dev/video0"))
other.communicate()
with hw.open_device("video:/dev/video0") as camera:
    tell(lambda: camera.capture(timeout=5).pixels.shape)
"""
    busy, free = talk(machine, body)
    assert busy.error == "DeviceBusy", str(busy)
    assert "holds it" in busy.sentence
    assert free.value == [480, 640]


def test_a_place_without_a_camera(machine):
    body = 'tell(lambda: hw.open_device("video:/dev/video9"))\n'
    body += 'tell(lambda: hw.open_device("video:usb-0000:00:14.0-7:1.0"))\n'
    assert [one.error for one in talk(machine, body)] == ["DeviceNotFound", "DeviceNotFound"]


def test_cancelled_within_200_ms(machine):
    camera = Camera()
    camera.spoil = lambda *_: None
    machine.plug(VideoDevice(camera))
    body = """
cancel = threading.Event()
timer = threading.Timer(0.3, cancel.set)
with hw.open_device("video:/dev/video0") as camera:
    timer.start()
    tell(lambda: camera.capture(timeout=10, cancel=cancel))
timer.join()
"""
    (told,) = talk(machine, body)
    assert told.error == "CaptureCancelled"
    assert told.seconds < 0.3 + 0.2 + 0.3  # the last is for a loaded machine
