# SPDX-License-Identifier: Apache-2.0
"""The bridge to libfprint: the real library with its own debugging sensor, and a recorded session.

The transcript holds what the bridge asked libfprint for and what came, of a synthetic finger. To
record it anew, run this file as a script.
"""

import base64
import json
import logging
import struct
import threading
import time
import zlib
from pathlib import Path

import numpy as np
import pytest

from ektp_hw import registry
from ektp_hw.devices import DeviceKind
from ektp_hw.drivers.libfprint import LibfprintSensor
from ektp_hw.errors import (
    CaptureCancelled,
    CaptureTimeout,
    DeviceBusy,
    DeviceError,
    DeviceNotFound,
    DeviceRemoved,
    DeviceUnavailable,
    ProtocolError,
    RetryAdvice,
    RetryCapture,
    UnavailableReason,
)
from ektp_hw.transport import libfprint
from ektp_hw.transport.libfprint import Picture
from ektp_hw.transport.libfprint_library import load
from rigs.libfprint import RIG, URI, finger, picture, sensor

TRANSCRIPT = Path(__file__).parents[1] / "transcripts" / "libfprint" / "synthetic.jsonl"
needs_library = pytest.mark.skipif(bool(RIG.missing), reason=RIG.missing)


@pytest.fixture
def visitor():
    with sensor() as one:
        yield one


@pytest.fixture
def device(visitor):
    del visitor
    with LibfprintSensor(LibfprintSensor.locate(URI)) as one:
        yield one


class Replay:
    """Stands in for an open sensor and demands the recorded calls in their order."""

    def __init__(self, path):
        self.lines = [json.loads(line) for line in path.read_text("ascii").splitlines()]
        self.is_done = True

    def _play(self, call):
        line = dict(self.lines.pop(0))
        assert line.pop("call") == call
        line.pop("stalls", None)
        self.is_done = line.pop("done", self.is_done)
        return line

    @property
    def has_finger(self):
        return self.lines[0]["call"] != "turn"

    def begin_capture(self):
        self._play("begin_capture")

    def turn(self, seconds):
        assert 0 < seconds <= 0.1
        self._play("turn")
        time.sleep(0.001)

    def take(self):
        line = self._play("take")
        if not line:
            return None
        line["pixels"] = zlib.decompress(base64.b64decode(line["pixels"]))
        return Picture(**line)

    def cancel(self):
        self.cancelled = True

    def turn_until_done(self, seconds):
        assert seconds <= 0.1

    def reset(self):
        self._play("reset")

    def close(self):
        self._play("close")


def opened_on(replay):
    return LibfprintSensor(LibfprintSensor.locate(URI), lambda *_: replay).open()


def test_a_recorded_session_gives_the_recorded_picture():
    replay = Replay(TRANSCRIPT)
    with opened_on(replay) as device:
        image = device.capture(timeout=5)
    assert np.array_equal(image.pixels, finger().pixels)
    assert replay.lines == []


@pytest.mark.parametrize(("per_mm", "ppi"), [(0.0, 500.0), (15.0, 381.0)])
def test_the_resolution_is_what_libfprint_says(per_mm, ppi):
    replay = Replay(TRANSCRIPT)
    replay.lines[-2]["per_millimetre"] = per_mm
    with opened_on(replay) as device:
        assert device.ppi == 500
        assert device.capture(timeout=5).ppi == device.ppi == ppi


@pytest.mark.parametrize("wrong", [{"width": 5}, {"per_millimetre": 400.0}])
def test_a_picture_that_cannot_be_is_a_protocol_error(wrong):
    replay = Replay(TRANSCRIPT)
    replay.lines[-2] |= wrong
    with opened_on(replay) as device, pytest.raises(ProtocolError, match="up to date"):
        device.capture(timeout=5)


def playing(*calls):
    """Stand in for a sensor of which just these calls are expected."""
    replay = Replay(TRANSCRIPT)
    replay.lines = [dict(zip(("call", "done"), call, strict=False)) for call in calls]
    return replay


def test_a_capture_that_never_ends_stays_bounded_and_is_told():
    """So libfprint's own driver of the U.are.U does when a picture does not come."""
    turns = [("turn",)] * 2000
    replay = playing(("take",), ("begin_capture", False), *turns)
    device = opened_on(replay)
    with pytest.raises(CaptureTimeout, match="no finger"):
        device.capture(timeout=0.05)
    assert replay.cancelled
    with pytest.raises(CaptureTimeout, match="unplug the sensor"):
        device.capture(timeout=0.05)
    replay.lines = [{"call": "close"}]
    device.close()


def test_an_end_without_a_picture_is_a_protocol_error():
    replay = playing(("take",), ("begin_capture", True), ("take",), ("close",))
    with opened_on(replay) as device, pytest.raises(ProtocolError, match="without a picture"):
        device.capture(timeout=5)


def test_after_a_protocol_error_the_sensor_is_reset_and_opened_again():
    class Stalling(Replay):
        def take(self):
            if self.lines[0].get("stalls"):
                self._play("take")
                raise ProtocolError("stalled")
            return super().take()

    replay = Stalling(TRANSCRIPT)
    good = list(replay.lines)
    bad = [{"call": "take"}, {"call": "begin_capture", "done": True}]
    bad += [{"call": "take", "stalls": True}, {"call": "reset"}, {"call": "close"}]
    replay.lines = bad + good
    with opened_on(replay) as device:
        with pytest.raises(ProtocolError):
            device.capture(timeout=5)
        assert device.capture(timeout=5).width == finger().width
    assert replay.lines == []


def test_addresses():
    info = LibfprintSensor.locate("libfprint:egis0570@1-4")
    assert (info.driver, info.kind) == ("libfprint", DeviceKind.FINGERPRINT)
    assert info.name == "egis0570 (by libfprint)"
    assert LibfprintSensor.locate("libfprint:") is None
    assert LibfprintSensor.locate("usb:1c7a:0570") is None


def test_a_machine_without_libfprint(monkeypatch, caplog):
    monkeypatch.setattr(libfprint, "load", lambda: load("libfprint-9.so.9"))
    caplog.set_level(logging.INFO)
    assert LibfprintSensor.discover() == []
    assert "package libfprint-2-2" in caplog.text
    with pytest.raises(DeviceUnavailable, match="package libfprint-2-2") as caught:
        LibfprintSensor(LibfprintSensor.locate(URI)).open()
    assert caught.value.reason is UnavailableReason.LIBRARY_MISSING


@needs_library
def test_a_sensor_is_found_and_captures_pixel_by_pixel(visitor):
    found = {info.uri: info for info in registry.discover("fingerprint")}
    assert found[URI].name == "Virtual image device for debugging (by libfprint)"
    with registry.open_device(URI) as device:
        seen = []
        with visitor.sends(picture(finger())):
            image = device.capture(timeout=10, on_preview=seen.append)
    assert np.array_equal(image.pixels, finger().pixels)
    assert np.array_equal(seen[0].pixels, image.pixels)
    assert (image.ppi, image.source) == (500, URI)


@needs_library
@pytest.mark.parametrize(
    ("code", "advice"),
    [
        (0, RetryAdvice.REMOVE_FINGER),
        (1, RetryAdvice.SWIPE_AGAIN),
        (2, RetryAdvice.CENTRE_FINGER),
        (3, RetryAdvice.REMOVE_FINGER),
    ],
)
def test_what_the_person_can_mend_is_a_retry(visitor, device, code, advice):
    with visitor.sends(struct.pack("=ii", -1, code)), pytest.raises(RetryCapture) as caught:
        device.capture(timeout=10)
    assert caught.value.advice is advice
    assert device.is_open


@needs_library
@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (0, DeviceError),
        (1, DeviceUnavailable),
        (4, DeviceBusy),
        (5, ProtocolError),
        (6, ProtocolError),
        (0x100, DeviceRemoved),
        (0x101, DeviceError),
    ],
)
def test_what_the_sensor_fails_at_is_a_device_error_and_it_works_again(visitor, code, kind):
    device = LibfprintSensor(LibfprintSensor.locate(URI)).open()
    with visitor.sends(struct.pack("=ii", -2, code)), pytest.raises(DeviceError) as caught:
        device.capture(timeout=10)
    assert type(caught.value) is kind
    assert str(caught.value).startswith(f"{URI}: ")
    with visitor.sends(picture(finger())):
        assert device.open().capture(timeout=10).width == finger().width
    device.close()


@needs_library
def test_waits_end_in_time_and_on_cancel_and_on_close(visitor, device):
    began = time.monotonic()
    with pytest.raises(CaptureTimeout):
        device.capture(timeout=0.3)
    assert 0.3 <= time.monotonic() - began < 2
    cancel = threading.Event()
    for end in (cancel.set, device.close):
        timer = threading.Timer(0.2, end)
        timer.start()
        began = time.monotonic()
        with pytest.raises(CaptureCancelled):
            device.capture(timeout=20, cancel=cancel if end == cancel.set else None)
        assert time.monotonic() - began < 2
        timer.join()
    assert not device.is_open
    with visitor.sends(picture(finger())):
        assert device.open().capture(timeout=10).width == finger().width


@needs_library
def test_a_sensor_that_is_not_there(visitor):
    del visitor
    with pytest.raises(DeviceNotFound, match="virtual_image@0"):
        registry.open_device("libfprint:egis0570@1-4")


@needs_library
def test_a_sensor_is_opened_once_at_a_time(device):
    with pytest.raises(DeviceBusy, match="another part of this program"):
        LibfprintSensor(LibfprintSensor.locate(URI)).open()
    device.close()
    with LibfprintSensor(LibfprintSensor.locate(URI)):
        pass


def record():
    """Record the transcript from libfprint's own debugging sensor."""
    lines = []

    class Noting(libfprint.Sensor):
        def begin_capture(self):
            super().begin_capture()
            lines.append({"call": "begin_capture", "done": False})

        def turn(self, seconds):
            super().turn(seconds)
            if lines and lines[-1]["call"] != "turn":
                lines.append({"call": "turn"})
            if lines and self.is_done:
                lines[-1]["done"] = True

        def take(self):
            taken = super().take()
            line = {"call": "take"}
            if taken:
                packed = base64.b64encode(zlib.compress(taken.pixels, 9)).decode("ascii")
                line |= {**vars(taken), "pixels": packed}
            if self._is_open:
                lines.append(line)
            return taken

        def close(self):
            lines.append({"call": "close"})
            noted = list(lines)
            super().close()
            lines[:] = noted

    with sensor() as visitor:
        device = LibfprintSensor(LibfprintSensor.locate(URI), Noting).open()
        lines.clear()
        with visitor.sends(picture(finger())):
            device.capture(timeout=10)
        device.close()
    TRANSCRIPT.write_text("".join(json.dumps(line) + "\n" for line in lines), "ascii")


if __name__ == "__main__":
    record()
