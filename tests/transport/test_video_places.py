# SPDX-License-Identifier: Apache-2.0
"""What is read from /sys, on a /sys below a folder; and formats from USB descriptors."""

import struct

import pytest

from ektp_hw.errors import DeviceNotFound
from ektp_hw.transport import video_places
from ektp_hw.transport.video_places import find, grey_formats, node_of, place_of, usb_places

URI = "video:usb-0000:00:14.0-1.4:1.2"
GUID_TAIL = bytes.fromhex("00001000800000aa00389b71")


def interface(number, *formats):
    streaming = struct.pack("<9B", 9, 4, number, 0, 1, 0x0E, 2, 0, 0)
    for index, name in enumerate(formats):
        guid = (name + GUID_TAIL)[:16]
        streaming += struct.pack("<5B16s6B", 27, 0x24, 4, index, 1, guid, 8, 1, 0, 0, 0, 0)
    return streaming


def group(first, count):
    return struct.pack("<8B", 8, 0x0B, first, count, 0x0E, 3, 0, 0)


TWO_CAMERAS = (
    bytes((18, 1)) + bytes(16)
    + group(0, 2) + interface(0) + interface(1, b"YUY2")
    + group(2, 2) + interface(2) + interface(3, b"Y800", b"Y16 ", b"\x32\0\0\0")
)  # fmt: skip


@pytest.fixture
def sysfs(tmp_path, monkeypatch):
    device = tmp_path / "devices/pci0000:00/0000:00:14.0/usb1/1-1/1-1.4"
    monkeypatch.setattr(video_places, "_CLASS", tmp_path / "class")
    (tmp_path / "class").mkdir()
    for number, (port, index) in enumerate([("1.0", 0), ("1.0", 1), ("1.2", 0)]):
        node = device / f"1-1.4:{port}/video4linux/video{number}"
        node.mkdir(parents=True)
        (node / "name").write_text("Integrated: Colour\n" if port == "1.0" else "Camera: IR\n")
        (node / "index").write_text(f"{index}\n")
        (tmp_path / f"class/video{number}").symlink_to(node)
    for name, text in {"idVendor": "04f2", "idProduct": "b67c", "serial": "S7"}.items():
        (device / name).write_text(f"{text}\n")
    (device / "descriptors").write_bytes(TWO_CAMERAS)
    return tmp_path


def test_each_camera_is_listed_once_with_its_own_formats(sysfs):
    del sysfs
    colour, grey = find()
    assert (colour.node, colour.uri) == ("/dev/video0", "video:usb-0000:00:14.0-1.4:1.0")
    assert colour.grey_formats == ()
    assert (grey.node, grey.uri, grey.name) == ("/dev/video2", URI, "Camera: IR")
    assert (grey.vendor_id, grey.product_id, grey.serial) == (0x04F2, 0xB67C, "S7")
    assert grey.grey_formats == ("GREY", "Y16")
    assert usb_places() == {"1-1.4"}


def test_a_camera_of_no_usb_goes_by_its_node(sysfs):
    other = sysfs / "devices/platform/csi/video4linux/video9"
    other.mkdir(parents=True)
    (sysfs / "class/video9").symlink_to(other)
    assert [place.uri for place in find()][-1] == "video:/dev/video9"


def test_addresses(sysfs):
    del sysfs
    assert node_of(URI) == "/dev/video2"
    assert node_of("video:/dev/video0") == "/dev/video0"
    assert place_of("video:/dev/video2").vendor_id == 0x04F2
    assert place_of("video:usb-0000:00:14.0-9:1.0").node == ""
    assert place_of("video:camera") is None
    assert place_of("usb:04f2:b67c") is None


@pytest.mark.parametrize("uri", ["video:usb-0000:00:14.0-9:1.0", "video:camera"])
def test_nothing_there(sysfs, uri):
    del sysfs
    with pytest.raises(DeviceNotFound, match="video:"):
        node_of(uri)


def test_no_video_at_all(tmp_path, monkeypatch):
    monkeypatch.setattr(video_places, "_CLASS", tmp_path / "none")
    assert find() == []


@pytest.mark.parametrize("cut", range(0, len(TWO_CAMERAS), 7))
def test_descriptors_that_end_anywhere(cut):
    assert set(grey_formats(TWO_CAMERAS[:cut], 2)) <= {"GREY", "Y16"}
