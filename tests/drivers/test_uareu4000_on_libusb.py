# SPDX-License-Identifier: Apache-2.0
"""The U.are.U through the real libusb: our driver, and libfprint's, see the same finger.

libfprint's driver for these readers was written by others against real ones, so a picture that it
takes from our model says that the model is right, and one equal to ours that our driver is.
"""

import ctypes.util
import threading
import time

import numpy as np
import pytest

mock_kernel = pytest.importorskip("mock_kernel", exc_type=ImportError)  # not outside Linux
if lack := mock_kernel.missing():
    pytest.skip(lack, allow_module_level=True)

from ektp_hw.samples import FingerPosition, FingerprintImage  # noqa: E402
from ektp_hw.synthetic import SyntheticPerson  # noqa: E402
from ektp_hw.virtual.uareu import HEIGHT, PPI, WIDTH, VirtualReaderV2, VirtualUareU  # noqa: E402
from mock_kernel import Machine, UsbDevice, talk  # noqa: E402

needs_libfprint = pytest.mark.skipif(
    ctypes.util.find_library("fprint-2") is None,
    reason="needs the system's libfprint (Debian: libfprint-2-2)",
)
WHOLE = SyntheticPerson(1).finger(FingerPosition(2)).impression(0).image
FINGER = FingerprintImage(WHOLE.pixels[70 : 70 + HEIGHT, 2 : 2 + WIDTH], ppi=PPI)
"""As large as the sensor; libfprint takes no finger without minutiae."""
MODELS = {
    "plain": lambda: VirtualUareU(scrambles=False),
    "scrambled": VirtualUareU,
    "challenging": VirtualReaderV2,
}
CAPTURE = """
def capture(device):
    image = device.capture(timeout=10)
    return [image.ppi, image.pixels.tolist()]

with hw.open_device(URI) as device:
    tell(lambda: capture(device))
    tell(lambda: capture(device))
"""

TWICE = """
device = hw.open_device(URI)
tell(lambda: device.capture(timeout=5).width)
until = time.monotonic() + 10
while True:
    try:
        device.open()
        break
    except EktpError:
        if time.monotonic() > until:
            raise
        time.sleep(0.05)
tell(lambda: device.capture(timeout=10).pixels.tolist())
device.close()
"""


@pytest.fixture
def machine():
    with Machine() as one:
        yield one


@pytest.fixture(params=MODELS)
def plugged(request, machine):
    model = MODELS[request.param]()
    model.present(FINGER)
    return model, machine.plug(UsbDevice(model))


def pixels(told):
    ppi, rows = told.value
    return np.array(rows, np.uint8), ppi


def lost(model):
    """Return the places whose pixel the scrambled wire loses: the last of each block."""
    if not model.scrambles:
        return []
    ends = [(254, 383), (HEIGHT - 1, 383)]
    return [(HEIGHT - 1 - row, 383 - column) for row, column in ends] if model.turned else ends


def is_the_finger(taken, model):
    expected = FINGER.pixels.copy()
    for place in lost(model):
        expected[place] = 255
    return np.array_equal(taken, expected)


def uri(model, device):
    return f"usb:{model.vendor_id:04x}:{model.product_id:04x}@{device.port}"


def test_our_driver_captures_through_libusb(machine, plugged):
    model, device = plugged
    for told in talk(machine, CAPTURE, URI=uri(model, device)):
        taken, ppi = pixels(told)
        assert is_the_finger(taken, model)
        assert ppi == 512


@needs_libfprint
def test_libfprint_captures_the_same_from_our_model(machine, plugged):
    model, device = plugged
    for told in talk(machine, CAPTURE, URI=f"libfprint:uru4000@{device.port}"):
        taken, ppi = pixels(told)
        assert taken.shape == (290, 384)
        filler, picture = (taken[0], taken[1:]) if model.turned else (taken[-1], taken[:-1])
        assert (filler == 255).all()  # libfprint's picture has a line more than the reader sends
        assert is_the_finger(picture, model)
        assert ppi == 500


@needs_libfprint
def test_a_reader_that_both_know_is_listed_once_for_our_driver(machine):
    device = machine.plug(UsbDevice(VirtualUareU()))
    told = talk(
        machine,
        "from ektp_hw.drivers.libfprint import LibfprintSensor\n"
        "tell([info.uri for info in LibfprintSensor.discover()])\n"
        "tell([info.uri for info in hw.discover('fingerprint')])\n",
    )
    assert told[0].value == ["libfprint:uru4000@1-1"]
    assert "usb:05ba:000a@1-1" in told[1].value
    assert "libfprint:uru4000@1-1" not in told[1].value
    assert device.holders == 0


@needs_libfprint
def test_two_sensors_of_libfprint_at_the_same_time(machine):
    for _ in range(2):
        model = VirtualUareU(scrambles=False)
        model.present(FINGER)
        machine.plug(UsbDevice(model))
    told = talk(
        machine,
        """
def run(port, taken):
    with hw.open_device(f"libfprint:uru4000@{port}") as device:
        taken += [device.capture(timeout=20).pixels[1:].tolist() for _ in range(3)]

taken = [], []
threads = [threading.Thread(target=run, args=(f"1-{n + 1}", taken[n])) for n in range(2)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
tell(taken)
""",
    )
    assert [len(one) for one in told[0].value] == [3, 3]
    for one in told[0].value:
        for picture in one:
            assert np.array_equal(np.array(picture, np.uint8), FINGER.pixels)


@pytest.mark.parametrize(
    ("scheme", "fault", "error"),
    [
        ("usb:05ba:000a@", "stall", "ProtocolError"),
        ("usb:05ba:000a@", "silent", "ProtocolError"),
        ("usb:05ba:000a@", "unplug", "DeviceRemoved"),
        pytest.param("libfprint:uru4000@", "stall", "ProtocolError", marks=needs_libfprint),
        pytest.param("libfprint:uru4000@", "unplug", "DeviceRemoved", marks=needs_libfprint),
    ],
)
def test_a_fault_is_a_typed_error_and_the_next_capture_works(machine, scheme, fault, error):
    model = VirtualUareU(scrambles=False)
    model.present(FINGER)
    model.misbehave(fault)
    device = machine.plug(UsbDevice(model))
    replugged = threading.Thread(target=plug_again, args=(machine, device, model))
    if fault == "unplug":
        replugged.start()
    told = talk(machine, TWICE, system_libusb=True, URI=f"{scheme}{device.port}")
    if fault == "unplug":
        replugged.join()
    assert told[0].error == error, told[0]
    assert told[0].seconds < 5
    assert told[1].error == "", told[1]
    assert np.array_equal(np.array(told[1].value)[-HEIGHT:], FINGER.pixels)


def plug_again(machine, device, model):
    until = time.monotonic() + 20
    while model.is_plugged and time.monotonic() < until:
        time.sleep(0.01)
    with model.lock:  # held until the cable is out entirely
        machine.plug(device)
