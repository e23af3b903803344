# SPDX-License-Identifier: Apache-2.0
"""The ZK4500's driver through the real libusb, on a machine whose kernel is played by us."""

import threading

import numpy as np
import pytest

import mock_kernel
from ektp_hw.samples import FingerprintImage
from ektp_hw.virtual.scanner import VirtualScanner
from mock_kernel import UsbDevice, talk

pytestmark = mock_kernel.needed

URI = "usb:1b55:0840@1-1"


@pytest.fixture
def machine():
    with mock_kernel.Machine() as one:
        yield one


@pytest.fixture
def model():
    return VirtualScanner(serial="SER9")


def finger():
    row = np.where(np.arange(256) // 4 % 2, 90, 210).astype(np.uint8)
    return FingerprintImage(np.tile(row, (256, 1)))


def test_a_scanner_is_found_with_its_serial_number_and_opened_by_none(machine, model):
    place = machine.plug(UsbDevice(model))
    told = talk(
        machine,
        "found = [i for i in hw.discover('fingerprint') if i.uri.startswith('usb:')]\n"
        "tell([(i.uri, i.name, i.serial) for i in found])",
    )
    assert told[0].value == [[URI, "ZKTeco ZK4500", "SER9"]]
    assert place.opened == 0


def test_a_finger_comes_through_libusb_pixel_by_pixel(machine, model):
    model.present(finger())
    machine.plug(UsbDevice(model))
    told = talk(
        machine,
        "with hw.open_device(URI) as scanner:\n"
        "    tell(scanner.capture(timeout=5).pixels[112:368, 192:448].tolist())",
        URI=URI,
    )
    assert np.array_equal(told[0].value, finger().pixels)


@pytest.mark.parametrize("fault", ["stall", "short"])
def test_a_fault_is_a_protocol_error_and_the_next_capture_works(machine, model, fault):
    model.present(finger())
    model.misbehave(fault)
    machine.plug(UsbDevice(model))
    told = talk(
        machine,
        "with hw.open_device(URI) as scanner:\n"
        "    tell(lambda: scanner.capture(timeout=5))\n"
        "    tell(lambda: scanner.capture(timeout=5).ppi)",
        URI=URI,
    )
    assert (told[0].error, told[1].value) == ("ProtocolError", 500.0)
    assert told[0].seconds < 3  # and not when the time is over


def test_a_slow_picture_arrives_in_parts(machine, model):
    model.present(finger())
    model.slow_seconds = 0.4
    model.misbehave("slow")
    machine.plug(UsbDevice(model))
    told = talk(
        machine,
        "with hw.open_device(URI) as scanner:\n"
        "    tell(lambda: scanner.capture(timeout=10).pixels[240, 192:201].tolist())",
        URI=URI,
    )
    assert told[0].value == finger().pixels[0, :9].tolist()


def test_no_finger_is_a_timeout_in_time(machine, model):
    machine.plug(UsbDevice(model))
    told = talk(
        machine,
        "with hw.open_device(URI) as scanner:\n    tell(lambda: scanner.capture(timeout=0.3))",
        URI=URI,
    )
    assert told[0].error == "CaptureTimeout"
    assert 0.3 <= told[0].seconds < 1


def test_pulling_the_cable_ends_a_wait_at_once(machine, model):
    machine.plug(UsbDevice(model))
    lit = threading.Event()
    answer = model.on_control

    def on_control(setup, data):
        if setup.request == 0xE1 and setup.value:
            lit.set()
        return answer(setup, data)

    model.on_control = on_control

    def pull():
        assert lit.wait(30)
        threading.Event().wait(0.1)
        model.unplug()

    thread = threading.Thread(target=pull)
    thread.start()
    told = talk(
        machine,
        "with hw.open_device(URI) as scanner:\n"
        "    tell(lambda: scanner.capture(timeout=10))\n"
        "tell(lambda: hw.open_device(URI))",
        URI=URI,
    )
    thread.join()
    assert [one.error for one in told] == ["DeviceRemoved", "DeviceRemoved"]
    assert told[0].seconds < 3  # and not when the time is over


def test_who_holds_the_device_is_named(machine, model):
    machine.plug(UsbDevice(model, held_by="wacom"))
    told = talk(machine, "tell(lambda: hw.open_device(URI))", URI=URI)
    assert told[0].error == "DeviceBusy"
    assert "the kernel driver 'wacom' holds it" in told[0].sentence


def test_a_place_without_a_device(machine, model):
    machine.plug(UsbDevice(model))
    told = talk(machine, "tell(lambda: hw.open_device('usb:1b55:0840@1-7'))")
    assert told[0].error == "DeviceNotFound"
