# SPDX-License-Identifier: Apache-2.0
"""The NB-1010-U's driver: a transcript, the model over two wires, and the traffic of a real unit.

The transcript holds a pattern of stripes, no finger. To record it anew, run this file as a script.
The recording of a real unit is libfprint's and stays outside, in EKTP_HW_TEST_DATA.
"""

import base64
import hashlib
import json
import os
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

import mock_kernel
from ektp_hw.devices import DeviceInfo, DeviceKind
from ektp_hw.drivers import nb1010
from ektp_hw.drivers.nb1010 import NB1010
from ektp_hw.errors import (
    CaptureCancelled,
    CaptureTimeout,
    DeviceRemoved,
    ProtocolError,
    RetryAdvice,
    RetryCapture,
)
from ektp_hw.samples import FingerprintImage
from ektp_hw.transport.transcript import Replay
from ektp_hw.virtual.nb1010 import VirtualNB1010
from rigs.nb1010 import striped_finger

TRANSCRIPT = Path(__file__).parents[1] / "transcripts" / "nb1010" / "stripes.jsonl"
INFO = DeviceInfo("usb:298d:1010@1-1", DeviceKind.FINGERPRINT, "NB-1010-U", "nb1010")
RECORDED = """
import sys
import cv2
import ektp_hw as hw
found = [info for info in hw.discover("fingerprint") if info.driver == "nb1010"]
with hw.open_device(found[0]) as sensor:
    image = sensor.capture(timeout=30)
true = cv2.imread(sys.argv[1], cv2.IMREAD_GRAYSCALE)
print(found[0].uri, image.pixels.shape, int((image.pixels != true).sum()))
"""
OVER_LIBUSB = """
import hashlib
with hw.open_device("usb:298d:1010") as sensor:
    for _ in range(2):
        tell(lambda: hashlib.sha256(sensor.capture(timeout=10).pixels.tobytes()).hexdigest())
"""


@pytest.fixture
def model():
    one = VirtualNB1010()
    one.present(striped_finger())
    return one


@pytest.fixture
def sensor(model, emulated):
    with emulated.plugged_in(model, NB1010) as device, device:
        yield device


def works(sensor):
    return np.array_equal(sensor.capture(timeout=10).pixels, striped_finger().pixels)


def test_the_recorded_conversation_gives_the_recorded_picture():
    with Replay(TRANSCRIPT) as wire, NB1010(INFO, connect=lambda _: wire) as sensor:
        image = sensor.capture(timeout=60)
    assert np.array_equal(image.pixels, striped_finger().pixels)
    assert (image.ppi, image.source) == (385, INFO.uri)


def test_ids_lead_to_this_driver():
    info = NB1010.locate("usb:298d:1010@3-1.4")
    assert (info.name, info.driver) == ("NEXT Biometrics NB-1010-U", "nb1010")
    assert NB1010.locate("usb:298d:1011@3-1.4") is None


def test_what_it_can_do_is_told_before_opening():
    can = NB1010(INFO).capabilities
    assert (can.width, can.height, can.ppi) == (256, 180, 385)
    assert "presence" in can.features


def test_every_picture_is_the_finger_that_lies_there(sensor, model):
    assert works(sensor)
    other = FingerprintImage(striped_finger().pixels[:, ::-1] // 2, ppi=385)
    model.present(other)
    assert np.array_equal(sensor.capture(timeout=10).pixels, other.pixels)


def test_a_finger_that_comes_later(sensor, model):
    model.present(None)
    threading.Timer(0.15, model.present, [striped_finger()]).start()
    assert works(sensor)


def test_no_finger_is_a_timeout_in_time(sensor, model):
    model.present(None)
    begun = time.monotonic()
    with pytest.raises(CaptureTimeout, match="no finger"):
        sensor.capture(timeout=0.2)
    assert 0.2 <= time.monotonic() - begun < 0.4


def test_cancel_ends_the_wait(sensor, model):
    model.present(None)
    cancel = threading.Event()
    threading.Timer(0.1, cancel.set).start()
    begun = time.monotonic()
    with pytest.raises(CaptureCancelled):
        sensor.capture(timeout=10, cancel=cancel)
    assert time.monotonic() - begun < 0.3


@pytest.mark.parametrize(
    ("fault", "what"),
    [
        ("stall", "failed"),
        ("silent", "stopped after"),
        ("short", "100 bytes in place of 540"),
        ("miscount", "in place of lines 91"),
        ("late", "stopped after"),
    ],
)
def test_a_repeated_fault_is_a_protocol_error_and_the_next_capture_works(
    sensor, model, fault, what
):
    model.misbehave(fault, times=2)
    with pytest.raises(ProtocolError, match=what):
        sensor.capture(timeout=10)
    assert works(sensor)


@pytest.mark.parametrize("fault", ["stall", "short", "miscount", "reset"])
def test_a_single_fault_is_mended_unseen(sensor, model, fault):
    model.misbehave(fault)
    assert works(sensor)


def test_noise_is_no_picture(sensor, model):
    model.misbehave("garbage")
    with pytest.raises(ProtocolError, match="no picture"):
        sensor.capture(timeout=10)
    assert works(sensor)


def test_a_picture_that_stops_at_the_time_limit(sensor, model):
    model.misbehave("silent", times=2)
    with pytest.raises(CaptureTimeout, match="a finger was there"):
        sensor.capture(timeout=0.3)
    assert works(sensor)


def test_pulling_the_cable(sensor, model):
    model.misbehave("unplug")
    with pytest.raises(DeviceRemoved):
        sensor.capture(timeout=10)


def test_a_finger_lifted_early_is_waited_for_again(sensor, model):
    model.misbehave("lifted")
    threading.Timer(0.15, model.behave).start()
    assert works(sensor)


def test_a_fingers_edge_is_asked_to_the_middle(sensor, model):
    edge = np.full((180, 256), 225, np.uint8)
    edge[:, :80] = striped_finger().pixels[:, :80]
    model.present(FingerprintImage(edge, ppi=385))
    with pytest.raises(RetryCapture) as caught:
        sensor.capture(timeout=10)
    assert caught.value.advice is RetryAdvice.CENTRE_FINGER
    model.present(striped_finger())
    assert works(sensor)


def test_offered_as_a_virtual_device():
    from ektp_hw import registry
    from ektp_hw.virtual.station import station

    station().close()
    with registry.open_device("virtual:nb1010?seed=3") as sensor:
        image = sensor.capture(timeout=10)
    station().close()
    assert image.pixels.shape == (180, 256)
    assert image.source == "virtual:nb1010?seed=3"
    with pytest.raises(ValueError, match="position=11"):
        registry.open_device("virtual:nb1010?position=11")


@mock_kernel.needed
@pytest.mark.parametrize("fault", ["", "stall", "short"])
def test_through_the_real_libusb(model, fault):
    if fault:
        model.misbehave(fault, times=2)
    with mock_kernel.Machine() as machine:
        machine.plug(mock_kernel.UsbDevice(model))
        told = mock_kernel.talk(machine, OVER_LIBUSB)
    right = hashlib.sha256(striped_finger().pixels.tobytes()).hexdigest()
    assert [one.error or one.value for one in told] == ["ProtocolError" if fault else right, right]


@pytest.fixture(scope="session")
def recording():
    folder = Path(os.environ.get("EKTP_HW_TEST_DATA", "")) / "recordings" / "nb1010"
    if not os.environ.get("EKTP_HW_TEST_DATA") or not folder.is_dir():
        pytest.skip("needs libfprint's recording: recordings/nb1010 in EKTP_HW_TEST_DATA")
    return folder


@pytest.mark.skipif(
    shutil.which("umockdev-run") is None, reason="needs umockdev-run (Debian: umockdev)"
)
def test_the_traffic_of_a_real_unit_gives_its_picture(recording):
    command = ["umockdev-run", "-d", str(recording / "device")]
    command += ["-i", f"/dev/bus/usb/001/003={recording / 'capture.ioctl'}", "--"]
    client = [sys.executable, "-c", RECORDED, str(recording / "capture.png")]
    assert run_client([*command, *client], {}) == ["usb:298d:1010@1-7 (180, 256) 0"]


@pytest.fixture
def real_transcript(recording, tmp_path):
    """Write a real unit's traffic as a transcript, whose replay also demands the order."""
    lines = []
    for text in (recording / "capture.ioctl").read_text("ascii").splitlines():
        fields = text.split()
        if fields[0] == "USBDEVFS_REAPURBNDELAY":
            endpoint, content = int(fields[3]), base64.b64encode(bytes.fromhex(fields[-1])).decode()
            is_in = endpoint & 0x80
            call = {"call": "read", "with": [endpoint, int(fields[6])], "gives": content}
            lines.append(call if is_in else {"call": "write", "with": [endpoint, content]})
    path = tmp_path / "real.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), "ascii")
    return path


def test_a_real_unit_got_the_same_commands_in_the_same_order(real_transcript, recording):
    import cv2

    with Replay(real_transcript) as wire, NB1010(INFO, connect=lambda _: wire) as sensor:
        pixels = sensor.capture(timeout=60).pixels
    true = cv2.imread(str(recording / "capture.png"), cv2.IMREAD_GRAYSCALE)
    assert np.array_equal(pixels, true)


def test_another_order_than_the_real_units_is_noticed(real_transcript, monkeypatch):
    monkeypatch.setattr("ektp_hw.drivers.nb1010._PREPARE", nb1010._CAPTURE)
    sensor = NB1010(INFO, connect=lambda _: Replay(real_transcript)).open()
    with pytest.raises(ProtocolError, match=r"line \d has .* but the driver called"):
        sensor.capture(timeout=60)


def run_client(command, environment):
    return subprocess.run(
        command, env=os.environ | environment, capture_output=True, text=True, check=True,
        timeout=60,
    ).stdout.splitlines()  # fmt: skip


def record():
    """Record the transcript from the virtual sensor."""
    from ektp_hw.transport import usb
    from ektp_hw.transport.transcript import Recorder
    from ektp_hw.virtual.usbip_server import UsbipServer

    server, model = UsbipServer(), VirtualNB1010()
    model.present(striped_finger())
    address = f"usbip:{server.host}:{server.port}/{server.plug(model)}"
    with NB1010(INFO, connect=lambda _: Recorder(usb.connect(address), TRANSCRIPT)) as sensor:
        sensor.capture()
    server.close()


if __name__ == "__main__":
    record()
