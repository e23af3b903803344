# SPDX-License-Identifier: Apache-2.0
import struct

import pytest

from ektp_hw.errors import DeviceError, ProtocolError
from ektp_hw.transport import evdev
from ektp_hw.transport.node import DeviceNode


class Scripted(DeviceNode):
    """A node that reads what it is given and notes what is asked."""

    uri = "evdev:/dev/input/event7"

    def __init__(self, *reads, refuses=0):
        self.reads, self.refuses = list(reads), refuses
        self.asked, self.closed = [], False

    def read(self, length, timeout):
        del length, timeout
        return self.reads.pop(0) if self.reads else b""

    def request(self, number, buffer, timeout=1.0):
        del timeout
        self.asked.append(number & 0xFF)
        if number & 0xFF == self.refuses:
            raise ProtocolError("no", device=self.uri)
        if number & 0xFF == 0x40:
            buffer[:] = struct.pack("=6i", 7, 0, 15200, 4, 0, 100)
        if number & 0xFF == 0x18:
            buffer[0x140 // 8] = 1
        return 0

    def close(self):
        self.closed = True


def event(kind, code, value, seconds=5, micro=250_000):
    return struct.pack("@llHHi", seconds, micro, kind, code, value)


def test_clock_and_grab_come_first():
    node = Scripted()
    evdev.EventConnection(node)
    assert node.asked == [0xA0, 0x90]
    refusing = Scripted(refuses=0x90)
    with pytest.raises(ProtocolError):
        evdev.EventConnection(refusing)
    assert refusing.closed


def test_events_axes_and_keys():
    connection = evdev.EventConnection(Scripted(event(3, 0, 100) + event(0, 0, 0)))
    assert connection.read(0.1) == [(5.25, 3, 0, 100), (5.25, 0, 0, 0)]
    assert connection.read(0.1) == []
    assert connection.axis(0) == (7, 0, 15200, 4, 0, 100)
    assert connection.is_pressed(0x140)
    assert not connection.is_pressed(0x14A)


def test_events_that_are_cut_off():
    with pytest.raises(ProtocolError, match="cut off"):
        evdev.EventConnection(Scripted(event(3, 0, 1)[:-1])).read(0.1)


def test_a_wrong_address():
    with pytest.raises(DeviceError, match="evdev:/dev/input/event7"):
        evdev.connect("evdev:7")
    assert evdev.locate("evdev:7") is None


def test_listing_reads_only_sysfs(tmp_path, monkeypatch):
    texts = {
        "event3": 'PRODUCT=3/56a/374/110\nNAME="Pen tablet"\nKEY=c01 0 0 0 0 0\nABS=1000003\n',
        "event4": 'NAME="Keyboard"\nKEY=ffff\n',
    }
    for name, text in texts.items():
        (tmp_path / name / "device").mkdir(parents=True)
        (tmp_path / name / "device" / "uevent").write_text(text)
    (tmp_path / "event5").mkdir()  # unplugged at this moment
    monkeypatch.setattr(evdev, "_SYSFS", tmp_path)
    monkeypatch.setattr(evdev, "_WORD_BITS", 64)
    (pen,) = evdev.find(lambda one: 0x140 in one.keys)
    assert pen.uri == "evdev:/dev/input/event3"
    assert pen.keys == {0x140, 0x14A, 0x14B}
    assert pen.axes == {0, 1, 24}
    assert (pen.vendor_id, pen.product_id, pen.name) == (0x56A, 0x374, "Pen tablet")
    assert evdev.locate("evdev:/dev/input/event4").vendor_id is None
    assert evdev.locate("evdev:/dev/input/event5") is None
