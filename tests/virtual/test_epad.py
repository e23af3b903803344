# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest

from ektp_hw import registry
from ektp_hw.virtual.epad import VirtualEpad
from ektp_hw.virtual.usb_function import Setup, Stall


def test_virtual_pad_signs_as_often_as_one_listens(desk):
    del desk
    traces = []
    for _ in range(2):
        with registry.open_device("virtual:epad?seed=3&speed=20") as pad:
            traces.append(pad.capture(timeout=10, rest=0.1))
    assert all(len(trace) > 30 for trace in traces)
    assert not np.array_equal(traces[0].x_mm[:20], traces[1].x_mm[:20])
    with pytest.raises(ValueError, match="virtual:epad"):
        registry.open_device("virtual:epad?colour=red")


def test_report_descriptor_has_the_length_it_claims():
    pad = VirtualEpad()
    descriptor = pad.on_control(Setup(0x81, 6, 0x2200, 0, 4096), b"")
    assert int.from_bytes(pad.interfaces[0].extra[7:9], "little") == len(descriptor) == 124
    with pytest.raises(Stall):
        pad.on_control(Setup(0xA1, 1, 0x300, 0, 8), b"")


def test_nobody_signs_on_an_empty_pad():
    pad = VirtualEpad()
    pad.sign()
    assert pad.on_in(0x81, 8) is None
    with pytest.raises(Stall):
        pad.on_in(0x82, 8)
