# SPDX-License-Identifier: Apache-2.0
"""Descriptors of two interfaces with class descriptors, and broken ones."""

import pytest

from ektp_hw.transport import usb_descriptors
from ektp_hw.virtual.usb_function import INTERRUPT, Endpoint, Interface, UsbFunction

HID = bytes.fromhex("092111010001220900")


class Pad(UsbFunction):
    vendor_id, product_id = 0x056A, 0x00A4
    interfaces = (
        Interface((Endpoint(0x81, INTERRUPT, 64, 4),), (3, 0, 0), HID),
        Interface((Endpoint(0x82), Endpoint(0x03)), (0x0A, 0, 0)),
    )


def test_what_a_model_describes_is_read_back():
    device = usb_descriptors.device(Pad().device_descriptor())
    assert (device.idVendor, device.idProduct, device.bNumConfigurations) == (0x056A, 0xA4, 1)
    whole = usb_descriptors.configuration(Pad().configuration_descriptor())
    assert (whole.bNumInterfaces, len(whole.faces)) == (2, 2)
    hid = whole.faces[0][0]
    assert (hid.bInterfaceClass, bytes(hid.extra_descriptors)) == (3, HID)
    assert [end.bEndpointAddress for end in whole.faces[1][0].endpoints] == [0x82, 0x03]


@pytest.mark.parametrize("cut", range(1, 57))
def test_cut_descriptors_are_refused_or_shorter_but_never_crash(cut):
    whole = Pad().configuration_descriptor()[:cut]
    if cut in {9, 18, 27, 34, 43, 50}:  # between two descriptors
        assert len(usb_descriptors.configuration(whole).faces) == (cut > 9) + (cut > 34)
        return
    with pytest.raises(ValueError, match="cut short"):
        usb_descriptors.configuration(whole)


def test_a_length_of_zero_is_no_endless_loop():
    with pytest.raises(ValueError, match="cut short"):
        usb_descriptors.configuration(Pad().configuration_descriptor()[:9] + b"\0\0")
