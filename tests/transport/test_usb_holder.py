# SPDX-License-Identifier: Apache-2.0
"""Who holds a device is named, with the command that makes it let go."""

import subprocess
import sys
from pathlib import Path

import pytest

from ektp_hw.transport import node_openers, usb_holder


@pytest.fixture
def machine(monkeypatch, tmp_path):
    """Make a /sys, a /dev and a /proc below a folder; return it."""
    (tmp_path / "devices").mkdir()
    (tmp_path / "nodes" / "001").mkdir(parents=True)
    (tmp_path / "nodes" / "001" / "002").touch()
    monkeypatch.setattr(usb_holder, "_SYSFS", tmp_path / "devices")
    monkeypatch.setattr(usb_holder, "_NODES", tmp_path / "nodes")
    return tmp_path


def bind(machine, driver, module=None):
    folder = machine / "drivers" / driver
    folder.mkdir(parents=True)
    if module:
        (folder / "module").symlink_to(f"../../modules/{module}")
    face = machine / "devices" / "1-4.2:1.0"
    face.mkdir()
    (face / "driver").symlink_to(f"../../drivers/{driver}")


def held():
    return usb_holder.holder("1-4.2", 0, 1, 2)


def test_a_kernel_driver_is_named_with_its_module_and_how_to_unbind_it(machine):
    bind(machine, "pn533_usb", "pn533")
    assert held() == (
        "the kernel driver 'pn533_usb' of the module pn533 holds it; free it as root with"
        " 'echo 1-4.2:1.0 > /sys/bus/usb/drivers/pn533_usb/unbind'"
    )


def test_a_driver_that_is_built_in_has_no_module(machine):
    bind(machine, "usbhid")
    assert "the kernel driver 'usbhid' holds it" in held()


@pytest.fixture
def other_program(machine):
    script = "import sys; file = open(sys.argv[1]); print(flush=True); sys.stdin.read()"
    with subprocess.Popen(
        [sys.executable, "-c", script, machine / "nodes" / "001" / "002"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        process.stdout.readline()
        yield process
        process.stdin.close()


def test_a_program_is_named_with_its_number(machine, other_program):
    bind(machine, "usbfs")
    name = Path(f"/proc/{other_program.pid}/comm").read_text().strip()
    said = f"the program {name} (process {other_program.pid}) holds it; close that program"
    assert held() == said


def test_a_service_is_stopped_not_closed(machine, monkeypatch, tmp_path):
    process = tmp_path / "proc" / "812"
    (process / "fd").mkdir(parents=True)
    (process / "fd" / "9").symlink_to(machine / "nodes" / "001" / "002")
    (process / "comm").write_text("pcscd\n")
    (tmp_path / "proc" / "813").mkdir()  # one that has just ended
    monkeypatch.setattr(node_openers, "_PROC", tmp_path / "proc")
    assert held() == (
        "the program pcscd (process 812) holds it; 'systemctl stop pcscd.socket pcscd.service'"
    )


def test_this_program_itself_is_told_so(machine):
    bind(machine, "usbfs")
    with (machine / "nodes" / "001" / "002").open("rb"):
        assert held() == "this program itself has it open elsewhere; close it there"


def test_where_the_system_does_not_tell_there_is_still_advice(machine):
    assert held() == (
        "another program holds it; close that program"
        f" ('sudo lsof {machine}/nodes/001/002' names it)"
    )
