# SPDX-License-Identifier: Apache-2.0
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ektp_hw.errors import ProtocolError
from ektp_hw.transport import usb_interfaces
from ektp_hw.virtual.camera import VirtualIrisCamera
from ektp_hw.virtual.card import VirtualCardReader


def test_camera_is_taken_apart():
    control, stream = usb_interfaces.parse(VirtualIrisCamera().configuration_descriptor())
    assert control.triple == (0x0E, 1, 0)
    assert [len(one) for one in control.class_descriptors] == [13, 17, 9]
    assert stream.number == 1
    assert stream.endpoint(usb_interfaces.BULK, is_in=True).address == 0x81
    assert stream.endpoint(usb_interfaces.BULK, is_in=False) is None
    assert [len(one) for one in stream.class_descriptors] == [14, 27, 30]


def test_card_reader_is_taken_apart():
    (face,) = usb_interfaces.parse(VirtualCardReader().configuration_descriptor())
    assert face.endpoint(usb_interfaces.INTERRUPT, is_in=True).packet == 8
    assert face.endpoint(usb_interfaces.BULK, is_in=False).address == 0x02
    assert len(face.class_descriptors[0]) == 54


def test_descriptor_that_ends_early():
    whole = VirtualCardReader().configuration_descriptor()
    with pytest.raises(ProtocolError, match="damaged"):
        usb_interfaces.parse(whole[:-3])


def test_length_of_nothing_is_no_endless_loop():
    with pytest.raises(ProtocolError, match="damaged"):
        usb_interfaces.parse(b"\x09\x02\x20\0\1\1\0\x80\x32" + bytes(9))


@given(st.binary(max_size=200))
def test_any_bytes_give_interfaces_or_a_typed_error(raw):
    try:
        faces = usb_interfaces.parse(raw)
    except ProtocolError:
        return
    assert sum(len(face.endpoints) for face in faces) * 7 <= len(raw)


def test_an_interface_is_found_by_its_class():
    faces = [
        SimpleNamespace(
            bInterfaceClass=one, bInterfaceSubClass=0, bInterfaceProtocol=1, bInterfaceNumber=number
        )
        for number, one in ((0, 3), (2, 255), (4, 255))
    ]
    assert usb_interfaces.number_of([faces], (255, 0, 1), "usb:1") == 2
    assert usb_interfaces.number_of([faces], 7, "usb:1") == 7
    with pytest.raises(ProtocolError, match=r"usb:1: .* class ff/ff/ff"):
        usb_interfaces.number_of([faces], (255, 255, 255), "usb:1")
