# SPDX-License-Identifier: Apache-2.0
"""Standard requests that every model answers."""

import pytest

from ektp_hw.virtual.scanner import VirtualScanner
from ektp_hw.virtual.usb_function import Setup, Stall, UsbFunction


def ask(model, request_type, request, value=0, index=0, length=255):
    return model.control(Setup(request_type, request, value, index, length), b"")


def test_configuration_is_remembered_until_the_host_leaves():
    model = VirtualScanner()
    assert ask(model, 0x80, 8) == b"\0"
    ask(model, 0x00, 9, value=1)
    assert ask(model, 0x80, 8) == b"\1"
    model.released()
    assert ask(model, 0x80, 8) == b"\0"


def test_strings():
    model = VirtualScanner(serial="S-7")
    assert ask(model, 0x80, 6, 0x0300) == bytes.fromhex("04030904")
    assert ask(model, 0x80, 6, 0x0303)[2:].decode("utf-16-le") == "S-7"
    with pytest.raises(Stall):
        ask(model, 0x80, 6, 0x0309)


def test_unknown_requests_and_endpoints_stall():
    model = UsbFunction()
    with pytest.raises(Stall):
        ask(model, 0xC0, 0x55)
    with pytest.raises(Stall):
        ask(model, 0x80, 6, 0x0F00)
    with pytest.raises(Stall):
        model.on_out(1, b"data")


def test_setup_packet_as_on_the_wire():
    setup = Setup.from_bytes(bytes.fromhex("c004 4e00 0100 1000"))
    assert (setup.request, setup.value, setup.index, setup.length) == (4, 0x4E, 1, 16)
    assert setup.is_in


def test_without_a_bus_waking_and_unplugging_are_harmless():
    model = VirtualScanner()
    model.wake()
    model.unplug()
    assert not model.is_plugged
