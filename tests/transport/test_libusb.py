# SPDX-License-Identifier: Apache-2.0
"""The ZK4500's driver through the real libusb, on a machine whose kernel is played by `usbfs`.

umockdev's library must be preloaded when a process starts, so each test runs a small client.
"""

import ctypes.util
import os
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

from ektp_hw.samples import FingerprintImage
from ektp_hw.virtual.scanner import VirtualScanner

if ctypes.util.find_library("umockdev-preload") is None:
    pytest.skip("needs umockdev's preload library (Debian: umockdev)", allow_module_level=True)
usbfs = pytest.importorskip("usbfs", exc_type=ImportError)  # not outside Linux

URI = "usb:1b55:0840@1-1"
CLIENT = """
import sys, time
import ektp_hw as hw
from ektp_hw.errors import EktpError
def tell(run):
    begun = time.monotonic()
    try:
        print(run(), flush=True)
    except EktpError as error:
        print(type(error).__name__, f"{time.monotonic() - begun:.2f}", error, flush=True)
"""


@pytest.fixture
def model():
    return VirtualScanner(serial="SER9")


@pytest.fixture
def machine(model):
    machines = []

    def build(**options):
        machines.append(usbfs.Usbfs(model, **options))
        return machines[-1]

    yield build
    for one in machines:
        one.close()


def talk(machine, script):
    return subprocess.run(
        [sys.executable, "-c", CLIENT + script],
        env=os.environ | machine.environment,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    ).stdout.splitlines()


def finger():
    row = np.where(np.arange(256) // 4 % 2, 90, 210).astype(np.uint8)
    return FingerprintImage(np.tile(row, (256, 1)))


def test_a_scanner_is_found_with_its_serial_number_and_opened_by_none(machine):
    place = machine()
    lines = talk(
        place,
        "found = [i for i in hw.discover('fingerprint') if i.uri.startswith('usb:')]\n"
        "print(*[(i.uri, i.name, i.serial) for i in found])",
    )
    assert lines == [f"('{URI}', 'ZKTeco ZK4500', 'SER9')"]
    assert place.opened == 0


def test_a_finger_comes_through_libusb_pixel_by_pixel(machine, model):
    model.present(finger())
    lines = talk(
        machine(),
        f"with hw.open_device('{URI}') as scanner:\n"
        "    pixels = scanner.capture(timeout=5).pixels[112:368, 192:448]\n"
        "    print(pixels[7].tolist() == pixels[200].tolist(), pixels[0, :9].tolist())",
    )
    assert lines == [f"True {finger().pixels[0, :9].tolist()}"]


@pytest.mark.parametrize("fault", ["stall", "short"])
def test_a_fault_is_a_protocol_error_and_the_next_capture_works(machine, model, fault):
    model.present(finger())
    model.misbehave(fault)
    lines = talk(
        machine(),
        f"with hw.open_device('{URI}') as scanner:\n"
        "    tell(lambda: scanner.capture(timeout=5))\n"
        "    tell(lambda: scanner.capture(timeout=5).ppi)",
    )
    assert lines[0].startswith("ProtocolError 0.")
    assert lines[1] == "500.0"


def test_a_slow_picture_arrives_in_parts(machine, model):
    model.present(finger())
    model.slow_seconds = 0.4
    model.misbehave("slow")
    lines = talk(
        machine(),
        f"with hw.open_device('{URI}') as scanner:\n"
        "    tell(lambda: scanner.capture(timeout=10).pixels[240, 192:201].tolist())",
    )
    assert lines == [str(finger().pixels[0, :9].tolist())]


def test_no_finger_is_a_timeout_in_time(machine):
    lines = talk(
        machine(),
        f"with hw.open_device('{URI}') as scanner:\n    tell(lambda: scanner.capture(timeout=0.3))",
    )
    kind, seconds = lines[0].split()[:2]
    assert kind == "CaptureTimeout"
    assert 0.3 <= float(seconds) < 0.5


def test_pulling_the_cable_ends_a_wait_at_once(machine, model):
    place = machine()

    def pull():
        while not any(model.lamps.values()):
            time.sleep(0.01)
        time.sleep(0.1)
        model.unplug()

    thread = threading.Thread(target=pull)
    thread.start()
    lines = talk(
        place,
        f"with hw.open_device('{URI}') as scanner:\n"
        "    tell(lambda: scanner.capture(timeout=10))\n"
        f"tell(lambda: hw.open_device('{URI}'))",
    )
    thread.join()
    assert [line.split()[0] for line in lines] == ["DeviceRemoved", "DeviceRemoved"]
    assert float(lines[0].split()[1]) < 0.5


def test_who_holds_the_device_is_named(machine):
    lines = talk(machine(held_by="wacom"), f"tell(lambda: hw.open_device('{URI}'))")
    assert lines[0].startswith("DeviceBusy")
    assert "the kernel driver 'wacom' holds it" in lines[0]


def test_a_place_without_a_device(machine):
    lines = talk(machine(), "tell(lambda: hw.open_device('usb:1b55:0840@1-7'))")
    assert lines[0].startswith("DeviceNotFound")
