# SPDX-License-Identifier: Apache-2.0
"""The evdev peer through the kernel's own calls: a pen tablet."""

import threading

import pytest

mock_kernel = pytest.importorskip("mock_kernel", exc_type=ImportError)  # not outside Linux
if lack := mock_kernel.missing():
    pytest.skip(lack, allow_module_level=True)

from mock_kernel import Axis, EventDevice, talk  # noqa: E402

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
def machine():
    with mock_kernel.Machine() as one:
        yield one


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


def test_what_it_emits(machine, pen):
    grabbed = threading.Event()
    answer = pen._grab

    def grab(memory, wanted):
        grabbed.set()
        return answer(memory, wanted)

    pen._grab = grab
    body = """
tell(refused(read))
tell(fcntl.ioctl(fd, 0x40044590, 1))
tell(read())
"""
    child = mock_kernel.start(
        machine, CALLS + body.replace("refused(read)", "read(0)"), PATH=pen.path
    )
    assert grabbed.wait(30)
    pen.emit([(1, 0x140, 1), (3, 0, 100), (3, 1, 200), (3, 24, 800)])
    told = [one.value for one in mock_kernel.finish(child)]
    assert told == [None, 0, [[1, 0x140, 1], [3, 0, 100], [3, 1, 200], [3, 24, 800], [0, 0, 0]]]
