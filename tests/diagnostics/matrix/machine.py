# SPDX-License-Identifier: Apache-2.0
"""Troubles of the machine around the devices: cables, drivers, permissions, computer, storage."""

from dataclasses import dataclass
from typing import Any

from diagnostics.laboratory import NetworkFault
from diagnostics.matrix import station_files
from diagnostics.matrix.bench import Trouble
from ektp_hw.diagnostics.findings import Cause

__all__ = ["TROUBLES", "Write"]


@dataclass(frozen=True)
class Write:
    """A file of the machine that reads otherwise."""

    file: str
    text: str

    def __call__(self, machine: Any) -> None:
        """Write it."""
        machine.write(self.file, self.text)


def _usb(place, name, text):
    return Write(f"sys/bus/usb/devices/{place}/{name}", text)


def scanner_unplugged(machine):
    """Take the scanner from its port."""
    machine.unplug(station_files.SCANNER)


def scanner_silent(machine):
    """Let the scanner's port say that nobody answers there."""
    machine.unplug(station_files.SCANNER)
    for ago in (40, 35, 30):
        machine.log(ago, "usb 1-1: device descriptor read/64, error -71")
    machine.log(28, "usb usb1-port1: unable to enumerate USB device")


def camera_overloads(machine):
    """Let the camera's port be switched off for overload."""
    machine.unplug(station_files.CAMERA)
    machine.log(20, "usb usb1-port2: over-current condition")


def pad_behind_weak_hub(machine):
    """Let the pad ask a hub without supply for more than it has."""
    machine.unplug(station_files.PAD)
    machine.hub("1-5", bMaxPower="100mA", bmAttributes="80")
    machine.plug("1-5.1", 0x056A, 0x00A4, faces=(), title="Wacom STU-430", bMaxPower="500mA",
                 bConfigurationValue="")  # fmt: skip
    machine.log(20, "usb 1-5.1: rejected 1 configuration due to insufficient available bus power")


def scanner_unsteady(machine):
    """Let the scanner have come and gone five times this hour."""
    for ago in range(3000, 500, -500):
        machine.log(ago, "usb 1-1: USB disconnect, device number 5")
        machine.log(ago - 5, "usb 1-1: new high-speed USB device number 6 using xhci_hcd")


def scanner_slow(machine):
    """Let the scanner hang on a cable that carries full speed only."""
    machine.write("sys/bus/usb/devices/1-1/speed", "12")
    machine.log(50, "usb 1-1: not running at top speed; connect to a high speed hub")


def kernel_holds_scanner(machine):
    """Let a driver of the kernel hold the scanner."""
    machine.unplug(station_files.SCANNER)
    machine.plug(station_files.SCANNER, *station_files.ZK4500, title="ZKTeco Inc. ZK4500",
                 faces=((0xFF, "usbtest", "usbtest"),))  # fmt: skip


def program_holds_scanner(machine):
    """Let another program have the scanner's node open."""
    machine.program(4711, "enrollment", "dev/bus/usb/001/002")


def stranger_scanner(machine):
    """Put a scanner that no driver knows in the known one's place."""
    machine.unplug(station_files.SCANNER)
    machine.plug("1-6", 0x1162, 0x2200, title="SecuGen Hamster")


def no_card_service(machine):
    """Let the card service be gone, with a reader there that needs it."""
    machine.end_program(600)
    machine.remove("run/pcscd")
    other_reader(machine)


def other_reader(machine):
    """Put a reader there that none of our drivers reads without the card service."""
    machine.unplug(station_files.READER)
    machine.plug(station_files.READER, 0x04E6, 0x5116, faces=((0x0B, "", ""),), title="SCM SCR3310")


def nodes_of_root(machine):
    """Give the USB nodes to root alone."""
    for node in (machine.root / "dev/bus/usb").rglob("*"):
        if node.is_file():
            node.chmod(0o600)


def node_of_pad_of_root(machine):
    """Give the pad's node below the kernel's HID driver to root alone."""
    folder = f"sys/bus/usb/devices/{station_files.PAD}:1.0/0003:056A:00A4.0001/hidraw/hidraw0"
    (machine.root / folder).mkdir(parents=True)
    machine.write("dev/hidraw0", "").chmod(0o600)
    machine.root.joinpath(f"dev/bus/usb/001/{4:03d}").chmod(0o600)


def socket_of_root(machine):
    """Give the card service's socket to root alone."""
    (machine.root / "run/pcscd/pcscd.comm").chmod(0o600)


def waiting_of_root(machine):
    """Give the folder of waiting records to root alone."""
    (machine.root / "srv/waiting").chmod(0o755)


def waiting_gone(machine):
    """Take the folder of waiting records away."""
    machine.remove("srv/waiting")


def broken_opencv(machine):
    """Leave half of OpenCV, as an update that was cut off does."""
    machine.write("half/cv2/__init__.py", "raise ImportError('libGL.so.1: cannot open')\n")


def broken_libusb(machine):
    """Leave a libusb package without its library."""
    machine.write("half/libusb_package/__init__.py", "raise ImportError('half installed')\n")


def broken_native(machine):
    """Leave a compiled core that is cut off."""
    machine.write("half/libektp_native.so", "\x7fELF, and nothing more")


def broken_driver(machine):
    """Register a driver whose module does not load."""
    machine.write("half/rusak.py", "import a_module_that_is_gone\n")
    about = "half/rusak-1.0.dist-info"
    machine.write(f"{about}/METADATA", "Metadata-Version: 2.1\nName: rusak\nVersion: 1.0\n")
    machine.write(f"{about}/entry_points.txt", "[ektp_hw.drivers]\nrusak = rusak:Driver\n")


def disk_errors(machine):
    """Let the kernel complain of the disk for a while."""
    for number in range(15):
        machine.log(400 - number, f"I/O error, dev mmcblk0, sector {8 * number} op 0x0:(READ)")


def old_records(machine):
    """Let records have waited for a month, though everything works."""
    import os
    import time

    for number in range(30):
        path = machine.write(f"srv/waiting/{number}.sealed", "x")
        then = time.time() - (number + 3) * 86400
        os.utime(path, (then, then))


def _files(name, cause, *changes, kind="fault", **more):
    return Trouble(name, (cause,), kind, files=changes, **more)


def _half(name, cause, change, **environment):
    path = {"PYTHONPATH": "{ROOT}/half:" + station_files.TESTS}
    return _files(name, cause, change, environment=environment or path)


_CABLE, _DRIVER, _RIGHT = Cause.CABLE_OR_POWER, Cause.DRIVER, Cause.PERMISSION
_COMPUTER, _STORAGE = Cause.COMPUTER, Cause.STORAGE
_NO_MEMORY = "MemTotal: 4000000 kB\nMemAvailable: 9000 kB\nSwapFree: 0 kB\n"
_FILL = 'dd if=/dev/zero of="$ROOT/var/fill" bs=64k 2>/dev/null || true'
_INODES = 'i=0; while touch "$ROOT/var/$i" 2>/dev/null; do i=$((i + 1)); done'
_NO_PCSC = """
for file in $(find /usr/lib /usr/local/lib -name 'libpcsclite.so.1*' -type f)
do mount --bind /dev/null "$file"; done
"""

TROUBLES = (
    _files("scanner: its port says that nobody answers", _CABLE, scanner_silent),
    _files("camera: its port was switched off for overload", _CABLE, camera_overloads),
    _files("pad: refused by a hub without its own supply", _CABLE, pad_behind_weak_hub),
    _files("scanner: its descriptors cannot be read", _CABLE,
           _usb("1-1", "bConfigurationValue", "")),
    _files("camera: power saving cannot wake it", _CABLE,
           _usb("1-2", "power/runtime_status", "error")),
    _files("the board's supply sags (Raspberry Pi)", _CABLE,
           Write("sys/class/hwmon/hwmon1/name", "rpi_volt"),
           Write("sys/class/hwmon/hwmon1/in0_lcrit_alarm", "1")),
    _files("scanner: comes and goes", _CABLE, scanner_unsteady, kind="remark"),
    _files("scanner: on a cable for slow devices", _CABLE, scanner_slow, kind="remark"),
    _files("scanner: a driver of the kernel holds it", _DRIVER, kernel_holds_scanner),
    _files("scanner: another program has its node open", _DRIVER, program_holds_scanner),
    _files("scanner: a model that no driver knows", _DRIVER, stranger_scanner),
    _files("card reader: the card service is not installed", _DRIVER, no_card_service),
    _files("card reader: libpcsclite is not installed", _DRIVER, other_reader,
           commands=(_NO_PCSC,)),
    _half("a driver's module does not load", _DRIVER, broken_driver),
    _half("libusb is installed by half", _DRIVER, broken_libusb),
    _files("all USB nodes belong to root", _RIGHT, nodes_of_root, as_nobody=True),
    _files("card reader: the service's socket belongs to root", _RIGHT, socket_of_root,
           as_nobody=True),
    _files("scanner: not authorised by the kernel", _RIGHT, _usb("1-1", "authorized", "0"),
           _usb("1-1", "bConfigurationValue", "")),
    _files("the folder of waiting records belongs to root", _RIGHT, waiting_of_root,
           as_nobody=True),
    _files("memory is used up", _COMPUTER, Write("proc/meminfo", _NO_MEMORY)),
    _half("OpenCV is installed by half", _COMPUTER, broken_opencv),
    _half("the compiled core is cut off", _COMPUTER, broken_native,
          EKTP_HW_NATIVE="{ROOT}/half/libektp_native.so"),
    Trouble("the clock is three years slow", (_COMPUTER,),
            network=(NetworkFault.CLOCK_WRONG,)),
    _files("the processor is too hot", _COMPUTER,
           Write("sys/class/thermal/thermal_zone0/temp", "97000"), kind="remark"),
    _files("the disk is full", _STORAGE,
           commands=('mount -t tmpfs -o size=512k,mode=1777 none "$ROOT/var"', _FILL)),
    _files("the disk has no room for more files", _STORAGE,
           commands=('mount -t tmpfs -o nr_inodes=50,mode=1777 none "$ROOT/var"', _INODES)),
    _files("the folder of waiting records became read-only", _STORAGE,
           commands=('mount -t tmpfs -o ro none "$ROOT/srv/waiting"',)),
    _files("the folder of waiting records is gone", _STORAGE, waiting_gone),
    _files("the memory card has reached its end", _STORAGE,
           Write("sys/block/mmcblk0/device/pre_eol_info", "0x03")),
    _files("the disk's errors fill the kernel's log", _STORAGE, disk_errors),
    _files("the memory card is worn", _STORAGE,
           Write("sys/block/mmcblk0/device/pre_eol_info", "0x02"), kind="remark"),
)  # fmt: skip
