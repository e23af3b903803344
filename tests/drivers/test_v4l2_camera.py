# SPDX-License-Identifier: Apache-2.0
"""The V4L2 driver against a recorded conversation and against the virtual camera.

To record the transcript anew, run this file as a script.
"""

import threading
import time
from pathlib import Path

import numpy as np
import pytest

from ektp_hw.devices import DeviceInfo, DeviceKind
from ektp_hw.devices.capabilities import Feature
from ektp_hw.drivers import v4l2_camera
from ektp_hw.drivers.uvc_camera import UvcCamera
from ektp_hw.drivers.v4l2_camera import V4L2Camera
from ektp_hw.errors import (
    CaptureCancelled,
    CaptureTimeout,
    DeviceError,
    DeviceUnavailable,
    ProtocolError,
    RetryAdvice,
    RetryCapture,
)
from ektp_hw.samples import Eye, IrisImage
from ektp_hw.synthetic import SyntheticEye
from ektp_hw.transport import usb, video_places
from ektp_hw.transport.transcript import Notes
from ektp_hw.transport.video import Mode
from ektp_hw.transport.video_node import VideoNode
from ektp_hw.transport.video_places import VideoPlace
from ektp_hw.transport.video_transcript import VideoRecorder, VideoReplay
from ektp_hw.virtual.video_camera import VirtualVideoCamera

TRANSCRIPT = Path(__file__).parents[1] / "transcripts" / "v4l2_camera" / "discs.frames"
LAMP = (0x04F2, 0xB67C)
EYE = SyntheticEye(5).capture(0, opening=1.0).image
OTHER = SyntheticEye(6).capture(0, opening=1.0).image


def info(ids=LAMP):
    return DeviceInfo("video:/dev/video0", DeviceKind.IRIS, "camera", "v4l2_camera", "", *ids)


def attached(model):
    return V4L2Camera(info(model.ids), lambda uri: VideoNode("/dev/video0", uri, model))


def discs():
    """Draw an eyeball, an iris and a pupil, which deflate well."""
    y, x = np.mgrid[:480, :640]
    radius = np.hypot(x - 320, y - 240)
    grey = np.select([radius < 45, radius < 110], [30, 100], 180)
    return IrisImage(grey.astype(np.uint8))


@pytest.fixture
def model():
    return VirtualVideoCamera([EYE], speed=8, ids=LAMP)


@pytest.fixture
def camera(model):
    with attached(model) as device:
        yield device
    assert model.open_handles == 0


def test_the_recorded_conversation_gives_the_recorded_picture():
    with VideoReplay(TRANSCRIPT) as wire:
        with V4L2Camera(info(), lambda _: wire) as device:
            image = device.capture(timeout=60, eye=Eye.LEFT)
        assert np.array_equal(image.pixels, discs().pixels)
        assert image.eye is Eye.LEFT


def test_the_conversation_lights_the_lamp_only_while_it_streams():
    calls = [line.split('"')[3] for line in TRANSCRIPT.read_text("ascii").splitlines()]
    lamp, begun, end = calls.index("set_unit"), calls.index("start"), calls.index("stop")
    assert lamp < begun < end
    assert calls[end + 1 :] == ["set_unit"]


def test_a_recording_holds_no_eye_and_replays_with_a_phantom(tmp_path):
    path = tmp_path / "talk.frames"
    model = VirtualVideoCamera([EYE], speed=8, ids=LAMP)
    notes = Notes(path, V4L2Camera.redaction)
    recorder = VideoRecorder(VideoNode("/dev/video0", "video:/dev/video0", model), notes)
    with V4L2Camera(info(), lambda _: recorder) as device:
        device.capture(timeout=10)
    assert path.stat().st_size < 5000
    phantom = discs().pixels
    replay = VideoReplay(path, lambda _: phantom.tobytes())
    with replay as wire, V4L2Camera(info(), lambda _: wire) as device:
        assert np.array_equal(device.capture(timeout=60).pixels, phantom)


def test_a_recording_goes_on_when_the_camera_is_opened_again(tmp_path):
    path = tmp_path / "talk.frames"
    model = VirtualVideoCamera([EYE], speed=8, ids=LAMP)
    notes = Notes(path, V4L2Camera.redaction)

    def connect(uri):
        return VideoRecorder(VideoNode("/dev/video0", uri, model), notes)

    for _ in range(2):
        with V4L2Camera(info(), connect) as device:
            device.capture(timeout=10)
    assert path.read_text("ascii").count('"call": "start"') == 2
    phantom = discs().pixels
    with VideoReplay(path, lambda _: phantom.tobytes()) as wire:
        for _ in range(2):
            with V4L2Camera(info(), lambda _: wire) as device:
                assert np.array_equal(device.capture(timeout=60).pixels, phantom)


def test_another_conversation_is_noticed():
    class Brighter(V4L2Camera):
        def _start(self, wait):
            self._wire.set_control("brightness", 99)
            super()._start(wait)

    device = Brighter(info(), lambda _: VideoReplay(TRANSCRIPT)).open()
    with pytest.raises(ProtocolError, match="but the driver called set_control"):
        device.capture(timeout=60)
    device.close()


@pytest.mark.parametrize("form", ["GREY", "Y8I", "Y10", "Y12", "Y16", "YUYV"])
def test_every_format(form):
    model = VirtualVideoCamera([EYE], form, speed=8)
    with attached(model) as device:
        assert np.array_equal(device.capture(timeout=5).pixels, EYE.pixels)
        assert device.capabilities.formats == (form,)


def test_capabilities(camera):
    told = camera.capabilities
    assert (told.width, told.height, told.bits, told.eyes) == (640, 480, 8, 1)
    assert told.frames_per_second == pytest.approx(30)
    assert {Feature.LIGHT, Feature.EXPOSURE, Feature.GAIN, Feature.PREVIEW} <= told.features
    assert Feature.FOCUS not in told.features


def test_controls(camera, model):
    assert set(camera.controls) == {"brightness", "gain", "exposure"}
    camera.set_control("gain", 40)
    assert camera.control("gain") == model.values["gain"] == 40
    with pytest.raises(ValueError, match="0 to 255, not to 256"):
        camera.set_control("gain", 256)
    with pytest.raises(ValueError, match="no control 'focus'"):
        camera.control("focus")


def test_a_16_bit_camera_with_10_bits(monkeypatch):
    monkeypatch.setattr(
        "ektp_hw.virtual.video_camera.encode",
        lambda pixels, _: (pixels.astype("<u2") << 2).tobytes(),
    )
    device = attached(VirtualVideoCamera([EYE], "Y16", speed=8))
    device.bits = 10
    with device:
        assert np.array_equal(device.capture(timeout=5).pixels, EYE.pixels)
    device.bits = None
    with device, pytest.raises(CaptureTimeout, match="every picture was dark"):
        device.capture(timeout=0.3)


@pytest.mark.parametrize("mirrored", [False, True])
def test_both_eyes(mirrored):
    eyes = [SyntheticEye(4, eye).capture(0, opening=1.0).image for eye in (Eye.RIGHT, Eye.LEFT)]
    both = IrisImage(np.hstack([eye.pixels for eye in eyes]))
    seen = []
    device = attached(VirtualVideoCamera([both], speed=8))
    device.is_mirrored = mirrored
    with device:
        assert device.capabilities.eyes == 2
        right, left = device.capture_both(timeout=5, on_preview=seen.append)
    assert (right.eye, left.eye) == (Eye.RIGHT, Eye.LEFT)
    halves = [right.pixels, left.pixels][:: -1 if mirrored else 1]
    assert np.array_equal(halves[0], eyes[0].pixels)
    assert np.array_equal(halves[1], eyes[1].pixels)
    assert seen[0].pixels.shape == (480, 1280)


def test_a_camera_of_the_other_driver_sees_one_eye(emulated):
    from ektp_hw.virtual.camera import VirtualIrisCamera

    with (
        emulated.plugged_in(VirtualIrisCamera([emulated.drawn_eye()]), UvcCamera) as device,
        device,
        pytest.raises(DeviceUnavailable, match="one eye at a time"),
    ):
        device.capture_both(timeout=1)


def test_advice(camera, model):
    model.present(SyntheticEye(5).capture(0, opening=0.4).image)
    with pytest.raises(RetryCapture) as caught:
        camera.capture(timeout=0.4)
    assert caught.value.advice is RetryAdvice.OPEN_EYE
    model.present(EYE)
    assert np.array_equal(camera.capture(timeout=5).pixels, EYE.pixels)


def test_the_preview_is_the_lit_frames(camera, model):
    dim = IrisImage(EYE.pixels // 4)
    model.present(EYE, dim)
    seen = []
    camera.capture(timeout=5, on_preview=seen.append)
    assert len(seen) >= 5
    assert all(np.array_equal(one.pixels, EYE.pixels) for one in seen)


def test_lost_frames_are_reported(camera):
    shown = []

    def dawdle(_image):
        shown.append(1)
        if len(shown) == 2:
            time.sleep(0.1)

    camera.capture(timeout=5, on_preview=dawdle)
    lost = camera.dropped
    assert lost >= 10  # of 24 frames, 4 waited in the buffers
    for _ in range(20):  # a busy machine loses some by itself
        camera.capture(timeout=5)
        if camera.dropped < lost:
            break
    assert camera.dropped < lost


def test_silence_is_a_protocol_error(camera, model, monkeypatch):
    monkeypatch.setattr(v4l2_camera, "_SILENCE", 0.2)
    model.misbehave("silent")
    with pytest.raises(ProtocolError, match="no frame came"):
        camera.capture(timeout=5)
    model.behave()
    assert np.array_equal(camera.capture(timeout=5).pixels, EYE.pixels)


def test_cancelled_within_200_ms(camera, model):
    model.misbehave("dark")
    cancel = threading.Event()
    threading.Timer(0.1, cancel.set).start()
    begun = time.monotonic()
    with pytest.raises(CaptureCancelled):
        camera.capture(timeout=10, cancel=cancel)
    assert time.monotonic() - begun < 0.1 + 0.2 + 0.2  # the last is for a loaded machine


def test_a_lost_lamp_is_lit_again_after_a_power_sag(camera, model):
    model.misbehave("sag")
    with pytest.raises(ProtocolError):
        camera.capture(timeout=5)
    assert np.array_equal(camera.capture(timeout=5).pixels, EYE.pixels)


def test_a_firmware_without_the_lamps_control_is_used_as_it_is(model, caplog):
    model._emitter = None
    with attached(model) as device:
        assert np.array_equal(device.capture(timeout=5).pixels, EYE.pixels)
    assert "the lamp is not switched" in caplog.text


def test_the_lamp_is_off_after_a_capture_that_failed(camera, model):
    model.misbehave("stall")
    with pytest.raises(ProtocolError):
        camera.capture(timeout=5)
    assert model.unit_data == b"\0\0"


def test_hundreds_of_captures_leave_nothing(model):
    threads = threading.active_count()
    for _ in range(100):
        with attached(model) as device:
            device._wire.configure(Mode("GREY", 640, 480))
    assert model.open_handles == 0
    assert threading.active_count() == threads


def test_a_camera_without_readable_formats_is_let_go():
    model = VirtualVideoCamera([EYE])
    model.form = "H264"
    with pytest.raises(DeviceUnavailable, match="offers H264"):
        attached(model).open()
    assert model.open_handles == 0


@pytest.mark.parametrize(
    ("modes", "chosen"),
    [
        ([("MJPG", 640, 480), ("GREY", 640, 480)], ("GREY", 640, 480)),
        ([("GREY", 340, 340), ("YUYV", 640, 480)], ("YUYV", 640, 480)),
        ([("GREY", 1280, 720), ("GREY", 640, 480)], ("GREY", 640, 480)),
        ([("GREY", 340, 340), ("GREY", 400, 400)], ("GREY", 400, 400)),
    ],
)
def test_which_mode_is_chosen(modes, chosen):
    best = min((Mode(*mode) for mode in modes), key=v4l2_camera._rank)
    assert (best.form, best.width, best.height) == chosen


PLACES = [
    VideoPlace("/dev/video0", "video:usb-x-1:1.0", "Integrated Camera", 1, 2, usb_place="1-4"),
    VideoPlace("/dev/video2", "video:usb-x-1:1.2", "Integrated IR Camera", 1, 2, "S", "1-4"),
    VideoPlace("/dev/video4", "video:usb-x-2:1.0", "Camera", *LAMP, usb_place="1-5"),
    VideoPlace("/dev/video6", "video:usb-x-3:1.0", "Camera", 3, 4, grey_formats=("Y8I",)),
]


def test_cameras_that_see_infrared_are_listed(monkeypatch):
    monkeypatch.setattr(video_places, "find", lambda: PLACES)
    listed = V4L2Camera.discover()
    assert [one.uri for one in listed] == [place.uri for place in PLACES[1:]]
    assert listed[0].serial == "S"
    assert listed[1].name == "Chicony integrated infrared camera"


def test_any_camera_opens_by_its_address(monkeypatch):
    monkeypatch.setattr(video_places, "find", lambda: PLACES)
    assert V4L2Camera.locate("video:/dev/video0").name == "Integrated Camera"
    assert V4L2Camera.locate("video:usb-x-1:1.0").vendor_id == 1
    assert V4L2Camera.locate("video:nonsense") is None


def test_a_camera_that_the_system_holds_is_listed_once(monkeypatch):
    here = [usb.UsbAddress(f"usb:1209:0001@{place}", 0x1209, 1) for place in ("1-4", "1-9")]
    monkeypatch.setattr(usb, "find", lambda _ids: here)
    monkeypatch.setattr(video_places, "find", lambda: PLACES)
    assert [one.uri for one in UvcCamera.discover()] == ["usb:1209:0001@1-9"]


def test_a_closed_camera_says_so():
    with pytest.raises(DeviceError, match="closed"):
        attached(VirtualVideoCamera([EYE])).capture()


def record():
    """Record the transcript from the virtual camera."""
    model = VirtualVideoCamera([discs()], speed=2, ids=LAMP)

    def connect(uri):
        return VideoRecorder(VideoNode("/dev/video0", uri, model), TRANSCRIPT)

    with V4L2Camera(info(), connect) as device:
        device.capture()


if __name__ == "__main__":
    record()
