# SPDX-License-Identifier: Apache-2.0
"""A machine that exists below one folder: its /sys, its /dev, and what is plugged into it."""

import itertools
import os
import shutil
import tempfile
import threading
from pathlib import Path

from mock_kernel import uevent
from mock_kernel.child import LIBRARY

PCI = "sys/devices/pci0000:00/0000:00:14.0"
HUB = f"{PCI}/usb1"

_HUB_DESCRIPTORS = bytes.fromhex(
    "12010002090001406b1d020001060000000109021900010100e0000904000001090000000705810304000c"
)


class Machine:
    """Has one USB bus; ends with everything plugged into it.

    Parameters
    ----------
    root
        Its folder; by default a new one, with a short name because the path of a socket has room
        for 108 bytes. A program that is itself preloaded passes its UMOCKDEV_DIR.
    """

    def __init__(self, root=None):
        self._owns_root = root is None
        self.root = Path(tempfile.mkdtemp(prefix="um")) if root is None else Path(root)
        self._lock = threading.RLock()
        self._known = set()
        self._ports = {}
        self._addresses = itertools.count(2)
        (self.root / "dev/.node").mkdir(parents=True)
        self.describe_usb(
            HUB,
            {"busnum": 1, "devnum": 1, "idVendor": "1d6b", "idProduct": "0002", "devpath": 0},
            _HUB_DESCRIPTORS,
        )
        self.link("sys/bus/usb/devices/usb1", HUB)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    @property
    def environment(self):
        """What a program's environment must hold to live on this machine."""
        return {"LD_PRELOAD": LIBRARY, "UMOCKDEV_DIR": str(self.root)}

    def plug(self, device):
        """Plug a device in, at the same port as before if it has been here; return it."""
        with self._lock:
            self._known.add(device)
        device.plugged(self)
        return device

    def close(self):
        """Unplug everything and remove the folder."""
        for device in self._known:
            device.unplug()
        if self._owns_root:
            shutil.rmtree(self.root)

    # What devices ask of it.

    def port(self, device):
        """Return the device's place on the bus, such as 1-1."""
        with self._lock:
            return self._ports.setdefault(device, f"1-{len(self._ports) + 1}")

    def address(self):
        """Return an address no device on the bus has had."""
        return next(self._addresses)

    def free(self, stem):
        """Return the first unused node of a kind: free("hidraw") is hidraw0, then hidraw1."""
        names = (f"{stem}{number}" for number in itertools.count())
        return next(name for name in names if not (self.root / "dev" / name).exists())

    def write(self, path, content):
        """Write a file below the root, with its folders."""
        place = self.root / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content if isinstance(content, bytes) else content.encode())

    def link(self, path, target):
        """Make a symbolic link from one path below the root to another."""
        place = self.root / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.symlink_to(os.path.relpath(self.root / target, place.parent))

    def remove(self, *paths):
        """Remove files, links and whole folders below the root, if they are there."""
        for path in paths:
            place = self.root / path
            if place.is_dir() and not place.is_symlink():
                shutil.rmtree(place)
            else:
                place.unlink(missing_ok=True)

    def describe(self, place, bus, event, attributes):
        """Describe a device in /sys: its bus or class, its uevent, its attributes."""
        self.write(f"{place}/uevent", _lines(event))
        for name, value in attributes.items():
            self.write(f"{place}/{name}", value if isinstance(value, bytes) else f"{value}\n")
        (self.root / bus).mkdir(parents=True, exist_ok=True)
        self.link(f"{place}/subsystem", bus)

    def describe_usb(self, place, numbers, descriptors, texts=None):
        """Describe a device on the bus; return the properties libudev shows."""
        address = numbers["devnum"]
        product = "/".join(f"{int(numbers[name], 16):x}" for name in ("idVendor", "idProduct"))
        event = {
            "MAJOR": 189, "MINOR": address - 1, "DEVNAME": f"bus/usb/001/{address:03d}",
            "DEVTYPE": "usb_device", "DRIVER": "usb", "PRODUCT": f"{product}/100",
            "TYPE": "0/0/0", "BUSNUM": "001", "DEVNUM": f"{address:03d}",
        }  # fmt: skip
        fixed = {"speed": 480, "bConfigurationValue": 1, "bNumConfigurations": 1}
        attributes = {**numbers, **fixed, "descriptors": descriptors, **(texts or {})}
        self.describe(place, "sys/bus/usb", event, attributes)
        return event

    def describe_taken(self, port, interface, vendor, product, texts=None):
        """Describe a device on the bus one of whose interfaces a kernel driver has taken.

        Returns the piece of news for the device, and the place of the interface.
        """
        usb = f"{HUB}/{port}"
        attributes = {
            "idVendor": f"{vendor:04x}", "idProduct": f"{product:04x}", "busnum": 1,
            "devpath": port.split("-")[1], **(texts or {}),
        }  # fmt: skip
        self.describe(usb, "sys/bus/usb", {"DEVTYPE": "usb_device"}, attributes)
        place = f"{usb}/{port}:1.{interface}"
        event = {"DEVTYPE": "usb_interface"}
        self.describe(place, "sys/bus/usb", event, {"bInterfaceNumber": f"{interface:02x}"})
        return (usb, {"SUBSYSTEM": "usb", "DEVTYPE": "usb_device"}), place

    def announce(self, action, place, event):
        """Tell every listening libudev of a device; `event` holds SUBSYSTEM and the others."""
        uevent.send(self.root, action, place.removeprefix("sys"), event)


def _lines(event):
    return "".join(f"{key}={value}\n" for key, value in event.items())
