# SPDX-License-Identifier: Apache-2.0
"""The evdev peer through the kernel's own calls: a pen tablet."""

import pytest

import mock_kernel
from mock_kernel import Axis, EventDevice, talk

pytestmark = mock_kernel.needed

CALLS = """
import fcntl, os, select, struct
def ioctl(direction, number, data):
    call = direction << 30 | len(data) << 16 | ord("E") << 8 | number
    data = bytearray(data)
    return fcntl.ioctl(fd, call, data), data.hex()
def refused(run):
    try:
        return run()
    except OSError as error:
        return error.errno
def read(seconds=5):
    if not select.select([fd], [], [], seconds)[0]:
        return None
    return [event[2:] for event in struct.iter_unpack("qqHHi", os.read(fd, 24 * 64))]
fd = os.open(PATH, os.O_RDWR | os.O_NONBLOCK)
"""


@pytest.fixture
def pen(machine):
    axes = {0: Axis(0, 15200, 4, 0, 100), 1: Axis(0, 9500, 4, 0, 100), 24: Axis(0, 4095)}
    return machine.plug(EventDevice("Pen", keys={0x140, 0x14A}, axes=axes))


def test_what_it_is(machine, pen):
    body = """
tell(lambda: ioctl(2, 6, bytes(32)))
tell(lambda: ioctl(2, 2, bytes(8)))
tell(lambda: ioctl(2, 0x40, bytes(24)))
tell(lambda: ioctl(2, 0x20, bytes(8)))
tell(lambda: ioctl(2, 0x23, bytes(8)))
"""
    told = [one.value for one in talk(machine, CALLS + body, PATH=pen.path)]
    assert told[0] == [4, b"Pen".ljust(32, b"\0").hex()]
    assert told[1][1] == "03006a0574031001"
    assert told[2][1] == "0000000000000000603b0000040000000000000064000000"
    assert told[3] == [8, "0b00000000000000"]
    assert told[4] == [8, "0300000100000000"]


def acting(machine, pen, body, act):
    """Run a body that says when it is ready, act, and return what it told."""
    with mock_kernel.start(machine, CALLS + body, PATH=pen.path) as child:
        child.wait_for("ready")
        act()
        return [one.value for one in child.finish()]


def test_what_it_emits(machine, pen):
    body = """
tell(read(0))
tell(fcntl.ioctl(fd, 0x40044590, 1))
tell(refused(lambda: fcntl.ioctl(os.open(PATH, os.O_RDWR), 0x40044590, 1)))
print("ready", flush=True)
tell(read())
tell(lambda: ioctl(2, 0x40 + 24, bytes(24))[1][:8])
"""
    frame = [(1, 0x140, 1), (3, 0, 100), (3, 1, 200), (3, 24, 800)]
    told = acting(machine, pen, body, lambda: pen.emit(frame))
    whole = [list(event) for event in [*frame, (0, 0, 0)]]
    assert told == [None, 0, 16, whole, "20030000"]


def test_its_clock_can_be_chosen_and_can_stand_still(machine, pen):
    body = """
def stamps():
    select.select([fd], [], [], 5)
    return [event[0] + event[1] / 1e6 for event in struct.iter_unpack("qqHHi", os.read(fd, 4096))]
fcntl.ioctl(fd, 0x400445A0, struct.pack("i", 1))
tell(time.monotonic())
print("ready", flush=True)
time.sleep(0.1)
tell(stamps())
tell(time.monotonic())
"""

    def act():
        pen.emit([(3, 0, 1)])
        pen.emit([(3, 0, 2)], at=7.25)
        pen.emit([(3, 0, 3)], at=7.25)

    before, stamps, after = acting(machine, pen, body, act)
    assert before <= stamps[0] == stamps[1] <= after
    assert stamps[2:] == [7.25] * 4


def test_too_many_events_are_said_to_be_lost(machine, pen):
    body = """
print("ready", flush=True)
input()
seen = 0
while events := read(0):
    seen += len(events)
tell(seen)
print("drained", flush=True)
tell(read())
"""
    with mock_kernel.start(machine, CALLS + body, PATH=pen.path) as child:
        child.wait_for("ready")
        for number in range(3000):
            pen.emit([(3, 0, number)])
        child.go_on()
        child.wait_for("drained")
        pen.emit([(3, 0, 7)])
        told = [one.value for one in child.finish()]
    assert 100 < told[0] < 6000
    assert told[1] == [[0, 3, 0], [3, 0, 7], [0, 0, 0]]


def test_pulling_the_cable_ends_a_wait(machine, pen):
    body = """
print("ready", flush=True)
tell([bool(select.select([fd], [], [], 20)[0]), refused(lambda: os.read(fd, 24))])
tell(os.path.exists(PATH))
"""
    assert acting(machine, pen, body, pen.unplug) == [[True, 19], False]
