# SPDX-License-Identifier: Apache-2.0
"""The files of a sound station, and single ways to break them; each is picklable by its name."""

from pathlib import Path

from fake_machine import FakeMachine

__all__ = ["sound_machine"]

_FILES = {
    "proc/loadavg": "0.50 0.60 0.70 1/200 999\n",
    "proc/cpuinfo": "processor\t: 0\n\nprocessor\t: 1\n",
    "proc/meminfo": "MemTotal: 4000000 kB\nMemAvailable: 2500000 kB\nSwapFree: 900000 kB\n",
    "proc/mounts": "/dev/mmcblk0p2 / ext4 rw,relatime 0 0\n",
    "etc/timezone": "Asia/Jakarta\n",
    "sys/class/thermal/thermal_zone0/temp": "48500\n",
    "sys/block/mmcblk0/device/pre_eol_info": "0x01\n",
    "sys/block/mmcblk0/device/life_time": "0x01 0x02\n",
    "srv/waiting/one.sealed": "x",
}
_FOLDERS = ("tmp", "var", "home/petugas", "srv/waiting")
_NETWORK = ("proc/net", "sys/class/net", "etc/resolv.conf")
"""These are the laboratory's own, read through links."""
TESTS = str(Path(__file__).resolve().parent.parent.parent)
ZK4500 = (0x1B55, 0x0840)
SCANNER, CAMERA, PAD, READER = "1-1", "1-2", "1-3", "1-4"


def sound_machine(root):
    """Make a station with four capture devices, on which nothing is wrong."""
    machine = FakeMachine(root)
    for name, text in _FILES.items():
        machine.write(name, text)
    for name in _FOLDERS:
        (root / name).mkdir(parents=True, exist_ok=True)
        (root / name).chmod(0o777)
    for name in _NETWORK:
        machine.link(name, "/proc/self/net" if name == "proc/net" else f"/{name}")
    machine.log(90_000, "Linux version 6.1.0")
    plug_scanner(machine)
    plug_camera(machine)
    plug_pad(machine)
    plug_reader(machine)
    machine.write("run/pcscd/pcscd.comm", "").chmod(0o666)
    machine.program(600, "pcscd")
    for node in (root / "dev").rglob("*"):
        if node.is_file():
            node.chmod(0o666)
    return machine


def plug_scanner(machine, **attributes):
    """Plug a fingerprint scanner in."""
    return machine.plug(SCANNER, *ZK4500, title="ZKTeco Inc. ZK4500", **attributes)


def plug_camera(machine):
    """Plug an iris camera in."""
    faces = ((0x0E, "uvcvideo", "uvcvideo"),) * 2
    machine.plug(CAMERA, 0x1209, 0x0001, faces=faces, title="ektp_hw NIR Camera")


def plug_pad(machine):
    """Plug a signature pad in."""
    machine.plug(PAD, 0x056A, 0x00A4, faces=((0x03, "", ""),), title="Wacom STU-430")


def plug_reader(machine):
    """Plug a card reader in."""
    machine.plug(READER, 0x072F, 0x2200, faces=((0x0B, "usbfs", ""),), title="ACS ACR122U")
