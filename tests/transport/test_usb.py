# SPDX-License-Identifier: Apache-2.0
"""Addresses, and errors of the bus turned into ours; the wire itself is in test_usbip."""

import errno
import logging
import threading

import pytest
import usb.core

from ektp_hw.errors import (
    DeviceBusy,
    DeviceError,
    DeviceNotFound,
    DeviceRemoved,
    DeviceUnavailable,
    ProtocolError,
    UnavailableReason,
)
from ektp_hw.transport import usb as transport
from ektp_hw.transport.base import WIRE
from ektp_hw.transport.udev_rules import udev_rule
from ektp_hw.transport.usb_errors import raise_as_ours
from ektp_hw.transport.usb_reset import connect_afresh
from ektp_hw.virtual.scanner import VirtualScanner
from ektp_hw.virtual.usbip_server import UsbipServer

ZK = [(0x1B55, 0x0840)]


@pytest.fixture
def bus():
    server = UsbipServer()
    model = VirtualScanner()
    bus_id = server.plug(model)
    yield model, f"usbip:{server.host}:{server.port}/{bus_id}"
    server.close()


def test_locate_goes_by_the_ids_without_asking_the_bus():
    place = transport.locate("usb:1B55:0840@1-4.2", ZK)
    assert (place.vendor_id, place.product_id) == ZK[0]
    assert transport.locate("usb:1b55:0841", ZK) is None
    assert transport.locate("usb:rubbish", ZK) is None
    assert transport.locate("usbip:host/1-1", ZK) is None


def test_locate_asks_a_usbip_server(bus):
    _, uri = bus
    assert transport.locate(uri, ZK).product_id == 0x0840
    assert transport.locate(uri, [(1, 2)]) is None
    assert transport.locate(uri.replace("1-1", "1-9"), ZK) is None


@pytest.mark.parametrize("uri", ["usbip:127.0.0.1:1/1-1", "usbip:127.0.0.1:99999/1-1"])
def test_no_server_is_device_not_found(uri):
    with pytest.raises(DeviceNotFound, match="USB/IP"):
        transport.locate(uri, ZK)


def test_connect_to_a_device_that_is_not_there(bus):
    _, uri = bus
    with pytest.raises(DeviceNotFound, match="does not offer"):
        transport.connect(uri.replace("1-1", "1-9"))
    with pytest.raises(DeviceNotFound, match="no USB address"):
        transport.connect("usb:nonsense")


def test_a_held_device_is_busy(bus):
    _, uri = bus
    with transport.connect(uri), pytest.raises(DeviceBusy, match="that server"):
        transport.connect(uri)


def test_transfers_and_their_errors(bus):
    model, uri = bus
    with transport.connect(uri) as link:
        assert link.control_in(0x80, 6, 0x0100, 0, 18)[8:12] == bytes.fromhex("551b4008")
        with pytest.raises(ProtocolError, match="stalled"):
            link.control_in(0xC0, 0x77, length=1)
        assert link.read(0x82, 512, 0.02) == b""
        model.unplug()
        with pytest.raises(DeviceRemoved):
            link.control_in(0x80, 6, 0x0100, 0, 18)
    link.close()


@pytest.mark.parametrize(
    ("number", "kind"),
    [
        (errno.ENODEV, DeviceRemoved),
        (errno.EBUSY, DeviceBusy),
        (errno.EPIPE, ProtocolError),
        (errno.EIO, ProtocolError),
        (errno.ENOSPC, DeviceError),
        (None, DeviceError),
    ],
)
def test_errors_of_the_bus(number, kind):
    with pytest.raises(DeviceError) as caught:
        raise_as_ours(usb.core.USBError("text", None, number), "usb:x", "it failed")
    assert type(caught.value) is kind
    assert str(caught.value).startswith("usb:x: ")


def test_without_permission_the_rule_is_printed():
    rule = udev_rule(0x1B55, 0x0840)
    with pytest.raises(DeviceUnavailable) as caught:
        raise_as_ours(usb.core.USBError("x", None, errno.EACCES), "usb:x", "", rule=rule)
    assert caught.value.reason is UnavailableReason.NOT_PERMITTED
    assert 'ATTR{idVendor}=="1b55", ATTR{idProduct}=="0840"' in str(caught.value)
    assert "/etc/udev/rules.d/" in str(caught.value)


@pytest.mark.parametrize(
    ("number", "kind", "words"),
    [
        (errno.EACCES, DeviceUnavailable, 'ATTR{idProduct}=="0840"'),
        (errno.EBUSY, DeviceBusy, "another program holds it"),
        (errno.ENODEV, DeviceRemoved, "unplugged"),
    ],
)
def test_what_stands_in_the_way_of_opening(monkeypatch, number, kind, words):
    class Held:
        idVendor, idProduct, bus, address, port_numbers = 0x1B55, 0x0840, 1, 2, None  # noqa: N815

        def get_active_configuration(self):
            raise usb.core.USBError("no", None, number)

    monkeypatch.setattr(transport, "_device_at", lambda _: Held())
    monkeypatch.setattr(transport, "_let_go", lambda *_: None)
    with pytest.raises(kind, match=words):
        transport.connect("usb:1b55:0840")


def test_without_libusb_the_reason_is_told(monkeypatch):
    import usb.backend.libusb1

    transport._libusb.cache_clear()
    monkeypatch.setattr(usb.backend.libusb1, "get_backend", lambda **_: None)
    with pytest.raises(DeviceUnavailable, match="libusb") as caught:
        transport.find(ZK)
    assert caught.value.reason is UnavailableReason.LIBRARY_MISSING
    transport._libusb.cache_clear()


def test_the_log_has_lengths_and_no_content(bus, caplog):
    model, uri = bus
    caplog.set_level(WIRE, "ektp_hw")
    with transport.connect(uri) as link:
        link.control_out(0x40, 0xE1, 1, 3)
        link.control_out(0x40, 0xE5)
        link.read(0x82, 512, 1.0)
    assert model.lamps == {3: True}
    lines = [record.getMessage() for record in caplog.records if record.levelno == WIRE]
    assert lines[-1].endswith("read 0x82, 512 bytes")
    assert all(record.levelno < logging.DEBUG for record in caplog.records)
    assert not any("e1e1" in line or "\\x" in line for line in lines)


def test_a_device_opened_afresh_was_reset_first(bus, monkeypatch):
    model, uri = bus
    resets = []
    monkeypatch.setattr(model, "on_reset", lambda: resets.append(model._configuration))
    with transport.connect(uri) as held:
        resets.clear()
        with pytest.raises(DeviceBusy):
            connect_afresh(uri)
        assert resets == []  # who holds it is not disturbed
        held.probe()
    resets.clear()
    with connect_afresh(uri) as link:
        assert 1 in resets  # by request, not by letting go, which ends the configuration first
        link.probe()


def test_a_device_that_cannot_be_reset_is_opened_all_the_same(bus, monkeypatch):
    _, uri = bus

    def refuse(*_):
        raise usb.core.USBError("Input/Output Error", None, errno.EIO)

    monkeypatch.setattr(usb.core.Device, "reset", refuse)
    with connect_afresh(uri) as link:
        link.probe()


def test_a_device_that_a_reset_takes_off_its_bus_is_waited_for(monkeypatch):
    server, model = UsbipServer(), VirtualScanner()
    uri = f"usbip:{server.host}:{server.port}/{server.plug(model)}"

    def leave(_):
        server.unplug(model)
        threading.Timer(0.1, server.plug, [model]).start()
        raise usb.core.USBError("Entity not found", None, errno.ENOENT)

    monkeypatch.setattr(usb.core.Device, "reset", leave)
    with connect_afresh(uri) as link:
        link.probe()
    server.close()


def test_a_sign_of_life_from_one_that_has_gone(bus):
    model, uri = bus
    with transport.connect(uri) as link:
        model.unplug()
        with pytest.raises(DeviceRemoved):
            link.probe()
