# SPDX-License-Identifier: Apache-2.0
"""Our drivers capture through the real libraries and system calls, on the mock kernel."""

import threading

import numpy as np
import pytest

import mock_kernel
import pad_bench
from ektp_hw.samples import IrisImage, SignatureTrace
from ektp_hw.virtual import epad, evdev_tablet
from ektp_hw.virtual.camera import HEIGHT, WIDTH, VirtualIrisCamera
from ektp_hw.virtual.card import VirtualCardReader
from ektp_hw.virtual.ktp_el_card import KtpElCard
from ektp_hw.virtual.pad import VirtualSignaturePad
from mock_kernel import Axis, CameraModel, EventDevice, Format, HidrawDevice, UsbDevice, VideoDevice

pytestmark = mock_kernel.needed

SIGN = """
with hw.open_device(URI) as pad:
    print("open", flush=True)
    trace = pad.capture(timeout=20, rest=0.5)
    tell([column.tolist() for column in (trace.x_mm, trace.y_mm, trace.pressure)])
    print("signed", flush=True)
    tell(lambda: len(pad.capture(timeout=20).x_mm))
tell(lambda: hw.open_device(pad.info.uri).close())
"""
LOOK = """
with hw.open_device(URI) as camera:
    tell(lambda: camera.capture(timeout=20).pixels.tolist())
    print("seen", flush=True)
    tell(lambda: camera.capture(timeout=20).pixels.shape)
"""


def signed(machine, uri, unplug, sign=lambda: None):
    """Return the tip-down rows of one signing, and what pulling the cable in the next came to."""
    with mock_kernel.start(machine, SIGN, URI=uri) as child:
        child.wait_for("open")
        sign()
        child.wait_for("signed")
        threading.Timer(0.3, unplug).start()
        told = child.finish()
    rows = np.array(told[0].value).T
    return rows[rows[:, 2] > 0], told[1:]


def was_pulled(told):
    """Whether a wait ended by the pulled cable, and the device is then not there to be opened."""
    assert told[0].error == "DeviceRemoved", str(told[0])
    assert told[0].seconds < 2
    return told[1].error in {"DeviceNotFound", "DeviceRemoved"}


def drawn_eye():
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    radius = np.hypot(x - WIDTH / 2, y - HEIGHT / 2)
    step = [np.clip(radius - edge, 0, 1) for edge in (45, 110)]
    return (30 + 70 * step[0] + 80 * step[1]).astype(np.uint8)


def seen(machine, uri, unplug):
    with mock_kernel.start(machine, LOOK, URI=uri) as child:
        child.wait_for("seen")
        unplug()
        told = child.finish()
    assert told[1].error == "DeviceRemoved", str(told[1])
    assert told[1].seconds < 2
    return np.array(told[0].value)


def test_wacom_stu_through_libusb(machine):
    at = np.arange(0, 0.5, 1 / 200)
    truth = SignatureTrace(at, 20 + 50 * at, 30 + 10 * np.sin(9 * at), np.full_like(at, 0.5))
    model = VirtualSignaturePad(truth)
    machine.plug(UsbDevice(model))
    rows, told = signed(machine, "usb:056a:00a4@1-1", model.unplug)
    assert np.abs(rows[:, 0] - truth.x_mm).max() <= 0.005001  # half a count
    assert np.abs(rows[:, 1] - truth.y_mm).max() <= 0.005001
    assert was_pulled(told)


def test_epad_through_hidraw(machine):
    truth = pad_bench.signature(epad.SCALE)
    model = epad.VirtualEpad(truth)
    model.signing.after = 0.6  # when a busy machine's driver, too, has thrown old reports away
    pad = machine.plug(HidrawDevice(model))
    rows, told = signed(machine, f"hidraw:{pad.path}", model.unplug)
    assert np.array_equal(rows, pad_bench.strokes(truth))
    assert was_pulled(told)


def test_tablet_through_evdev(machine):
    truth = pad_bench.signature(evdev_tablet.SCALE)
    axes = {code: Axis(*numbers) for code, numbers in evdev_tablet.AXES.items()}
    pen = machine.plug(EventDevice("Pen", keys=evdev_tablet.KEYS, axes=axes, properties=[0]))
    done = threading.Event()

    def sign():
        done.wait(0.5)  # the driver drops what was there before it listens
        for frame in evdev_tablet.VirtualTablet(truth).frames():
            pen.emit(frame)
            done.wait(0.002)

    rows, told = signed(machine, f"evdev:{pen.path}", pen.unplug, sign)
    assert np.array_equal(rows, pad_bench.strokes(truth))
    assert was_pulled(told)


def test_uvc_camera_through_libusb(machine):
    model = VirtualIrisCamera([IrisImage(drawn_eye())])
    machine.plug(UsbDevice(model))
    assert np.array_equal(seen(machine, "usb:1209:0001@1-1", model.unplug), drawn_eye())


@pytest.mark.parametrize("fourcc", ["GREY", "Y10 ", "Y16 ", "Y8I ", "YUYV"])
def test_camera_through_v4l2(machine, fourcc):
    eye = drawn_eye()
    wide = eye.astype("<u2")
    data = {
        "GREY": eye, "Y10 ": wide << 2, "Y16 ": wide << 8, "Y8I ": np.stack([eye, eye], 2),
        "YUYV": np.stack([eye, np.full_like(eye, 128)], 2),
    }[fourcc].tobytes()  # fmt: skip

    class Camera(CameraModel):
        formats = (Format(fourcc.encode(), WIDTH, HEIGHT, (30,)),)

        def frame(self, number, form):
            del number, form
            return data

    video = machine.plug(VideoDevice(Camera()))
    assert np.array_equal(seen(machine, f"video:{video.path}", video.unplug), eye)


def test_card_reader_through_libusb(machine):
    photo = bytes(range(256)) * 4
    machine.plug(UsbDevice(VirtualCardReader(KtpElCard(photo, seed=5))))
    body = """
with hw.open_device("usb:072f:2200@1-1") as reader:
    tell(lambda: reader.capture(timeout=20).files["photo"].hex())
"""
    assert mock_kernel.talk(machine, body)[0].value == photo.hex()
