# SPDX-License-Identifier: Apache-2.0
"""The usbfs peer through Debian's lsusb, libusb and libudev: listing, plugging, several devices."""

import os
import shutil
import subprocess
import threading

import pytest

import mock_kernel
from ektp_hw.virtual import pad
from ektp_hw.virtual.pad import VirtualSignaturePad
from ektp_hw.virtual.scanner import VirtualScanner
from mock_kernel import HidrawDevice, UsbDevice, talk

pytestmark = mock_kernel.needed

LISTEN = """
import ctypes, ctypes.util, os, select
udev = ctypes.CDLL("libudev.so.1")
for name in ("new", "monitor_new_from_netlink", "monitor_receive_device"):
    getattr(udev, "udev_" + name).restype = ctypes.c_void_p
texts = ("action", "devpath", "devtype", "subsystem", "devnode")
for name in texts:
    getattr(udev, "udev_device_get_" + name).restype = ctypes.c_char_p
monitor = ctypes.c_void_p(
    udev.udev_monitor_new_from_netlink(ctypes.c_void_p(udev.udev_new()), b"udev")
)
udev.udev_monitor_filter_add_match_subsystem_devtype(monitor, SUBSYSTEM, DEVTYPE)
udev.udev_monitor_enable_receiving(monitor)
fd = udev.udev_monitor_get_fd(monitor)
print("listening", flush=True)
for _ in range(3):
    if not select.select([fd], [], [], 10)[0]:
        break
    device = ctypes.c_void_p(udev.udev_monitor_receive_device(monitor))
    tell([(getattr(udev, "udev_device_get_" + name)(device) or b"").decode() for name in texts])
"""


def heard(machine, device, subsystem, devtype):
    """Plug, unplug and plug again while a child listens to libudev; return what it heard."""
    with mock_kernel.start(machine, LISTEN, SUBSYSTEM=subsystem, DEVTYPE=devtype) as child:
        child.wait_for("listening")
        machine.plug(device)
        device.unplug()
        machine.plug(device)
        return [one.value for one in child.finish()]


def test_libudev_hears_of_a_usb_device(machine):
    place = "/devices/pci0000:00/0000:00:14.0/usb1/1-1"
    news = heard(machine, UsbDevice(VirtualScanner()), b"usb", b"usb_device")
    assert news == [
        ["add", place, "usb_device", "usb", "/dev/bus/usb/001/002"],
        ["remove", place, "usb_device", "usb", "/dev/bus/usb/001/002"],
        ["add", place, "usb_device", "usb", "/dev/bus/usb/001/003"],
    ]


def test_libudev_hears_of_a_hidraw_device(machine):
    news = heard(machine, HidrawDevice(VirtualSignaturePad()), b"hidraw", None)
    assert [one[0] for one in news] == ["add", "remove", "add"]
    assert {one[4] for one in news} == {"/dev/hidraw0"}


@pytest.mark.skipif(not shutil.which("lsusb"), reason="needs lsusb (Debian: usbutils)")
def test_lsusb_reads_every_device(machine):
    for model in (VirtualScanner(serial="A"), VirtualSignaturePad(), VirtualScanner(serial="B")):
        machine.plug(UsbDevice(model))

    def lsusb(*options):
        return subprocess.run(
            ["lsusb", *options],
            env=os.environ | machine.environment,
            capture_output=True,
            text=True,
            timeout=30,
            check=True,
        ).stdout

    ids = [line.split()[5] for line in lsusb().splitlines()]
    assert sorted(ids) == ["056a:00a4", "1b55:0840", "1b55:0840", "1d6b:0002"]
    told = lsusb("-v", "-d", "056a:00a4")
    assert "STU-430 (emulated)" in told
    assert f"Report Descriptor: (length is {len(pad._REPORT_DESCRIPTOR)})" in told
    assert "bEndpointAddress     0x81  EP 1 IN" in told


def test_two_scanners_are_two_devices(machine):
    places = [machine.plug(UsbDevice(VirtualScanner(serial=serial))) for serial in "AB"]
    told = talk(
        machine,
        "found = [i for i in hw.discover('fingerprint') if i.uri.startswith('usb:')]\n"
        "tell(sorted([i.uri, i.serial] for i in found))\n"
        "with hw.open_device(found[0]) as one, hw.open_device(found[1]) as two:\n"
        "    tell(lambda: two.capture(timeout=0.2))\n",
    )
    assert [place.port for place in places] == ["1-1", "1-2"]
    assert told[0].value == [["usb:1b55:0840@1-1", "A"], ["usb:1b55:0840@1-2", "B"]]
    assert told[1].error == "CaptureTimeout"
    assert [place.opened for place in places] == [2, 2], "once to reset it, once to use it"
    assert [place.holders for place in places] == [0, 0]


def test_a_program_sees_a_device_come_and_go(machine):
    place = machine.plug(UsbDevice(VirtualScanner(serial="A")))
    body = """
def here():
    return [info.uri for info in hw.discover("fingerprint") if info.uri.startswith("usb:")]
def until(count):
    end = time.monotonic() + 20
    while len(here()) != count and time.monotonic() < end:
        time.sleep(0.02)
    print(len(here()), flush=True)
until(1)
until(0)
until(1)
tell(here())
with hw.open_device(here()[0]) as scanner:
    tell(lambda: scanner.capture(timeout=0.2))
"""
    with mock_kernel.start(machine, body, system_libusb=True) as child:
        child.wait_for("1")
        place.unplug()
        child.wait_for("0")
        machine.plug(place)
        told = child.finish()
    assert told[0].value == ["usb:1b55:0840@1-1"]
    assert told[1].error == "CaptureTimeout"


def test_a_machine_ends_with_its_threads_and_its_folder(machine):
    before = set(threading.enumerate())
    with mock_kernel.Machine() as other:
        for device in (UsbDevice(VirtualScanner()), HidrawDevice(VirtualSignaturePad())):
            other.plug(device)
            device.unplug()
            device.unplug()
            other.plug(device)
        new = set(threading.enumerate()) - before
        assert new
    for thread in new:
        thread.join(10)
    assert not any(thread.is_alive() for thread in new)
    assert not other.root.exists()
    assert machine.root.exists()


def test_a_body_that_fails_or_leaves_a_thread_fails_the_test(machine):
    with pytest.raises(AssertionError, match="ZeroDivisionError"):
        talk(machine, "tell(lambda: 1 / 0)")
    with pytest.raises(AssertionError, match="threads were left running"):
        talk(
            machine,
            "threading.Thread(target=time.sleep, args=(1,), name='stray', daemon=True).start()",
        )
    with pytest.raises(AssertionError, match="hangs"):
        talk(machine, "time.sleep(60)", timeout=0.5)
