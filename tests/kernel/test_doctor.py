# SPDX-License-Identifier: Apache-2.0
"""The doctor's device probes on a mock kernel: real libusb, real /sys, real drivers."""

import pytest

mock_kernel = pytest.importorskip("mock_kernel", exc_type=ImportError)  # not outside Linux
if lack := mock_kernel.missing():
    pytest.skip(lack, allow_module_level=True)

from ektp_hw.virtual.scanner import VirtualScanner  # noqa: E402
from mock_kernel import UsbDevice, talk  # noqa: E402

LOOK = """
from ektp_hw.diagnostics.probes import devices, drivers, libraries, permissions, usb
from ektp_hw.diagnostics.probing import run_probes
from ektp_hw.diagnostics.surroundings import StationProfile, Surroundings
from ektp_hw.diagnostics.verdict import judge

areas = [usb, libraries, drivers, permissions, devices]
slow = {"libraries.package", "drivers.extractors", "libraries.fingerprint"}
probes = [one for area in areas for one in area.PROBES if one.name not in slow]
report = run_probes(probes, Surroundings(StationProfile(expects=("fingerprint",))))
causes = {name: found for area in areas for name, found in area.CAUSES.items()}
verdict = judge(report, causes)
ours = [one for one in report.findings if one.device.startswith("usb:")]
tell([[one.probe, one.outcome, one.seen.key.partition(".")[2]] for one in ours])
tell([verdict.cause, [fault.root.probe for fault in verdict.faults], report.seconds])
"""


@pytest.fixture
def machine():
    with mock_kernel.Machine() as one:
        yield one


def look(machine):
    """Return the findings about the scanner by probe, and the verdict's cause and roots."""
    findings, verdict = (one.value for one in talk(machine, LOOK))
    by_probe = {}
    for probe, outcome, seen in findings:
        by_probe.setdefault(probe, []).append((outcome, seen))
    return by_probe, verdict


def test_a_healthy_scanner(machine):
    scanner = VirtualScanner()
    scanner.present(None)
    device = machine.plug(UsbDevice(scanner))
    found, (cause, roots, seconds) = look(machine)
    assert (cause, roots) == (None, [])
    assert found["devices.fingerprint"] == [("sound", "scanner_sound")]
    assert found["drivers.held"] == [("sound", "free")]
    assert found["usb.descriptors"] == [("sound", "readable")]
    assert device.holders == 0
    assert seconds < 30


def test_a_scanner_that_the_kernel_holds(machine):
    machine.plug(UsbDevice(VirtualScanner(), held_by="usbtest"))
    found, (cause, roots, _) = look(machine)
    assert cause == "driver"
    assert roots == ["drivers.held"]
    assert found["drivers.held"] == [("broken", "kernel_holds")]
    assert found["devices.fingerprint"] == [("untested", "fault_below")]


def test_a_scanner_whose_cable_breaks_during_the_test(machine):
    scanner = VirtualScanner()
    scanner.misbehave("unplug")
    machine.plug(UsbDevice(scanner))
    found, (cause, _, _) = look(machine)
    assert cause == "cable_or_power"
    assert found["devices.fingerprint"] == [("broken", "went_away")]


def test_no_scanner_at_all(machine):
    _, (cause, roots, _) = look(machine)
    assert cause in {"cable_or_power", "computer"}
    assert roots == ["usb.presence"]
