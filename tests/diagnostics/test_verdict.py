# SPDX-License-Identifier: Apache-2.0
import pytest

from ektp_hw.diagnostics.findings import Cause, Finding, Outcome, message
from ektp_hw.diagnostics.probing import Report
from ektp_hw.diagnostics.verdict import judge

STANDS_ON = {
    "usb.presence": (),
    "usb.permission": ("usb.presence",),
    "device.capture": ("usb.permission",),
    "network.link": (),
    "network.centre": ("network.link",),
}
CAUSES = {
    "usb.presence": (Cause.CABLE_OR_POWER,),
    "usb.permission": (Cause.PERMISSION,),
    "device.capture": (Cause.FINGERPRINT,),
    "network.link": (Cause.LOCAL_NETWORK,),
    "network.centre": (Cause.CENTRAL_SERVICE,),
}


def finding(probe, outcome=Outcome.SOUND, device="", certainty=0.9):
    cause = None if outcome is Outcome.SOUND else CAUSES[probe][0]
    text = message("probe.checked", probe=probe)
    return Finding(probe, text, text, outcome, cause, certainty, device=device)


def verdict(*not_sound):
    other = [finding(name) for name in STANDS_ON if name not in {each.probe for each in not_sound}]
    return judge(Report((*not_sound, *other), STANDS_ON, 1.0), CAUSES)


def test_a_sound_station_is_healthy_and_rules_everything_out():
    healthy = verdict()
    assert healthy.is_healthy
    assert healthy.cause is None
    assert set(healthy.ruled_out) == {causes[0] for causes in CAUSES.values()}


def test_the_deepest_fault_explains_those_above_it():
    one = verdict(
        finding("device.capture", Outcome.BROKEN, "usb:1"),
        finding("usb.presence", Outcome.BROKEN, "usb:1"),
        finding("usb.permission", Outcome.BROKEN, "usb:1"),
    )
    assert [fault.cause for fault in one.faults] == [Cause.CABLE_OR_POWER]
    assert [each.probe for each in one.faults[0].chain] == ["usb.permission", "device.capture"]


def test_a_fault_of_another_device_explains_nothing():
    two = verdict(
        finding("device.capture", Outcome.BROKEN, "usb:1"),
        finding("usb.presence", Outcome.BROKEN, "usb:2"),
    )
    assert {fault.cause for fault in two.faults} == {Cause.FINGERPRINT, Cause.CABLE_OR_POWER}


def test_independent_faults_are_both_named_and_what_stops_recording_comes_first():
    two = verdict(
        finding("network.link", Outcome.BROKEN), finding("device.capture", Outcome.BROKEN)
    )
    assert [fault.cause for fault in two.faults] == [Cause.FINGERPRINT, Cause.LOCAL_NETWORK]


def test_an_uncertain_fault_is_undecided_and_not_ruled_out():
    unsure = verdict(finding("network.centre", Outcome.BROKEN, certainty=0.3))
    assert not unsure.is_healthy
    assert unsure.cause is None
    assert [fault.cause for fault in unsure.undecided] == [Cause.CENTRAL_SERVICE]
    assert Cause.CENTRAL_SERVICE not in unsure.ruled_out


def test_what_is_suspect_or_untested_is_no_fault_and_rules_nothing_out():
    worn = verdict(
        finding("usb.presence", Outcome.SUSPECT), finding("network.link", Outcome.UNTESTED)
    )
    assert worn.is_healthy
    assert [each.probe for each in worn.suspects] == ["usb.presence"]
    assert [each.probe for each in worn.untested] == ["network.link"]
    assert not {Cause.CABLE_OR_POWER, Cause.LOCAL_NETWORK} & set(worn.ruled_out)


def test_a_fault_must_name_a_cause():
    text = message("probe.checked", probe="x")
    with pytest.raises(ValueError, match="must name a cause"):
        Finding("x", text, text, Outcome.BROKEN)
