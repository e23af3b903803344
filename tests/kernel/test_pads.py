# SPDX-License-Identifier: Apache-2.0
"""Signature pads on the kernel's roads: hidraw and evdev nodes, real system calls, our drivers."""

import threading

import numpy as np
import pytest

mock_kernel = pytest.importorskip("mock_kernel", exc_type=ImportError)  # not outside Linux
if lack := mock_kernel.missing():
    pytest.skip(lack, allow_module_level=True)

from ektp_hw.samples import SignatureTrace  # noqa: E402
from ektp_hw.virtual import epad, evdev_tablet, pad  # noqa: E402
from mock_kernel import Axis, EventDevice, HidrawDevice, UsbDevice, start, talk  # noqa: E402
from pad_bench import are_same, signature  # noqa: E402

SIGN = """
def signed(pad, **wishes):
    trace = pad.capture(**{"timeout": 20, "rest": 0.3, **wishes})
    columns = (trace.seconds, trace.x_mm, trace.y_mm, trace.pressure)
    return [list(map(float, column)) for column in columns] + [trace.dropped]
"""


@pytest.fixture
def machine():
    with mock_kernel.Machine() as one:
        yield one


def as_trace(value):
    return SignatureTrace(*map(np.array, value[:4]), dropped=value[4])


def test_an_stu_by_hidraw_equals_its_source(machine):
    truth = signature(pad.SCALE)
    model = pad.VirtualSignaturePad(truth)
    device = machine.plug(HidrawDevice(model))
    body = f"""
tell(lambda: [info.uri for info in hw.discover("signature") if "virtual" not in info.uri])
with hw.open_device("hidraw:{device.path}") as pad:
    pad.show_text("Tanda tangan")
    tell(pad.information.model)
    tell(lambda: signed(pad))
with hw.open_device("hidraw:{device.path}") as pad:
    tell(lambda: hw.open_device("hidraw:{device.path}"))
"""
    told = talk(machine, SIGN + body)
    assert told[0].value == [f"hidraw:{device.path}"]
    assert told[1].value == "STU-430"
    assert are_same(as_trace(told[2].value), truth)
    assert told[2].value[4] == 0
    assert told[3].error == "DeviceBusy"
    assert device.holders == 0


def test_an_stu_by_libusb_equals_its_source(machine):
    truth = signature(pad.SCALE)
    machine.plug(UsbDevice(pad.VirtualSignaturePad(truth, model="430")))
    body = 'with hw.open_device("usb:056a:00a4") as pad:\n    tell(lambda: signed(pad))\n'
    (told,) = talk(machine, SIGN + body)
    assert are_same(as_trace(told.value), truth)
    assert told.value[4] == 0


def patient_epad(truth):
    """An ePad on which somebody signs a while after it was opened, when the program waits."""
    model = epad.VirtualEpad(truth)
    model.signing.after = 1.0
    return model


def test_an_epad_by_hidraw_and_by_libusb_equals_its_source(machine):
    truth = signature(epad.SCALE)
    body = "with hw.open_device(URI) as pad:\n    tell(lambda: signed(pad))\n"
    device = machine.plug(HidrawDevice(patient_epad(truth)))
    (told,) = talk(machine, SIGN + body, URI=f"hidraw:{device.path}")
    assert are_same(as_trace(told.value), truth)
    device.unplug()
    machine.plug(UsbDevice(patient_epad(truth)))
    (told,) = talk(machine, SIGN + body, URI="usb:04df:0012")
    assert are_same(as_trace(told.value), truth)


def test_a_pulled_cable_on_hidraw(machine):
    model = pad.VirtualSignaturePad(signature(pad.SCALE))
    device = machine.plug(HidrawDevice(model))
    model.misbehave("unplug")
    body = f"""
with hw.open_device("hidraw:{device.path}") as pad:
    tell(lambda: signed(pad))
tell(lambda: hw.open_device("hidraw:{device.path}"))
"""
    during, after = talk(machine, SIGN + body)
    assert during.error == "DeviceRemoved"
    assert during.seconds < 1.5
    assert after.error == "DeviceNotFound"


KEYS_NOW = 0x18


def test_an_idle_pad_that_is_pulled_out_is_noticed(machine, pen):
    device = machine.plug(HidrawDevice(pad.VirtualSignaturePad()))
    body = f"""
pads = [hw.open_device("hidraw:{device.path}"), hw.open_device("evdev:{pen.path}")]
tell([pad.is_there() for pad in pads])
print("open", flush=True)
end = time.monotonic() + 20
while any(pad.is_there() for pad in pads) and time.monotonic() < end:
    time.sleep(0.01)
tell([str(pad.state) for pad in pads])
for pad in pads:
    pad.close()
"""
    with start(machine, body) as child:
        child.wait_for("open")
        device.unplug()
        pen.unplug()
        there, told = child.finish()
    assert there.value == [True, True]
    assert told.value == ["CaptureState.REMOVED"] * 2


AXES = {code: Axis(*told) for code, told in evdev_tablet.AXES.items()}


@pytest.fixture
def pen(machine):
    return machine.plug(EventDevice("Pen tablet", keys=evdev_tablet.KEYS, axes=AXES))


def heard(pen):
    """Return an event that is set once a program waits for the pen: it has asked how things are."""
    waits, asked, plain = threading.Event(), [], pen._fact

    def fact(number):
        asked.append(number)
        if asked.count(KEYS_NOW) == 2:
            waits.set()
        return plain(number)

    pen._fact = fact
    return waits


def play(pen, frames, *, pause=0.002, clock=None):
    for number, frame in enumerate(frames):
        pen.emit(frame, at=clock(number) if clock else None)
        threading.Event().wait(pause)


def test_a_pen_tablet_by_evdev_equals_its_source(machine, pen):
    truth = signature(evdev_tablet.SCALE)
    waits = heard(pen)
    body = f"""
found = [info for info in hw.discover("signature") if "virtual" not in info.uri]
tell([(info.uri, info.name) for info in found])
with hw.open_device("evdev:{pen.path}") as pad:
    tell(lambda: hw.open_device("evdev:{pen.path}"))
    tell(pad.capabilities.width_mm)
    tell(time.monotonic)
    tell(lambda: signed(pad))
    tell(time.monotonic)
"""
    with start(machine, SIGN + body) as child:
        assert waits.wait(30)
        play(pen, evdev_tablet.VirtualTablet(truth).frames())
        listed, busy, width, before, trace, after = child.finish()
    assert listed.value == [[f"evdev:{pen.path}", "Pen tablet"]]
    assert busy.error == "DeviceBusy"
    assert width.value == 152.0
    assert are_same(as_trace(trace.value), truth)
    assert trace.value[4] == 0
    assert before.value < trace.value[0][0] < trace.value[0][-1] < after.value
    assert pen.holders == 0


def test_what_is_no_pen_is_not_listed(machine):
    machine.plug(EventDevice("Keyboard", keys=range(1, 90)))
    machine.plug(EventDevice("Touchscreen", keys={0x14A}, axes={0: Axis(0, 9), 1: Axis(0, 9)}))
    body = """
tell(lambda: [info.uri for info in hw.discover("signature") if "virtual" not in info.uri])
tell(lambda: hw.open_device("evdev:/dev/input/event0"))
"""
    listed, opened = talk(machine, body)
    assert listed.value == []
    assert opened.error == "DeviceNotFound"


def test_a_pulled_cable_on_evdev(machine, pen):
    waits = heard(pen)
    body = f'with hw.open_device("evdev:{pen.path}") as pad:\n    tell(lambda: signed(pad))\n'
    with start(machine, SIGN + body) as child:
        assert waits.wait(30)
        frames = list(evdev_tablet.VirtualTablet(signature(evdev_tablet.SCALE)).frames())
        play(pen, frames[:30])
        pen.unplug()
        (told,) = child.finish()
    assert told.error == "DeviceRemoved"
