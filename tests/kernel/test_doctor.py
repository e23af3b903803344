# SPDX-License-Identifier: Apache-2.0
"""The doctor's device probes on a mock kernel: real libusb, real /sys, real drivers."""

import cv2
import numpy as np
import pytest

mock_kernel = pytest.importorskip("mock_kernel", exc_type=ImportError)  # not outside Linux
if lack := mock_kernel.missing():
    pytest.skip(lack, allow_module_level=True)

from ektp_hw.synthetic import SyntheticEye  # noqa: E402
from ektp_hw.virtual.scanner import VirtualScanner  # noqa: E402
from mock_kernel import CameraModel, Format, UsbDevice, VideoDevice, talk  # noqa: E402

EYE = SyntheticEye(5)
LOOK = """
from ektp_hw.diagnostics.probes import devices, drivers, libraries, permissions, usb
from ektp_hw.diagnostics.probing import run_probes
from ektp_hw.diagnostics.surroundings import StationProfile, Surroundings
from ektp_hw.diagnostics.verdict import judge

areas = [usb, libraries, drivers, permissions, devices]
slow = {"libraries.package", "drivers.extractors", "libraries.fingerprint"}
probes = [one for area in areas for one in area.PROBES if one.name not in slow]
report = run_probes(probes, Surroundings(StationProfile(expects=("fingerprint",))))
causes = {name: found for area in areas for name, found in area.CAUSES.items()}
verdict = judge(report, causes)
ours = [one for one in report.findings if one.device.startswith("usb:")]
tell([[one.probe, one.outcome, one.seen.key.partition(".")[2]] for one in ours])
tell([verdict.cause, [fault.root.probe for fault in verdict.faults], report.seconds])
"""


@pytest.fixture
def machine():
    with mock_kernel.Machine() as one:
        yield one


def look(machine):
    """Return the findings about the scanner by probe, and the verdict's cause and roots."""
    findings, verdict = (one.value for one in talk(machine, LOOK))
    by_probe = {}
    for probe, outcome, seen in findings:
        by_probe.setdefault(probe, []).append((outcome, seen))
    return by_probe, verdict


def test_a_healthy_scanner(machine):
    scanner = VirtualScanner()
    scanner.present(None)
    device = machine.plug(UsbDevice(scanner))
    found, (cause, roots, seconds) = look(machine)
    assert (cause, roots) == (None, [])
    assert found["devices.fingerprint"] == [("sound", "scanner_sound")]
    assert found["drivers.held"] == [("sound", "free")]
    assert found["usb.descriptors"] == [("sound", "readable")]
    assert device.holders == 0
    assert seconds < 30


def test_a_scanner_that_the_kernel_holds(machine):
    machine.plug(UsbDevice(VirtualScanner(), held_by="usbtest"))
    found, (cause, roots, _) = look(machine)
    assert cause == "driver"
    assert roots == ["drivers.held"]
    assert found["drivers.held"] == [("broken", "kernel_holds")]
    assert found["devices.fingerprint"] == [("untested", "fault_below")]


def test_a_scanner_whose_cable_breaks_during_the_test(machine):
    scanner = VirtualScanner()
    scanner.misbehave("unplug")
    machine.plug(UsbDevice(scanner))
    found, (cause, _, _) = look(machine)
    assert cause == "cable_or_power"
    assert found["devices.fingerprint"] == [("broken", "went_away")]


def test_no_scanner_at_all(machine):
    _, (cause, roots, _) = look(machine)
    assert cause in {"cable_or_power", "computer"}
    assert roots == ["usb.presence"]


class Camera(CameraModel):
    """A camera whose frames a test makes."""

    name = "IR camera (emulated)"
    formats = (Format(b"GREY", 640, 480, (30,)),)

    def __init__(self, frames):
        super().__init__()
        self.frames = frames

    def frame(self, number, _form):
        return self.frames[number % len(self.frames)].tobytes()


CAMERA = """
from ektp_hw.diagnostics.probes.devices import PROBES
from ektp_hw.diagnostics.surroundings import Surroundings
(probe,) = [one for one in PROBES if one.name == PROBE]
tell([[one.device, one.outcome, one.seen.key, dict(one.evidence)]
      for one in probe.run(Surroundings(), [])])
"""


def eyes(count):
    return [EYE.capture(number, opening=1.0).image.pixels for number in range(count)]


@pytest.mark.parametrize(
    ("frames", "outcome", "seen"),
    [
        (lambda: eyes(3), "sound", "devices.camera_sound"),
        (lambda: eyes(1), "broken", "devices.frozen"),
        (lambda: [np.full((480, 640), grey, np.uint8) for grey in (3, 4)], "broken",
         "devices.emitter_dark"),
        (lambda: [cv2.GaussianBlur(eye, (0, 0), 5) for eye in eyes(3)], "suspect",
         "devices.blurred"),
    ],
)  # fmt: skip
def test_a_camera_of_the_kernel(machine, frames, outcome, seen):
    machine.plug(VideoDevice(Camera(frames())))
    ((found,),) = (one.value for one in talk(machine, CAMERA, PROBE="devices.iris"))
    assert found[0].startswith("video:")
    assert found[1:3] == [outcome, seen], found[3]


class Portrait(Camera):
    """A camera in colour, as photographs for the card are taken with."""

    name = "HD Webcam (emulated)"
    formats = (Format(b"YUYV", 640, 480, (30,)),)


@pytest.mark.parametrize(
    ("count", "outcome", "seen"),
    [(3, "sound", "devices.camera_sound"), (1, "broken", "devices.frozen")],
)
def test_a_portrait_camera_of_the_kernel(machine, count, outcome, seen):
    grey = eyes(count)
    pairs = [np.stack([eye, np.full_like(eye, 128)], axis=-1) for eye in grey]
    machine.plug(VideoDevice(Portrait(pairs)))
    ((found,),) = (one.value for one in talk(machine, CAMERA, PROBE="devices.camera"))
    assert found[1:3] == [outcome, seen], found[3]
