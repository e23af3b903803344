# SPDX-License-Identifier: Apache-2.0
"""Whole stations: every probe of devices at once, and the verdict that comes of it."""

import time

import pytest

from ektp_hw.diagnostics.findings import Cause, Outcome
from ektp_hw.diagnostics.probes import drivers, permissions, usb
from ektp_hw.diagnostics.probes import libraries as of_libraries
from ektp_hw.diagnostics.probing import run_probes
from ektp_hw.diagnostics.surroundings import StationProfile, Surroundings
from ektp_hw.diagnostics.verdict import judge
from ektp_hw.diagnostics.wording import LANGUAGES, worded
from fake_machine import FakeMachine
from live_desk import desk

__all__ = ["desk"]

ZK4500 = (0x1B55, 0x0840)
ALL = ("fingerprint", "iris", "signature", "card")
LOOKED_AT = (usb, drivers, permissions)


@pytest.fixture
def machine(tmp_path):
    machine = FakeMachine(tmp_path)
    machine.write("run/pcscd/pcscd.comm", "").chmod(0o666)
    machine.program(600, "pcscd")
    return machine


def plug_all(machine):
    """Plug a whole station in."""
    machine.plug("1-1", *ZK4500, title="ZKTeco Inc. ZK4500")
    faces = ((0x0E, "uvcvideo", "uvcvideo"),) * 2
    machine.plug("1-2", 0x1209, 0x0001, faces=faces, title="NIR Camera")
    machine.plug("1-3", 0x056A, 0x00A4, faces=((0x03, "", ""),), title="Wacom STU-430")
    machine.plug("1-4", 0x072F, 0x2200, faces=((0x0B, "usbfs", ""),), title="ACS ACR122U")


def look(machine, expects=ALL):
    """Run the probes that read the machine's files; return report and verdict."""
    probes = [one for area in LOOKED_AT for one in area.PROBES if one.name != "drivers.extractors"]
    probes += [of_libraries.CardService()]
    report = run_probes(probes, machine.around(expects=expects))
    causes = {name: found for area in (*LOOKED_AT, of_libraries) for name, found in
              area.CAUSES.items()}  # fmt: skip
    for finding in report.findings:
        for text in (finding.checked, finding.seen, finding.advice):
            for language in LANGUAGES:
                assert text is None or worded(text, language)
    return report, judge(report, causes)


def test_a_healthy_station_is_healthy_and_rules_out_what_it_can(machine):
    plug_all(machine)
    begun = time.monotonic()
    _, verdict = look(machine)
    assert time.monotonic() - begun < 10
    assert verdict.is_healthy
    assert not verdict.suspects
    assert {Cause.CABLE_OR_POWER, Cause.DRIVER} <= set(verdict.ruled_out)


def test_a_device_that_does_not_answer_is_one_fault_not_two(machine):
    plug_all(machine)
    for name in ("1-1", "1-1:1.0"):
        for file in sorted((machine.root / "sys/bus/usb/devices" / name).rglob("*"), reverse=True):
            file.unlink() if file.is_file() else file.rmdir()
    machine.log(30, "usb 1-1: device descriptor read/64, error -71")
    _, verdict = look(machine)
    assert [fault.cause for fault in verdict.faults] == [Cause.CABLE_OR_POWER]
    assert [one.probe for one in verdict.faults[0].chain] == ["usb.presence"]


def test_an_unauthorised_device_is_a_matter_of_permission_alone(machine):
    plug_all(machine)
    machine.write("sys/bus/usb/devices/1-1/authorized", "0")
    machine.write("sys/bus/usb/devices/1-1/bConfigurationValue", "")
    _, verdict = look(machine)
    assert [fault.cause for fault in verdict.faults] == [Cause.PERMISSION]


def test_an_unreadable_device_explains_what_stands_on_it(machine):
    plug_all(machine)
    machine.write("sys/bus/usb/devices/1-1/bConfigurationValue", "")
    _, verdict = look(machine)
    assert [fault.root.probe for fault in verdict.faults] == ["usb.descriptors"]


def test_two_faults_of_two_devices_are_both_named(machine):
    plug_all(machine)
    machine.plug("1-5", 0x1162, 0x2200, title="SecuGen Hamster")
    machine.program(4711, "enrollment", "dev/bus/usb/001/003")
    machine.write("sys/bus/usb/devices/1-3/bConfigurationValue", "")
    _, verdict = look(machine)
    assert {fault.cause for fault in verdict.faults} == {Cause.CABLE_OR_POWER, Cause.DRIVER}


def test_a_missing_kind_hides_no_other_fault(machine):
    machine.plug("1-1", *ZK4500, faces=((0xFF, "usbtest", "usbtest"),))
    _, verdict = look(machine, expects=("fingerprint", "iris"))
    assert [fault.cause for fault in verdict.faults] == [Cause.CABLE_OR_POWER, Cause.DRIVER]


def test_a_machine_without_anything_still_answers(tmp_path):
    report, verdict = look(FakeMachine(tmp_path, usb=False), expects=())
    assert verdict.is_healthy
    assert Outcome.BROKEN not in {one.outcome for one in report.findings}


@pytest.mark.usefixtures("desk")
def test_a_virtual_station_is_healthy_through_all_probes(tmp_path):
    from ektp_hw.diagnostics.probes import all_probes, causes_of_probes

    ours = {"usb", "libraries", "drivers", "permissions", "devices"}
    probes = [probe for probe in all_probes() if probe.name.partition(".")[0] in ours]
    FakeMachine(tmp_path)
    around = Surroundings(StationProfile(expects=ALL), root=tmp_path, virtual=True)
    report = run_probes(probes, around)
    verdict = judge(report, causes_of_probes())
    assert verdict.is_healthy, verdict.faults
    assert {Cause.IRIS, Cause.PAD, Cause.CARD_READER} <= set(verdict.ruled_out)
    assert report.seconds < 40


def test_probes_stand_on_probes_that_exist():
    from ektp_hw.diagnostics.probes import all_probes, causes_of_probes

    names = {probe.name for probe in all_probes()}
    assert names == set(causes_of_probes())
    for probe in all_probes():
        assert set(probe.stands_on) <= names, probe.name
