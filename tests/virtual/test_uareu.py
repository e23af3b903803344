# SPDX-License-Identifier: Apache-2.0
"""The virtual U.are.U under its ``virtual:`` name, and the registers that the driver never asks."""

import numpy as np
import pytest

from ektp_hw import registry
from ektp_hw.errors import DeviceRemoved
from ektp_hw.samples import FingerprintImage
from ektp_hw.transport.uareu import Mode, Register
from ektp_hw.virtual.uareu import Misbehaviour, VirtualUareU
from ektp_hw.virtual.usb_function import Setup, Stall
from rigs.uareu4000 import whorl


def read(model, register, length=1):
    return model.control(Setup(0xC0, 4, register, 0, length), b"")


def write(model, register, data):
    model.control(Setup(0x40, 4, register, 0, len(data)), data)


def test_it_is_offered_and_shows_a_synthetic_finger(desk):
    del desk
    assert "virtual:uareu" in [info.uri for info in registry.discover("fingerprint")]
    with registry.open_device("virtual:uareu?seed=3&position=7") as reader:
        first = reader.capture(timeout=5)
    with registry.open_device("virtual:uareu?seed=3&position=7") as reader:
        second = reader.capture(timeout=5)
    assert (first.source, first.ppi) == ("virtual:uareu?seed=3&position=7", 512)
    assert first.pixels.std() > 20
    assert not np.array_equal(first.pixels, second.pixels)


def test_what_a_script_presented_stays(desk):
    finger = whorl()
    desk.uareu.present(finger)
    with registry.open_device("virtual:uareu") as reader:
        image = reader.capture(timeout=5)
    assert (image.pixels != finger.pixels).sum() == 2


def test_the_next_opening_plugs_it_in_again(desk):
    desk.uareu.present(whorl())
    desk.uareu.misbehave(Misbehaviour.UNPLUG)
    with registry.open_device("virtual:uareu") as reader, pytest.raises(DeviceRemoved):
        reader.capture(timeout=5)
    with registry.open_device("virtual:uareu") as reader:
        assert reader.capture(timeout=5).width == 384


@pytest.mark.parametrize("options", ["seed=x", "position=11", "position=1.5", "colour=red"])
def test_wishes_it_cannot_grant(desk, options):
    del desk
    with pytest.raises(ValueError, match="virtual:uareu"):
        registry.open_device(f"virtual:uareu?{options}")


def test_a_finger_is_a_picture_or_nobody():
    with pytest.raises(TypeError, match="FingerprintImage"):
        VirtualUareU().present(whorl().pixels)


def test_pictures_of_another_resolution_are_resampled():
    model = VirtualUareU(scrambles=False)
    model.present(FingerprintImage(np.full((100, 100), 90, np.uint8), ppi=250))
    assert (255 - model._seen() == 90).all()


def test_modes_do_nothing_in_low_power():
    model = VirtualUareU()
    write(model, Register.MODE, bytes([Mode.CAPTURE]))
    assert (read(model, Register.MODE), read(model, Register.STATUS)) == (b"\0", b"\x80")
    write(model, Register.STATUS, b"\0")
    write(model, Register.MODE, bytes([Mode.CAPTURE]))
    assert read(model, Register.MODE) == bytes([Mode.CAPTURE])


def test_registers_it_has_not_got_stall():
    model = VirtualUareU()
    with pytest.raises(Stall):
        read(model, 0x1234)
    with pytest.raises(Stall):
        write(model, 0x1234, b"\0")
    with pytest.raises(Stall):
        model.control(Setup(0x40, 5, 7, 0, 1), b"\0")
