# SPDX-License-Identifier: Apache-2.0
import struct
import threading
import time

import numpy as np
import pytest

from ektp_hw.devices.base import DeviceInfo, DeviceKind
from ektp_hw.drivers.uvc_camera import UvcCamera
from ektp_hw.errors import (
    CaptureCancelled,
    CaptureTimeout,
    DeviceRemoved,
    DeviceUnavailable,
    ProtocolError,
)
from ektp_hw.samples import Eye, IrisImage
from ektp_hw.transport.transcript import Replay
from ektp_hw.virtual.camera import VirtualIrisCamera


@pytest.fixture
def model(emulated):
    return VirtualIrisCamera([emulated.drawn_eye(9), emulated.drawn_eye()], speed=10)


@pytest.fixture
def camera(model, emulated):
    with emulated.plugged_in(model, UvcCamera) as device, device:
        yield device


def test_transcript_of_two_frames(emulated):
    info = DeviceInfo("usb:1209:0001", DeviceKind.IRIS, "camera", UvcCamera.name)
    path = emulated.TRANSCRIPTS / "uvc_camera" / "two_frames.jsonl"
    with Replay(path) as replay, UvcCamera(info, lambda _address: replay) as device:
        image = device.capture(eye=Eye.LEFT)
    assert np.array_equal(image.pixels, emulated.drawn_eye().pixels)
    assert image.eye is Eye.LEFT


def test_sharpest_frame_is_chosen(camera, emulated):
    seen = []
    image = camera.capture(timeout=5, on_preview=seen.append)
    assert np.array_equal(image.pixels, emulated.drawn_eye().pixels)
    assert len(seen) == 6  # one unsharp, and five to choose from
    assert image.source == camera.info.uri


def test_many_captures_on_one_connection(camera):
    for _ in range(3):
        assert camera.capture(timeout=5).pixels.shape == (480, 640)


def test_dark_frames_between_lit_ones_are_skipped(camera, model, emulated):
    dark = IrisImage(np.zeros((480, 640), np.uint8))
    model.present(dark, emulated.drawn_eye())
    image = camera.capture(timeout=5)
    assert np.array_equal(image.pixels, emulated.drawn_eye().pixels)


def test_eye_that_comes_later(camera, model, emulated):
    model.present()
    threading.Timer(0.15, model.present, [emulated.drawn_eye()]).start()
    assert camera.capture(timeout=5).pixels.max() > 100


@pytest.mark.parametrize("how", ["error", "torn"])
def test_broken_frame_is_skipped(camera, model, emulated, how):
    model.misbehave(how)
    image = camera.capture(timeout=5)
    assert np.array_equal(image.pixels, emulated.drawn_eye().pixels)


@pytest.mark.parametrize(
    ("how", "kind"),
    [
        ("unplug", DeviceRemoved),
        ("stall", ProtocolError),
        ("garbage", ProtocolError),
        ("silent", CaptureTimeout),
        ("dark", CaptureTimeout),
    ],
)
def test_misbehaviour_is_a_typed_error_in_time(camera, model, how, kind):
    model.misbehave(how)
    began = time.monotonic()
    with pytest.raises(kind):
        camera.capture(timeout=0.4)
    assert time.monotonic() - began < 0.6


@pytest.mark.parametrize("how", ["stall", "garbage", "silent"])
def test_camera_recovers(camera, model, how):
    model.misbehave(how)
    with pytest.raises((ProtocolError, CaptureTimeout)):
        camera.capture(timeout=0.2)
    model.behave()
    assert camera.capture(timeout=5).pixels.max() > 100


def test_cancel_within_200_ms(camera, model):
    model.present()
    cancel = threading.Event()
    threading.Timer(0.1, cancel.set).start()
    began = time.monotonic()
    with pytest.raises(CaptureCancelled):
        camera.capture(timeout=10, cancel=cancel)
    assert time.monotonic() - began < 0.3


def test_camera_without_grey_pictures_is_refused(model, emulated):
    plain = model.configuration_descriptor()
    model.configuration_descriptor = lambda: plain.replace(b"Y800", b"YUY2")
    with (
        emulated.plugged_in(model, UvcCamera) as device,
        pytest.raises(DeviceUnavailable, match="8-bit grey"),
    ):
        device.open()


@pytest.mark.parametrize(
    ("offset", "value", "what"), [(18, 614_400, "frames of"), (22, 0, "payloads of")]
)
def test_impossible_offer_is_a_protocol_error(camera, model, offset, value, what):
    offer = bytearray(model._offer())
    struct.pack_into("<I", offer, offset, value)
    model._offer = lambda: bytes(offer)
    with pytest.raises(ProtocolError, match=what):
        camera.capture(timeout=1)


def test_older_revision_negotiates_with_26_bytes(model, emulated):
    plain = model.configuration_descriptor()
    older = plain.replace(b"\x24\x01\x10\x01", b"\x24\x01\x00\x01", 1)
    model.configuration_descriptor = lambda: older
    with emulated.plugged_in(model, UvcCamera) as device, device:
        assert device.capture(timeout=5).pixels.shape == (480, 640)
        assert device._stream._stream.control_bytes == 26


@pytest.mark.parametrize(("how", "words"), [("silent", "no frame came"), ("dark", "lamp works")])
def test_the_person_is_not_blamed_for_the_camera(camera, model, how, words):
    model.misbehave(how)
    with pytest.raises(CaptureTimeout, match=words):
        camera.capture(timeout=0.6)
