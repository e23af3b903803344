# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest

from ektp_hw import registry
from ektp_hw.errors import DeviceRemoved
from ektp_hw.samples import Eye, IrisImage
from ektp_hw.synthetic import SyntheticPerson
from ektp_hw.virtual.camera import VirtualIrisCamera
from ektp_hw.virtual.usb_function import Setup, Stall


def test_eye_of_a_synthetic_person(desk):
    desk.camera.speed = 10
    person = SyntheticPerson(3)
    with registry.open_device("virtual:iris?seed=3&eye=right") as camera:
        image = camera.capture(timeout=5, eye=Eye.RIGHT)
    shown = [person.eye(Eye.RIGHT, number).pixels for number in range(3)]
    assert any(np.array_equal(image.pixels, pixels) for pixels in shown)
    assert image.source == "virtual:iris?seed=3&eye=right"


def test_what_a_script_presents_stays(desk):
    drawn = SyntheticPerson(4).eye(Eye.LEFT, 0)
    desk.camera.present(drawn)
    with registry.open_device("virtual:iris") as camera:
        assert np.array_equal(camera.capture(timeout=5).pixels, drawn.pixels)


def test_pulled_cable_and_plugged_in_again(desk):
    desk.camera.misbehave("unplug")
    with registry.open_device("virtual:iris") as camera, pytest.raises(DeviceRemoved):
        camera.capture(timeout=5)
    assert not desk.camera.is_plugged
    desk.camera.behave()
    with registry.open_device("virtual:iris") as camera:
        assert camera.capture(timeout=5).pixels.shape == (480, 640)


@pytest.mark.parametrize("options", ["seed=x", "seed=-1", "eye=third", "colour=red"])
def test_wrong_options_are_told(desk, options):
    del desk
    with pytest.raises(ValueError, match="virtual:iris"):
        registry.open_device(f"virtual:iris?{options}")


def test_another_size_is_refused():
    with pytest.raises(ValueError, match="640 x 480"):
        VirtualIrisCamera().present(IrisImage(np.zeros((10, 10), np.uint8)))


def test_no_picture_before_the_stream_is_committed():
    camera = VirtualIrisCamera()
    assert camera.on_in(0x81, 65_536) is None
    with pytest.raises(Stall):
        camera.on_control(Setup(0x21, 1, 0x0200, 1, 4), b"\1\0\2\1")
    camera.on_control(Setup(0x21, 1, 0x0200, 1, 34), camera._probe)
    first = camera.on_in(0x81, 65_536)
    assert first[0] == 2
    assert len(first) == 65_536
    camera.on_clear_halt(0x81)
    assert camera.on_in(0x81, 65_536) is None


def test_frame_identifier_toggles():
    camera = VirtualIrisCamera(speed=1e6)
    camera.on_control(Setup(0x21, 1, 0x0200, 1, 34), camera._probe)
    flags = [camera.on_in(0x81, 1 << 20)[1] for _ in range(10)]
    assert [flag & 1 for flag in flags] == [0] * 5 + [1] * 5
    assert [bool(flag & 2) for flag in flags] == ([False] * 4 + [True]) * 2


def test_a_payload_spans_as_many_transfers_as_the_host_likes():
    """The kernel's uvcvideo reads a payload of 64 kB in transfers of 16 kB."""
    whole, parts = VirtualIrisCamera(speed=1e6), VirtualIrisCamera(speed=1e6)
    for camera in (whole, parts):
        camera.present(IrisImage(np.indices((480, 640)).sum(axis=0).astype(np.uint8)))
        camera.on_control(Setup(0x21, 1, 0x0200, 1, 34), camera._probe)
    for _ in range(10):
        payload = whole.on_in(0x81, 65_536)
        taken = [parts.on_in(0x81, 16_384) for _ in range(-(-len(payload) // 16_384))]
        assert b"".join(taken) == payload


def test_unknown_misbehaviour():
    with pytest.raises(ValueError, match="explode"):
        VirtualIrisCamera().misbehave("explode")
