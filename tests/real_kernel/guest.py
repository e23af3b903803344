# SPDX-License-Identifier: Apache-2.0
"""What is checked inside the real kernel; `boot.py` runs it as root of the guest.

Our virtual devices stand on our USB/IP server and are plugged into the kernel by its vhci_hcd: its
USB core, usbhid and hidraw, usbfs, uvcvideo, uinput and evdev are real, and so are libusb and
OpenCV. Prints PASS or FAIL for each check, and exits 0 if all passed.
"""

import fcntl
import os
import select
import struct
import subprocess
import sys
import threading
import time
import traceback
from pathlib import Path

import numpy as np
import vhci

import ektp_hw as hw
from ektp_hw.errors import DeviceRemoved
from ektp_hw.samples import FingerprintImage, IrisImage, SignatureTrace
from ektp_hw.virtual.camera import HEIGHT, WIDTH, VirtualIrisCamera
from ektp_hw.virtual.pad import VirtualSignaturePad
from ektp_hw.virtual.scanner import VirtualScanner
from ektp_hw.virtual.usbip_server import UsbipServer

MODULES = ("vhci_hcd", "usbhid", "hid_generic", "wacom", "uinput", "evdev")
_SERVER = UsbipServer()
_PATIENCE = 60.0
"""Seconds for what takes a moment on a real machine: the emulated one is slow when it is new."""


class _PlainPad(VirtualSignaturePad):
    """The pad under the ids of an ePad, which hid-generic takes."""

    def __init__(self, trace, serial):
        super().__init__(trace, serial=serial)
        self.vendor_id, self.product_id = 0x04DF, 0x0012


def load(*modules):
    """Load modules of the unpacked kernel."""
    for module in modules:
        subprocess.run(["modprobe", "-d", sys.argv[1], module], check=True)


def finger():
    row = np.where(np.arange(256) // 4 % 2, 90, 210).astype(np.uint8)
    return FingerprintImage(np.tile(row, (256, 1)))


def signature(seconds=0.5):
    at = np.arange(0, seconds, 1 / 200)
    return SignatureTrace(at, 20 + 50 * at, 30 + 10 * np.sin(9 * at), np.full_like(at, 0.5))


def eye():
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    radius = np.hypot(x - WIDTH / 2, y - HEIGHT / 2)
    step = [np.clip(radius - edge, 0, 1) for edge in (45, 110)]
    return IrisImage((30 + 70 * step[0] + 80 * step[1]).astype(np.uint8))


def listed():
    return hw.discover("fingerprint", timeout=_PATIENCE)


def check_finger_through_libusb():
    model = VirtualScanner(serial="FINGER")
    model.present(finger())
    place = vhci.attach(_SERVER, model, 0)
    found = [
        info
        for info in hw.discover("fingerprint", timeout=_PATIENCE)
        if info.uri.startswith("usb:")
    ]
    assert [(info.uri, info.serial) for info in found] == [(f"usb:1b55:0840@{place}", "FINGER")]
    with hw.open_device(found[0]) as scanner:
        pixels = scanner.capture(timeout=30).pixels[112:368, 192:448]
    assert np.array_equal(pixels, finger().pixels)
    return f"{pixels.size} pixels, 0 different"


def check_pulled_and_plugged_in_again():
    model = VirtualScanner(serial="PULLED")
    place = vhci.attach(_SERVER, model, 1)
    uri = f"usb:1b55:0840@{place}"
    with hw.open_device(uri) as scanner:
        model.misbehave("unplug")
        began = time.monotonic()
        try:
            scanner.capture(timeout=30)
        except DeviceRemoved as error:
            took, said = time.monotonic() - began, error
    vhci.until(lambda: vhci.place(model) is None, "the kernel's goodbye")
    assert uri not in [info.uri for info in listed()]
    model.present(finger())
    place = vhci.attach(_SERVER, model, 1)
    with hw.open_device(f"usb:1b55:0840@{place}") as scanner:
        assert scanner.capture(timeout=30).ppi == 500
    return f"after {took:.2f} s: {said}"


def check_signature_through_libusb():
    model = VirtualSignaturePad(signature(), serial="PAD")
    place = vhci.attach(_SERVER, model, 2)
    with hw.open_device(f"usb:056a:00a4@{place}") as pad:
        trace = pad.capture(timeout=30)
    wanted = signature()
    points = len(trace.x_mm)
    assert points == len(wanted.x_mm), f"{points} of {len(wanted.x_mm)} points"
    assert np.abs(trace.x_mm - wanted.x_mm).max() < 0.02
    assert np.abs(trace.y_mm - wanted.y_mm).max() < 0.02
    return f"{points} points; hidraw nodes of the kernel: {len(hidraw_nodes())}"


def check_eye_through_libusb():
    model = VirtualIrisCamera([eye()], serial="EYE")
    place = vhci.attach(_SERVER, model, 3)
    with hw.open_device(f"usb:1209:0001@{place}") as camera:
        pixels = camera.capture(timeout=60).pixels
    assert np.array_equal(pixels, eye().pixels)
    return f"{pixels.size} pixels, 0 different"


def check_eye_through_uvcvideo():
    """Have the kernel's own driver take the camera, and OpenCV read it."""
    import cv2

    load("uvcvideo")
    node = vhci.until(lambda: sorted(Path("/dev").glob("video*")), "a node of uvcvideo")[0]
    camera = cv2.VideoCapture(str(node), cv2.CAP_V4L2)
    assert camera.isOpened()
    assert camera.set(cv2.CAP_PROP_CONVERT_RGB, 0)
    good, picture = camera.read()
    camera.release()
    assert good
    assert np.array_equal(picture.reshape(HEIGHT, WIDTH), eye().pixels)
    return f"{picture.size} pixels, 0 different"


def check_iris_through_uvcvideo():
    """Have our driver read the camera that the kernel's own driver has taken."""
    node = min(Path("/dev").glob("video*"))
    with hw.open_device(f"video:{node}") as camera:
        pixels = camera.capture(timeout=_PATIENCE).pixels
    assert np.array_equal(pixels, eye().pixels)
    return f"{pixels.size} pixels, 0 different"


def hidraw_nodes():
    return set(Path("/dev").glob("hidraw*"))


def check_pad_through_hidraw():
    model = _PlainPad(signature(0.2), "PLAIN")
    before = hidraw_nodes()
    vhci.attach(_SERVER, model, 4)
    node = vhci.until(lambda: hidraw_nodes() - before, "a hidraw node").pop()
    fd = os.open(node, os.O_RDWR | os.O_NONBLOCK)
    try:
        ids = bytearray(8)
        fcntl.ioctl(fd, 0x80084803, ids)
        assert struct.unpack("=IHH", ids) == (3, 0x04DF, 0x0012)
        feature = bytearray(b"\x09" + bytes(16))
        assert fcntl.ioctl(fd, 0xC0114807, feature) == 17
        assert feature[1:5] == bytes.fromhex("25801770")
        fcntl.ioctl(fd, 0xC0024806, bytearray(b"\x20\0"))
        points = []
        while len(points) < 40 and select.select([fd], [], [], 5)[0]:
            points.append(struct.unpack(">HHH", os.read(fd, 64)[1:]))
    finally:
        os.close(fd)
    wanted = [round(x * 100) for x in signature(0.2).x_mm]
    assert [x for _, x, _ in points] == wanted, points
    return f"{len(points)} reports of {node}"


def check_epad_through_hidraw():
    """Have our driver read an ePad that hid-generic has taken."""
    import pad_bench
    from ektp_hw.virtual.epad import SCALE, VirtualEpad

    truth = pad_bench.signature(SCALE)
    model = VirtualEpad(serial="EPAD")
    before = hidraw_nodes()
    vhci.attach(_SERVER, model, 5)
    node = vhci.until(lambda: hidraw_nodes() - before, "a hidraw node").pop()

    def sign():
        model.present(truth)
        model.sign()

    return signed(f"hidraw:{node}", sign, pad_bench.strokes(truth))


def check_tablet_through_evdev():
    """Make a pen tablet with uinput, and read it from the kernel's evdev."""
    x, y, force = (0, 0, 15200, 4, 0, 100), (0, 0, 9500, 4, 0, 100), (0, 0, 4095, 0, 0, 0)
    maker, node = tablet({0: x, 1: y, 24: force}, (0x140, 0x14A))
    fd = os.open(node, os.O_RDONLY | os.O_NONBLOCK)
    sent = [(1, 0x140, 1), (3, 0, 500), (3, 1, 700), (3, 24, 900), (0, 0, 0)]
    emit(maker, sent)
    assert select.select([fd], [], [], 10)[0]
    got = [event[2:] for event in struct.iter_unpack("=qqHHi", os.read(fd, 24 * 64))]
    os.close(fd)
    os.close(maker)
    assert got == sent, got
    return f"{len(got)} events of {node}"


def check_signature_through_evdev():
    """Have our driver read a tablet that uinput made."""
    import pad_bench
    from ektp_hw.virtual import evdev_tablet

    truth = pad_bench.signature(evdev_tablet.SCALE)
    axes = {}
    for code, (least, most, _fuzz, flat, per_mm) in evdev_tablet.AXES.items():
        axes[code] = (0, least, most, 0, flat, per_mm)  # by fuzz the kernel would smooth them
    maker, node = tablet(axes, evdev_tablet.KEYS)

    def sign():
        for frame in evdev_tablet.VirtualTablet(truth).frames():
            emit(maker, [*frame, (0, 0, 0)])
            time.sleep(0.005)

    try:
        return signed(f"evdev:{node}", sign, pad_bench.strokes(truth))
    finally:
        os.close(maker)


def signed(uri, sign, truth):
    """Sign on a pad while our driver captures; say what it made of it."""
    import pad_bench

    with hw.open_device(uri) as pad:
        hand = threading.Timer(2.0, sign)  # the driver drops what came before it listened
        hand.start()
        rows = pad_bench.strokes(pad.capture(timeout=_PATIENCE))
        hand.join()
    assert len(rows) == len(truth), f"{len(rows)} of {len(truth)} points"
    assert np.array_equal(rows, truth), rows - truth
    return f"{len(rows)} points, 0 different"


def tablet(axes, keys):
    """Make a pen tablet with uinput (the kernel's `uinput.h`); return its maker and its node."""
    before = set(Path("/dev/input").glob("event*"))
    maker = os.open("/dev/uinput", os.O_WRONLY | os.O_NONBLOCK)
    use_group, use_key, use_axis, use_property = 0x40045564, 0x40045565, 0x40045567, 0x4004556E
    uses = {use_group: (1, 3), use_key: keys, use_axis: axes, use_property: (0,)}
    for call, codes in uses.items():
        for code in codes:
            fcntl.ioctl(maker, call, code)
    for code, numbers in axes.items():
        fcntl.ioctl(maker, 0x401C5504, struct.pack("=Hxx6i", code, *numbers))
    ids = struct.pack("=HHHH", 3, 0x056A, 0x0374, 1)
    fcntl.ioctl(maker, 0x405C5503, ids + b"Pen".ljust(80, b"\0") + bytes(4))
    fcntl.ioctl(maker, 0x5501)
    return maker, vhci.until(lambda: set(Path("/dev/input").glob("event*")) - before, "it").pop()


def emit(maker, events):
    os.write(maker, b"".join(struct.pack("=qqHHi", 0, 0, *event) for event in events))


def main():
    """Run every check; return whether all passed."""
    load(*MODULES)
    right = True
    for name, check in [pair for pair in globals().items() if pair[0].startswith("check_")]:
        began = time.monotonic()
        try:
            said, verdict = check(), "PASS"
        except Exception:  # noqa: BLE001  # whatever goes wrong is this check's result
            said, verdict, right = traceback.format_exc(), "FAIL", False
        title = name.removeprefix("check_").replace("_", " ")
        sys.stdout.write(f"{verdict} {title} ({time.monotonic() - began:.1f} s): {said}\n")
        sys.stdout.flush()
    _SERVER.close()
    return right


if __name__ == "__main__":
    sys.stdout.write(f"Linux {os.uname().release} has been up {time.monotonic():.1f} s\n")
    sys.stdout.flush()
    sys.exit(0 if main() else 1)
