# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest

from ektp_hw import registry
from ektp_hw.errors import DeviceRemoved
from ektp_hw.samples import SignatureTrace
from ektp_hw.synthetic import SyntheticPerson
from ektp_hw.virtual.pad import VirtualSignaturePad
from ektp_hw.virtual.usb_function import Setup, Stall


def feature(pad, report, length=64):
    return pad.on_control(Setup(0xA1, 1, 0x300 | report, 0, length), b"")


def test_signature_of_a_synthetic_person(desk):
    del desk
    with registry.open_device("virtual:signature?seed=3&speed=20") as pad:
        trace = pad.capture(timeout=10, rest=0.4)
    truth = SyntheticPerson(3).signature(0)
    written = truth.pressure > 0.001
    assert abs(trace.x_mm.min() - truth.x_mm[written].min()) < 0.1
    assert abs(trace.y_mm.max() - truth.y_mm[written].max()) < 0.1
    assert abs(len(trace) - (truth.seconds[-1] - truth.seconds[0]) * 200) < 60


def test_every_opening_is_another_signing(desk):
    traces = []
    for _ in range(2):
        with registry.open_device("virtual:signature?seed=3&speed=20") as pad:
            traces.append(pad.capture(timeout=10, rest=0.4))
    assert desk.pad.is_plugged
    assert not np.array_equal(traces[0].x_mm[:50], traces[1].x_mm[:50])


def test_pulled_cable(desk):
    desk.pad.misbehave("unplug")
    with registry.open_device("virtual:signature?speed=20") as pad, pytest.raises(DeviceRemoved):
        pad.capture(timeout=5)


@pytest.mark.parametrize("options", ["seed=x", "speed=0", "speed=fast", "colour=red"])
def test_wrong_options_are_told(desk, options):
    del desk
    with pytest.raises(ValueError, match="virtual:signature"):
        registry.open_device(f"virtual:signature?{options}")


def test_feature_reports_have_the_familys_lengths():
    pad = VirtualSignaturePad()
    assert [len(feature(pad, report)) for report in (0x03, 0x08, 0x09, 0x21)] == [5, 17, 17, 2]
    assert feature(pad, 0x08)[1:8] == b"STU-430"
    with pytest.raises(Stall):
        feature(pad, 0x77)
    with pytest.raises(Stall):
        pad.on_control(Setup(0x21, 9, 0x321, 0, 2), b"\x20\x01")


def test_reports_come_after_clearing_only():
    column = np.linspace(0, 0.1, 21)
    pad = VirtualSignaturePad(SignatureTrace(column, column, column, column), speed=1e6)
    assert pad.on_in(0x81, 64) is None
    pad.on_control(Setup(0x21, 9, 0x320, 0, 2), b"\x20\x00")
    reports = [pad.on_in(0x81, 64) for _ in range(22)]
    assert {len(report) for report in reports} == {7}
    assert reports[-1] == b"\x01" + bytes(6)
    assert pad.on_in(0x81, 64) is None


def test_an_empty_trace_is_nobody():
    nothing = np.zeros(0)
    pad = VirtualSignaturePad()
    pad.present(SignatureTrace(nothing, nothing, nothing, nothing))
    pad.on_control(Setup(0x21, 9, 0x320, 0, 2), b"\x20\x00")
    assert pad.on_in(0x81, 64) is None


def test_report_descriptor_has_the_length_it_claims():
    pad = VirtualSignaturePad()
    hid = pad.interfaces[0].extra
    descriptor = pad.on_control(Setup(0x81, 6, 0x2200, 0, 256), b"")
    assert int.from_bytes(hid[7:9], "little") == len(descriptor)
