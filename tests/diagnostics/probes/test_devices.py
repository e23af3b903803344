# SPDX-License-Identifier: Apache-2.0
import os
import threading

import pytest

from ektp_hw.devices.base import DeviceInfo, DeviceKind
from ektp_hw.diagnostics.capture_devices import found_devices
from ektp_hw.diagnostics.findings import Cause, Finding, Outcome, message
from ektp_hw.diagnostics.live_pads_and_cards import judge_reader
from ektp_hw.diagnostics.live_test import fault_of, try_device
from ektp_hw.diagnostics.probes.devices import PROBES, LiveTest
from ektp_hw.diagnostics.reply import Reply
from ektp_hw.errors import (
    CaptureTimeout,
    DeviceError,
    DeviceNotFound,
    DeviceUnavailable,
    UnavailableReason,
)
from fake_machine import FakeMachine
from live_desk import JUDGES, desk, try_one

__all__ = ["desk"]


def test_a_driver_that_raises_anything_is_untested(monkeypatch):
    def fail(info):
        raise RuntimeError(f"nobody expected this of {info.uri}")

    monkeypatch.setattr("ektp_hw.registry.open_device", fail)
    (found,) = try_one("card")
    assert found.outcome is Outcome.UNTESTED
    assert found.evidence["error"] == "RuntimeError: nobody expected this of virtual:card"


@pytest.mark.usefixtures("desk")
def test_a_device_that_hangs_costs_its_time_only(monkeypatch):
    rope = threading.Event()

    def hang(info):
        rope.wait(20)
        raise DeviceNotFound("it is not plugged in", device=info.uri)

    monkeypatch.setattr("ektp_hw.registry.open_device", hang)
    kind, judge = JUDGES["card"]
    info = DeviceInfo("virtual:card", kind, "reader", "virtual")
    reply = Reply("devices.card", message("devices.no_card"), info.uri)
    (found,) = try_device(reply, info, judge, 0.3, Cause.CARD_READER)
    rope.set()
    assert (found.seen.key, found.outcome) == ("devices.hangs", Outcome.BROKEN)


@pytest.mark.parametrize(
    ("reason", "cause"),
    [
        (UnavailableReason.NOT_PERMITTED, Cause.PERMISSION),
        (UnavailableReason.LIBRARY_MISSING, Cause.DRIVER),
        (UnavailableReason.SERVICE_MISSING, Cause.DRIVER),
        (UnavailableReason.POWERED_OFF, Cause.CABLE_OR_POWER),
    ],
)
def test_what_keeps_a_device_closed_names_its_cause(monkeypatch, reason, cause):
    def refuse(info):
        raise DeviceUnavailable("it cannot be used; do this", reason=reason, device=info.uri)

    monkeypatch.setattr("ektp_hw.registry.open_device", refuse)
    (found,) = try_one("card")
    assert (found.outcome, found.cause) == (Outcome.BROKEN, cause)
    assert found.evidence["said"] == "it cannot be used; do this"


def test_all_kinds_have_a_probe_and_only_found_devices_are_tried(tmp_path):
    assert {probe.kind for probe in PROBES} == set(DeviceKind)
    machine = FakeMachine(tmp_path)
    assert found_devices(machine.around()) == []
    for probe in PROBES:
        assert probe.run(machine.around(), []) == []
        (found,) = probe.run(machine.around(expects=(probe.what,)), [])
        assert found.outcome is Outcome.UNTESTED


@pytest.mark.usefixtures("desk")
def test_a_device_with_a_fault_below_it_is_left_alone(tmp_path):
    text = message("devices.no_card")
    below = Finding(
        "permissions.usb", text, text, Outcome.BROKEN, Cause.PERMISSION, device="virtual:card"
    )
    probe = LiveTest(DeviceKind.CARD, judge_reader)
    around = FakeMachine(tmp_path).around(virtual=True)
    findings = probe.run(around, [below])
    assert [one.outcome for one in findings if one.device == "virtual:card"] == [Outcome.UNTESTED]


@pytest.mark.parametrize(("load", "certainty"), [(0.1, 0.7), (1e6, 0.5)])
def test_what_is_late_on_a_swamped_computer_is_not_said_for_sure(monkeypatch, load, certainty):
    monkeypatch.setattr(os, "getloadavg", lambda: (load, load, load))
    info = DeviceInfo("usb:1b55:0840", DeviceKind.FINGERPRINT, "a scanner", "zk4500")
    reply = Reply("devices.fingerprint", message("devices.no_card"), info.uri)
    late = CaptureTimeout("no answer in time", device=info.uri)
    found = fault_of(reply, info, late, Cause.FINGERPRINT)
    assert (found.seen.key, found.certainty) == ("devices.silent", certainty)
    other = fault_of(reply, info, DeviceError("the lamp is dead"), Cause.FINGERPRINT)
    assert other.certainty == 0.7
