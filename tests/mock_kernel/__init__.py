# SPDX-License-Identifier: Apache-2.0
"""Linux's kernel played in Python, so that the real libraries talk to models of devices.

A program started with umockdev's library preloaded sees the folder of a `Machine` as its /sys and
/dev: libusb, libudev, hidapi, OpenCV, pcscd and our drivers find there what a test plugged in, and
their system calls are answered by the peers here, in the test's own process::

    with Machine() as machine:
        scanner = machine.plug(UsbDevice(VirtualScanner()))       # usbfs: any UsbFunction
        pad = machine.plug(HidrawDevice(VirtualSignaturePad()))   # hidraw: a UsbFunction of HID
        pen = machine.plug(EventDevice("Pen", keys=..., axes=...))       # evdev: pen.emit(events)
        camera = machine.plug(VideoDevice(IrisCamera()))          # V4L2: a CameraModel
        told = talk(machine, "with hw.open_device('usb:1b55:0840') as scanner:\n"
                             "    tell(lambda: scanner.capture(timeout=5).ppi)")
        assert told[0].value == 500.0

- A device says where it is: ``scanner.port`` ("1-1"), ``pad.path`` ("/dev/hidraw0"), and how often
  it was opened (``opened``) and by how many at this moment (``holders``).
- ``device.unplug()`` or the model's own ``unplug`` pulls the cable: waits end, calls give ENODEV,
  it is gone from /sys and /dev and libudev hears of it. ``machine.plug(device)`` puts it back.
- `talk` runs a test's body in a child under the preload and gives what it told: values, or errors
  with class, seconds and sentence; `start` gives the `Child` to a test
  that acts while the body waits.
- ``pytestmark = mock_kernel.needed`` skips a file where `missing` says what the machine lacks.
"""

from mock_kernel.child import LIBRARY, Child, Told, missing, needed, start, talk
from mock_kernel.evdev import Axis, EventDevice
from mock_kernel.hidraw import HidrawDevice
from mock_kernel.machine import Machine
from mock_kernel.usbfs import UsbDevice
from mock_kernel.v4l2 import CameraModel, Control, Format, Frame, VideoDevice

__all__ = [
    "LIBRARY",
    "Axis",
    "CameraModel",
    "Child",
    "Control",
    "EventDevice",
    "Format",
    "Frame",
    "HidrawDevice",
    "Machine",
    "Told",
    "UsbDevice",
    "VideoDevice",
    "missing",
    "needed",
    "start",
    "talk",
]
