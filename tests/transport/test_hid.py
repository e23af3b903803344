# SPDX-License-Identifier: Apache-2.0
"""The two roads of HID side by side: the same pad gives the same answers on both."""

import pytest

from ektp_hw.errors import DeviceError, DeviceRemoved, DeviceUnavailable, ProtocolError
from ektp_hw.transport import hid, hidraw, usb
from ektp_hw.transport.found_by_id import FoundByHidId
from ektp_hw.virtual.hidraw_port import HidrawPort
from ektp_hw.virtual.pad import SCALE, VirtualSignaturePad
from ektp_hw.virtual.scanner import VirtualScanner
from ektp_hw.virtual.usbip_server import UsbipServer
from pad_bench import signature, within

IDS = [(0x056A, 0x00A4)]


@pytest.fixture
def server():
    one = UsbipServer()
    yield one
    one.close()


@pytest.fixture(params=["libusb", "hidraw"])
def pad(request, server):
    model = VirtualSignaturePad(signature(SCALE), speed=50)
    if request.param == "hidraw":
        wire = HidrawPort(model, "hidraw:/dev/hidraw0")
    else:
        wire = hid.open_wire(f"usbip:{server.host}:{server.port}/{server.plug(model)}")
    with hid.over(wire, "pad") as connection:
        connection.model = model
        yield connection


def test_reports_go_and_come(pad):
    assert pad.get_feature(0x08, 17)[1:8] == b"STU-430"
    assert pad.report_descriptor()[:3] == b"\x06\x00\xff"
    pad.set_feature(b"\x32\x00")
    assert pad.get_feature(0x32, 2) == b"\x32\x00"
    assert within(1.0, lambda: pad.read(64, 0.05)) == b""
    pad.set_feature(b"\x20\0")
    reports = [pad.read(64, 1.0) for _ in range(81)]
    assert {len(report) for report in reports} == {7}
    assert reports[0][0] == 1


def test_refusals_and_a_pulled_cable(pad):
    with pytest.raises(ProtocolError):
        pad.get_feature(0x77, 5)
    pad.clear_halt()
    assert pad.get_feature(0x08, 17)[1:8] == b"STU-430"
    pad.model.unplug()
    with pytest.raises(DeviceRemoved):
        pad.get_feature(0x08, 17)


def test_what_is_no_hid_device(server):
    wire = usb.connect(f"usbip:{server.host}:{server.port}/{server.plug(VirtualScanner())}")
    with pytest.raises(DeviceUnavailable, match="HID mode"):
        hid.over(wire, "pad")


def test_a_wrong_hidraw_address():
    with pytest.raises(DeviceError, match="looks like"):
        hid.open_wire("hidraw:nothing here")


@pytest.fixture
def sysfs(tmp_path, monkeypatch):
    """Two nodes as sysfs shows them, the second on Bluetooth."""
    places = {
        "hidraw0": ("usb1/1-3/1-3:1.0/0003:056A:00A4.0001", "0003:0000056A:000000A4"),
        "hidraw7": ("uhid/0005:056A:00A4.0002", "0005:0000056A:000000A4"),
        "hidraw8": ("usb1/1-4/1-4:1.0/0003:046D:C077.0003", "0003:0000046D:0000C077"),
    }
    (tmp_path / "class").mkdir()
    for name, (place, ids) in places.items():
        device = tmp_path / "devices" / place
        node = device / "hidraw" / name
        node.mkdir(parents=True)
        (device / "uevent").write_text(f"HID_ID={ids}\nHID_NAME=Pad\nHID_UNIQ=SN{name[-1]}\n")
        (node / "device").symlink_to(device)
        (tmp_path / "class" / name).symlink_to(node)
    (tmp_path / "class" / "hidraw9").symlink_to(tmp_path / "gone")
    monkeypatch.setattr(hidraw, "_SYSFS", tmp_path / "class")


@pytest.mark.usefixtures("sysfs")
def test_listing_reads_only_sysfs():
    first, second = hidraw.find(IDS)
    assert (first.uri, first.serial, first.place) == ("hidraw:/dev/hidraw0", "SN0", "1-3")
    assert (second.uri, second.place) == ("hidraw:/dev/hidraw7", "")
    assert hidraw.locate("hidraw:/dev/hidraw0", IDS) == first
    for uri in ("hidraw:/dev/hidraw8", "hidraw:/dev/hidraw9", "usb:056a:00a4"):
        assert hidraw.locate(uri, IDS) is None


@pytest.mark.usefixtures("sysfs")
@pytest.mark.parametrize(
    ("prefers", "listed"),
    [
        (False, ["usb:056a:00a4@1-3", "hidraw:/dev/hidraw7"]),
        (True, ["hidraw:/dev/hidraw0", "hidraw:/dev/hidraw7"]),
    ],
)
def test_a_device_on_both_roads_is_listed_once(monkeypatch, prefers, listed):
    class Driver(FoundByHidId):
        usb_ids = IDS
        prefers_hidraw = prefers

        @classmethod
        def describe(cls, place):
            return place.uri

    seen = [usb.UsbAddress("usb:056a:00a4@1-3", 0x056A, 0x00A4)]
    monkeypatch.setattr(usb, "find", lambda _: seen)
    assert Driver.discover() == listed
    assert Driver.locate("hidraw:/dev/hidraw0") == "hidraw:/dev/hidraw0"
    assert Driver.locate("usb:056a:00a4@1-3") == "usb:056a:00a4@1-3"


@pytest.mark.usefixtures("sysfs")
def test_without_libusb_hidraw_is_left(monkeypatch):
    def broken(_):
        raise DeviceUnavailable("no libusb", reason=None)

    monkeypatch.setattr(usb, "find", broken)

    class Driver(FoundByHidId):
        usb_ids = IDS
        describe = staticmethod(lambda place: place.uri)

    assert len(Driver.discover()) == 2
    Driver.usb_ids = [(1, 2)]
    with pytest.raises(DeviceUnavailable):
        Driver.discover()
