# SPDX-License-Identifier: Apache-2.0
"""Our virtual reader behind Debian's libusb, libccid and pcscd, our PC/SC driver before them."""

import threading
import time

import pytest

from ektp_hw.virtual.card import VirtualCardReader
from ektp_hw.virtual.ktp_el_card import KtpElCard
from mock_kernel import UsbDevice, pcscd

pytestmark = pcscd.needed

PHOTO = bytes(range(256)) * 4


@pytest.fixture
def reader():
    return VirtualCardReader(KtpElCard(PHOTO, seed=5))


def test_our_driver_reads_the_card_through_libccid(machine, reader):
    machine.plug(UsbDevice(reader))
    body = """
tell(readers())
tell([info.uri for info in hw.discover("card") if info.uri.startswith("pcsc:")])
with hw.open_device("pcsc:" + readers()[0]) as device:
    tell(lambda: device.capture(timeout=10).files["photo"].hex())
    tell(lambda: device.transmit(bytes.fromhex("FFCA000000"))[1])
with Context() as context:
    tell(context.state(readers()[0]).answer_to_reset.hex())
"""
    with pcscd.start(machine, body) as child:
        told = [one.value for one in child.finish()]
    name = "ACS ACR122U PICC Interface [ACR122U (emulated)] (VIRTUALCARD1) 00 00"
    assert told == [[name], ["pcsc:" + name], PHOTO.hex(), 0x9000, KtpElCard.atr.hex()]


@pytest.mark.parametrize("slots", [1, 2])
def test_a_pulled_reader_is_told_before_pcscd_tells_it(machine, slots):
    reader = VirtualCardReader(slots=slots)
    place = machine.plug(UsbDevice(reader))
    body = """
with hw.open_device("pcsc:" + readers()[0]) as device:
    tell([list(device.features().usb_place), device.features().vendor])
    threading.Timer(0.3, print, ["waiting"], {"flush": True}).start()
    tell(lambda: device.capture(timeout=20))
    tell(time.monotonic())
"""
    with pcscd.start(machine, body) as child:
        child.wait_for("waiting")
        pulled = time.monotonic()
        place.unplug()
        told = child.finish()
    assert told[0].value == [[1, 2], reader.manufacturer]
    assert told[1].error == "DeviceRemoved"
    assert told[2].value - pulled < 0.5


def test_card_and_reader_come_and_go(machine):
    reader = VirtualCardReader()
    place = machine.plug(UsbDevice(reader))
    body = """
name = readers()[0]
with hw.open_device("pcsc:" + name) as device:
    tell(lambda: device.capture(timeout=0.2))
    print("waiting", flush=True)
    tell(lambda: device.capture(timeout=20).files["photo"].hex())
    print("read", flush=True)
    with Context() as context:
        tell(lambda: context.wait(name, present=False, timeout=20) is not None)
    tell(lambda: device.transmit(bytes.fromhex("FFCA000000")))
    print("empty", flush=True)
    until(lambda: not readers())
    tell(lambda: device.capture(timeout=2))
print("gone", flush=True)
until(readers)
with hw.open_device("pcsc:" + name) as device:
    tell(lambda: device.capture(timeout=20).files["photo"].hex())
"""
    with pcscd.start(machine, body) as child:
        child.wait_for("waiting")
        reader.present(KtpElCard(PHOTO, seed=5))
        child.wait_for("read")
        reader.present(None)
        child.wait_for("empty")
        place.unplug()
        child.wait_for("gone")
        reader.present(KtpElCard(PHOTO, seed=5))
        machine.plug(place)
        told = child.finish()
    assert [one.error or one.value for one in told] == [
        "CaptureTimeout", PHOTO.hex(), True, "CardError", "DeviceRemoved", PHOTO.hex(),
    ]  # fmt: skip
    assert told[0].seconds < 0.5
    assert "put one on it" in told[3].sentence
    assert "plug it in" in told[4].sentence


EXCHANGE = """
command = bytes.fromhex("FFCA000000")
name = readers()[0]
with hw.open_device("pcsc:" + name) as device:
    tell(lambda: device.transmit(command)[1])
    print("ready", flush=True)
    input()
    tell(lambda: device.transmit(command)[1])
"""


@pytest.mark.parametrize(
    ("fault", "outcome"), [("stall", "CardError"), ("garbage", "CardError"), ("slow", 0x9000)]
)
def test_a_fault_of_the_reader_and_the_next_reading(machine, reader, fault, outcome):
    machine.plug(UsbDevice(reader))
    body = EXCHANGE + '    tell(lambda: device.capture(timeout=10).files["photo"].hex())\n'
    with pcscd.start(machine, body) as child:
        child.wait_for("ready")
        reader.misbehave(fault)
        child.go_on()
        told = child.finish()
    assert [one.error or one.value for one in told] == [0x9000, outcome, PHOTO.hex()]
    assert told[1].seconds < 2


def test_a_card_taken_away_in_the_middle(machine, reader):
    machine.plug(UsbDevice(reader))
    body = (
        EXCHANGE
        + '    print("taken", flush=True)\n'
        + '    tell(lambda: device.capture(timeout=20).files["photo"].hex())\n'
    )
    with pcscd.start(machine, body) as child:
        child.wait_for("ready")
        reader.misbehave("removed")
        child.go_on()
        child.wait_for("taken")
        reader.present(KtpElCard(PHOTO, seed=5))
        told = child.finish()
    assert [one.error or one.value for one in told] == [0x9000, "CardError", PHOTO.hex()]
    assert told[1].seconds < 2


def test_pulling_the_cable_of_a_silent_reader(machine, reader):
    """PC/SC cannot cut a command short: libccid waits long, but the kernel tells of the cable."""
    place = machine.plug(UsbDevice(reader))
    body = EXCHANGE + (
        "until(lambda: not readers())\n"
        'print("gone", flush=True)\n'
        "until(readers)\n"
        'with hw.open_device("pcsc:" + readers()[0]) as device:\n'
        '    tell(lambda: device.capture(timeout=20).files["photo"].hex())\n'
    )
    with pcscd.start(machine, body) as child:
        child.wait_for("ready")
        reader.misbehave("silent")
        child.go_on()
        timer = threading.Timer(0.5, place.unplug)
        timer.start()
        child.wait_for("gone")
        machine.plug(place)
        told = child.finish()
    assert told[0].value == 0x9000
    assert told[1].error == "DeviceRemoved", str(told[1])
    assert told[1].seconds < 2
    assert told[2].value == PHOTO.hex()
