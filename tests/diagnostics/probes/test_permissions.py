# SPDX-License-Identifier: Apache-2.0
import stat

import pytest

from ektp_hw.diagnostics.accounts import Account
from ektp_hw.diagnostics.findings import Cause, Outcome, Who
from ektp_hw.diagnostics.probes.permissions import CARDS, NODES, USB
from fake_machine import FakeMachine

ZK4500 = (0x1B55, 0x0840)
URI = "usb:1b55:0840@1-4"


@pytest.fixture
def machine(tmp_path):
    return FakeMachine(tmp_path)


def clerk(*groups):
    """Return an account that owns nothing, judged by the modes of files."""

    def may_open(path):
        seen = path.stat()
        bits = stat.S_IMODE(seen.st_mode)
        return bits & 0o006 == 0o006 or (seen.st_gid in groups and bits & 0o060 == 0o060)

    return lambda: Account("clerk", is_root=False, groups=frozenset(groups), may_open=may_open)


def test_an_open_node_is_sound(machine):
    node = machine.plug("1-4", *ZK4500)
    (machine.root / node).chmod(0o666)
    (found,) = USB.of(clerk()).run(machine.around(), [])
    assert (found.device, found.outcome) == (URI, Outcome.SOUND)


def test_a_closed_node_comes_with_the_rule_to_write(machine):
    node = machine.plug("1-4", *ZK4500)
    (machine.root / node).chmod(0o600)
    (found,) = USB.of(clerk()).run(machine.around(), [])
    assert (found.outcome, found.cause) == (Outcome.BROKEN, Cause.PERMISSION)
    rule = found.advice.values["rule"]
    assert 'ATTR{idVendor}=="1b55"' in rule
    assert 'TAG+="uaccess"' in rule
    assert found.evidence["node"] == f"/{node}"


def test_membership_that_is_not_yet_effective_needs_a_new_login(machine):
    node = machine.plug("1-4", *ZK4500)
    path = machine.root / node
    path.chmod(0o660)
    group = path.stat().st_gid
    machine.write("etc/group", f"plugdev:x:{group}:somebody,clerk\n")
    (found,) = USB.of(clerk()).run(machine.around(), [])
    assert (found.seen.key, found.who) == ("permissions.login_anew", Who.CLERK)
    assert found.seen.values["group"] == "plugdev"
    (now,) = USB.of(clerk(group)).run(machine.around(), [])
    assert now.outcome is Outcome.SOUND
    machine.write("etc/group", f"plugdev:x:{group}:somebody\n")
    (found,) = USB.of(clerk()).run(machine.around(), [])
    assert found.seen.key == "permissions.may_not_open"


def test_the_administrator_proves_little_about_the_clerk(machine):
    machine.plug("1-4", *ZK4500)
    account = Account("root", is_root=True, may_open=lambda path: path.exists())
    (found,) = USB.of(lambda: account).run(machine.around(), [])
    assert (found.outcome, found.certainty) == (Outcome.SOUND, 0.5)


def test_a_device_the_computer_blocks_is_a_matter_of_permission(machine):
    machine.plug("1-4", *ZK4500, authorized="0", bConfigurationValue="", faces=())
    (found,) = USB.of(clerk()).run(machine.around(), [])
    assert (found.outcome, found.cause) == (Outcome.BROKEN, Cause.PERMISSION)
    assert found.seen.key == "permissions.unauthorised"


def test_a_node_that_is_not_there_is_untested(machine):
    machine.plug("1-4", *ZK4500, node=False)
    (found,) = USB.of(clerk()).run(machine.around(), [])
    assert found.outcome is Outcome.UNTESTED


def test_nodes_of_cameras_are_looked_at(machine):
    machine.plug("1-4", 0x2BC5, 0x0501, faces=((0x0E, "uvcvideo", "uvcvideo"),))
    machine.write("sys/bus/usb/devices/1-4:1.0/video4linux/video0/name", "Iris")
    machine.write("dev/video0", "").chmod(0o600)
    (found,) = NODES.of(clerk()).run(machine.around(), [])
    assert (found.device, found.outcome) == ("video:/dev/video0", Outcome.BROKEN)
    assert 'SUBSYSTEM=="video4linux"' in found.advice.values["rule"]


def test_serial_ports_that_somebody_named_are_looked_at(machine):
    machine.write("dev/ttyUSB0", "").chmod(0o600)
    machine.link("dev/ektp/zfm", "../ttyUSB0")
    (found,) = NODES.of(clerk()).run(machine.around(), [])
    assert (found.device, found.outcome) == ("serial:/dev/ektp/zfm", Outcome.BROKEN)
    (machine.root / "dev/ttyUSB0").chmod(0o666)
    (found,) = NODES.of(clerk()).run(machine.around(), [])
    assert found.outcome is Outcome.SOUND


def test_the_service_s_socket_decides_about_cards(machine):
    probe = CARDS.of(clerk())
    assert probe.run(machine.around(), [])[0].outcome is Outcome.UNTESTED
    socket = machine.write("run/pcscd/pcscd.comm", "")
    socket.chmod(0o600)
    assert probe.run(machine.around(), [])[0].outcome is Outcome.SUSPECT
    (found,) = probe.run(machine.around(expects=("card",)), [])
    assert (found.outcome, found.cause) == (Outcome.BROKEN, Cause.PERMISSION)
    socket.chmod(0o666)
    assert probe.run(machine.around(expects=("card",)), [])[0].outcome is Outcome.SOUND


def test_this_program_s_own_account_can_be_asked(machine):
    node = machine.plug("1-4", *ZK4500)
    (machine.root / node).chmod(0o666)
    (found,) = USB.run(machine.around(), [])
    assert found.outcome is Outcome.SOUND
    assert "name" not in found.evidence


def test_only_the_way_that_a_driver_takes_must_be_open(machine):
    node = machine.plug("1-4", 0x04DF, 0x0012, faces=((0x03, "usbhid", "usbhid"),))
    (machine.root / node).chmod(0o600)
    hid = "sys/bus/usb/devices/1-4:1.0/0003:04DF:0012.0001/hidraw/hidraw0"
    machine.write(f"{hid}/dev", "240:0")
    machine.write("dev/hidraw0", "").chmod(0o600)
    found = [
        one.device
        for probe in (USB.of(clerk()), NODES.of(clerk()))
        for one in probe.run(machine.around(), [])
        if one.is_fault
    ]
    assert len(found) == 1
