# SPDX-License-Identifier: Apache-2.0
"""A machine made of files: what the doctor's probes read of /sys, /proc, /dev, /run and /etc.

::

    machine = FakeMachine(tmp_path)
    machine.plug("1-4", 0x1B55, 0x0840, title="ZKTeco Inc. ZK4500")
    machine.log(30, "usb 1-4: USB disconnect, device number 5")
    PROBE.run(machine.around(expects=("fingerprint",)), [])
"""

import shutil

from ektp_hw.diagnostics.surroundings import StationProfile, Surroundings

UPTIME = 100_000.0


class FakeMachine:
    """An empty Linux machine with USB, under a folder."""

    def __init__(self, root, *, usb=True):
        self.root = root
        self.write("proc/uptime", f"{UPTIME} 0.0")
        self.write("dev/kmsg", "")
        self.write("etc/group", "root:x:0:\n")
        self._addresses = 1
        if usb:
            (root / "sys/bus/usb/devices").mkdir(parents=True)

    def around(self, *, expects=(), virtual=False, environment=None):
        """Return the surroundings in which this is the machine."""
        profile = StationProfile(expects=tuple(expects))
        given = {} if environment is None else {"environment": environment}
        return Surroundings(profile, root=self.root, virtual=virtual, **given)

    def write(self, name, text):
        """Put a file there."""
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
        return path

    def link(self, name, target):
        """Put a symbolic link there."""
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.symlink_to(target)

    def plug(self, place, vendor, product, *, faces=((0xFF, "", ""),), node=True, **attributes):
        """Plug a device in; faces are (class, driver, module), attributes those of /sys."""
        self._addresses += 1
        folder = f"sys/bus/usb/devices/{place}"
        values = {
            "idVendor": f"{vendor:04x}",
            "idProduct": f"{product:04x}",
            "busnum": place.partition("-")[0],
            "devnum": str(self._addresses),
            "bDeviceClass": "00",
            "speed": "480",
            "bMaxPower": "200mA",
            "bmAttributes": "80",
            "bConfigurationValue": "1",
            "authorized": "1",
            "urbnum": "12",
            "power/runtime_status": "active",
            "power/control": "on",
        }
        values |= {name.replace("__", "/"): value for name, value in attributes.items()}
        title = values.pop("title", "")
        if title:
            values["manufacturer"], _, values["product"] = title.partition(" ")
        for name, value in values.items():
            self.write(f"{folder}/{name}", f"{value}\n")
        for number, (kind, driver, module) in enumerate(faces):
            self._face(place, number, kind, driver, module)
        address = f"{int(values['busnum']):03d}/{self._addresses:03d}"
        if node:
            self.write(f"dev/bus/usb/{address}", "")
        return f"dev/bus/usb/{address}"

    def _face(self, place, number, kind, driver, module):
        face = f"sys/bus/usb/devices/{place}:1.{number}"
        self.write(f"{face}/bInterfaceNumber", f"{number:02x}\n")
        self.write(f"{face}/bInterfaceClass", f"{kind:02x}\n")
        if driver:
            drivers = self.root / "sys/bus/usb/drivers" / driver
            drivers.mkdir(parents=True, exist_ok=True)
            if module and not (drivers / "module").is_symlink():
                (drivers / "module").symlink_to(f"../../../../module/{module}")
            self.link(f"{face}/driver", f"../../drivers/{driver}")

    def hub(self, place, **attributes):
        """Plug a hub in, bus-powered if not told otherwise."""
        given = {"bDeviceClass": "09", "bMaxPower": "100mA", "title": "Generic Hub"} | attributes
        self.plug(place, 0x05E3, 0x0608, faces=((0x09, "hub", ""),), **given)

    def log(self, ago, text):
        """Let the kernel have written a line, that many seconds ago."""
        path = self.root / "dev/kmsg"
        stamp = int((UPTIME - ago) * 1e6)
        with path.open("a", encoding="utf-8") as file:
            file.write(f"6,1,{stamp},-;{text}\n SUBSYSTEM=usb\n")

    def program(self, pid, name, *opens):
        """Run a program that has files open."""
        self.write(f"proc/{pid}/comm", f"{name}\n")
        (self.root / f"proc/{pid}/fd").mkdir()
        for number, file in enumerate(opens):
            self.link(f"proc/{pid}/fd/{number + 3}", f"/{file}")

    def remove(self, name):
        """Take a file, a link or a folder away."""
        path = self.root / name
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()

    def unplug(self, place):
        """Take a device and its interfaces from the bus; its node stays, as nobody reads it."""
        bus = self.root / "sys/bus/usb/devices"
        for folder in (bus / place, *bus.glob(f"{place}:*")):
            shutil.rmtree(folder)

    def end_program(self, pid):
        """End a program."""
        self.remove(f"proc/{pid}")
