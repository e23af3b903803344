# SPDX-License-Identifier: Apache-2.0
import pytest

from ektp_hw.diagnostics.findings import Cause, Outcome
from ektp_hw.diagnostics.probes.usb import Descriptors, Enumeration, Presence, Topology
from ektp_hw.diagnostics.probes.usb_power import UsbPower
from ektp_hw.diagnostics.usb_bus import port_of, usb_devices
from fake_machine import FakeMachine

SCANNER = (0x1B55, 0x0840)
URI = "usb:1b55:0840@1-4"
NO_ANSWER = "device descriptor read/64, error -71"


@pytest.fixture
def machine(tmp_path):
    return FakeMachine(tmp_path)


def outcome(probe, machine, before=(), **around):
    """Return the findings as (device, outcome, seen key)."""
    found = probe.run(machine.around(**around), before)
    return [(one.device, one.outcome, one.seen.key.partition(".")[2]) for one in found]


@pytest.mark.parametrize(
    ("name", "place"),
    [("usb1-port4", "1-4"), ("1-1-port2", "1-1.2"), ("2-1.3-port1", "2-1.3.1")],
)
def test_ports_are_places(name, place):
    assert port_of(name) == place


def test_a_device_is_read_as_the_kernel_shows_it(machine):
    machine.plug("1-4.2", *SCANNER, faces=((0xFF, "usbfs", ""),), title="ZKTeco Inc. ZK4500")
    (plug,) = usb_devices(machine.around())
    assert plug.uri == "usb:1b55:0840@1-4.2"
    assert (plug.hub, plug.depth, plug.speed, plug.milliamperes) == ("1-4", 1, 480.0, 200)
    assert [(face.device_class, face.driver) for face in plug.faces] == [(0xFF, "usbfs")]
    assert plug.name == "ZKTeco Inc. ZK4500"


def test_a_healthy_bus_is_sound(machine):
    machine.plug("1-4", *SCANNER)
    machine.log(5000, "usb 1-4: new high-speed USB device number 2 using xhci_hcd")
    for probe in (Enumeration(), UsbPower(), Presence(), Descriptors(), Topology()):
        findings = probe.run(machine.around(expects=("fingerprint",)), [])
        assert {each.outcome for each in findings} == {Outcome.SOUND}, probe.name


def test_what_is_missing_is_the_cable_s_or_the_power_s(machine):
    machine.plug("1-4", *SCANNER)
    found = Presence().run(machine.around(expects=("fingerprint", "iris")), [])
    assert [each.outcome for each in found] == [Outcome.SOUND, Outcome.BROKEN]
    assert found[1].cause is Cause.CABLE_OR_POWER
    assert found[1].device == "expected:iris"


def test_an_unknown_scanner_counts_as_plugged_in(machine):
    machine.plug("1-4", 0x1162, 0x2200)
    assert outcome(Presence(), machine, expects=("fingerprint",)) == [
        ("usb:1162:2200@1-4", Outcome.SOUND, "present_fingerprint")
    ]


def test_all_devices_gone_at_once_have_one_reason(machine):
    machine.plug("1-2", 0x046D, 0xC077, faces=((0x03, "usbhid", ""),))
    machine.log(90, "usb 1-4: USB disconnect, device number 7")
    (found,) = Presence().run(machine.around(expects=("fingerprint", "iris", "card")), [])
    assert (found.seen.key, found.cause) == ("usb.missing_all", Cause.CABLE_OR_POWER)
    assert found.evidence["last_unplugged_port"] == "1-4"
    assert found.evidence["kinds"] == "fingerprint, iris, card"


def test_without_any_usb_the_computer_is_to_blame(tmp_path):
    machine = FakeMachine(tmp_path, usb=False)
    (missing,) = Presence().run(machine.around(expects=("card",)), [])
    assert missing.cause is Cause.COMPUTER
    assert outcome(Descriptors(), machine) == [("", Outcome.UNTESTED, "no_usb")]


def test_without_expectations_nothing_can_be_missing(machine):
    assert outcome(Presence(), machine) == [("", Outcome.UNTESTED, "nothing_expected")]


def test_a_port_that_does_not_answer_is_found_and_explains_what_is_missing(machine):
    machine.log(40, "usb 1-4: new full-speed USB device number 9 using xhci_hcd")
    machine.log(40, f"usb 1-4: {NO_ANSWER}")
    machine.log(30, "usb usb1-port4: unable to enumerate USB device")
    silent = Enumeration().run(machine.around(), [])
    assert [(one.device, one.outcome) for one in silent] == [("usb@1-4", Outcome.BROKEN)]
    assert silent[0].evidence["port"] == "1-4"
    (missing,) = Presence().run(machine.around(expects=("fingerprint",)), silent)
    assert missing.device == "usb@1-4"
    assert missing.certainty > 0.9


def test_an_old_failure_at_a_port_is_only_a_remark(machine):
    machine.log(20_000, f"usb 1-4: {NO_ANSWER}")
    assert outcome(Enumeration(), machine) == [("usb@1-4", Outcome.SUSPECT, "port_silent")]


def test_a_device_that_answered_in_the_end_is_unsteady(machine):
    machine.plug("1-4", *SCANNER)
    machine.log(40, f"usb 1-4: {NO_ANSWER}")
    assert outcome(Enumeration(), machine) == [(URI, Outcome.SUSPECT, "port_unsteady")]


def test_a_device_that_comes_and_goes_is_unsteady(machine):
    machine.plug("1-4", *SCANNER)
    for ago in (3000, 1500):
        machine.log(ago, "usb 1-4: USB disconnect, device number 7")
    assert outcome(Enumeration(), machine)[0][1] is Outcome.SOUND
    machine.log(20, "usb 1-4: USB disconnect, device number 8")
    assert outcome(Enumeration(), machine) == [(URI, Outcome.SUSPECT, "port_unsteady")]


def test_resets_alone_are_no_sign_because_drivers_open_with_one(machine):
    machine.plug("1-4", *SCANNER)
    for ago in range(100):
        machine.log(ago, "usb 1-4: reset high-speed USB device number 7 using xhci_hcd")
    assert outcome(Enumeration(), machine)[0][1] is Outcome.SOUND


def test_a_mouse_may_come_and_go(machine):
    machine.plug("1-2", 0x046D, 0xC077, faces=((0x03, "usbhid", ""),))
    for ago in range(5):
        machine.log(ago, "usb 1-2: USB disconnect, device number 7")
    assert outcome(Enumeration(), machine)[0][1] is Outcome.SOUND


def test_a_log_that_may_not_be_read_is_untested(machine):
    (machine.root / "dev/kmsg").unlink()
    assert outcome(Enumeration(), machine) == [("", Outcome.UNTESTED, "log_unreadable")]


def test_a_device_without_configuration_is_unreadable(machine):
    machine.plug("1-4", *SCANNER, bConfigurationValue="", faces=())
    assert outcome(Descriptors(), machine) == [(URI, Outcome.BROKEN, "unreadable")]


def test_a_slow_hub_is_named(machine):
    machine.hub("1-4", speed="12")
    machine.plug("1-4.2", *SCANNER, speed="12")
    assert outcome(Topology(), machine) == [("usb:1b55:0840@1-4.2", Outcome.SUSPECT, "slow_hub")]


def test_a_fast_device_at_full_speed_has_a_bad_cable(machine):
    machine.plug("1-4", *SCANNER, speed="12")
    assert outcome(Topology(), machine) == [(URI, Outcome.SUSPECT, "slow_cable")]


def test_the_kernel_tells_of_a_device_that_could_be_faster(machine):
    machine.plug("1-4", 0x298D, 0x1010, speed="12")
    assert outcome(Topology(), machine)[0][1] is Outcome.SOUND
    machine.log(9, "usb 1-4: not running at top speed; connect to a high speed hub")
    assert outcome(Topology(), machine)[0][2] == "slow_cable"


def test_a_long_chain_of_hubs_is_a_remark(machine):
    machine.plug("1-4.1.1.2", *SCANNER)
    assert outcome(Topology(), machine)[0][2] == "deep"


def test_an_overloaded_port_is_switched_off(machine):
    machine.log(60, "usb usb1-port4: over-current condition")
    assert outcome(UsbPower(), machine) == [("usb@1-4", Outcome.BROKEN, "over_current")]


def test_the_counter_of_overloads_speaks_where_the_log_is_closed(machine):
    (machine.root / "dev/kmsg").unlink()
    machine.write("sys/bus/usb/devices/1-0:1.0/usb1-port4/over_current_count", "3\n")
    machine.write("sys/bus/usb/devices/1-0:1.0/usb1-port5/over_current_count", "0\n")
    (found,) = UsbPower().run(machine.around(), [])
    assert (found.device, found.outcome) == ("usb@1-4", Outcome.SUSPECT)
    assert found.evidence["over_current_count"] == 3


def test_undervoltage_now_is_a_fault_and_before_a_remark(machine):
    machine.log(600, "hwmon hwmon1: Undervoltage detected!")
    assert outcome(UsbPower(), machine) == [("", Outcome.SUSPECT, "was_undervoltage")]
    machine.write("sys/class/hwmon/hwmon1/name", "rpi_volt")
    machine.write("sys/class/hwmon/hwmon1/in0_lcrit_alarm", "1")
    assert outcome(UsbPower(), machine) == [("", Outcome.BROKEN, "undervoltage")]


def test_a_hub_without_supply_may_promise_too_much(machine):
    machine.hub("1-4")
    machine.plug("1-4.1", *SCANNER, bMaxPower="300mA")
    assert outcome(UsbPower(), machine)[0][1] is Outcome.SOUND
    machine.plug("1-4.2", 0x298D, 0x1010, bMaxPower="300mA")
    assert outcome(UsbPower(), machine) == [("usb:05e3:0608@1-4", Outcome.SUSPECT, "over_budget")]


def test_a_device_refused_for_its_thirst_is_a_fault(machine):
    machine.hub("1-4")
    machine.plug("1-4.1", *SCANNER, bMaxPower="500mA", bConfigurationValue="", faces=())
    machine.log(9, "usb 1-4.1: rejected 1 configuration due to insufficient available bus power")
    assert outcome(UsbPower(), machine) == [
        ("usb:1b55:0840@1-4.1", Outcome.BROKEN, "refused_power")
    ]


def test_a_hub_with_its_own_supply_may_give_more(machine):
    machine.hub("1-4", bmAttributes="e0")
    for port in (1, 2, 3):
        machine.plug(f"1-4.{port}", *SCANNER, bMaxPower="500mA")
    assert outcome(UsbPower(), machine)[0][1] is Outcome.SOUND


@pytest.mark.parametrize(
    ("state", "seen", "grade"),
    [("suspended", "asleep", Outcome.SUSPECT), ("error", "wake_failed", Outcome.BROKEN)],
)
def test_devices_that_power_saving_put_to_sleep(machine, state, seen, grade):
    machine.plug("1-4", *SCANNER, power__runtime_status=state, power__control="auto")
    assert outcome(UsbPower(), machine) == [(URI, grade, seen)]


def test_a_webcam_is_the_portrait_camera_and_an_infrared_one_is_not(machine):
    faces = ((0x0E, "uvcvideo", "uvcvideo"),) * 2
    machine.plug("1-1", 0x0BDA, 0x5634, faces=faces, title="Acme IR Camera")
    machine.plug("1-4", *SCANNER)
    wanted = ("fingerprint", "camera")
    assert outcome(Presence(), machine, expects=wanted)[1] == (
        "expected:camera", Outcome.BROKEN, "missing_camera",
    )  # fmt: skip
    machine.plug("1-2", 0x046D, 0x0825, faces=faces, title="Logitech Webcam C270")
    assert outcome(Presence(), machine, expects=wanted)[1][2] == "present_camera"
